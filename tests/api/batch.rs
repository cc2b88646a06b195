//! `POST /api/batch`: many uploads, each with its own result.

use std::time::Duration;

use expect_test::expect;
use platform::Clock;
use serde_json::{Value, json};

use crate::support::faults::Fault;
use crate::support::world::{Answer, World};

async fn send(world: &World, uploads: Value) -> Answer {
    world.post("/api/batch", "application/json", json!({"uploads": uploads}).to_string()).await
}

#[tokio::test(start_paused = true)]
async fn each_upload_has_its_own_result() {
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
    assert_eq!((answer.status, &body["success"]), (200, &json!(false)), "{body}");
    assert_eq!((&body["succeeded"], &body["failed"]), (&json!(5), &json!(7)));
    let results = body["results"].as_array().unwrap();
    let row = |result: &Value| {
        let [index, status, error] = [&result["index"], &result["status"], &result["error"]];
        match error["code"].as_str() {
            Some(code) => format!("{index}: {status} {code}\n"),
            None => format!(
                "{index}: {status} version {} {} replayed={}\n",
                result["version"], result["key"], result["idempotent_replayed"]
            ),
        }
    };
    expect![[r#"
        0: 201 version 1 "input/a/a_v1.py" replayed=false
        1: 201 version 1 "input/b/b_v1.py" replayed=false
        2: 201 version 2 "input/a/a_v2.py" replayed=false
        3: 400 invalid_parameter
        4: 400 empty_script
        5: 400 invalid_body
        6: 400 invalid_body
        7: 400 invalid_parameter
        8: 201 version 3 "input/a/a_v3.py" replayed=false
        9: 201 version 3 "input/a/a_v3.py" replayed=true
        10: 422 idempotency_key_reused
        11: 413 too_large
    "#]]
    .assert_eq(&results.iter().map(row).collect::<String>());
    assert_eq!(results[3]["error"]["field"], "project_name");
    assert_eq!(world.store.inner.object("input/a/a_v3.py").unwrap().bytes, "x = 3");
    assert!(world.store.inner.object("input/a/a_v4.py").is_none());
    assert_eq!(world.get("/api/projects/b/scripts").await.json()["scripts"][0]["metadata"], json!({"m": 1}));
}

#[tokio::test(start_paused = true)]
async fn uploads_to_one_project_keep_their_order() {
    let world = World::new();
    let uploads: Vec<Value> = (1..=100).map(|n| json!({"project_name": "a", "code": format!("x = {n}")})).collect();
    let body = send(&world, json!(uploads)).await.json();
    assert_eq!((body["success"].as_bool(), body["succeeded"].as_u64()), (Some(true), Some(100)));
    for n in 1..=100 {
        assert_eq!(world.store.inner.object(&format!("input/a/a_v{n}.py")).unwrap().bytes, format!("x = {n}"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_does_not_hold_up_a_batch() {
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
    assert!(world.store.inner.object("input/of-100-p99/of-100-p99_v1.py").is_some(), "it is delivered later");
}

#[tokio::test(start_paused = true)]
async fn an_invalid_batch_is_refused() {
    let world = World::new();
    send(&world, json!([])).await.assert_problem(400, "invalid_parameter");
    let many: Vec<Value> = (0..101).map(|_| json!({"project_name": "a", "code": "x"})).collect();
    send(&world, json!(many)).await.assert_problem(400, "invalid_parameter");
    send(&world, json!({})).await.assert_problem(400, "invalid_body");
    world.post("/api/batch", "application/json", "[]").await.assert_problem(400, "invalid_body");
    world.post("/api/batch", "application/json", "{").await.assert_problem(400, "invalid_json");
    world.post("/api/batch", "application/json", &b"{\"\xff\""[..]).await.assert_problem(400, "not_utf8");
    world.post("/api/batch", "text/x-python", "x = 1").await.assert_problem(415, "unsupported_media_type");
    let uploads: Vec<Value> = (0..9).map(|_| json!({"project_name": "a", "code": "#".repeat(1 << 20)})).collect();
    send(&world, json!(uploads)).await.assert_problem(413, "too_large");
    let one = json!({"uploads": [{"project_name": "a", "code": "x"}]});
    world.post_with("/api/batch", ("idempotency-key", "a"), Some(one)).await.assert_problem(400, "invalid_parameter");
    assert_eq!(world.store.inner.keys(), [""; 0]);
}
