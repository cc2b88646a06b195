//! `retry`: a finished version's script as a new version.

use contract::{Format, JobError, Outcome, Report};
use platform::Clock;
use serde_json::json;

use crate::support::faults::Fault;
use crate::support::world::{Answer, World};

async fn retry(world: &World, version: &str) -> Answer {
    world.post(&format!("/api/projects/demo/retry/{version}"), "", "").await
}

fn check(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.json()["code"].as_str()), (status, Some(code)), "{:?}", answer.bytes);
}

/// Version 1 has failed, and the object may not have heard of it.
async fn failed(world: &World) {
    let body = json!({"code": "x = 1", "metadata": {"a": 1}});
    world.post("/api/projects/demo/upload-script", "application/json", body.to_string()).await;
    let mut report = Report::new("demo".parse().unwrap(), 1.try_into().unwrap(), Outcome::Failed, world.clock.now());
    report.error = Some(JobError::new("script_error", "no"));
    world.commit(&report);
}

#[tokio::test(start_paused = true)]
async fn a_finished_version_runs_again_as_a_new_one() {
    let world = World::new();
    failed(&world).await;
    let answer = retry(&world, "1").await;
    assert_eq!((answer.status, answer.json()["version"].as_u64()), (201, Some(2)));
    let script = world.store.inner.object("input/demo/demo_v2.py").unwrap();
    assert_eq!((script.bytes.as_ref(), script.metadata["origin"].as_str()), (&b"x = 1"[..], "retry"));
    assert_eq!(script.metadata["parent"], "1");
    assert!(world.store.inner.object("pending/demo/demo_v2/ticket").is_some());
    let listed = world.get("/api/projects/demo/scripts").await.json()["scripts"].clone();
    assert_eq!((&listed[0]["parent"], &listed[0]["metadata"]), (&json!(1), &json!({"a": 1})));
    assert_eq!(listed[1]["phase"], "failed", "what was committed stays");
    world.complete("demo", 2, &[Format::Step]);
    assert_eq!(world.status("demo").await["status"], "completed");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_run_again_says_why() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    check(&retry(&world, "1").await, 409, "not_finished");
    check(&retry(&world, "2").await, 404, "version_not_found");
    check(&retry(&world, "0").await, 400, "invalid_parameter");
    check(&world.post("/api/projects/none/retry/1", "", "").await, 404, "project_not_found");
    world.complete("demo", 1, &[Format::Step]);
    world.store.inner.drop_in("input/demo/demo_v1.py", "another");
    check(&retry(&world, "1").await, 409, "not_repeatable");
    world.store.inner.remove("input/demo/demo_v1.py");
    check(&retry(&world, "1").await, 404, "script_not_found");
    for (version, bytes) in [(2, vec![b'#'; (1 << 20) + 1]), (3, vec![0xff])] {
        world.store.inner.drop_in(&format!("input/demo/demo_v{version}.py"), bytes);
        world.complete("demo", version, &[Format::Step]);
        world.status("demo").await;
        check(&retry(&world, &version.to_string()).await, 409, "not_repeatable");
    }
    assert_eq!(world.get("/api/projects/demo/scripts").await.json()["total_versions"], 3);
}

#[tokio::test(start_paused = true)]
async fn without_the_bucket_there_is_no_script_to_run() {
    let world = World::new();
    failed(&world).await;
    world.status("demo").await;
    world.store.always(Some(Fault::NoConnection));
    let answer = retry(&world, "1").await;
    check(&answer, 503, "bucket_unavailable");
    world.store.always(None);
    // Read, and then the bucket goes.
    for _ in 0..4 {
        world.store.plan("PUT", "/input/", Fault::NoConnection);
    }
    let answer = retry(&world, "1").await;
    assert_eq!((answer.status, answer.json()["version"].as_u64()), (202, Some(2)));
}

#[tokio::test(start_paused = true)]
async fn a_key_makes_one_version_of_many_retries() {
    let world = World::new();
    failed(&world).await;
    let send = async || world.post_with("/api/projects/demo/retry/1", ("idempotency-key", "a"), None).await;
    assert_eq!(send().await.json()["version"], 2);
    // The answer needs no script any more.
    world.store.inner.remove("input/demo/demo_v1.py");
    let again = send().await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, "true"));
    assert_eq!(again.json()["version"], 2);
    let upload = json!({"code": "x = 1", "metadata": {"a": 1}});
    let other = world.post_with("/api/projects/demo/upload-script", ("idempotency-key", "a"), Some(upload)).await;
    check(&other, 422, "idempotency_key_reused");
}

#[tokio::test(start_paused = true)]
async fn a_report_under_the_number_of_a_kept_version_is_another_s() {
    let world = World::new();
    failed(&world).await;
    world.status("demo").await;
    world.store.always(Some(Fault::NoConnection));
    let kept = world.post("/api/projects/demo/upload-script", "text/x-python", "mine").await;
    assert_eq!((kept.status, kept.json()["version"].as_u64()), (202, Some(2)));
    world.store.always(None);
    world.store.inner.drop_in("input/demo/demo_v2.py", "theirs");
    world.complete("demo", 2, &[Format::Step]);
    check(&retry(&world, "2").await, 409, "not_finished");
    world.ring("demo").await;
    let listed = world.get("/api/projects/demo/scripts").await.json()["scripts"].clone();
    assert_eq!((&listed[0]["version"], &listed[0]["moved_from"]), (&json!(3), &json!(2)), "{listed}");
    assert_eq!(world.store.inner.object("input/demo/demo_v3.py").unwrap().bytes, "mine");
}
