//! What is counted: each figure by exactly what was done, once, whatever becomes of those who add up.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use contract::{Format, JobError, Key, Outcome, OutputFile, Report, RunId, Timestamp};
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use partwright::figures::{
    AddBatch, Cell as SumLine, Fact, Figure, FiguresCall, FiguresObject, FiguresOperation, FiguresTarget, KEPT_HOURS,
    Outbox, ReadSums, SHARDS, Tally, hour_of, start_of,
};
use partwright::object::{ObjectCall, ObjectName, ObjectRequest, Objects, Sql, Value as SqlValue, read_answer};
use platform::{Body, Clock, HttpError};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::support::clock::TestClock;
use crate::support::faults::Fault;
use crate::support::person::Person;
use crate::support::provider::Behaviour;
use crate::support::sqlite::Sqlite;
use crate::support::talk::{Run, Talk, error, written};
use crate::support::world::{Line, World};

const METRICS: &str = "/api/monitoring/ai/metrics";

async fn metrics(world: &World) -> Value {
    let answer = Person::admin(world).get(METRICS).await;
    assert_eq!(answer.status, 200, "{:?}", answer.bytes);
    answer.json()
}

/// The totals once everybody has told all.
async fn totals(world: &World) -> Value {
    world.send_metrics().await;
    metrics(world).await["totals"].clone()
}

/// A runner's report of a version, which took two seconds.
fn report(world: &World, project: &str, version: u64, outcome: Outcome) -> Report {
    let mut report = Report::new(project.parse().unwrap(), version.try_into().unwrap(), outcome, world.clock.now());
    report.run = Some(RunId::random());
    let started_at = report.finished_at.as_millis() - 2_000;
    report.started_at = Some(Timestamp::from_millis(started_at));
    if outcome == Outcome::Completed {
        let key = Key::Output(report.project.clone(), report.version, report.run.clone().unwrap(), Format::Step);
        world.store.inner.drop_in(&key.to_string(), "a model");
        let (size, key) = (7, key.to_string());
        report.files.push(OutputFile { format: Format::Step, key, size, sha256: None, made_by: None });
    }
    report
}

#[tokio::test(start_paused = true)]
async fn where_nothing_was_done_nothing_is_counted() {
    let world = World::closed();
    let figures = metrics(&world).await;
    assert_eq!((&figures["complete"], &figures["missing_shards"]), (&json!(true), &json!([])));
    assert_eq!((&figures["window_hours"], &figures["hours"]), (&json!(24), &json!([])));
    for (part, name) in [("uploads", "succeeded"), ("versions", "completed"), ("downloads", "links"), ("ai", "calls")] {
        assert_eq!(figures["totals"][part][name], 0, "{part}");
    }
    let from: Timestamp = figures["from"].as_str().unwrap().parse().unwrap();
    assert_eq!(from, start_of(hour_of(world.clock.now()) - 23), "the present hour and those before it");
    for hours in ["0", "721", "-1", "1.5", "x", ""] {
        let answer = Person::admin(&world).get(&format!("{METRICS}?hours={hours}")).await;
        assert_eq!((answer.status, answer.json()["field"].as_str()), (400, Some("hours")), "{hours:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn uploads_versions_links_and_errors() {
    let world = World::new();
    // Six uploads, of which one is a retry.
    for version in 1..=5 {
        assert_eq!(world.upload("demo", &format!("x = {version}")).await, version);
    }
    world.commit(&report(&world, "demo", 1, Outcome::Completed));
    let mut failed = report(&world, "demo", 2, Outcome::Failed);
    failed.error = Some(JobError::new("script_error", "ValueError: no"));
    world.commit(&failed);
    let mut forged = report(&world, "demo", 3, Outcome::Failed);
    forged.error = Some(JobError::new("a label of somebody's own", "x"));
    world.commit(&forged);
    let mut late = report(&world, "demo", 4, Outcome::TimedOut);
    late.error = Some(JobError::new("script_timeout", "too long"));
    world.commit(&late);
    assert_eq!(world.post("/api/projects/demo/cancel/5", "text/plain", "").await.status, 200);
    world.clock.sleep(Duration::from_secs(2)).await;
    assert_eq!(world.post("/api/projects/demo/retry/1", "text/plain", "").await.status, 201);
    // Some that are none.
    assert_eq!(world.post("/api/projects/demo/upload-script", "text/x-python", " ").await.status, 400);
    let batch = json!({"uploads": [{"project_name": "demo", "code": ""}, {"project_name": "../x", "code": "x"}]});
    assert_eq!(world.post("/api/batch", "application/json", batch.to_string()).await.status, 200);
    // Links, and calls that lead to none.
    for format in ["step", "STEP"] {
        assert_eq!(world.get(&format!("/api/projects/demo/download/{format}?version=1")).await.status, 200);
    }
    assert_eq!(world.get("/api/projects/demo/download/stl?version=1").await.status, 404);
    assert_eq!(world.get("/api/projects/nobody/scripts").await.status, 404);
    world.store.always(Some(Fault::Status(403)));
    assert_eq!(world.get("/api/projects/demo/logs").await.status, 503);
    world.store.always(None);

    let totals = totals(&world).await;
    assert_eq!(
        totals["uploads"],
        json!({
            "succeeded": 6,
            "by_origin": {"retry": 1, "upload": 5},
            "failed": 3,
            "failed_by_code": {"empty_script": 2, "invalid_parameter": 1},
        })
    );
    let versions = &totals["versions"];
    let outcomes = ["completed", "failed", "timed_out", "abandoned", "cancelled"].map(|name| versions[name].clone());
    assert_eq!(json!(outcomes), json!([1, 2, 1, 0, 1]));
    assert_eq!(
        versions["errors"],
        json!({"cancelled": 1, "other": 1, "script_error": 1, "script_timeout": 1}),
        "a report's own words are no label"
    );
    assert_eq!((&versions["run"]["count"], &versions["run"]["mean_ms"]), (&json!(1), &json!(2_000)));
    let p50 = versions["run"]["p50_ms"].as_f64().unwrap();
    assert!((p50 - 2_000.0).abs() <= 182.0, "{p50}");
    assert_eq!(versions["upload_to_model"]["count"], 1);
    assert_eq!(totals["downloads"], json!({"links": 2, "by_format": {"STEP": 2}}));
    assert_eq!(
        totals["errors"],
        json!({
            "client": 3,
            "server": 1,
            "by_code": {"bucket_refuses": 1, "empty_script": 1, "no_output": 1, "project_not_found": 1},
        })
    );
    assert_eq!((&totals["ai"]["calls"], &totals["models"]), (&json!(0), &json!([])));
    // No user, project or label of anybody's is kept.
    let kept = world.metrics_text();
    for hidden in ["demo", "local", "somebody"] {
        assert!(!kept.contains(hidden) && kept.contains("upload"), "{hidden} in {kept}");
    }
}

#[tokio::test(start_paused = true)]
async fn language_models() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "gear");
    // The first is too busy, the other writes what fails, the first mends it.
    world.provider.plan(Behaviour::Status(429, Some(("retry-after", "3600")), "{}".to_owned()));
    world.provider.plan(Behaviour::Stream(written("a gear")));
    world.provider.plan(Behaviour::Stream(written("a gear, mended")));
    talk.runs(Run::Fails(error("ValueError: no", "x = 1")));
    talk.runs(Run::Completes);
    let turn = talk.say("A gear").await.json();
    assert_eq!(talk.end(turn["turn"].as_str().unwrap()).await["state"], "completed");
    // One at once, and one that is not mended.
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

    let totals = totals(&world).await;
    let models = totals["models"].as_array().unwrap();
    let names: Vec<(&str, &str)> =
        models.iter().map(|model| (model["provider"].as_str().unwrap(), model["model"].as_str().unwrap())).collect();
    assert_eq!(names, [("first.test", "one"), ("other.test", "two")]);
    let [first, other] = [0, 1].map(|index| &models[index]["figures"]);
    let of = |figures: &Value, names: &[&str]| Value::from_iter(names.iter().map(|name| figures[*name].clone()));
    let calls = ["calls", "successes", "failures", "input_tokens", "output_tokens", "fallbacks"];
    assert_eq!(of(first, &calls), json!([6, 5, {"rate_limited": 1}, 4 * 12 + 11, 4 * 7 + 5, 0]));
    assert_eq!(of(other, &calls), json!([1, 1, {}, 12, 7, 1]));
    let runs = ["first_runs", "first_runs_won", "first_run_success_rate", "repairs_tried", "repairs_won"];
    assert_eq!(of(first, &runs), json!([2, 1, 0.5, 3, 1]));
    assert_eq!(of(other, &runs), json!([1, 0, 0.0, 0, 0]));
    assert_eq!((&first["latency"]["count"], &other["latency"]["count"]), (&json!(5), &json!(1)));
    // A stream takes 10 ms a chunk of 16 letters.
    let p50 = other["latency"]["p50_ms"].as_u64().unwrap();
    assert!((50..500).contains(&p50), "{other}");
    assert_eq!(of(&totals["ai"], &calls), json!([7, 6, {"rate_limited": 1}, 71, 40, 1]));
    assert_eq!(totals["uploads"]["by_origin"], json!({"ai": 3, "repair": 3}));
    assert!(!world.metrics_text().contains("sk-the"), "no key is kept");
}

#[tokio::test(start_paused = true)]
async fn each_kind_of_failure_is_told_apart() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "box");
    let status = |status| Behaviour::Status(status, None, "{}".to_owned());
    for said in [status(401), status(404), status(500), Behaviour::Endless] {
        world.provider.plan(said);
    }
    world.provider.plan(Behaviour::Stream("Hello.".to_owned()));
    // First refuses the key; the other does not know the model. Then the first fails, is tried again, and never ends.
    assert_eq!(talk.say("A box").await.json()["state"], "failed");
    assert_eq!(talk.say("A box").await.json()["state"], "completed");
    let totals = totals(&world).await;
    assert_eq!(totals["models"][0]["figures"]["failures"], json!({"too_long": 1, "unauthorized": 1, "unavailable": 1}));
    assert_eq!(totals["models"][1]["figures"]["failures"], json!({"refused": 1}));
    assert_eq!((&totals["ai"]["calls"], &totals["ai"]["fallbacks"]), (&json!(5), &json!(2)));
    assert_eq!(totals["ai"]["first_runs"], 0, "words are no run");
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_comes_twice_counts_once() {
    let world = World::talking();
    world.set_metrics_line(Line::Lossy);
    let talk = Talk::new(&world, "anna", "box");
    world.provider.plan(Behaviour::Stream(written("a box")));
    talk.runs(Run::Completes);
    let turn = talk.say("A box").await.json();
    talk.end(turn["turn"].as_str().unwrap()).await;
    assert_eq!(talk.get("/api/projects/box/download/step").await.status, 200);
    assert_eq!(totals(&world).await["ai"]["calls"], 0, "what a shard says is lost too");
    let lost = world.calls.metrics_batches.get();
    assert!(lost >= 3, "project, conversation and API have told their shards: {lost}");
    // More happens meanwhile, and is no part of what was told.
    assert_eq!(talk.get("/api/projects/box/download/step").await.status, 200);
    world.send_metrics().await;
    world.set_metrics_line(Line::Up);
    world.clock.sleep(Duration::from_secs(300)).await;
    for _ in 0..3 {
        world.send_metrics().await;
    }
    assert!(world.calls.metrics_batches.get() >= lost + 3, "and told them again");
    let totals = metrics(&world).await["totals"].clone();
    assert_eq!((&totals["uploads"]["succeeded"], &totals["ai"]["calls"]), (&json!(1), &json!(1)));
    assert_eq!((&totals["versions"]["completed"], &totals["ai"]["first_runs_won"]), (&json!(1), &json!(1)));
    assert_eq!(totals["downloads"]["links"], 2);
}

#[tokio::test(start_paused = true)]
async fn a_shard_that_is_away_delays_nothing_and_loses_nothing() {
    for line in [Line::Down, Line::Silent] {
        let world = World::new();
        world.set_metrics_line(line);
        for version in 1..=3 {
            let began = world.clock.now();
            assert_eq!(world.upload("demo", "x = 1").await, version);
            world.commit(&report(&world, "demo", version, Outcome::Completed));
            assert_eq!(world.clock.now(), began, "{line:?}: nobody waits");
            world.clock.sleep(Duration::from_secs(4)).await;
            assert_eq!(world.get("/api/projects/demo/status").await.json()["status"], "completed");
            assert_eq!(world.get("/api/projects/demo/download/step").await.status, 200);
            for _ in 0..2 {
                assert!(world.ring("demo").await, "{line:?}: what is not told is told later");
            }
        }
        let figures = metrics(&world).await;
        assert_eq!((&figures["success"], &figures["complete"]), (&json!(true), &json!(false)));
        assert_eq!(figures["missing_shards"], json!([0, 1, 2, 3, 4, 5, 6, 7]));
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
async fn one_shard_that_is_away_is_named() {
    let world = World::new();
    for project in ["a", "b", "c", "d", "e", "f"] {
        world.upload(project, "x = 1").await;
    }
    world.send_metrics().await;
    assert_eq!(metrics(&world).await["totals"]["uploads"]["succeeded"], 6);
    let mut told = 0;
    for shard in 0..SHARDS {
        world.set_metrics_line(Line::Up);
        world.faults.metrics.borrow_mut()[usize::from(shard)] = if shard % 2 == 0 { Line::Down } else { Line::Silent };
        let figures = metrics(&world).await;
        assert_eq!((&figures["complete"], &figures["missing_shards"]), (&json!(false), &json!([shard])));
        told += figures["totals"]["uploads"]["succeeded"].as_u64().unwrap();
    }
    assert_eq!(told, 6 * (u64::from(SHARDS) - 1), "each is in one of them");
}

#[tokio::test(start_paused = true)]
async fn figures_stand_in_the_hour_in_which_it_happened() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.send_metrics().await;
    let now = hour_of(world.clock.now());
    let figures = metrics(&world).await;
    let hours = figures["hours"].as_array().unwrap();
    // The hour may have ended between the upload and its first words.
    let hour: Timestamp = hours[0]["hour"].as_str().unwrap().parse().unwrap();
    assert!(hours.len() == 1 && (now - 1..=now).contains(&hour_of(hour)), "{figures}");
    assert_eq!(hours[0]["figures"], figures["totals"]);

    // A report that is read late counts when it was written, and one of other software not as a run.
    let mut report = report(&world, "demo", 1, Outcome::Failed);
    report.finished_at = Timestamp::from_millis(report.finished_at.as_millis() - 3 * 3_600_000);
    report.error = Some(JobError::new("no_geometry", "nothing"));
    world.commit(&report);
    world.store.inner.drop_in("input/demo/demo_v2.py", "x = 2");
    world.store.inner.drop_in("processed/demo/demo_v2.py.done", "");
    world.status("demo").await;
    world.send_metrics().await;
    let figures = metrics(&world).await;
    let hours = figures["hours"].as_array().unwrap();
    let then: Timestamp = hours[0]["hour"].as_str().unwrap().parse().unwrap();
    assert_eq!(hour_of(then), hour_of(report.finished_at));
    assert_eq!(hours[0]["figures"]["versions"]["failed"], 1);
    assert!(hours.len() > 1, "{figures}");
    assert_eq!(
        (&figures["totals"]["versions"]["failed"], &figures["totals"]["versions"]["completed"]),
        (&json!(1), &json!(0))
    );
    let one = Person::admin(&world).get(&format!("{METRICS}?hours=1")).await.json();
    assert_eq!(one["totals"]["versions"]["failed"], 0, "another hour's");
}

/// Hour, figure, label, slot, amount.
type Sum = (i64, String, String, u64, u64);

fn sum(hour: i64, label: &str, amount: u64) -> Sum {
    (hour, "upload".to_owned(), label.to_owned(), 0, amount)
}

/// A shard by itself.
struct Shard(Sqlite);

impl Shard {
    fn ask<R>(&self, request: R, hour: i64) -> R::Reply
    where
        R: ObjectRequest<Target = FiguresTarget, Reply: DeserializeOwned>,
    {
        let call = ObjectCall { target: FiguresTarget(0), operation: request.into() };
        let answer = FiguresObject::new(&self.0).handle(call, start_of(hour));
        read_answer::<R>(&ObjectName::Figures(0), answer).now_or_never().unwrap().unwrap()
    }

    fn take(&self, writer: &str, number: u64, cells: &[Sum], hour: i64) {
        let batch = AddBatch { writer: writer.to_owned(), number, cells: json!(cells).to_string() };
        self.ask(batch, hour);
    }

    fn read(&self, since: i64, hour: i64) -> Vec<Sum> {
        let lines = self.ask(ReadSums { since }, hour);
        let read = |line| {
            let cell = SumLine::parse(line).unwrap();
            (cell.hour, cell.figure.to_owned(), cell.label.to_owned(), cell.slot, cell.amount)
        };
        lines.lines().map(read).collect()
    }

    fn count(&self, table: &str) -> SqlValue {
        self.0.exec(&format!("SELECT COUNT(*) FROM {table}"), &[]).unwrap()[0][0].clone()
    }
}

#[test]
fn a_shard_adds_each_batch_once() {
    let shard = Shard(Sqlite::new());
    shard.take("ann", 1, &[sum(500_000, "ai", 2), sum(500_001, "ai", 1)], 500_001);
    shard.take("ann", 1, &[sum(500_000, "ai", 2), sum(500_001, "ai", 1)], 500_001);
    shard.take("bob", 1, &[sum(500_000, "ai", 5), sum(500_000, "retry", 1)], 500_001);
    shard.take("ann", 3, &[sum(500_001, "ai", 4)], 500_001);
    shard.take("ann", 2, &[sum(500_001, "ai", 9)], 500_001);
    assert_eq!(
        shard.read(0, 500_001),
        [sum(500_000, "ai", 7), sum(500_000, "retry", 1), sum(500_001, "ai", 5)],
        "an older one than the newest came before"
    );
    assert_eq!(shard.read(500_001, 500_001), [sum(500_001, "ai", 5)]);
}

#[test]
fn a_shard_keeps_thirty_days() {
    let (shard, first) = (Shard(Sqlite::new()), 500_000);
    shard.take("ann", 1, &[sum(first, "ai", 1), sum(first + 1, "ai", 2)], first + 1);
    let last = first + KEPT_HOURS - 1;
    assert_eq!(shard.read(0, last).len(), 2);
    assert_eq!(shard.read(0, last + 1), [sum(first + 1, "ai", 2)], "the oldest is not told any more");
    shard.take("bob", 1, &[sum(last + 1, "ai", 4)], last + 1);
    assert_eq!((shard.count("sums"), shard.count("writers")), (SqlValue::Integer(2), SqlValue::Integer(2)));
    shard.take("bob", 2, &[sum(last + 3, "ai", 4)], last + 3);
    assert_eq!(shard.count("writers"), SqlValue::Integer(1), "a writer is forgotten with its hours");
    // Its batch comes again: it is not known any more, and nothing of it counts.
    shard.take("ann", 1, &[sum(first, "ai", 1), sum(first + 1, "ai", 2)], last + 3);
    assert_eq!(shard.read(0, last + 3), [sum(last + 1, "ai", 4), sum(last + 3, "ai", 4)]);
    // Nor does what has not happened yet.
    shard.take("bob", 3, &[sum(last + 50, "ai", 9)], last + 3);
    assert_eq!(shard.read(0, last + 60), [sum(last + 1, "ai", 4), sum(last + 3, "ai", 4)]);
}

/// Shards that answer by a plan, and then as they should.
struct Shards {
    planned: RefCell<VecDeque<Line>>,
    /// One database for all: a writer uses one of them.
    sql: Sqlite,
    /// How many batches they were told.
    told: Cell<usize>,
}

impl Objects for Shards {
    fn send(
        &self,
        object: &ObjectName,
        request: http::Request<Bytes>,
    ) -> LocalBoxFuture<'_, Result<http::Response<Body>, HttpError>> {
        assert!(matches!(object, ObjectName::Figures(0..SHARDS)));
        let line = self.planned.borrow_mut().pop_front().unwrap_or(Line::Up);
        async move {
            match line {
                Line::Down => return Err(HttpError("away".to_owned())),
                Line::Silent => return std::future::pending().await,
                Line::Up | Line::Lossy => {}
            }
            let call: FiguresCall = serde_json::from_slice(request.body()).unwrap();
            self.told.set(self.told.get() + 1);
            let now = clock_of(&call.operation);
            let answer = FiguresObject::new(&self.sql).handle(call, now);
            let lost = Err(HttpError("reset".to_owned()));
            if line == Line::Lossy { lost } else { Ok(answer) }
        }
        .boxed_local()
    }

    fn post(&self, _: ObjectName, _: http::Request<Bytes>) {
        panic!("nothing is told without waiting");
    }
}

/// The time of the newest sum in a batch.
fn clock_of(operation: &FiguresOperation) -> Timestamp {
    match operation {
        FiguresOperation::AddBatch(AddBatch { cells, .. }) => {
            let cells: Vec<Sum> = serde_json::from_str(cells).unwrap();
            start_of(cells.iter().map(|cell| cell.0).max().unwrap())
        }
        FiguresOperation::ReadSums(ReadSums { since }) => start_of(*since),
    }
}

impl Shards {
    fn planning(lines: impl IntoIterator<Item = Line>) -> Self {
        Self { planned: RefCell::new(lines.into_iter().collect()), sql: Sqlite::new(), told: Cell::default() }
    }

    fn total(&self) -> u64 {
        let rows = self.sql.exec("SELECT COALESCE(SUM(amount), 0) FROM sums", &[]);
        rows.map_or(0, |rows| match rows[0][0] {
            SqlValue::Integer(total) => total as u64,
            _ => panic!("a sum is a number"),
        })
    }
}

#[tokio::test(start_paused = true)]
async fn an_outbox_tells_once_a_minute_and_each_fact_once() {
    let (sql, clock) = (Sqlite::new(), TestClock::new());
    let lines = [Line::Lossy, Line::Down, Line::Lossy, Line::Silent, Line::Up];
    let (outbox, shards) = (Outbox::new(&sql), Shards::planning(lines));
    assert_eq!(outbox.due(), Ok(None));
    assert_eq!(outbox.tell(&shards, &clock).await, Ok(false));
    let note = || outbox.note(&[Fact::once(Figure::Upload, "ai")], clock.now(), clock.now());
    let mut noted = 0;
    let mut pauses = Vec::new();
    for _ in 0..=lines.len() {
        note();
        noted += 1;
        let due = outbox.due().unwrap().unwrap();
        pauses.push(due.since(clock.now()).as_secs());
        assert_eq!(outbox.tell(&shards, &clock).await, Ok(false), "not before it is due");
        clock.sleep(due.since(clock.now())).await;
        note();
        noted += 1;
        assert_eq!(outbox.tell(&shards, &clock).await, Ok(true));
        assert!(outbox.due().unwrap().is_none_or(|due| due > clock.now()));
    }
    assert_eq!(pauses, [5, 60, 120, 240, 477, 60], "longer while the shard is away");
    while let Some(due) = outbox.due().unwrap() {
        clock.sleep(due.since(clock.now())).await;
        outbox.tell(&shards, &clock).await.unwrap();
    }
    assert_eq!(shards.total(), noted);
    assert_eq!(shards.told.get(), 4, "the first batch came three times");
    assert_eq!(sql.exec("SELECT * FROM figures", &[]).unwrap().len(), 0);
    // After a quiet time it is soon again.
    clock.sleep(Duration::from_secs(3_600)).await;
    note();
    assert_eq!(outbox.due().unwrap().unwrap().since(clock.now()), Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn an_outbox_holds_two_days() {
    let (sql, clock) = (Sqlite::new(), TestClock::new());
    let (outbox, shards) = (Outbox::new(&sql), Shards::planning([Line::Down; 80]));
    let hour = Duration::from_secs(3_600);
    for _ in 0..72 {
        outbox.note(&[Fact::once(Figure::Upload, "ai")], clock.now(), clock.now());
        clock.sleep(hour).await;
        outbox.tell(&shards, &clock).await.unwrap();
        assert!(sql.exec("SELECT * FROM figures", &[]).unwrap().len() <= 48);
    }
    // Of older hours nothing is noted.
    let now = clock.now();
    let before = Timestamp::from_millis(now.as_millis() - 48 * 3_600_000);
    outbox.note(&[Fact::times(Figure::Upload, "ai", 1_000)], before, now);
    shards.planned.borrow_mut().clear();
    for _ in 0..2 {
        clock.sleep(hour).await;
        outbox.tell(&shards, &clock).await.unwrap();
    }
    assert!((40..=48).contains(&shards.total()), "{}", shards.total());
    assert_eq!(outbox.due(), Ok(None));
}

#[tokio::test(start_paused = true)]
async fn what_the_api_counts_is_told_once() {
    let (tally, clock) = (Tally::default(), TestClock::new());
    let shards = Shards::planning([Line::Lossy, Line::Down, Line::Silent]);
    let note = || tally.note(Figure::Link, "STEP", clock.now());
    tally.tell(&shards, &clock).await;
    assert_eq!(shards.planned.borrow().len(), 3, "there is nothing to tell");
    for _ in 0..5 {
        note();
        note();
        let began = clock.now();
        // One gathers, the others leave it to that one.
        tokio::join!(tally.tell(&shards, &clock), tally.tell(&shards, &clock), async { note() });
        assert!((5..=8).contains(&clock.now().since(began).as_secs()));
    }
    assert_eq!((shards.total(), shards.told.get()), (15, 3));
    // One that was asleep for long finds that another has told all, and sends nothing.
    note();
    let mut asleep = std::pin::pin!(tally.tell(&shards, &clock));
    assert!(futures::poll!(&mut asleep).is_pending());
    clock.sleep(Duration::from_secs(61)).await;
    tally.tell(&shards, &clock).await;
    assert_eq!(shards.total(), 16);
    asleep.await;
    note();
    tally.tell(&shards, &clock).await;
    assert_eq!(shards.total(), 17);
    // However much is counted, little is held.
    for number in 0..5_000 {
        tally.note(Figure::Link, number.to_string().leak(), clock.now());
    }
    tally.tell(&shards, &clock).await;
    assert_eq!(shards.total(), 17 + 1_000);
}
