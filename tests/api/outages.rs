//! A bucket that is away, refuses, or loses answers.

use std::time::Duration;

use contract::Format;
use platform::Clock;
use serde_json::json;

use crate::support::faults::Fault;
use crate::support::memory_store::MemoryStore;
use crate::support::world::World;

const UPLOAD: &str = "/api/projects/demo/upload-script";

/// What arrived without an answer is the version that its uploader was told of, and the number is not given again.
async fn second_version_is_found_again(world: &World) {
    assert_eq!(world.store.inner.object("input/demo/demo_v2.py").unwrap().bytes, "x = 2", "it arrived all the same");
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
async fn a_script_that_arrived_without_an_answer_is_settled_by_the_alarm() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    for _ in 0..4 {
        world.store.plan("PUT", "/input/demo/demo_v2.py", Fault::LostAnswer);
    }
    assert_eq!(world.post(UPLOAD, "text/x-python", "x = 2").await.status, 202);
    second_version_is_found_again(&world).await;
}

#[tokio::test(start_paused = true)]
async fn a_number_that_came_to_nothing_hides_no_script_of_others() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    // Two at once, which are refused in the order in which they came: the second's number is still taken then.
    for (key, seconds) in [("/input/demo/demo_v2.py", 1), ("/input/demo/demo_v3.py", 2)] {
        world.store.plan("PUT", key, Fault::SlowStatus(Duration::from_secs(seconds), 403));
    }
    let upload = || world.post(UPLOAD, "text/x-python", "x = 2");
    let (one, other) = tokio::join!(upload(), upload());
    assert_eq!((one.status, other.status), (503, 503));
    // The next number as anybody sees it who looks at the bucket.
    world.store.inner.drop_in("input/demo/demo_v2.py", "x = 'by hand'");
    assert_eq!(world.status("demo").await["status"], "processing");
    assert_eq!(world.get("/api/projects/demo/scripts").await.json()["total_versions"], 2);
    assert_eq!(world.upload("demo", "x = 3").await, 3);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_no_second_version() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.plan("PUT", "/input/demo/demo_v2.py", Fault::LostAnswer);
    assert_eq!(world.upload("demo", "x = 2").await, 2);
    assert_eq!(world.get("/api/projects/demo/scripts").await.json()["total_versions"], 2);
}

#[tokio::test(start_paused = true)]
async fn a_ticket_that_fails_does_not_fail_the_upload() {
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
async fn a_bucket_that_refuses_is_told_apart_and_gives_the_number_back() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.plan("PUT", "/input/", Fault::Status(403));
    let answer = world.post(UPLOAD, "text/x-python", "x = 2").await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (503, Some("bucket_refuses")));
    assert!(!answer.header("retry-after").is_empty());
    assert_eq!(world.upload("demo", "x = 3").await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_after_a_lost_answer_refuses_nothing() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.plan("PUT", "/input/demo/demo_v2.py", Fault::LostAnswer);
    world.store.plan("PUT", "/input/demo/demo_v2.py", Fault::Status(403));
    assert_eq!(world.post(UPLOAD, "text/x-python", "x = 2").await.status, 202);
    second_version_is_found_again(&world).await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_to_say_whose_the_key_is_refuses_nothing() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.plan("PUT", "/input/demo/demo_v2.py", Fault::LostAnswer);
    world.store.plan("HEAD", "/input/demo/demo_v2.py", Fault::Status(403));
    assert_eq!(world.post(UPLOAD, "text/x-python", "x = 2").await.status, 202);
    second_version_is_found_again(&world).await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_what_was_sent_before_forgets_nothing() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    // The bucket has taken the script when the object goes.
    world.store.plan("PUT", "/input/demo/demo_v2.py", Fault::SlowBody(std::time::Duration::from_secs(5)));
    {
        let cut = world.post(UPLOAD, "text/x-python", "x = 2");
        let half_a_second = world.clock.sleep(std::time::Duration::from_millis(500));
        futures::future::select(Box::pin(cut), half_a_second).await;
    }
    world.evict("demo");
    world.store.plan("PUT", "/input/demo/demo_v2.py", Fault::Status(403));
    world.ring("demo").await;
    second_version_is_found_again(&world).await;
}

#[tokio::test(start_paused = true)]
async fn a_name_whose_only_upload_was_refused_is_free_again() {
    let world = World::new();
    world.upload("other", "x = 1").await;
    world.store.plan("PUT", "/input/demo", Fault::Status(403));
    assert_eq!(world.post(UPLOAD, "text/x-python", "x = 1").await.status, 503);
    assert_eq!(world.status("demo").await["status"], "no_scripts");
    assert_eq!(world.get("/api/projects").await.json()["total_projects"], 1);
    assert_eq!(world.upload("demo", "x = 1").await, 1);
}

#[tokio::test(start_paused = true)]
async fn reads_go_on_without_the_bucket() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.complete("demo", 1, &[Format::Step]);
    assert_eq!(world.status("demo").await["status"], "completed");
    world.store.always(Some(Fault::NoConnection));
    assert_eq!(world.status("demo").await["status"], "completed");
    assert_eq!(world.get("/api/projects/demo/outputs").await.json()["total_files"], 1);
    assert!(world.get("/api/projects/demo/download/step").await.json()["download_url"].is_string());
    let script = world.get("/api/projects/demo/script/1").await;
    assert_eq!((script.status, script.json()["code"].as_str()), (503, Some("bucket_unavailable")));
}

#[tokio::test(start_paused = true)]
async fn a_read_waits_a_few_seconds_for_a_silent_bucket() {
    let world = World::new();
    for _ in 0..20 {
        world.upload("demo", "x = 1").await;
    }
    let read = async || {
        world.clock.sleep(std::time::Duration::from_secs(10)).await;
        let before = world.clock.now();
        assert_eq!(world.get("/api/projects/demo/status").await.json()["status_info"]["status"], "processing");
        world.clock.now().since(before).as_millis()
    };
    world.store.always(Some(Fault::Silence));
    assert!((1..=4_000).contains(&read().await));
    world.store.always(None);
    // It answers the first questions, then falls silent over twenty reports.
    for version in 1..=20 {
        world.complete("demo", version, &[Format::Step]);
    }
    for _ in 0..40 {
        world.store.plan("GET", "/processed/", Fault::Silence);
    }
    assert!((1..=4_000).contains(&read().await));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_may_not_be_asked_for_does_not_stop_a_look() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.complete("demo", 1, &[Format::Step]);
    // AWS says this of a key that is not there to those who may not list.
    world.store.plan("HEAD", "/input/demo/demo_v2.py", Fault::Status(403));
    assert_eq!(world.status("demo").await["status"], "completed");
}

#[tokio::test(start_paused = true)]
async fn an_upload_cut_short_by_an_eviction_is_delivered_by_the_alarm() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.always(Some(Fault::Silence));
    {
        let cut = world.post(UPLOAD, "text/x-python", "x = 2");
        // The object is gone half a second into the upload.
        let half_a_second = world.clock.sleep(std::time::Duration::from_millis(500));
        futures::future::select(Box::pin(cut), half_a_second).await;
    }
    world.evict("demo");
    world.store.always(None);
    world.ring("demo").await;
    assert_eq!(world.store.inner.object("input/demo/demo_v2.py").unwrap().bytes, "x = 2");
    assert!(world.store.inner.object("pending/demo/demo_v2/ticket").is_some());
}

#[tokio::test(start_paused = true)]
async fn alarms_during_a_slow_upload_count_nothing_twice() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.always(Some(Fault::Silence));
    let bell = async {
        for _ in 0..6 {
            world.ring("demo").await;
        }
        world.store.always(None);
    };
    let (answer, ()) = futures::future::join(world.post(UPLOAD, "text/x-python", "x = 2"), bell).await;
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
async fn a_wrong_setting_puts_work_off_and_forgets_none() {
    let mut world = World::new();
    world.upload("demo", "x = 1").await;
    world.complete("demo", 1, &[Format::Step]);
    let wrong = World::with(MemoryStore::new(), &[("S3_ADDRESSING", "sideways")]).config;
    let right = std::mem::replace(&mut world.config, wrong);
    for _ in 0..20 {
        assert!(world.ring("demo").await, "it rings for as long as the setting is wrong");
    }
    world.config = right;
    // Nobody asks: the alarm alone goes on.
    world.settle("demo", 20).await;
    assert!(world.store.inner.object("output/demo/MyHeadlessModel.STEP").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_look_that_was_broken_off_does_not_stop_later_ones() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.always(Some(Fault::Silence));
    let wait = |seconds| world.clock.sleep(std::time::Duration::from_secs(seconds));
    wait(5).await;
    // The caller is gone two seconds into the look.
    futures::future::select(Box::pin(world.get("/api/projects/demo/status")), wait(2)).await;
    world.store.always(None);
    world.complete("demo", 1, &[Format::Step]);
    wait(301).await;
    assert_eq!(world.status("demo").await["status"], "completed");
}

#[tokio::test(start_paused = true)]
async fn an_unfit_store_is_refused_by_name() {
    let world = World::with(MemoryStore::with_conditions(false), &[("AUTH_MODE", "open")]);
    let answer = world.post(UPLOAD, "text/x-python", "x = 1").await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (503, Some("bucket_refuses")));
    assert!(answer.json()["detail"].as_str().unwrap().contains("conditional writes"));
    assert_eq!(world.store.inner.keys(), [""; 0]);
    let health = world.get("/api/monitoring/health").await;
    assert_eq!((health.status, health.json()["components"]["bucket"]["status"].as_str()), (503, Some("unfit")));
}
