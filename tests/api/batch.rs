//! `POST /api/batch`: many uploads, each with its own result.

use std::time::Duration;

use platform::Clock;
use serde_json::{Value, json};

use crate::support::faults::Fault;
use crate::support::world::{Answer, World};

async fn send(world: &World, uploads: Value) -> Answer {
    world.post("/api/batch", "application/json", json!({"uploads": uploads}).to_string()).await
}

#[tokio::test(start_paused = true)]
async fn each_upload_has_its_result_in_its_place() {
    let world = World::new();
    let answer = send(
        &world,
        json!([
            {"project_name": "a", "code": "x = 1"},
            {"project_name": "b", "code": "x = 1", "metadata": {"m": 1}},
            {"project_name": "a", "code": "x = 2"},
            {"project_name": "a/b", "code": "x = 1"},
            {"project_name": "a", "code": " "},
            {"project_name": "a"},
            "nonsense",
            {"project_name": "a", "code": "x = 3", "idempotency_key": "not one"},
            {"project_name": "a", "code": "x = 3", "idempotency_key": "k"},
            {"project_name": "a", "code": "x = 3", "idempotency_key": "k"},
            {"project_name": "a", "code": "x = 4", "idempotency_key": "k"},
            {"project_name": "a", "code": "#".repeat((1 << 20) + 1)},
        ]),
    )
    .await;
    let body = answer.json();
    assert_eq!((answer.status, body["success"].as_bool()), (200, Some(false)), "{body}");
    assert_eq!((body["succeeded"].as_u64(), body["failed"].as_u64()), (Some(5), Some(7)));
    let results = body["results"].as_array().unwrap();
    let row = |result: &Value| {
        let outcome = result.get("version").unwrap_or(&result["error"]["code"]).clone();
        (result["status"].as_u64().unwrap(), outcome)
    };
    assert_eq!(
        results.iter().map(row).collect::<Vec<_>>(),
        [
            (201, json!(1)),
            (201, json!(1)),
            (201, json!(2)),
            (400, json!("invalid_parameter")),
            (400, json!("empty_script")),
            (400, json!("invalid_body")),
            (400, json!("invalid_body")),
            (400, json!("invalid_parameter")),
            (201, json!(3)),
            (201, json!(3)),
            (422, json!("idempotency_key_reused")),
            (413, json!("too_large")),
        ]
    );
    for (index, result) in results.iter().enumerate() {
        assert_eq!(result["index"], index);
    }
    assert_eq!((&results[8]["idempotent_replayed"], &results[9]["idempotent_replayed"]), (&json!(false), &json!(true)));
    assert_eq!(
        (results[2]["key"].as_str(), results[3]["error"]["field"].as_str()),
        (Some("input/a/a_v2.py"), Some("project_name"))
    );
    assert_eq!(world.store.inner.object("input/a/a_v3.py").unwrap().bytes, "x = 3");
    assert!(world.store.inner.object("input/a/a_v4.py").is_none());
    assert_eq!(world.get("/api/projects/b/scripts").await.json()["scripts"][0]["metadata"], json!({"m": 1}));
}

#[tokio::test(start_paused = true)]
async fn a_hundred_to_one_project_keep_their_order() {
    let world = World::new();
    let uploads: Vec<Value> = (1..=100).map(|n| json!({"project_name": "a", "code": format!("x = {n}")})).collect();
    let body = send(&world, json!(uploads)).await.json();
    assert_eq!((body["success"].as_bool(), body["succeeded"].as_u64()), (Some(true), Some(100)));
    for n in 1..=100 {
        assert_eq!(world.store.inner.object(&format!("input/a/a_v{n}.py")).unwrap().bytes, format!("x = {n}"));
    }
}

#[tokio::test(start_paused = true)]
async fn without_the_bucket_a_batch_is_kept_in_reasonable_time() {
    let world = World::new();
    world.store.always(Some(Fault::Silence));
    for projects in [5, 100] {
        let name = |n| format!("of-{projects}-p{}", n % projects);
        let uploads: Vec<Value> =
            (0..100).map(|n| json!({"project_name": name(n), "code": format!("x = {n}")})).collect();
        let before = world.clock.now();
        let body = send(&world, json!(uploads)).await.json();
        assert_eq!((body["succeeded"].as_u64(), body["results"][99]["status"].as_u64()), (Some(100), Some(202)));
        assert!(world.clock.now().since(before) <= Duration::from_secs(10), "{projects} projects");
    }
    world.store.always(None);
    world.ring("of-100-p99").await;
    assert!(world.store.inner.object("input/of-100-p99/of-100-p99_v1.py").is_some(), "kept is not forgotten");
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_none() {
    let world = World::new();
    let check = |answer: Answer, status: u16, code: &str| {
        assert_eq!((answer.status, answer.json()["code"].as_str()), (status, Some(code)), "{:?}", answer.bytes);
    };
    check(send(&world, json!([])).await, 400, "invalid_parameter");
    let many: Vec<Value> = (0..101).map(|_| json!({"project_name": "a", "code": "x"})).collect();
    check(send(&world, json!(many)).await, 400, "invalid_parameter");
    check(send(&world, json!({})).await, 400, "invalid_body");
    check(world.post("/api/batch", "application/json", "[]").await, 400, "invalid_body");
    check(world.post("/api/batch", "application/json", "{").await, 400, "invalid_json");
    check(world.post("/api/batch", "application/json", &b"{\"\xff\""[..]).await, 400, "not_utf8");
    check(world.post("/api/batch", "text/x-python", "x = 1").await, 415, "unsupported_media_type");
    let uploads: Vec<Value> = (0..9).map(|_| json!({"project_name": "a", "code": "#".repeat(1 << 20)})).collect();
    check(send(&world, json!(uploads)).await, 413, "too_large");
    let one = json!({"uploads": [{"project_name": "a", "code": "x"}]});
    check(world.post_with("/api/batch", ("idempotency-key", "a"), Some(one)).await, 400, "invalid_parameter");
    assert_eq!(world.store.inner.keys(), [""; 0]);
}
