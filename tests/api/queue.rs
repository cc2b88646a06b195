//! A version's position in the queue of all projects.

use std::time::Duration;

use futures::future::join_all;
use platform::Clock;
use serde_json::{Value, json};

use crate::support::faults::Fault;
use crate::support::world::World;

/// The status without a pause, so the object may answer from its last look at the bucket.
async fn status(world: &World, project: &str) -> Value {
    world.get(&format!("/api/projects/{project}/status")).await.json()["status_info"].clone()
}

#[tokio::test(start_paused = true)]
async fn the_status_shows_the_queue_position() {
    let world = World::new();
    // The store uses real times; the names decide between equal ones.
    for (project, versions) in [("a-other", 3), ("demo", 2), ("z-third", 1)] {
        for version in 1..=versions {
            world.upload(project, &format!("x = {version}")).await;
        }
    }
    let queue = status(&world, "demo").await["queue"].clone();
    assert_eq!(
        queue,
        json!({"ahead": 4, "waiting": 6, "at_least": false}),
        "one of each, then the second of the first"
    );
    world.store.seen.borrow_mut().clear();
    status(&world, "z-third").await;
    status(&world, "demo").await;
    let listings = world.store.seen.borrow().iter().filter(|request| request.starts_with("GET")).count();
    assert_eq!(listings, 1, "z-third looks at the bucket; the queue was listed a moment ago");
    world.claim("a-other", 1, 1);
    let queue = world.status("demo").await["queue"].clone();
    assert_eq!(queue, json!({"ahead": 3, "waiting": 5, "at_least": false}), "a-other has been claimed");
    world.claim("demo", 2, 1);
    assert_eq!(world.status("demo").await["queue"], Value::Null, "demo has been claimed");
}

#[tokio::test(start_paused = true)]
async fn concurrent_reads_ask_for_the_position_once() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.status("demo").await;
    world.clock.sleep(Duration::from_secs(4)).await;
    let before = world.calls.fleet.get();
    world.store.always(Some(Fault::Slow(Duration::from_millis(100))));
    let all = join_all((0..100).map(|_| status(&world, "demo"))).await;
    assert!(all.iter().all(|status| status["queue"]["ahead"] == 0), "{all:?}");
    assert_eq!(world.calls.fleet.get() - before, 1);
}

#[tokio::test(start_paused = true)]
async fn waiting_behind_others_is_not_overdue() {
    let world = World::new();
    for project in ["a-other", "b-third", "demo"] {
        world.upload(project, "x = 1").await;
    }
    world.clock.sleep(Duration::from_secs(601)).await;
    assert_eq!(world.status("demo").await["code"], "no_runner", "no version has been claimed");
    world.claim("a-other", 1, 1);
    let status = world.status("demo").await;
    assert_eq!((&status["status"], &status["queue"]["ahead"]), (&json!("processing"), &json!(1)));
    assert_eq!(world.status("b-third").await["status"], "processing", "it is the next in the queue");
}

/// A version is overdue ten minutes after a runner could have claimed it.
#[tokio::test(start_paused = true)]
async fn overdue_counts_from_when_a_runner_could_start() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.always(Some(Fault::NoConnection));
    let stored = world.post("/api/projects/demo/upload-script", "text/x-python", "x = 2").await;
    assert_eq!(stored.status, 202);
    world.clock.sleep(Duration::from_secs(601)).await;
    world.store.always(None);
    world.ring("demo").await;
    let status = world.status("demo").await;
    assert_eq!((&status["phase"], &status["code"]), (&json!("queued"), &Value::Null), "it was delivered just now");

    world.claim("demo", 2, 1);
    assert_eq!(world.status("demo").await["phase"], "running");
    world.clock.sleep(Duration::from_secs(601)).await;
    assert_eq!(world.status("demo").await["code"], "stalled");
    // The runner gives the attempt back.
    world.store.inner.drop_in("pending/demo/demo_v2/a1.json", "");
    let status = world.status("demo").await;
    assert_eq!((&status["phase"], &status["code"]), (&json!("queued"), &Value::Null), "it was requeued just now");
}
