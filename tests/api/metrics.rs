//! Metrics: each event counts exactly once, whether or not the object that adds up is away.

mod outbox;

use std::fmt::Display;
use std::time::Duration;

use contract::{Format, JobError, JobErrorCode, Key, Outcome, OutputFile, Report, RunId, Timestamp};
use expect_test::expect;
use partwright::metrics::{AddBatch, Counter, METRICS_OBJECTS, Metric, MetricsTarget, Sample, hour_of, start_of};
use partwright::object::call;
use platform::Clock;
use serde_json::{Value, json};

use crate::support::faults::Fault;
use crate::support::person::Person;
use crate::support::provider::Behaviour;
use crate::support::talk::{Run, Talk, error, written};
use crate::support::world::{Line, World};

const METRICS: &str = "/api/monitoring/ai/metrics";

async fn metrics(world: &World) -> Value {
    let answer = Person::admin(world).get(METRICS).await;
    assert_eq!(answer.status, 200, "{:?}", answer.bytes);
    answer.json()
}

/// The totals after all outboxes are sent.
async fn totals(world: &World) -> Value {
    world.send_metrics().await;
    metrics(world).await["totals"].clone()
}

/// One line for each of these fields.
fn parts<I: serde_json::value::Index + Display>(value: &Value, fields: &[I]) -> String {
    fields.iter().map(|field| format!("{field} {}\n", value[field])).collect()
}

/// A runner's report of a version that ran for two seconds.
fn report(world: &World, project: &str, version: u64, outcome: Outcome) -> Report {
    let mut report = Report::new(project.parse().unwrap(), version.try_into().unwrap(), outcome, world.clock.now());
    report.run = Some(RunId::random());
    report.started_at = Some(Timestamp::from_millis(report.finished_at.as_millis() - 2_000));
    if outcome == Outcome::Completed {
        let key = Key::Output(report.project.clone(), report.version, report.run.clone().unwrap(), Format::Step);
        world.store.inner.drop_in(&key.to_string(), "a model");
        let (size, key) = (7, key.to_string());
        report.files.push(OutputFile { format: Format::Step, key, size, sha256: None, made_by: None });
    }
    report
}

fn failed(world: &World, version: u64, outcome: Outcome, code: impl Into<JobErrorCode>) -> Report {
    let error = Some(JobError::new(code, "no"));
    Report { error, ..report(world, "demo", version, outcome) }
}

#[tokio::test(start_paused = true)]
async fn without_events_all_counts_are_zero() {
    let world = World::closed();
    let body = metrics(&world).await;
    let from: Timestamp = body["from"].as_str().unwrap().parse().unwrap();
    assert_eq!(from, start_of(hour_of(world.clock.now()) - 23), "the current hour and the 23 before it");
    assert_eq!((&body["complete"], &body["missing_shards"]), (&json!(true), &json!([])));
    assert_eq!((&body["window_hours"], &body["hours"]), (&json!(24), &json!([])));
    expect![[r#"
        uploads {"succeeded":0,"by_origin":{},"failed":0,"failed_by_code":{}}
        versions {"completed":0,"failed":0,"timed_out":0,"abandoned":0,"cancelled":0,"errors":{},"run":{"count":0,"mean_ms":null,"p50_ms":null,"p95_ms":null},"upload_to_model":{"count":0,"mean_ms":null,"p50_ms":null,"p95_ms":null}}
        downloads {"links":0,"by_format":{}}
        errors {"client":0,"server":0,"by_code":{}}
        ai {"calls":0,"successes":0,"failures":{},"input_tokens":0,"output_tokens":0,"latency":{"count":0,"mean_ms":null,"p50_ms":null,"p95_ms":null},"fallbacks":0,"first_runs":0,"first_runs_won":0,"first_run_success_rate":null,"repairs_tried":0,"repairs_won":0}
        models []
    "#]]
    .assert_eq(&parts(&body["totals"], &["uploads", "versions", "downloads", "errors", "ai", "models"]));
    for hours in ["0", "721", "-1", "1.5", "x", ""] {
        let answer = Person::admin(&world).get(&format!("{METRICS}?hours={hours}")).await;
        assert_eq!((answer.status, answer.json()["field"].as_str()), (400, Some("hours")), "{hours:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn uploads_versions_links_and_errors_are_counted() {
    let world = World::new();
    for version in 1..=5 {
        assert_eq!(world.upload("demo", &format!("x = {version}")).await, version);
    }
    world.commit(&report(&world, "demo", 1, Outcome::Completed));
    world.commit(&failed(&world, 2, Outcome::Failed, JobErrorCode::ScriptError));
    world.commit(&failed(&world, 3, Outcome::Failed, "a label of somebody's own"));
    world.commit(&failed(&world, 4, Outcome::TimedOut, JobErrorCode::ScriptTimeout));
    assert_eq!(world.post("/api/projects/demo/cancel/5", "text/plain", "").await.status, 200);
    world.clock.sleep(Duration::from_secs(2)).await;
    assert_eq!(world.post("/api/projects/demo/retry/1", "text/plain", "").await.status, 201);
    // Uploads that fail.
    assert_eq!(world.post("/api/projects/demo/upload-script", "text/x-python", " ").await.status, 400);
    let batch = json!({"uploads": [{"project_name": "demo", "code": ""}, {"project_name": "../x", "code": "x"}]});
    assert_eq!(world.post("/api/batch", "application/json", batch.to_string()).await.status, 200);
    // Links, and other requests that fail.
    for format in ["step", "STEP"] {
        assert_eq!(world.get(&format!("/api/projects/demo/download/{format}?version=1")).await.status, 200);
    }
    assert_eq!(world.get("/api/projects/demo/download/stl?version=1").await.status, 404);
    assert_eq!(world.get("/api/projects/nobody/scripts").await.status, 404);
    world.store.always(Some(Fault::Status(403)));
    assert_eq!(world.get("/api/projects/demo/logs").await.status, 503);
    world.store.always(None);

    let mut totals = totals(&world).await;
    totals["versions"]["upload_to_model"].take();
    expect![[r#"
        uploads {"succeeded":6,"by_origin":{"retry":1,"upload":5},"failed":3,"failed_by_code":{"empty_script":2,"invalid_parameter":1}}
        versions {"completed":1,"failed":2,"timed_out":1,"abandoned":0,"cancelled":1,"errors":{"cancelled":1,"other":1,"script_error":1,"script_timeout":1},"run":{"count":1,"mean_ms":2000,"p50_ms":1878,"p95_ms":1878},"upload_to_model":null}
        downloads {"links":2,"by_format":{"STEP":2}}
        errors {"client":3,"server":1,"by_code":{"bucket_refuses":1,"empty_script":1,"no_output":1,"project_not_found":1}}
    "#]]
    .assert_eq(&parts(&totals, &["uploads", "versions", "downloads", "errors"]));
    // No name of a user or project is stored, and no text of a report.
    let stored = world.metrics_text();
    for hidden in ["demo", "local", "somebody"] {
        assert!(!stored.contains(hidden) && stored.contains("upload"), "{hidden} in {stored}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_language_model_is_counted() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "gear");
    // The first model is rate limited, the other writes a script that fails, and the first repairs it.
    world.provider.plan(Behaviour::Status(429, Some(("retry-after", "3600")), "{}".to_owned()));
    world.provider.plan(Behaviour::Stream(written("a gear")));
    world.provider.plan(Behaviour::Stream(written("a gear, mended")));
    talk.runs(Run::Fails(error("ValueError: no", "x = 1")));
    talk.runs(Run::Completes);
    let turn = talk.say("A gear").await.json();
    assert_eq!(talk.end(turn["turn"].as_str().unwrap()).await["state"], "completed");
    // One script completes at once, and one is never repaired.
    world.provider.plan(Behaviour::Whole(written("with a hub")));
    talk.runs(Run::Completes);
    let turn = talk.say("With a hub").await.json();
    talk.end(turn["turn"].as_str().unwrap()).await;
    for words in ["with a hole", "with another", "with a third"] {
        world.provider.plan(Behaviour::Stream(written(words)));
        talk.runs(Run::Fails(error(&format!("no {words}"), "x = 1")));
    }
    let turn = talk.say("With a hole").await.json();
    assert_eq!(talk.end(turn["turn"].as_str().unwrap()).await["state"], "failed");

    let mut totals = totals(&world).await;
    // A stream sends 16 characters every 10 ms.
    let p50 = totals["models"][1]["figures"]["latency"]["p50_ms"].as_u64().unwrap();
    assert!((50..500).contains(&p50), "{p50}");
    for model in totals["models"].as_array_mut().unwrap() {
        let latency = &mut model["figures"]["latency"];
        *latency = latency["count"].clone();
    }
    totals["ai"]["latency"].take();
    expect![[r#"
        0 {"provider":"first.test","model":"one","figures":{"calls":6,"successes":5,"failures":{"rate_limited":1},"input_tokens":59,"output_tokens":33,"latency":5,"fallbacks":0,"first_runs":2,"first_runs_won":1,"first_run_success_rate":0.5,"repairs_tried":3,"repairs_won":1}}
        1 {"provider":"other.test","model":"two","figures":{"calls":1,"successes":1,"failures":{},"input_tokens":12,"output_tokens":7,"latency":1,"fallbacks":1,"first_runs":1,"first_runs_won":0,"first_run_success_rate":0.0,"repairs_tried":0,"repairs_won":0}}
        ai {"calls":7,"successes":6,"failures":{"rate_limited":1},"input_tokens":71,"output_tokens":40,"latency":null,"fallbacks":1,"first_runs":3,"first_runs_won":1,"first_run_success_rate":0.3333333333333333,"repairs_tried":3,"repairs_won":1}
    "#]]
    .assert_eq(&(parts(&totals["models"], &[0, 1]) + &parts(&totals, &["ai"])));
    assert_eq!(totals["uploads"]["by_origin"], json!({"ai": 3, "repair": 3}));
    assert!(!world.metrics_text().contains("sk-the"), "a key is stored");
}

#[tokio::test(start_paused = true)]
async fn failures_are_counted_by_kind() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "box");
    let status = |status| Behaviour::Status(status, None, "{}".to_owned());
    for said in [status(401), status(404), status(500), Behaviour::Endless] {
        world.provider.plan(said);
    }
    world.provider.plan(Behaviour::Stream("Hello.".to_owned()));
    // The first refuses the key, the other does not know the model. Then the first fails, and its retry never ends.
    assert_eq!(talk.say("A box").await.json()["state"], "failed");
    assert_eq!(talk.say("A box").await.json()["state"], "completed");
    let totals = totals(&world).await;
    assert_eq!(totals["models"][0]["figures"]["failures"], json!({"too_long": 1, "unauthorized": 1, "unavailable": 1}));
    assert_eq!(totals["models"][1]["figures"]["failures"], json!({"refused": 1}));
    assert_eq!((&totals["ai"]["calls"], &totals["ai"]["fallbacks"]), (&json!(5), &json!(2)));
    assert_eq!(totals["ai"]["first_runs"], 0, "an answer without a script does not run");
}

#[tokio::test(start_paused = true)]
async fn a_repeated_batch_counts_once() {
    let world = World::talking();
    world.set_metrics_line(Line::Lossy);
    let talk = Talk::new(&world, "anna", "box");
    world.provider.plan(Behaviour::Stream(written("a box")));
    talk.runs(Run::Completes);
    let turn = talk.say("A box").await.json();
    talk.end(turn["turn"].as_str().unwrap()).await;
    assert_eq!(talk.get("/api/projects/box/download/step").await.status, 200);
    assert_eq!(totals(&world).await["ai"]["calls"], 0, "the answer to the read is lost too");
    let lost = world.calls.metrics_batches.get();
    assert!(lost >= 3, "project, conversation and API have sent a batch: {lost}");
    // Later events are not part of a batch that was sent.
    assert_eq!(talk.get("/api/projects/box/download/step").await.status, 200);
    world.send_metrics().await;
    world.set_metrics_line(Line::Up);
    world.clock.sleep(Duration::from_secs(300)).await;
    for _ in 0..3 {
        world.send_metrics().await;
    }
    assert!(world.calls.metrics_batches.get() >= lost + 3, "they have sent it again");
    let totals = metrics(&world).await["totals"].clone();
    assert_eq!((&totals["uploads"]["succeeded"], &totals["ai"]["calls"]), (&json!(1), &json!(1)));
    assert_eq!((&totals["versions"]["completed"], &totals["ai"]["first_runs_won"]), (&json!(1), &json!(1)));
    assert_eq!(totals["downloads"]["links"], 2);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_away_delays_and_loses_nothing() {
    for line in [Line::Down, Line::Silent] {
        let world = World::new();
        world.set_metrics_line(line);
        for version in 1..=3 {
            let began = world.clock.now();
            assert_eq!(world.upload("demo", "x = 1").await, version);
            world.commit(&report(&world, "demo", version, Outcome::Completed));
            assert_eq!(world.clock.now(), began, "{line:?}: the upload has waited");
            world.clock.sleep(Duration::from_secs(4)).await;
            assert_eq!(world.get("/api/projects/demo/status").await.json()["status"], "completed");
            assert_eq!(world.get("/api/projects/demo/download/step").await.status, 200);
            for _ in 0..2 {
                assert!(world.ring("demo").await, "{line:?}: the alarm is not set");
            }
        }
        let body = metrics(&world).await;
        assert_eq!((&body["success"], &body["complete"]), (&json!(true), &json!(false)));
        assert_eq!(body["missing_shards"], json!([0, 1, 2, 3, 4, 5, 6, 7]));
        world.evict("demo");
        world.set_metrics_line(Line::Up);
        world.settle("demo", 3).await;
        let totals = totals(&world).await;
        assert_eq!((&totals["uploads"]["succeeded"], &totals["versions"]["completed"]), (&json!(3), &json!(3)));
        assert_eq!(totals["downloads"]["links"], 3, "{line:?}");
        assert_eq!(world.alarm("demo"), None, "an idle project sleeps");
    }
}

#[tokio::test(start_paused = true)]
async fn metrics_of_earlier_versions_are_read() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.send_metrics().await;
    // Earlier versions spread their batches over eight objects.
    for number in 0..METRICS_OBJECTS {
        let counter = Counter::new(hour_of(world.clock.now()), &Sample::once(Metric::Upload, "upload"));
        let batch = AddBatch { writer: "old".to_owned(), number: 1, counters: vec![counter] };
        call(&world, &MetricsTarget(number), batch).await.unwrap();
    }
    assert_eq!(metrics(&world).await["totals"]["uploads"]["succeeded"], 9);
    for (missing, line) in [(0, Line::Silent), (7, Line::Down)] {
        world.set_metrics_line(Line::Up);
        world.faults.metrics.borrow_mut()[missing] = line;
        let body = metrics(&world).await;
        assert_eq!((&body["complete"], &body["missing_shards"]), (&json!(false), &json!([missing])));
        assert_eq!(body["totals"]["uploads"]["succeeded"], if missing == 0 { 7 } else { 8 });
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_counts_in_its_hour() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.send_metrics().await;
    let now = hour_of(world.clock.now());
    let body = metrics(&world).await;
    let hour = |body: &Value| hour_of(body["hours"][0]["hour"].as_str().unwrap().parse().unwrap());
    // The hour may have ended after the upload.
    assert!((now - 1..=now).contains(&hour(&body)), "{body}");
    assert_eq!(body["hours"].as_array().unwrap().len(), 1);
    assert_eq!(body["hours"][0]["figures"], body["totals"]);

    // A report that is read late counts in its own hour, and a report of other software is not a run.
    let mut report = failed(&world, 1, Outcome::Failed, JobErrorCode::NoGeometry);
    report.finished_at = Timestamp::from_millis(report.finished_at.as_millis() - 3 * 3_600_000);
    world.commit(&report);
    world.store.inner.drop_in("input/demo/demo_v2.py", "x = 2");
    world.store.inner.drop_in("processed/demo/demo_v2.py.done", "");
    world.status("demo").await;
    world.send_metrics().await;
    let body = metrics(&world).await;
    assert_eq!(hour(&body), hour_of(report.finished_at));
    assert_eq!(body["hours"][0]["figures"]["versions"]["failed"], 1);
    assert!(body["hours"].as_array().unwrap().len() > 1, "{body}");
    let versions = &body["totals"]["versions"];
    assert_eq!((&versions["failed"], &versions["completed"]), (&json!(1), &json!(0)));
    let one = Person::admin(&world).get(&format!("{METRICS}?hours=1")).await.json();
    assert_eq!(one["totals"]["versions"]["failed"], 0, "the report is of an earlier hour");
}
