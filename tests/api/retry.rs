//! `retry`: the script of a finished version as a new version.

use contract::{Format, JobError, Outcome, Report};
use platform::Clock;
use serde_json::json;

use crate::support::faults::Fault;
use crate::support::world::{Answer, World};

async fn retry(world: &World, version: &str) -> Answer {
    world.post(&format!("/api/projects/demo/retry/{version}"), "", "").await
}

/// Version 1 fails. The object has not seen the report yet.
async fn fail_version_1(world: &World) {
    let body = json!({"code": "x = 1", "metadata": {"a": 1}});
    world.post("/api/projects/demo/upload-script", "application/json", body.to_string()).await;
    let mut report = Report::new("demo".parse().unwrap(), 1.try_into().unwrap(), Outcome::Failed, world.clock.now());
    report.error = Some(JobError::new("script_error", "no"));
    world.commit(&report);
}

#[tokio::test(start_paused = true)]
async fn a_retry_creates_a_new_version() {
    let world = World::new();
    fail_version_1(&world).await;
    let answer = retry(&world, "1").await;
    assert_eq!((answer.status, answer.json()["version"].as_u64()), (201, Some(2)));
    let script = world.store.inner.object("input/demo/demo_v2.py").unwrap();
    assert_eq!((script.bytes.as_ref(), script.metadata["origin"].as_str()), (&b"x = 1"[..], "retry"));
    assert_eq!(script.metadata["parent"], "1");
    assert!(world.store.inner.object("pending/demo/demo_v2/ticket").is_some());
    let listed = world.get("/api/projects/demo/scripts").await.json()["scripts"].clone();
    assert_eq!((&listed[0]["parent"], &listed[0]["metadata"]), (&json!(1), &json!({"a": 1})));
    assert_eq!(listed[1]["phase"], "failed", "the failed version stays");
    world.complete("demo", 2, &[Format::Step]);
    assert_eq!(world.status("demo").await["status"], "completed");
}

#[tokio::test(start_paused = true)]
async fn an_impossible_retry_is_refused() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    retry(&world, "1").await.assert_problem(409, "not_finished");
    retry(&world, "2").await.assert_problem(404, "version_not_found");
    retry(&world, "0").await.assert_problem(400, "invalid_parameter");
    world.post("/api/projects/none/retry/1", "", "").await.assert_problem(404, "project_not_found");
    world.complete("demo", 1, &[Format::Step]);
    world.store.inner.drop_in("input/demo/demo_v1.py", "another");
    retry(&world, "1").await.assert_problem(409, "not_repeatable");
    world.store.inner.remove("input/demo/demo_v1.py");
    retry(&world, "1").await.assert_problem(404, "script_not_found");
    for (version, bytes) in [(2, vec![b'#'; (1 << 20) + 1]), (3, vec![0xff])] {
        world.store.inner.drop_in(&format!("input/demo/demo_v{version}.py"), bytes);
        world.complete("demo", version, &[Format::Step]);
        world.status("demo").await;
        retry(&world, &version.to_string()).await.assert_problem(409, "not_repeatable");
    }
    assert_eq!(world.get("/api/projects/demo/scripts").await.json()["total_versions"], 3);
}

#[tokio::test(start_paused = true)]
async fn a_retry_needs_the_script_from_the_bucket() {
    let world = World::new();
    fail_version_1(&world).await;
    world.status("demo").await;
    world.store.always(Some(Fault::NoConnection));
    let answer = retry(&world, "1").await;
    answer.assert_problem(503, "bucket_unavailable");
    world.store.always(None);
    // The script can be read, and then the bucket becomes unreachable.
    for _ in 0..4 {
        world.store.plan("PUT", "/input/", Fault::NoConnection);
    }
    let answer = retry(&world, "1").await;
    assert_eq!((answer.status, answer.json()["version"].as_u64()), (202, Some(2)));
}

#[tokio::test(start_paused = true)]
async fn an_idempotency_key_makes_one_version() {
    let world = World::new();
    fail_version_1(&world).await;
    let send = async || world.post_with("/api/projects/demo/retry/1", ("idempotency-key", "a"), None).await;
    assert_eq!(send().await.json()["version"], 2);
    // A replay does not need the script.
    world.store.inner.remove("input/demo/demo_v1.py");
    let again = send().await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, "true"));
    assert_eq!(again.json()["version"], 2);
    let upload = json!({"code": "x = 1", "metadata": {"a": 1}});
    let other = world.post_with("/api/projects/demo/upload-script", ("idempotency-key", "a"), Some(upload)).await;
    other.assert_problem(422, "idempotency_key_reused");
}

#[tokio::test(start_paused = true)]
async fn a_foreign_report_does_not_finish_a_stored_version() {
    let world = World::new();
    fail_version_1(&world).await;
    world.status("demo").await;
    world.store.always(Some(Fault::NoConnection));
    let stored = world.post("/api/projects/demo/upload-script", "text/x-python", "mine").await;
    assert_eq!((stored.status, stored.json()["version"].as_u64()), (202, Some(2)));
    world.store.always(None);
    world.store.inner.drop_in("input/demo/demo_v2.py", "theirs");
    world.complete("demo", 2, &[Format::Step]);
    retry(&world, "2").await.assert_problem(409, "not_finished");
    world.ring("demo").await;
    let listed = world.get("/api/projects/demo/scripts").await.json()["scripts"].clone();
    assert_eq!((&listed[0]["version"], &listed[0]["moved_from"]), (&json!(3), &json!(2)), "{listed}");
    assert_eq!(world.store.inner.object("input/demo/demo_v3.py").unwrap().bytes, "mine");
}
