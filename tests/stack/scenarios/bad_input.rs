//! Mistakes of callers, over real HTTP.

use bytes::Bytes;
use contract::MAX_SCRIPT_BYTES;
use http::{Method, Request};
use serde_json::Value;

use crate::http::ApiResponse;
use crate::stack::Stack;
use crate::tools::script;

/// Expects a problem document with this status and code, and returns it.
fn problem(answer: ApiResponse, status: u16, code: &str) -> Value {
    let context = answer.to_string();
    let answer = answer.expect(status);
    assert_eq!(answer.header("content-type"), "application/problem+json", "{context}");
    let problem = answer.json();
    assert_eq!(problem["code"], code, "{context}");
    assert_eq!(problem["status"], status, "{context}");
    assert_eq!(problem["success"], false, "{context}");
    assert_eq!(problem["request_id"], answer.header("x-request-id"), "{context}");
    assert!(!answer.header("x-request-id").is_empty(), "{context}");
    assert!(!problem["detail"].as_str().unwrap().is_empty(), "{context}");
    problem
}

/// Every mistake gets a 4xx with a stable code, and the name of the field if there is one.
pub async fn bad_input_gets_a_precise_error(stack: &Stack) {
    let project = stack.project("input");
    assert_eq!(project.upload(&script("box")).await, 1);
    parameters(stack).await;
    paths_and_methods(stack).await;
    another_host(stack).await;
    bodies(stack).await;
    assert_eq!(project.get("scripts").await["total_versions"], 1, "nothing must be accepted");
    // The largest accepted script, in JSON that is twice as long.
    let largest = format!("#{}", "\n".repeat(MAX_SCRIPT_BYTES - 1));
    let large = stack.project("input-largest");
    assert_eq!(large.upload_json(&largest).await.json()["version"], 1);
    assert!(large.script(1).await == largest);
    let unknown = stack.api().get("/api/projects/unused-name/status").await.expect(200).json();
    assert_eq!(unknown["status_info"]["status"], "no_scripts");
}

async fn parameters(stack: &Stack) {
    let long = "p".repeat(65);
    let wrong = [
        ("scripts?limit=0", "limit"),
        ("scripts?limit=201", "limit"),
        ("scripts?limit=many", "limit"),
        ("scripts?limit=1&limit=2", "limit"),
        ("scripts?cursor=x", "cursor"),
        ("script/0", "version"),
        ("script/01", "version"),
        ("script/9007199254740992", "version"),
        ("outputs?version=-1", "version"),
        ("download/dxf", "format"),
        ("download/step?version=one", "version"),
        ("download/step?expires_in=0", "expires_in"),
        ("download/step?expires_in=604801", "expires_in"),
        ("download/step?expires_in=soon", "expires_in"),
        ("logs/..%2Fsecret", "name"),
    ];
    for (call, field) in wrong {
        let body = problem(stack.api().get(&format!("/api/projects/input/{call}")).await, 400, "invalid_parameter");
        assert_eq!(body["field"], field, "{call}: {body}");
    }
    for name in ["-a", "_a", "a.b", "a%20b", "..%2Fetc", "%C3%A9", &long] {
        let body = problem(stack.api().get(&format!("/api/projects/{name}/status")).await, 400, "invalid_parameter");
        assert_eq!(body["field"], "project_name", "{name}: {body}");
    }
    for call in ["script/2", "outputs?version=2", "download/step?version=2"] {
        problem(stack.api().get(&format!("/api/projects/input/{call}")).await, 404, "version_not_found");
    }
    problem(stack.api().get("/api/projects/input/logs/none.log").await, 404, "log_not_found");
    for call in ["scripts", "script/1", "outputs", "logs", "download/step"] {
        problem(stack.api().get(&format!("/api/projects/nobody/{call}")).await, 404, "project_not_found");
    }
}

async fn paths_and_methods(stack: &Stack) {
    for path in ["/api/", "/api/projects/", "/api/projects/input", "/api/projects/input/nothing", "/nothing"] {
        problem(stack.api().get(path).await, 404, "no_route");
    }
    let not_allowed = |method: Method, path: &'static str, allow: &'static str| async move {
        let request = Request::builder().method(method).uri(stack.api().url(path)).body(Bytes::new()).unwrap();
        let answer = stack.api().send(request).await;
        assert_eq!(answer.header("allow"), allow, "{answer}");
        problem(answer, 405, "method_not_allowed");
    };
    not_allowed(Method::DELETE, "/api/projects/input/status", "GET, HEAD").await;
    not_allowed(Method::PUT, "/api/projects/input/upload-script", "POST").await;
    not_allowed(Method::GET, "/api/projects/input/upload-script", "POST").await;
}

/// Open mode accepts everybody on this machine, so it must refuse a web page whose host name points at loopback.
async fn another_host(stack: &Stack) {
    let request = Request::get(stack.api().url("/api/projects")).header("host", "example.com").body(Bytes::new());
    problem(stack.api().send(request.unwrap()).await, 403, "loopback_only");
}

async fn bodies(stack: &Stack) {
    const PYTHON: &str = "text/x-python";
    const JSON: &str = "application/json";
    let api = stack.api();
    let send = |kind: &'static str, body: Bytes| api.post("/api/projects/input/upload-script", kind, body);
    let one_too_many = "#".repeat(MAX_SCRIPT_BYTES + 1);
    let in_json = serde_json::json!({"code": one_too_many}).to_string();
    let wrong: [(&str, Bytes, u16, &str); 12] = [
        (PYTHON, "".into(), 400, "empty_script"),
        (PYTHON, " \n\t\n".into(), 400, "empty_script"),
        (JSON, r#"{"code": ""}"#.into(), 400, "empty_script"),
        (PYTHON, one_too_many.into(), 413, "too_large"),
        (JSON, in_json.into(), 413, "too_large"),
        (PYTHON, Bytes::from_static(b"print('\xff')"), 400, "not_utf8"),
        (JSON, Bytes::from_static(b"{\"code\": \"\xff\"}"), 400, "not_utf8"),
        (JSON, "{\"code\":\n }".into(), 400, "invalid_json"),
        (JSON, r#"{"kode": "x"}"#.into(), 400, "invalid_body"),
        ("text/plain", "print(1)".into(), 415, "unsupported_media_type"),
        ("text/x-python; charset=latin-1", "print(1)".into(), 415, "unsupported_media_type"),
        (JSON, r#"["code"]"#.into(), 400, "invalid_body"),
    ];
    for (kind, body, status, code) in wrong {
        let body = problem(send(kind, body).await, status, code);
        if code == "invalid_json" {
            assert!(body["detail"].as_str().unwrap().contains("line 2, column 2"), "{body}");
        }
        if code == "empty_script" {
            assert_eq!(body["field"], "code", "{body}");
        }
    }
    let untyped = Request::post(stack.api().url("/api/projects/input/upload-script")).body("print(1)".into()).unwrap();
    problem(stack.api().send(untyped).await, 415, "unsupported_media_type");
    let metadata = serde_json::json!({"code": "print(1)", "metadata": "m".repeat(2_048)}).to_string();
    let body = problem(send(JSON, metadata.into()).await, 400, "invalid_parameter");
    assert_eq!(body["field"], "metadata");
}
