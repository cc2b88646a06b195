//! A version's place in the queue of all projects.

use std::time::Duration;

use futures::future::join_all;
use platform::Clock;
use serde_json::{Value, json};

use crate::support::faults::Fault;
use crate::support::world::World;

/// The status at once: the last look may be a moment ago.
async fn status(world: &World, project: &str) -> Value {
    world.get(&format!("/api/projects/{project}/status")).await.json()["status_info"].clone()
}

#[tokio::test(start_paused = true)]
async fn the_place_in_the_queue() {
    let world = World::new();
    // The store's times are real ones: should two be the same, the names decide.
    for (project, versions) in [("a-other", 3), ("demo", 2), ("z-third", 1)] {
        for version in 1..=versions {
            world.upload(project, &format!("x = {version}")).await;
        }
    }
    let told = status(&world, "demo").await["queue"].clone();
    assert_eq!(told, json!({"ahead": 4, "waiting": 6, "at_least": false}), "one of each, then the second of the first");
    world.store.seen.borrow_mut().clear();
    status(&world, "z-third").await;
    status(&world, "demo").await;
    let listings = world.store.seen.borrow().iter().filter(|request| request.starts_with("GET")).count();
    assert_eq!(listings, 1, "the one project looks; the queue was listed a moment ago");
    world.claim("a-other", 1, 1);
    let told = world.status("demo").await;
    assert_eq!(told["queue"], json!({"ahead": 3, "waiting": 5, "at_least": false}), "that one had its turn");
    world.claim("demo", 2, 1);
    assert_eq!(world.status("demo").await["queue"], Value::Null, "it runs");
}

#[tokio::test(start_paused = true)]
async fn however_many_ask_the_place_is_asked_for_once() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.status("demo").await;
    world.clock.sleep(Duration::from_secs(4)).await;
    let before = world.fleet_calls.get();
    world.store.always(Some(Fault::Slow(Duration::from_millis(100))));
    let told = join_all((0..100).map(|_| status(&world, "demo"))).await;
    assert!(told.iter().all(|status| status["queue"]["ahead"] == 0), "{told:?}");
    assert_eq!(world.fleet_calls.get() - before, 1);
}

#[tokio::test(start_paused = true)]
async fn to_wait_behind_others_is_not_to_be_over_time() {
    let world = World::new();
    for project in ["a-other", "b-third", "demo"] {
        world.upload(project, "x = 1").await;
    }
    world.clock.sleep(Duration::from_secs(601)).await;
    assert_eq!(world.status("demo").await["code"], "no_runner", "nobody works");
    world.claim("a-other", 1, 1);
    let told = world.status("demo").await;
    assert_eq!((&told["status"], &told["queue"]["ahead"]), (&json!("processing"), &json!(1)));
    assert_eq!(world.status("b-third").await["status"], "processing", "it is next, once they are done");
}

#[tokio::test(start_paused = true)]
async fn ten_minutes_are_counted_from_when_a_runner_could_have_taken_it() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.always(Some(Fault::NoConnection));
    let kept = world.post("/api/projects/demo/upload-script", "text/x-python", "x = 2").await;
    assert_eq!(kept.status, 202);
    world.clock.sleep(Duration::from_secs(601)).await;
    world.store.always(None);
    world.ring("demo").await;
    let told = world.status("demo").await;
    assert_eq!((&told["phase"], &told["code"]), (&json!("queued"), &Value::Null), "it came just now");

    world.claim("demo", 2, 1);
    assert_eq!(world.status("demo").await["phase"], "running");
    world.clock.sleep(Duration::from_secs(601)).await;
    assert_eq!(world.status("demo").await["code"], "stalled");
    // The attempt is given back.
    world.store.inner.drop_in("pending/demo/demo_v2/a1.json", "");
    let told = world.status("demo").await;
    assert_eq!((&told["phase"], &told["code"]), (&json!("queued"), &Value::Null), "it waits again since just now");
}
