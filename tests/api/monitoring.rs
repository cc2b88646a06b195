//! The calls for those who run the service.

use contract::Format;
use platform::Clock;
use serde_json::json;

use crate::support::faults::Fault;
use crate::support::world::{ADMIN_TOKEN, Answer, RUNNER_TOKEN, World};

const BEARER: (&str, &str) = ("authorization", concat!("Bearer ", "the admin's token, 32 characters"));

#[tokio::test(start_paused = true)]
async fn health_says_each_part_s_state_to_an_admin() {
    assert!(BEARER.1.ends_with(ADMIN_TOKEN));
    let world = World::new();
    let health = world.get("/api/monitoring/health").await;
    assert_eq!((health.status, health.json()["status"].as_str()), (200, Some("healthy")));
    for part in ["worker", "object", "bucket"] {
        assert_eq!(health.json()["components"][part]["status"], "up", "{part}");
    }
    world.store.always(Some(Fault::NoConnection));
    assert_eq!(world.get("/api/monitoring/health").await.status, 200, "asked a moment ago");
    world.clock.sleep(std::time::Duration::from_secs(6)).await;
    let health = world.get("/api/monitoring/health").await;
    assert_eq!((health.status, health.json()["components"]["bucket"]["status"].as_str()), (503, Some("down")));
    let text = String::from_utf8_lossy(&health.bytes).into_owned();
    assert!(!text.contains("store.test") && !text.contains("models"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn health_tells_others_up_or_down() {
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
    // That everybody may come in is no secret, and somebody may not have meant it.
    let open = World::new();
    assert_eq!(open.get("/api/monitoring/health").await.json()["auth"], "open");
    let request = http::Request::get("http://partwright.example.com/api/monitoring/health");
    let elsewhere = open.send(request.body(platform::Body::empty()).unwrap()).await;
    assert_eq!(fields(&elsewhere), ["success", "status", "timestamp", "auth"]);
}

#[tokio::test(start_paused = true)]
async fn s3_status_and_the_test_upload() {
    let world = World::new();
    let status = world.get_with("/api/monitoring/s3/status", BEARER).await.json();
    assert_eq!(
        (status["reachable"].as_bool(), status["conditional_writes"]["state"].as_str()),
        (Some(true), Some("fit"))
    );
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
async fn processing_status_shows_where_bucket_and_object_differ() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.complete("demo", 1, &[Format::Step]);
    world.settle("demo", 20).await;
    world.upload("demo", "x = 2").await;
    let path = "/api/monitoring/projects/demo/processing-status";
    let versions = world.get(path).await.json()["versions"].clone();
    assert_eq!(versions[0]["bucket"]["ticket"], true);
    assert_eq!(versions[1]["bucket"]["files"].as_array().unwrap().len(), 1);
    assert_eq!((&versions[0]["differences"], &versions[1]["differences"]), (&json!([]), &json!([])));

    world.store.inner.drop_in("pending/demo/demo_v1/ticket", "");
    world.store.inner.remove("input/demo/demo_v1.py");
    world.store.inner.drop_in("input/demo/demo_v9.py", "x = 9");
    let body = world.get(path).await.json();
    let told = body["versions"][1]["differences"].as_array().unwrap();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(body["unknown_versions"], json!([9]));
}
