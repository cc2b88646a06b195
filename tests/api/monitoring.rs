//! The routes for operators.

use contract::Format;
use expect_test::expect;
use platform::Clock;
use serde_json::json;

use crate::support::faults::Fault;
use crate::support::world::{ADMIN_TOKEN, Answer, RUNNER_TOKEN, World};

const BEARER: (&str, &str) = ("authorization", concat!("Bearer ", "the admin's token, 32 characters"));

#[tokio::test(start_paused = true)]
async fn an_admin_sees_the_health_of_each_component() {
    assert!(BEARER.1.ends_with(ADMIN_TOKEN));
    let world = World::new();
    let health = world.get("/api/monitoring/health").await;
    expect![[r#"
        200 {
          "success": true, "status": "healthy", "timestamp": "[time]", "auth": "open",
          "components": {
            "worker": {"status": "up"}, "object": {"status": "up"}, "bucket": {"status": "up"},
            "auth": {"status": "open"}, "ai": {"status": "not_configured"},
            "runners": {"status": "unknown", "connected": 0}
          }
        }"#]]
    .assert_eq(&health.snapshot());
    world.store.always(Some(Fault::NoConnection));
    assert_eq!(world.get("/api/monitoring/health").await.status, 200, "the last check was a moment ago");
    world.clock.sleep(std::time::Duration::from_secs(6)).await;
    let health = world.get("/api/monitoring/health").await;
    assert_eq!((health.status, health.json()["components"]["bucket"]["status"].as_str()), (503, Some("down")));
    let text = String::from_utf8_lossy(&health.bytes).into_owned();
    for hidden in ["store.test", "models"] {
        assert!(!text.contains(hidden), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn others_see_only_healthy_or_unhealthy() {
    let world = World::closed();
    let fields = |answer: &Answer| answer.json().as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let (anna, admin) = (format!("Bearer {}", world.jwt("anna")), format!("Bearer {}", world.admin_jwt("carla")));
    let runner = format!("Bearer {RUNNER_TOKEN}");
    for (status, word) in [(200, "healthy"), (503, "unhealthy")] {
        for shown in ["", "Bearer wrong", "Basic x", &anna, &runner] {
            let health = world.get_with("/api/monitoring/health", ("authorization", shown)).await;
            assert_eq!((health.status, health.json()["status"].as_str()), (status, Some(word)), "{shown}");
            assert_eq!(fields(&health), ["success", "status", "timestamp"], "{shown}");
        }
        for shown in [BEARER.1, &admin] {
            let health = world.get_with("/api/monitoring/health", ("authorization", shown)).await;
            assert_eq!(fields(&health), ["success", "status", "timestamp", "components"]);
            assert_eq!(health.json()["components"]["auth"]["status"], "configured");
        }
        world.store.always(Some(Fault::NoConnection));
        world.clock.sleep(std::time::Duration::from_secs(6)).await;
    }
    // Open mode is shown to everybody, because it may be a mistake.
    let open = World::new();
    assert_eq!(open.get("/api/monitoring/health").await.json()["auth"], "open");
    let request = http::Request::get("http://partwright.example.com/api/monitoring/health");
    let other_host = open.send(request.body(platform::Body::empty()).unwrap()).await;
    assert_eq!(fields(&other_host), ["success", "status", "timestamp", "auth"]);
}

#[tokio::test(start_paused = true)]
async fn s3_status_and_test_upload_report_the_store() {
    let world = World::new();
    let status = world.get_with("/api/monitoring/s3/status", BEARER).await;
    expect![[r#"
        200 {
          "success": true, "bucket": "models", "endpoint": "http://store.test:9000",
          "public_endpoint": "http://store.test:9000", "region": "us-east-1", "addressing": "path",
          "reachable": true, "latency_ms": 0, "conditional_writes": {"state": "fit"}, "probed_at": "[time]"
        }"#]]
    .assert_eq(&status.snapshot());
    let upload = async || {
        let request = http::Request::post(crate::support::world::url("/api/monitoring/test/s3-upload"));
        let request = request.header(BEARER.0, BEARER.1).body(platform::Body::empty()).unwrap();
        world.send(request).await
    };
    let answer = upload().await;
    assert_eq!((answer.status, answer.json()["success"].as_bool()), (200, Some(true)), "{}", answer.json());
    assert_eq!(world.store.inner.keys(), [""; 0]);
    world.store.always(Some(Fault::Status(403)));
    let answer = upload().await;
    assert_eq!((answer.status, answer.json()["steps"]["put"]["success"].as_bool()), (503, Some(false)));
}

#[tokio::test(start_paused = true)]
async fn processing_status_lists_differences() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.complete("demo", 1, &[Format::Step]);
    world.settle("demo", 20).await;
    world.upload("demo", "x = 2").await;
    let path = "/api/monitoring/projects/demo/processing-status";
    expect![[r#"
        200 {
          "success": true, "project_name": "demo",
          "versions": [
            {
              "version": 2, "object": {"phase": "queued", "attempt": null, "upload_time": "[time]"},
              "bucket": {"script": true, "ticket": true, "attempts": [], "report": false, "files": []},
              "differences": []
            },
            {
              "version": 1, "object": {"phase": "completed", "attempt": null, "upload_time": "[time]"},
              "bucket": {
                "script": true, "ticket": false, "attempts": [], "report": true,
                "files": ["output/demo/v1/[id]/MyHeadlessModel.STEP"]
              },
              "differences": []
            }
          ],
          "total_versions": 2, "unknown_versions": [], "complete": true, "next_cursor": null
        }"#]]
    .assert_eq(&world.get(path).await.snapshot());

    world.store.inner.drop_in("pending/demo/demo_v1/ticket", "");
    world.store.inner.remove("input/demo/demo_v1.py");
    world.store.inner.drop_in("input/demo/demo_v9.py", "x = 9");
    let body = world.get(path).await.json();
    let differences = body["versions"][1]["differences"].as_array().unwrap();
    assert_eq!(differences.len(), 2, "{differences:?}");
    assert_eq!(body["unknown_versions"], json!([9]));
}
