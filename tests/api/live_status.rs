//! Hints of runners, `status?wait=` and WebSockets: a change shows at once, and without hints a little later.

use std::rc::Rc;
use std::time::Duration;

use contract::{Format, RunId};
use futures::future::{join, join_all};
use platform::{Body, Clock};
use serde_json::{Value, json};

use crate::support::faults::Fault;
use crate::support::memory_store::MemoryStore;
use crate::support::world::{Answer, Messages, RUNNER_TOKEN, World, url};

const STATUS: &str = "/api/projects/demo/status";
const WATCH: &str = "/api/projects/demo/watch";

async fn post_events(world: &World, body: impl Into<bytes::Bytes>) -> Answer {
    let request = http::Request::post(url("/api/runner/events")).header("content-type", "application/json");
    let request = request.header("authorization", format!("Bearer {RUNNER_TOKEN}"));
    world.send(request.body(Body::full(body)).unwrap()).await
}

/// A runner's event about one attempt of `demo`.
fn event(version: u64, run: &RunId, fields: Value) -> Value {
    let mut event = json!({"project": "demo", "version": version, "run": run});
    event.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    event
}

async fn send_events(world: &World, events: &[Value]) {
    assert_eq!(post_events(world, json!({"events": events}).to_string()).await.status, 204);
}

async fn send_done(world: &World, version: u64) {
    send_events(world, &[event(version, &RunId::random(), json!({"event": "done"}))]).await;
}

async fn send_claimed(world: &World, version: u64) {
    send_events(world, &[event(version, &RunId::random(), json!({"event": "claimed"}))]).await;
}

fn progress(version: u64, run: &RunId, phase: &str, lines: &[&str]) -> Value {
    event(version, run, json!({"event": "progress", "phase": phase, "lines": lines}))
}

async fn info(world: &World) -> Value {
    world.get(STATUS).await.json()["status_info"].clone()
}

/// Takes the messages that a WebSocket has received.
fn received(messages: &Messages) -> Vec<Value> {
    messages.borrow_mut().drain(..).map(|text| serde_json::from_str(&text).unwrap()).collect()
}

fn phases(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["status_info"]["phase"].as_str().unwrap_or("none")).collect()
}

/// The number of requests to the store with this method and this part of the path.
fn store_requests(world: &World, method: &str, path: &str) -> usize {
    world.store.seen.borrow().iter().filter(|line| line.starts_with(method) && line.contains(path)).count()
}

#[tokio::test(start_paused = true)]
async fn invalid_events_are_refused() {
    let world = World::new();
    let one = event(1, &RunId::random(), json!({"event": "claimed"}));
    for (body, status, code) in [
        ("{".to_owned(), 400, "invalid_json"),
        (json!({"events": [{"project": "../x"}]}).to_string(), 400, "invalid_body"),
        (json!({"events": vec![one; 101]}).to_string(), 400, "invalid_parameter"),
        (" ".repeat((256 << 10) + 1), 413, "too_large"),
    ] {
        post_events(&world, body).await.assert_problem(status, code);
    }
    let plain = http::Request::post(url("/api/runner/events")).header("content-type", "text/plain");
    let plain = plain.header("authorization", format!("Bearer {RUNNER_TOKEN}")).body(Body::full("{}")).unwrap();
    assert_eq!(world.send(plain).await.status, 415);
    send_events(&world, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn hints_about_unknown_versions_do_nothing() {
    let world = World::new();
    let run = RunId::random();
    send_events(&world, &[progress(1, &run, "script", &["x"])]).await;
    send_claimed(&world, 1).await;
    send_done(&world, 1).await;
    assert!(world.store.seen.borrow().is_empty());
    assert_eq!((world.alarm("demo"), world.has_tables("demo")), (None, false));

    world.upload("demo", "x = 1").await;
    world.complete("demo", 1, &[Format::Step]);
    world.settle("demo", 20).await;
    world.store.seen.borrow_mut().clear();
    for version in [1, 2, 99] {
        send_claimed(&world, version).await;
        send_done(&world, version).await;
    }
    assert!(world.store.seen.borrow().is_empty(), "final and unknown versions are not looked up");
}

#[tokio::test(start_paused = true)]
async fn a_hint_updates_the_status_at_once() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    assert_eq!(info(&world).await["phase"], "queued");
    world.claim("demo", 1, 1);
    assert_eq!(info(&world).await["phase"], "queued", "the last look was a moment ago");
    send_claimed(&world, 1).await;
    assert_eq!(info(&world).await["attempt"], 1);
    world.complete("demo", 1, &[Format::Step]);
    world.store.seen.borrow_mut().clear();
    send_done(&world, 1).await;
    assert_eq!(info(&world).await["phase"], "completed");
    assert_eq!(world.store.seen.borrow().as_slice(), ["GET /models/processed/demo/demo_v1.py.done"]);
}

#[tokio::test(start_paused = true)]
async fn a_false_hint_changes_nothing() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    let before = info(&world).await;
    send_claimed(&world, 1).await;
    send_done(&world, 1).await;
    send_events(&world, &[progress(1, &RunId::random(), "script", &["lies"])]).await;
    assert_eq!(info(&world).await, before);
}

#[tokio::test(start_paused = true)]
async fn only_the_current_run_shows_progress() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    let run = world.claim("demo", 1, 1);
    send_events(&world, &[progress(1, &run, "script", &["one"])]).await;
    assert_eq!(
        info(&world).await["progress"],
        json!({"phase": "script", "lines": ["one"]}),
        "the hint of its claim was lost"
    );
    send_events(&world, &[progress(1, &RunId::random(), "script", &["another's"])]).await;
    let many: Vec<String> = (0..60).map(|n| format!("line {n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    send_events(&world, &[progress(1, &run, "export", &many[..40]), progress(1, &run, "export", &many[40..])]).await;
    let progress_shown = info(&world).await["progress"].clone();
    assert_eq!(progress_shown, json!({"phase": "export", "lines": many[10..]}), "the newest 50 lines");
    send_events(&world, &[progress(1, &run, &"p".repeat(100), &[&"ü".repeat(600)])]).await;
    let progress_shown = info(&world).await["progress"].clone();
    assert_eq!(progress_shown["phase"].as_str().unwrap().len(), 32);
    assert_eq!(progress_shown["lines"][49].as_str().unwrap().chars().count(), 500);
    assert_eq!(store_requests(&world, "GET", "/a1.json"), 1, "the attempt's run is read once");

    // The attempt dies, and another takes over.
    let second = world.claim("demo", 1, 2);
    send_claimed(&world, 1).await;
    assert_eq!((&info(&world).await["attempt"], &info(&world).await["progress"]), (&json!(2), &Value::Null));
    send_events(&world, &[progress(1, &run, "script", &["from the dead"])]).await;
    assert_eq!(info(&world).await["progress"], Value::Null);
    send_events(&world, &[progress(1, &second, "script", &["two"])]).await;
    assert_eq!(info(&world).await["progress"]["lines"], json!(["two"]));
    world.complete("demo", 1, &[Format::Step]);
    send_done(&world, 1).await;
    assert_eq!(info(&world).await["progress"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_hints_causes_few_requests() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    let run = world.claim("demo", 1, 1);
    world.store.seen.borrow_mut().clear();
    let began = world.clock.now();
    let flood = async |_| {
        let hints = ["claimed", "done"].map(|word| event(1, &run, json!({"event": word})));
        send_events(&world, &[&hints[..], &[progress(1, &run, "script", &["x"])]].concat()).await;
    };
    join_all((0..200).map(flood)).await;
    let rounds = world.clock.now().since(began).as_millis() as usize / 200 + 1;
    let requests = world.store.seen.borrow().len();
    assert!(rounds <= 3, "{rounds}");
    assert!(requests <= 3 * rounds + 1, "{requests} requests in {rounds} rounds");
}

#[tokio::test(start_paused = true)]
async fn an_outage_does_not_hold_up_runners() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    info(&world).await;
    world.store.always(Some(Fault::NoConnection));
    send_claimed(&world, 1).await;
    send_done(&world, 1).await;
    assert_eq!(info(&world).await["phase"], "queued");
    world.claim("demo", 1, 1);
    world.store.always(None);
    // The hints failed; the alarm finds the attempt.
    assert!(world.ring("demo").await);
    assert_eq!(info(&world).await["phase"], "running");
}

/// The status from `status?wait=`, and the duration of the request in seconds.
async fn wait(world: &World, seconds: u32) -> (Value, f64) {
    let began = world.clock.now();
    let answer = world.get(&format!("{STATUS}?wait={seconds}")).await;
    assert_eq!(answer.status, 200, "{:?}", answer.bytes);
    (answer.json()["status_info"].clone(), world.clock.now().since(began).as_secs_f64())
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_on_change_or_timeout() {
    let world = World::new();
    for wrong in ["0", "61", "x"] {
        assert_eq!(world.get(&format!("{STATUS}?wait={wrong}")).await.status, 400, "{wrong}");
    }
    world.upload("demo", "x = 1").await;
    let (status, took) = wait(&world, 5).await;
    assert_eq!((&status["phase"], took), (&json!("queued"), 5.0));

    let claimed = async {
        world.clock.sleep(Duration::from_millis(300)).await;
        world.claim("demo", 1, 1);
        send_claimed(&world, 1).await;
    };
    let ((status, took), ()) = join(wait(&world, 60), claimed).await;
    assert_eq!((&status["phase"], status["attempt"].as_u64()), (&json!("running"), Some(1)));
    assert!(took < 0.6, "{took}");

    let completed = async {
        world.clock.sleep(Duration::from_millis(1_500)).await;
        world.complete("demo", 1, &[Format::Step]);
        send_done(&world, 1).await;
    };
    let (all, ()) = join(join_all((0..20).map(|_| wait(&world, 60))), completed).await;
    assert!(all.iter().all(|(status, took)| status["phase"] == "completed" && *took < 1.8), "{all:?}");

    let (status, took) = wait(&world, 60).await;
    assert_eq!((&status["phase"], took), (&json!("completed"), 0.0), "a final status does not wait");
}

#[tokio::test(start_paused = true)]
async fn a_wait_works_without_hints() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    let run = async {
        world.clock.sleep(Duration::from_secs(7)).await;
        world.complete("demo", 1, &[Format::Step]);
    };
    let (all, ()) = join(join_all((0..20).map(|_| wait(&world, 60))), run).await;
    assert!(all.iter().all(|(status, took)| status["phase"] == "completed" && *took < 9.0), "{all:?}");
    let requests = store_requests(&world, "GET", "/models/");
    assert!(requests < 30, "one of the waiting requests polls once a second: {requests}");
}

#[tokio::test(start_paused = true)]
async fn a_wait_sees_the_first_upload() {
    let world = World::new();
    let upload = async {
        world.clock.sleep(Duration::from_secs(2)).await;
        world.upload("demo", "x = 1").await;
    };
    let ((status, took), ()) = join(wait(&world, 30), upload).await;
    assert_eq!(status["version"], 1);
    assert!((2.0..2.1).contains(&took), "{took}");
}

#[tokio::test(start_paused = true)]
async fn excess_waits_are_answered_at_once() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    let all = join_all((0..1_010).map(|_| wait(&world, 3))).await;
    let at_once = all.iter().filter(|(_, took)| *took < 1.0).count();
    assert_eq!(at_once, 10);
    assert_eq!(wait(&world, 3).await.1, 3.0, "the finished ones make room");
}

#[tokio::test(start_paused = true)]
async fn a_watcher_receives_every_change() {
    let world = World::new();
    let watcher = world.connect(WATCH, None).await.ok().unwrap();
    assert_eq!(received(&watcher)[0]["status"], "no_scripts");
    world.upload("demo", "x = 1").await;
    let first = world.connect(WATCH, None).await.ok().unwrap();
    assert_eq!(received(&first), [world.get(STATUS).await.json()], "the body of the status route");
    let run = world.claim("demo", 1, 1);
    send_claimed(&world, 1).await;
    send_events(&world, &[progress(1, &run, "script", &["half"])]).await;
    world.complete("demo", 1, &[Format::Step]);
    send_done(&world, 1).await;
    let messages = received(&first);
    assert_eq!(phases(&messages), ["running", "running", "completed"]);
    assert_eq!(messages[1]["status_info"]["progress"]["lines"], json!(["half"]));
    world.settle("demo", 20).await;
    assert_eq!(received(&first), [Value::Null; 0], "without a change there is no message");
    world.upload("demo", "x = 2").await;
    assert_eq!(received(&first).last().unwrap()["status_info"]["version"], 2, "it stays open for later versions");
    assert_eq!(received(&watcher).last().unwrap()["status_info"]["version"], 2);
}

#[tokio::test(start_paused = true)]
async fn watching_works_without_hints() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    // After 15 alarms the pauses have grown.
    for _ in 0..15 {
        world.ring("demo").await;
    }
    let pause = |world: &World| world.alarm("demo").unwrap().since(world.clock.now());
    assert!(pause(&world) > Duration::from_secs(20));
    let watcher = world.connect(WATCH, None).await.ok().unwrap();
    assert!(pause(&world) <= Duration::from_secs(2), "with a watcher the pauses are short");
    world.ring("demo").await;
    assert!(pause(&world) <= Duration::from_secs(2));
    world.claim("demo", 1, 1);
    world.ring("demo").await;
    world.complete("demo", 1, &[Format::Step]);
    world.ring("demo").await;
    let messages = received(&watcher);
    let phases = phases(&messages);
    assert_eq!(phases[0], "queued");
    assert_eq!(phases[phases.len() - 2..], ["running", "completed"]);
    world.settle("demo", 20).await;
    let pause = pause(&world);
    assert!(pause > Duration::from_secs(800), "only the disconnection is left to do: {pause:?}");
    assert!(pause <= Duration::from_secs(900), "{pause:?}");
}

#[tokio::test(start_paused = true)]
async fn a_watcher_is_disconnected_after_15_minutes() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.complete("demo", 1, &[Format::Step]);
    world.settle("demo", 20).await;
    let early = world.connect(WATCH, None).await.ok().unwrap();
    // The name is unused, so its alarm only disconnects the watcher.
    let of_none = world.connect("/api/projects/none/watch", None).await.ok().unwrap();
    tokio::time::sleep(Duration::from_secs(600)).await;
    let late = world.connect(WATCH, None).await.ok().unwrap();
    tokio::time::sleep(Duration::from_secs(301)).await;
    assert!(world.ring("demo").await);
    assert!(world.ring("none").await);
    let is_open = |messages: &Messages| Rc::weak_count(messages) > 0;
    assert_eq!([&early, &of_none, &late].map(is_open), [false, false, true]);
    world.upload("demo", "x = 2").await;
    assert_eq!(received(&early).len(), 1);
    assert_eq!(received(&late).last().unwrap()["status_info"]["version"], 2);
    tokio::time::sleep(Duration::from_secs(601)).await;
    world.ring("demo").await;
    assert!(!is_open(&late));
}

#[tokio::test(start_paused = true)]
async fn watching_needs_upgrade_origin_and_owner() {
    let world = World::new();
    let plain = world.get(WATCH).await;
    assert_eq!((plain.status, plain.header("upgrade")), (426, "websocket"));
    assert_eq!(plain.json()["code"], "upgrade_required");
    let refused = async |origin: &str| {
        let answer = world.connect(WATCH, Some(("origin", origin))).await.err();
        answer.map(|answer| (answer.status, answer.json()["code"].as_str().unwrap().to_owned()))
    };
    assert_eq!(refused("http://127.0.0.1:8787").await, None);
    for origin in ["https://evil.example.com", "http://127.0.0.1:8788", "null"] {
        assert_eq!(refused(origin).await, Some((403, "foreign_origin".to_owned())), "{origin}");
    }
    world.user("somebody else").upload("demo").await.unwrap();
    let foreign = world.connect(WATCH, None).await.err().unwrap();
    foreign.assert_problem(404, "project_not_found");
    assert_eq!(world.get(&format!("{STATUS}?wait=30")).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn a_project_has_at_most_a_thousand_watchers() {
    let world = World::new();
    let mut watchers = Vec::new();
    for _ in 0..1_000 {
        watchers.push(world.connect(WATCH, None).await.ok().unwrap());
    }
    let one_more = world.connect(WATCH, None).await.err().unwrap();
    one_more.assert_problem(503, "too_many_watchers");
    watchers.pop();
    assert!(world.connect(WATCH, None).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_upload_wakes_runners() {
    let world = World::new();
    let bearer = format!("Bearer {RUNNER_TOKEN}");
    let connected = async || {
        world.get("/api/monitoring/health").await.json()["components"]["runners"]["connected"].as_u64().unwrap()
    };
    assert_eq!(connected().await, 0);
    let runner = world.connect("/api/runner/wake", Some(("authorization", &bearer))).await.ok().unwrap();
    assert_eq!(received(&runner), [json!({"wake": "look"})], "it may have missed an upload");
    assert_eq!(connected().await, 1);
    world.upload("demo", "x = 1").await;
    assert_eq!(received(&runner), [json!({"wake": "look"})]);
    drop(runner);
    assert_eq!(connected().await, 0);
    world.upload("demo", "x = 2").await;
    assert_eq!(world.connect("/api/runner/wake", None).await.err().unwrap().status, 401);
}

#[tokio::test(start_paused = true)]
async fn without_a_runner_token_everything_polls() {
    let world = World::with(MemoryStore::new(), &[("AUTH_MODE", "open")]);
    let answer = post_events(&world, "{}").await;
    answer.assert_problem(503, "runner_not_configured");
    world.upload("demo", "x = 1").await;
    world.complete("demo", 1, &[Format::Step]);
    assert_eq!(world.status("demo").await["phase"], "completed");
}
