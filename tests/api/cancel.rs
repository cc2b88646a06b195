//! `cancel`: exactly one report counts, whoever writes it.

use contract::{Format, Outcome, Report};
use serde_json::{Value, json};

use crate::support::faults::Fault;
use crate::support::world::{Answer, World};

const DONE: &str = "processed/demo/demo_v1.py.done";

async fn cancel(world: &World, version: u64) -> Answer {
    world.post_with(&format!("/api/projects/demo/cancel/{version}"), ("x-request-id", "cancel-1"), None).await
}

fn check(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.json()["code"].as_str()), (status, Some(code)), "{:?}", answer.bytes);
}

fn report(world: &World) -> Report {
    serde_json::from_slice(&world.store.inner.object(DONE).unwrap().bytes).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_waiting_or_running_version_is_cancelled() {
    for running in [false, true] {
        let world = World::new();
        world.upload("demo", "x = 1").await;
        if running {
            world.store.inner.drop_in("pending/demo/demo_v1/a1.json", "{\"any\": 1}");
            assert_eq!(world.status("demo").await["phase"], "running");
        }
        let answer = cancel(&world, 1).await;
        let body = answer.json();
        assert_eq!(
            (answer.status, body["phase"].as_str(), body["status"].as_str()),
            (200, Some("cancelled"), Some("error"))
        );
        let report = report(&world);
        assert_eq!((report.outcome, &report.run, report.files.len()), (Outcome::Cancelled, &None, 0));
        let error = report.error.unwrap();
        assert_eq!((error.code.as_str(), error.message.as_str()), ("cancelled", "Cancelled by local"));
        assert!(world.store.inner.object("pending/demo/demo_v1/ticket").is_none());
        let status = world.status("demo").await;
        assert_eq!(
            (status["code"].as_str(), status["message"].as_str()),
            (Some("cancelled"), Some("Cancelled by local"))
        );
        world.settle("demo", 5).await;
        assert!(world.store.inner.object("pending/demo/demo_v1/ticket").is_none(), "nobody makes it again");
    }
}

#[tokio::test(start_paused = true)]
async fn a_finished_version_stays_as_it_is() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    // The object has not heard of the report.
    world.complete("demo", 1, &[Format::Step]);
    check(&cancel(&world, 1).await, 409, "already_finished");
    assert_eq!(report(&world).outcome, Outcome::Completed);
    // Now it has.
    check(&cancel(&world, 1).await, 409, "already_finished");
    assert_eq!(world.status("demo").await["status"], "completed");
    check(&cancel(&world, 2).await, 404, "version_not_found");
    check(&world.post("/api/projects/none/cancel/1", "", "").await, 404, "project_not_found");
    check(&world.post("/api/projects/demo/cancel/x", "", "").await, 400, "invalid_parameter");
}

#[tokio::test(start_paused = true)]
async fn a_report_that_comes_first_wins() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    assert_eq!(world.status("demo").await["phase"], "queued");
    // The runner commits after the look that comes before the cancellation.
    world.complete("demo", 1, &[Format::Step]);
    check(&cancel(&world, 1).await, 409, "already_finished");
    assert_eq!(world.get("/api/projects/demo/outputs?version=1").await.json()["total_files"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_no_other_s_report() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.plan("PUT", "/processed/", Fault::LostAnswer);
    assert_eq!(cancel(&world, 1).await.status, 200);
    // Asked again by the same request it is done; by another it was done before.
    assert_eq!(cancel(&world, 1).await.status, 200);
    check(&world.post("/api/projects/demo/cancel/1", "", "").await, 409, "already_finished");
}

#[tokio::test(start_paused = true)]
async fn without_the_bucket_it_is_told_that_nobody_knows() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    for _ in 0..4 {
        world.store.plan("PUT", "/processed/", Fault::LostAnswer);
    }
    let answer = cancel(&world, 1).await;
    check(&answer, 503, "bucket_unavailable");
    assert!(answer.json()["detail"].as_str().unwrap().contains("not known"));
    world.ring("demo").await;
    assert_eq!(world.get("/api/projects/demo/status").await.json()["status_info"]["phase"], "cancelled");
    assert_eq!(cancel(&world, 1).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_refusing_bucket_changes_nothing() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.plan("PUT", "/processed/", Fault::Status(403));
    let answer = cancel(&world, 1).await;
    check(&answer, 503, "bucket_refuses");
    assert!(answer.json()["detail"].as_str().unwrap().starts_with("Nothing was"));
    assert_eq!(world.status("demo").await["phase"], "queued");
}

#[tokio::test(start_paused = true)]
async fn a_kept_version_is_delivered_first() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.always(Some(Fault::NoConnection));
    let kept = world.post("/api/projects/demo/upload-script", "text/x-python", "mine").await;
    assert_eq!(kept.status, 202);
    let answer = cancel(&world, 2).await;
    check(&answer, 503, "bucket_unavailable");
    assert!(!answer.header("retry-after").is_empty());
    assert!(answer.json()["detail"].as_str().unwrap().contains("not known"), "the script may have arrived");
    assert_eq!(world.status("demo").await["phase"], "stored", "it has not");
    world.store.always(None);
    world.store.inner.drop_in("input/demo/demo_v2.py", "theirs");
    let body = cancel(&world, 2).await.json();
    assert_eq!((&body["version"], &body["moved_from"], &body["phase"]), (&json!(3), &json!(2), &json!("cancelled")));
    let keys = world.store.inner.keys();
    assert!(
        keys.contains(&"input/demo/demo_v3.py".to_owned())
            && keys.contains(&"processed/demo/demo_v3.py.done".to_owned())
    );
    assert!(!keys.contains(&"processed/demo/demo_v2.py.done".to_owned()), "theirs goes on");
}

#[tokio::test(start_paused = true)]
async fn a_number_that_moved_ends_and_repeats_nothing_of_the_stranger_s() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.always(Some(Fault::NoConnection));
    let kept = world.post("/api/projects/demo/upload-script", "text/x-python", "mine").await;
    assert_eq!((kept.status, kept.json()["version"].as_u64()), (202, Some(2)));
    world.store.always(None);
    world.store.inner.drop_in("input/demo/demo_v2.py", "theirs");
    world.ring("demo").await;
    for finished in [false, true] {
        if finished {
            world.complete("demo", 2, &[Format::Step]);
            world.status("demo").await;
        }
        for operation in ["cancel", "retry"] {
            let answer = world.post(&format!("/api/projects/demo/{operation}/2"), "", "").await;
            check(&answer, 409, "moved");
            assert!(answer.json()["detail"].as_str().unwrap().ends_with("is 3."), "{:?}", answer.bytes);
        }
        assert_eq!(world.store.inner.object("processed/demo/demo_v2.py.done").is_some(), finished, "theirs goes on");
    }
    let body = cancel(&world, 3).await.json();
    assert_eq!((&body["moved_from"], &body["phase"]), (&json!(2), &json!("cancelled")));
    assert_eq!(world.get("/api/projects/demo/scripts").await.json()["total_versions"], 3);
}

#[tokio::test(start_paused = true)]
async fn a_kept_version_of_a_first_contact_is_found_where_it_moved() {
    let world = World::new();
    world.store.inner.drop_in("processed/demo/demo_v1.py.done", "");
    world.store.always(Some(Fault::NoConnection));
    world.post("/api/projects/demo/upload-script", "text/x-python", "mine").await;
    world.store.always(None);
    let body: Value = cancel(&world, 1).await.json();
    assert_eq!((&body["version"], &body["moved_from"], &body["phase"]), (&json!(2), &json!(1), &json!("cancelled")));
}
