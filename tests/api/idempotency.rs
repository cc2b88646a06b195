//! `Idempotency-Key`: sending the same upload again creates no second version.

use std::time::Duration;

use futures::future::join_all;
use platform::Clock;
use serde_json::json;

use crate::support::faults::Fault;
use crate::support::world::{Answer, World};

const UPLOAD: &str = "/api/projects/demo/upload-script";

async fn send(world: &World, key: &str, code: &str) -> Answer {
    world.post_with(UPLOAD, ("idempotency-key", key), Some(json!({"code": code}))).await
}

async fn total_versions(world: &World) -> u64 {
    world.get("/api/projects/demo/scripts").await.json()["total_versions"].as_u64().unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_same_upload_gets_the_same_response() {
    let world = World::new();
    let first = send(&world, "a", "x = 1").await;
    assert_eq!((first.status, first.header("idempotent-replayed")), (201, ""));
    world.upload("demo", "x = 2").await;
    world.evict("demo");
    let again = send(&world, "a", "x = 1").await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, "true"));
    assert_eq!(again.json(), first.json());
    // The same script in another media type is the same upload; other metadata makes it another upload.
    let request = http::Request::post(crate::support::world::url(UPLOAD)).header("content-type", "text/x-python");
    let raw = request.header("idempotency-key", "a").body(platform::Body::full("x = 1")).unwrap();
    assert_eq!(world.send(raw).await.json()["version"], 1);
    let body = json!({"code": "x = 1", "metadata": {}});
    for (key, body) in [("a", body), ("a", json!({"code": "x = 2"}))] {
        let answer = world.post_with(UPLOAD, ("idempotency-key", key), Some(body)).await;
        answer.assert_problem(422, "idempotency_key_reused");
    }
    // Keys of different projects are independent.
    let other =
        world.post_with("/api/projects/other/upload-script", ("idempotency-key", "a"), Some(json!({"code": "y"})));
    assert_eq!(other.await.status, 201);
    assert_eq!(total_versions(&world).await, 2);
}

#[tokio::test(start_paused = true)]
async fn concurrent_duplicates_are_one_version() {
    let world = World::new();
    let answers = join_all((0..16).map(|_| send(&world, "a", "x = 1"))).await;
    for answer in &answers {
        assert!([201, 202].contains(&answer.status));
        assert_eq!(answer.json()["version"], 1);
    }
    assert_eq!(answers.iter().filter(|answer| answer.header("idempotent-replayed").is_empty()).count(), 1);
    assert_eq!(total_versions(&world).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_key_follows_its_version_through_an_outage() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.always(Some(Fault::NoConnection));
    assert_eq!(send(&world, "a", "mine").await.status, 202);
    let again = send(&world, "a", "mine").await;
    assert_eq!((again.status, again.json()["version"].as_u64()), (202, Some(2)));
    world.store.always(None);
    world.store.inner.drop_in("input/demo/demo_v2.py", "theirs");
    world.ring("demo").await;
    let after = send(&world, "a", "mine").await;
    assert_eq!((after.status, after.json()["version"].as_u64()), (201, Some(3)));
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_upload_is_found_by_its_key() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.always(Some(Fault::Silence));
    {
        let cut = send(&world, "a", "x = 2");
        futures::future::select(Box::pin(cut), world.clock.sleep(Duration::from_millis(500))).await;
    }
    world.evict("demo");
    world.store.always(None);
    assert_eq!(send(&world, "a", "x = 2").await.json()["version"], 2);
    world.ring("demo").await;
    assert_eq!(send(&world, "a", "x = 2").await.status, 201);
    assert_eq!(total_versions(&world).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_refused_upload_frees_its_key() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.plan("PUT", "/input/", Fault::Status(403));
    assert_eq!(send(&world, "a", "x = 2").await.status, 503);
    let answer = send(&world, "a", "x = 3").await;
    assert_eq!((answer.status, answer.json()["version"].as_u64()), (201, Some(2)));
}

#[tokio::test(start_paused = true)]
async fn an_accepted_duplicate_survives_a_refusal() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.plan("PUT", "/input/", Fault::SlowStatus(Duration::from_secs(2), 403));
    let first = send(&world, "a", "x = 2");
    let second = async {
        world.clock.sleep(Duration::from_millis(100)).await;
        let answer = send(&world, "a", "x = 2").await;
        (answer.status, answer.json()["version"].as_u64())
    };
    let (first, second) = futures::future::join(first, second).await;
    assert_eq!((first.status, second), (202, (202, Some(2))));
    world.ring("demo").await;
    assert_eq!(world.store.inner.object("input/demo/demo_v2.py").unwrap().bytes, "x = 2");
}

#[tokio::test(start_paused = true)]
async fn a_key_lasts_a_day() {
    let world = World::new();
    send(&world, "a", "x = 1").await;
    // The store refuses signatures that are a day off, so it is made unreachable.
    world.clock.sleep(Duration::from_secs(24 * 3_600 - 60)).await;
    world.store.always(Some(Fault::NoConnection));
    assert_eq!(send(&world, "a", "x = 1").await.json()["version"], 1);
    world.clock.sleep(Duration::from_secs(61)).await;
    let answer = send(&world, "a", "x = 2").await;
    assert_eq!((answer.status, answer.json()["version"].as_u64()), (202, Some(2)));
}

#[tokio::test(start_paused = true)]
async fn invalid_keys_are_refused() {
    let world = World::new();
    for key in ["", "a b", "é", &"k".repeat(256)] {
        let answer = send(&world, key, "x = 1").await;
        assert_eq!((answer.status, answer.json()["field"].as_str()), (400, Some("Idempotency-Key")), "{key:?}");
    }
    let request = http::Request::post(crate::support::world::url(UPLOAD)).header("content-type", "text/x-python");
    let twice = request.header("idempotency-key", "a").header("idempotency-key", "b");
    let answer = world.send(twice.body(platform::Body::full("x = 1")).unwrap()).await;
    assert_eq!(answer.status, 400);
    assert_eq!(send(&world, &"~".repeat(255), "x = 1").await.status, 201);
}
