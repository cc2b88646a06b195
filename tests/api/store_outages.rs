//! A bucket that is unreachable, refuses requests, or loses responses.

use std::time::Duration;

use contract::Format;
use platform::Clock;
use serde_json::json;

use crate::support::faults::Fault;
use crate::support::memory_store::MemoryStore;
use crate::support::world::World;

const UPLOAD: &str = "/api/projects/demo/upload-script";

/// Asserts that version 2, whose PUT got no response, is found in the bucket, and that its number is not used again.
async fn assert_second_version_is_found(world: &World) {
    assert_eq!(world.store.inner.object("input/demo/demo_v2.py").unwrap().bytes, "x = 2", "the bucket has the script");
    assert_eq!(phases(world).await, [("upload".to_owned(), "stored".to_owned()), queued()]);
    world.ring("demo").await;
    assert_eq!(phases(world).await, [queued(), queued()]);
    assert_eq!(world.upload("demo", "x = 3").await, 3);
}

fn queued() -> (String, String) {
    ("upload".to_owned(), "queued".to_owned())
}

/// Origin and phase of each version, newest first.
async fn phases(world: &World) -> Vec<(String, String)> {
    let scripts = world.get("/api/projects/demo/scripts").await.json();
    let word = |script: &serde_json::Value, field: &str| script[field].as_str().unwrap().to_owned();
    scripts["scripts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|script| (word(script, "origin"), word(script, "phase")))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn the_alarm_settles_an_unanswered_put() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    for _ in 0..4 {
        world.store.plan("PUT", "/input/demo/demo_v2.py", Fault::LostAnswer);
    }
    assert_eq!(world.post(UPLOAD, "text/x-python", "x = 2").await.status, 202);
    assert_second_version_is_found(&world).await;
}

#[tokio::test(start_paused = true)]
async fn a_freed_number_does_not_hide_foreign_scripts() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    // Two uploads at once. The first is refused first, when the second still holds its number.
    for (key, seconds) in [("/input/demo/demo_v2.py", 1), ("/input/demo/demo_v3.py", 2)] {
        world.store.plan("PUT", key, Fault::SlowStatus(Duration::from_secs(seconds), 403));
    }
    let upload = || world.post(UPLOAD, "text/x-python", "x = 2");
    let (one, other) = tokio::join!(upload(), upload());
    assert_eq!((one.status, other.status), (503, 503));
    // The next free number in the bucket.
    world.store.inner.drop_in("input/demo/demo_v2.py", "x = 'by hand'");
    assert_eq!(world.status("demo").await["status"], "processing");
    assert_eq!(world.get("/api/projects/demo/scripts").await.json()["total_versions"], 2);
    assert_eq!(world.upload("demo", "x = 3").await, 3);
}

#[tokio::test(start_paused = true)]
async fn a_lost_response_makes_no_second_version() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.plan("PUT", "/input/demo/demo_v2.py", Fault::LostAnswer);
    assert_eq!(world.upload("demo", "x = 2").await, 2);
    assert_eq!(world.get("/api/projects/demo/scripts").await.json()["total_versions"], 2);
}

#[tokio::test(start_paused = true)]
async fn a_failed_ticket_does_not_fail_the_upload() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    for _ in 0..4 {
        world.store.plan("PUT", "/pending/", Fault::Status(503));
    }
    assert_eq!(world.upload("demo", "x = 2").await, 2);
    assert!(world.store.inner.object("pending/demo/demo_v2/ticket").is_none());
    world.ring("demo").await;
    assert!(world.store.inner.object("pending/demo/demo_v2/ticket").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_refused_upload_frees_its_number() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.plan("PUT", "/input/", Fault::Status(403));
    let answer = world.post(UPLOAD, "text/x-python", "x = 2").await;
    answer.assert_problem(503, "bucket_refuses");
    assert!(!answer.header("retry-after").is_empty());
    assert_eq!(world.upload("demo", "x = 3").await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_after_a_lost_response_is_not_final() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.plan("PUT", "/input/demo/demo_v2.py", Fault::LostAnswer);
    world.store.plan("PUT", "/input/demo/demo_v2.py", Fault::Status(403));
    assert_eq!(world.post(UPLOAD, "text/x-python", "x = 2").await.status, 202);
    assert_second_version_is_found(&world).await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_head_is_not_final() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.plan("PUT", "/input/demo/demo_v2.py", Fault::LostAnswer);
    world.store.plan("HEAD", "/input/demo/demo_v2.py", Fault::Status(403));
    assert_eq!(world.post(UPLOAD, "text/x-python", "x = 2").await.status, 202);
    assert_second_version_is_found(&world).await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_retry_keeps_the_version() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    // The bucket has the script when the object is evicted.
    world.store.plan("PUT", "/input/demo/demo_v2.py", Fault::SlowBody(Duration::from_secs(5)));
    {
        let cut = world.post(UPLOAD, "text/x-python", "x = 2");
        let half_a_second = world.clock.sleep(Duration::from_millis(500));
        futures::future::select(Box::pin(cut), half_a_second).await;
    }
    world.evict("demo");
    world.store.plan("PUT", "/input/demo/demo_v2.py", Fault::Status(403));
    world.ring("demo").await;
    assert_second_version_is_found(&world).await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_first_upload_frees_the_name() {
    let world = World::new();
    world.upload("other", "x = 1").await;
    world.store.plan("PUT", "/input/demo", Fault::Status(403));
    assert_eq!(world.post(UPLOAD, "text/x-python", "x = 1").await.status, 503);
    assert_eq!(world.status("demo").await["status"], "no_scripts");
    assert_eq!(world.get("/api/projects").await.json()["total_projects"], 1);
    assert_eq!(world.upload("demo", "x = 1").await, 1);
}

#[tokio::test(start_paused = true)]
async fn reads_work_during_an_outage() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.complete("demo", 1, &[Format::Step]);
    assert_eq!(world.status("demo").await["status"], "completed");
    world.store.always(Some(Fault::NoConnection));
    assert_eq!(world.status("demo").await["status"], "completed");
    assert_eq!(world.get("/api/projects/demo/outputs").await.json()["total_files"], 1);
    assert!(world.get("/api/projects/demo/download/step").await.json()["download_url"].is_string());
    let script = world.get("/api/projects/demo/script/1").await;
    script.assert_problem(503, "bucket_unavailable");
}

#[tokio::test(start_paused = true)]
async fn a_read_waits_four_seconds_at_most() {
    let world = World::new();
    for _ in 0..20 {
        world.upload("demo", "x = 1").await;
    }
    let read = async || {
        world.clock.sleep(Duration::from_secs(10)).await;
        let before = world.clock.now();
        assert_eq!(world.get("/api/projects/demo/status").await.json()["status_info"]["status"], "processing");
        world.clock.now().since(before).as_millis()
    };
    world.store.always(Some(Fault::Silence));
    assert!((1..=4_000).contains(&read().await));
    world.store.always(None);
    // It answers the first requests, then is silent for twenty reports.
    for version in 1..=20 {
        world.complete("demo", version, &[Format::Step]);
    }
    for _ in 0..40 {
        world.store.plan("GET", "/processed/", Fault::Silence);
    }
    assert!((1..=4_000).contains(&read().await));
}

#[tokio::test(start_paused = true)]
async fn a_forbidden_head_does_not_stop_a_refresh() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.complete("demo", 1, &[Format::Step]);
    // AWS answers 403 for a missing key if the caller may not list.
    world.store.plan("HEAD", "/input/demo/demo_v2.py", Fault::Status(403));
    assert_eq!(world.status("demo").await["status"], "completed");
}

#[tokio::test(start_paused = true)]
async fn the_alarm_delivers_an_interrupted_upload() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.always(Some(Fault::Silence));
    {
        let cut = world.post(UPLOAD, "text/x-python", "x = 2");
        // The object is evicted half a second into the upload.
        let half_a_second = world.clock.sleep(Duration::from_millis(500));
        futures::future::select(Box::pin(cut), half_a_second).await;
    }
    world.evict("demo");
    world.store.always(None);
    world.ring("demo").await;
    assert_eq!(world.store.inner.object("input/demo/demo_v2.py").unwrap().bytes, "x = 2");
    assert!(world.store.inner.object("pending/demo/demo_v2/ticket").is_some());
}

#[tokio::test(start_paused = true)]
async fn alarms_during_an_upload_count_nothing_twice() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.always(Some(Fault::Silence));
    let alarms = async {
        for _ in 0..6 {
            world.ring("demo").await;
        }
        world.store.always(None);
    };
    let (answer, ()) = futures::future::join(world.post(UPLOAD, "text/x-python", "x = 2"), alarms).await;
    world.ring("demo").await;
    for version in 1..=2 {
        world.complete("demo", version, &[Format::Step]);
    }
    world.settle("demo", 30).await;
    let scripts = world.get("/api/projects/demo/scripts").await.json();
    let listed = scripts["scripts"].as_array().unwrap();
    assert_eq!((answer.status, &scripts["total_versions"], listed.len()), (202, &json!(2), 2), "{scripts}");
    assert!(listed.iter().all(|script| script["phase"] == "completed"), "{scripts}");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_setting_postpones_work() {
    let mut world = World::new();
    world.upload("demo", "x = 1").await;
    world.complete("demo", 1, &[Format::Step]);
    let wrong = World::with(MemoryStore::new(), &[("S3_ADDRESSING", "sideways")]).config;
    let right = std::mem::replace(&mut world.config, wrong);
    for _ in 0..20 {
        assert!(world.ring("demo").await, "the alarm stays set while the setting is wrong");
    }
    world.config = right;
    // Without any read, the alarm finishes the work.
    world.settle("demo", 20).await;
    assert!(world.store.inner.object("output/demo/MyHeadlessModel.STEP").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_refresh_does_not_block_later_ones() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.always(Some(Fault::Silence));
    let wait = |seconds| world.clock.sleep(Duration::from_secs(seconds));
    wait(5).await;
    // The caller disconnects after two seconds.
    futures::future::select(Box::pin(world.get("/api/projects/demo/status")), wait(2)).await;
    world.store.always(None);
    world.complete("demo", 1, &[Format::Step]);
    wait(301).await;
    assert_eq!(world.status("demo").await["status"], "completed");
}

#[tokio::test(start_paused = true)]
async fn an_unfit_store_is_refused() {
    let world = World::with(MemoryStore::with_conditions(false), &[("AUTH_MODE", "open")]);
    let answer = world.post(UPLOAD, "text/x-python", "x = 1").await;
    answer.assert_problem(503, "bucket_refuses");
    assert!(answer.json()["detail"].as_str().unwrap().contains("conditional writes"));
    assert_eq!(world.store.inner.keys(), [""; 0]);
    let health = world.get("/api/monitoring/health").await;
    assert_eq!((health.status, health.json()["components"]["bucket"]["status"].as_str()), (503, Some("unfit")));
}
