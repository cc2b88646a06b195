//! `cancel`: a version gets exactly one report, from the runner or from the cancellation.

use contract::{Format, Outcome, Report};
use expect_test::expect;
use serde_json::{Value, json};

use crate::support::answer::snapshot;
use crate::support::faults::Fault;
use crate::support::world::{Answer, World};

const DONE: &str = "processed/demo/demo_v1.py.done";

async fn cancel(world: &World, version: u64) -> Answer {
    world.post_with(&format!("/api/projects/demo/cancel/{version}"), ("x-request-id", "cancel-1"), None).await
}

fn report(world: &World) -> Report {
    serde_json::from_slice(&world.store.inner.object(DONE).unwrap().bytes).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_queued_or_running_version_is_cancelled() {
    for running in [false, true] {
        let world = World::new();
        world.upload("demo", "x = 1").await;
        if running {
            world.store.inner.drop_in("pending/demo/demo_v1/a1.json", "{\"any\": 1}");
            assert_eq!(world.status("demo").await["phase"], "running");
        }
        let answer = cancel(&world, 1).await;
        let body = answer.json();
        assert_eq!((answer.status, &body["phase"], &body["status"]), (200, &json!("cancelled"), &json!("error")));
        let report = serde_json::to_value(report(&world)).unwrap();
        expect![[r#"
            {
              "format": 1, "project": "demo", "version": 1, "outcome": "cancelled", "run": null, "attempt": null,
              "runner": null, "request_id": "cancel-1",
              "script_sha256": "8ff436def1451285599a1b1ad70800493b8dcafde2912e1a38345633054e4c26", "started_at": null,
              "finished_at": "[time]", "timings_ms": {}, "files": [], "log": null, "geometry": null,
              "error": {
                "code": "cancelled", "message": "Cancelled by local", "line": null, "column": null, "source": null,
                "object": null, "traceback": null
              },
              "warnings": [], "engine": null
            }"#]]
        .assert_eq(&snapshot(&report));
        assert!(world.store.inner.object("pending/demo/demo_v1/ticket").is_none());
        let status = world.status("demo").await;
        assert_eq!(status["code"], "cancelled");
        assert_eq!(status["message"], "Cancelled by local");
        world.settle("demo", 5).await;
        assert!(world.store.inner.object("pending/demo/demo_v1/ticket").is_none(), "it is not recreated");
    }
}

#[tokio::test(start_paused = true)]
async fn a_finished_version_cannot_be_cancelled() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    // The object has not seen the report yet.
    world.complete("demo", 1, &[Format::Step]);
    cancel(&world, 1).await.assert_problem(409, "already_finished");
    assert_eq!(report(&world).outcome, Outcome::Completed);
    // Now it has.
    cancel(&world, 1).await.assert_problem(409, "already_finished");
    assert_eq!(world.status("demo").await["status"], "completed");
    cancel(&world, 2).await.assert_problem(404, "version_not_found");
    world.post("/api/projects/none/cancel/1", "", "").await.assert_problem(404, "project_not_found");
    world.post("/api/projects/demo/cancel/x", "", "").await.assert_problem(400, "invalid_parameter");
}

#[tokio::test(start_paused = true)]
async fn the_first_report_wins() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    assert_eq!(world.status("demo").await["phase"], "queued");
    // The runner commits after the object's last look at the bucket.
    world.complete("demo", 1, &[Format::Step]);
    cancel(&world, 1).await.assert_problem(409, "already_finished");
    assert_eq!(world.get("/api/projects/demo/outputs?version=1").await.json()["total_files"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_response_keeps_the_cancellation() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.plan("PUT", "/processed/", Fault::LostAnswer);
    assert_eq!(cancel(&world, 1).await.status, 200);
    // The same request again succeeds; another request finds the version finished.
    assert_eq!(cancel(&world, 1).await.status, 200);
    world.post("/api/projects/demo/cancel/1", "", "").await.assert_problem(409, "already_finished");
}

#[tokio::test(start_paused = true)]
async fn an_outage_leaves_the_outcome_unknown() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    for _ in 0..4 {
        world.store.plan("PUT", "/processed/", Fault::LostAnswer);
    }
    let answer = cancel(&world, 1).await;
    answer.assert_problem(503, "bucket_unavailable");
    assert!(answer.json()["detail"].as_str().unwrap().contains("not known"));
    world.ring("demo").await;
    assert_eq!(world.get("/api/projects/demo/status").await.json()["status_info"]["phase"], "cancelled");
    assert_eq!(cancel(&world, 1).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_bucket_changes_nothing() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.plan("PUT", "/processed/", Fault::Status(403));
    let answer = cancel(&world, 1).await;
    answer.assert_problem(503, "bucket_refuses");
    assert!(answer.json()["detail"].as_str().unwrap().starts_with("Nothing was"));
    assert_eq!(world.status("demo").await["phase"], "queued");
}

#[tokio::test(start_paused = true)]
async fn a_stored_version_is_delivered_first() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.always(Some(Fault::NoConnection));
    let stored = world.post("/api/projects/demo/upload-script", "text/x-python", "mine").await;
    assert_eq!(stored.status, 202);
    let answer = cancel(&world, 2).await;
    answer.assert_problem(503, "bucket_unavailable");
    assert!(!answer.header("retry-after").is_empty());
    assert!(answer.json()["detail"].as_str().unwrap().contains("not known"), "the script may be in the bucket");
    assert_eq!(world.status("demo").await["phase"], "stored", "the script is not in the bucket");
    world.store.always(None);
    world.store.inner.drop_in("input/demo/demo_v2.py", "theirs");
    let body = cancel(&world, 2).await.json();
    assert_eq!((&body["version"], &body["moved_from"], &body["phase"]), (&json!(3), &json!(2), &json!("cancelled")));
    let keys = world.store.inner.keys();
    assert!(keys.contains(&"input/demo/demo_v3.py".to_owned()));
    assert!(keys.contains(&"processed/demo/demo_v3.py.done".to_owned()));
    assert!(!keys.contains(&"processed/demo/demo_v2.py.done".to_owned()), "the foreign script goes on");
}

#[tokio::test(start_paused = true)]
async fn a_moved_number_does_not_affect_the_foreign_script() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.always(Some(Fault::NoConnection));
    let stored = world.post("/api/projects/demo/upload-script", "text/x-python", "mine").await;
    assert_eq!((stored.status, stored.json()["version"].as_u64()), (202, Some(2)));
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
            answer.assert_problem(409, "moved");
            assert!(answer.json()["detail"].as_str().unwrap().ends_with("is 3."), "{:?}", answer.bytes);
        }
        assert_eq!(
            world.store.inner.object("processed/demo/demo_v2.py.done").is_some(),
            finished,
            "the foreign script goes on"
        );
    }
    let body = cancel(&world, 3).await.json();
    assert_eq!((&body["moved_from"], &body["phase"]), (&json!(2), &json!("cancelled")));
    assert_eq!(world.get("/api/projects/demo/scripts").await.json()["total_versions"], 3);
}

#[tokio::test(start_paused = true)]
async fn a_first_upload_is_cancelled_where_it_moved() {
    let world = World::new();
    world.store.inner.drop_in("processed/demo/demo_v1.py.done", "");
    world.store.always(Some(Fault::NoConnection));
    world.post("/api/projects/demo/upload-script", "text/x-python", "mine").await;
    world.store.always(None);
    let body: Value = cancel(&world, 1).await.json();
    assert_eq!((&body["version"], &body["moved_from"], &body["phase"]), (&json!(2), &json!(1), &json!("cancelled")));
}
