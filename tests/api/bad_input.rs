//! Bad input gets a clear error response, and nothing is stored.

use serde_json::json;

use crate::support::world::{Answer, World};

/// Asserts all fields of an error response.
#[track_caller]
fn assert_problem(answer: &Answer, status: u16, code: &str, field: Option<&str>) {
    let body = answer.json();
    answer.assert_problem(status, code);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(body["status"], status);
    assert_eq!(body["request_id"], answer.header("x-request-id"));
    assert_eq!(body["field"].as_str(), field, "{body}");
    assert!(body["detail"].as_str().unwrap().len() > 10);
}

#[tokio::test(start_paused = true)]
async fn invalid_parameters_are_refused() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    let long = format!("/api/projects/{}/status", "x".repeat(65));
    for (path, field) in [
        ("/api/projects/-x/status", "project_name"),
        ("/api/projects/a.b/status", "project_name"),
        ("/api/projects/%2e%2e/status", "project_name"),
        ("/api/projects/a%2Fb/status", "project_name"),
        ("/api/projects/a%00/status", "project_name"),
        ("/api/projects/%ff/status", "project_name"),
        ("/api/projects/d%C3%A9mo/scripts", "project_name"),
        ("/api/projects//status", "project_name"),
        (long.as_str(), "project_name"),
        ("/api/projects/demo/script/0", "version"),
        ("/api/projects/demo/script/01", "version"),
        ("/api/projects/demo/script/-1", "version"),
        ("/api/projects/demo/script/one", "version"),
        ("/api/projects/demo/script/99999999999999999999", "version"),
        ("/api/projects/demo/outputs?version=x", "version"),
        ("/api/projects/demo/outputs?version=", "version"),
        ("/api/projects/demo/outputs?version=1&version=2", "version"),
        ("/api/projects/demo/download/dxf", "format"),
        ("/api/projects/demo/download/..step", "format"),
        ("/api/projects/demo/download/step?version=0", "version"),
        ("/api/projects/demo/download/step?expires_in=0", "expires_in"),
        ("/api/projects/demo/download/step?expires_in=604801", "expires_in"),
        ("/api/projects/demo/download/step?expires_in=1h", "expires_in"),
        ("/api/projects/demo/scripts?limit=0", "limit"),
        ("/api/projects/demo/scripts?limit=201", "limit"),
        ("/api/projects/demo/scripts?cursor=abc", "cursor"),
        ("/api/projects/demo/logs?limit=-1", "limit"),
        ("/api/projects/demo/logs/..", "name"),
        ("/api/projects/demo/logs/a%2Fb.log", "name"),
        ("/api/projects/demo/logs/%0a", "name"),
        ("/api/projects?cursor=9007199254740992", "cursor"),
    ] {
        assert_problem(&world.get(path).await, 400, "invalid_parameter", Some(field));
    }
}

#[tokio::test(start_paused = true)]
async fn missing_things_are_not_found() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    for (path, code) in [
        ("/nothing", "no_route"),
        ("/api/", "no_route"),
        ("/api/projects/demo", "no_route"),
        ("/api/projects/demo/script/2", "version_not_found"),
        ("/api/projects/demo/outputs?version=2", "version_not_found"),
        ("/api/projects/demo/download/step?version=2", "version_not_found"),
        ("/api/projects/demo/download/step", "no_output"),
        ("/api/projects/demo/logs/none.log", "log_not_found"),
        ("/api/projects/unknown/scripts", "project_not_found"),
        ("/api/projects/unknown/script/1", "project_not_found"),
        ("/api/projects/unknown/outputs", "project_not_found"),
        ("/api/projects/unknown/logs", "project_not_found"),
        ("/api/monitoring/projects/unknown/processing-status", "project_not_found"),
    ] {
        assert_problem(&world.get(path).await, 404, code, None);
    }
    let status = world.get("/api/projects/unknown/status").await;
    assert_eq!((status.status, status.json()["status_info"]["status"].as_str()), (200, Some("no_scripts")));
}

#[tokio::test(start_paused = true)]
async fn wrong_methods_are_refused() {
    let world = World::new();
    for (method, path, allow) in [
        ("PUT", "/api/projects", "GET, HEAD"),
        ("GET", "/api/projects/demo/upload-script", "POST"),
        ("DELETE", "/api/projects/demo/status", "GET, HEAD"),
        ("POST", "/api/monitoring/health", "GET, HEAD"),
    ] {
        let request = http::Request::builder().method(method).uri(crate::support::world::url(path));
        let answer = world.send(request.body(platform::Body::empty()).unwrap()).await;
        assert_problem(&answer, 405, "method_not_allowed", None);
        assert_eq!(answer.header("allow"), allow);
    }
}

#[tokio::test(start_paused = true)]
async fn invalid_bodies_are_refused() {
    let world = World::new();
    let path = "/api/projects/demo/upload-script";
    for (media_type, status, code) in [
        ("application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        ("text/plain", 415, "unsupported_media_type"),
        ("text/x-python; charset=latin-1", 415, "unsupported_media_type"),
        ("", 415, "unsupported_media_type"),
    ] {
        assert_problem(&world.post(path, media_type, "x = 1").await, status, code, None);
    }
    assert_problem(&world.post(path, "text/x-python", "").await, 400, "empty_script", Some("code"));
    assert_problem(&world.post(path, "text/x-python", " \n\t").await, 400, "empty_script", Some("code"));
    assert_problem(&world.post(path, "text/x-python; charset=UTF-8", &b"x = '\xff'"[..]).await, 400, "not_utf8", None);
    for (body, code) in [
        ("", "invalid_json"),
        ("{\"code\": ", "invalid_json"),
        ("{\"code\": \"x\"} trailing", "invalid_json"),
        ("[]", "invalid_body"),
        ("[\"x = 1\"]", "invalid_body"),
        ("\"x = 1\"", "invalid_body"),
        ("null", "invalid_body"),
        ("{}", "invalid_body"),
        ("{\"code\": 7}", "invalid_body"),
    ] {
        let answer = world.post(path, "application/json", body).await;
        assert_problem(&answer, 400, code, None);
        assert!(answer.json()["detail"].as_str().unwrap().contains("line 1"), "{body}");
    }
    assert_problem(&world.post(path, "application/json", "{\"code\": \"\"}").await, 400, "empty_script", Some("code"));
    let fat = json!({"code": "x = 1", "metadata": "m".repeat(2_048)}).to_string();
    assert_problem(&world.post(path, "application/json", fat).await, 400, "invalid_parameter", Some("metadata"));
    let deep = format!("{{\"code\": \"x = 1\", \"metadata\": {}1{}}}", "[".repeat(33), "]".repeat(33));
    assert_problem(&world.post(path, "application/json", deep).await, 400, "invalid_parameter", Some("metadata"));
    assert_eq!(world.store.inner.keys(), [""; 0]);
    assert_eq!(world.get("/api/projects/demo/status").await.json()["status"], "no_scripts");
}

#[tokio::test(start_paused = true)]
async fn an_unsafe_request_id_is_replaced() {
    let world = World::new();
    for given in ["has space", "a\"b", &"x".repeat(65)] {
        let answer = world.get_with("/api/monitoring/health", ("x-request-id", given)).await;
        assert_eq!(answer.header("x-request-id").len(), 16, "{given}");
    }
}
