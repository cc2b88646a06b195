//! Concurrent uploads to a store that the Worker has not probed yet.

use std::time::Duration;

use futures::future::{Either, join, join_all, select};
use platform::Clock;
use s3::PROBE_RACERS;

use crate::support::faults::Fault;
use crate::support::world::{Answer, World};

async fn upload(world: &World, project: &str) -> Answer {
    world.post(&format!("/api/projects/{project}/upload-script"), "text/x-python", "x = 1").await
}

async fn upload_to_each(world: &World, projects: &[&str]) -> Vec<u16> {
    let answers = join_all(projects.iter().map(|project| upload(world, project))).await;
    answers.iter().map(|answer| answer.status).collect()
}

/// The number of PUTs that probes have sent.
fn probe_puts(world: &World) -> usize {
    world.store.seen.borrow().iter().filter(|request| request.starts_with("PUT") && request.contains("/probe/")).count()
}

/// PUTs of one probe: its concurrent ones, and one after them.
const ONE_PROBE: usize = PROBE_RACERS + 1;

const PROJECTS: [&str; 5] = ["a", "b", "c", "d", "e"];

#[tokio::test(start_paused = true)]
async fn concurrent_uploads_share_one_probe() {
    let world = World::new();
    world.store.always(Some(Fault::Slow(Duration::from_millis(20))));
    assert_eq!(upload_to_each(&world, &PROJECTS).await, [201; 5]);
    assert_eq!(probe_puts(&world), ONE_PROBE);
}

#[tokio::test(start_paused = true)]
async fn concurrent_uploads_notice_an_outage_once() {
    let world = World::new();
    world.store.always(Some(Fault::Silence));
    let before = world.clock.now();
    assert_eq!(upload_to_each(&world, &PROJECTS).await, [202; 5]);
    assert_eq!(probe_puts(&world), PROBE_RACERS, "one try of each concurrent PUT");
    assert!(world.clock.now().since(before) <= Duration::from_secs(10));
    world.store.always(None);
    world.clock.sleep(Duration::from_secs(5)).await;
    assert_eq!(upload_to_each(&world, &PROJECTS).await, [201; 5]);
    for project in PROJECTS {
        world.ring(project).await;
        assert_eq!(world.get(&format!("/api/projects/{project}/script/1")).await.header("cache-control").len(), 36);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_probe_is_run_by_another_caller() {
    let world = World::new();
    world.store.always(Some(Fault::Slow(Duration::from_secs(1))));
    let leaving = select(Box::pin(upload(&world, "a")), world.clock.sleep(Duration::from_millis(1_500)));
    let ((), waiting) = join(async { drop(leaving.await) }, upload(&world, "b")).await;
    assert_eq!(waiting.status, 201);
    assert!(probe_puts(&world) <= 2 * ONE_PROBE);
}

#[tokio::test(start_paused = true)]
async fn a_stuck_probe_times_out() {
    let world = World::new();
    world.store.always(Some(Fault::Slow(Duration::from_secs(1))));
    // The platform may never resume the request of a caller that has disconnected.
    let left = select(Box::pin(upload(&world, "a")), world.clock.sleep(Duration::from_millis(1_500))).await;
    assert!(matches!(left, Either::Right(_)));
    assert_eq!(upload_to_each(&world, &["b", "c", "d"]).await, [202; 3]);
    let before = world.clock.now();
    let alarms = ["b", "c", "d"].map(|project| world.ring(project));
    assert_eq!(join_all(alarms).await, [true; 3]);
    assert!(world.clock.now().since(before) < Duration::from_secs(90));
    assert!(world.store.inner.object("input/d/d_v1.py").is_some());
    drop(left);
}
