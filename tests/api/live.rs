//! Hints, waiting and watching: everyone is told at once, and with all hints lost a little later.

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

/// What a runner says of one attempt of `demo`.
fn event(version: u64, run: &RunId, happened: Value) -> Value {
    let mut event = json!({"project": "demo", "version": version, "run": run});
    event.as_object_mut().unwrap().extend(happened.as_object().unwrap().clone());
    event
}

async fn say(world: &World, events: &[Value]) {
    assert_eq!(post_events(world, json!({"events": events}).to_string()).await.status, 204);
}

async fn say_done(world: &World, version: u64) {
    say(world, &[event(version, &RunId::random(), json!({"event": "done"}))]).await;
}

async fn say_claimed(world: &World, version: u64) {
    say(world, &[event(version, &RunId::random(), json!({"event": "claimed"}))]).await;
}

fn progress(version: u64, run: &RunId, phase: &str, lines: &[&str]) -> Value {
    event(version, run, json!({"event": "progress", "phase": phase, "lines": lines}))
}

async fn info(world: &World) -> Value {
    world.get(STATUS).await.json()["status_info"].clone()
}

fn heard(messages: &Messages) -> Vec<Value> {
    messages.borrow_mut().drain(..).map(|text| serde_json::from_str(&text).unwrap()).collect()
}

fn phases(heard: &[Value]) -> Vec<&str> {
    heard.iter().map(|message| message["status_info"]["phase"].as_str().unwrap_or("none")).collect()
}

fn seen(world: &World, method: &str, path: &str) -> usize {
    world.store.seen.borrow().iter().filter(|line| line.starts_with(method) && line.contains(path)).count()
}

#[tokio::test(start_paused = true)]
async fn events_that_make_no_sense_are_refused() {
    let world = World::new();
    let check = async |body: String, status: u16, code: &str| {
        let answer = post_events(&world, body).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (status, Some(code)));
    };
    check("{".to_owned(), 400, "invalid_json").await;
    check(json!({"events": [{"project": "../x"}]}).to_string(), 400, "invalid_body").await;
    let one = event(1, &RunId::random(), json!({"event": "claimed"}));
    check(json!({"events": vec![one; 101]}).to_string(), 400, "invalid_parameter").await;
    check(" ".repeat((256 << 10) + 1), 413, "too_large").await;
    let plain = http::Request::post(url("/api/runner/events")).header("content-type", "text/plain");
    let plain = plain.header("authorization", format!("Bearer {RUNNER_TOKEN}")).body(Body::full("{}")).unwrap();
    assert_eq!(world.send(plain).await.status, 415);
    say(&world, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn hints_of_what_nobody_knows_leave_nothing_behind() {
    let world = World::new();
    let run = RunId::random();
    say(&world, &[progress(1, &run, "script", &["x"])]).await;
    say_claimed(&world, 1).await;
    say_done(&world, 1).await;
    assert!(world.store.seen.borrow().is_empty());
    assert_eq!((world.alarm("demo"), world.has_tables("demo")), (None, false));

    world.upload("demo", "x = 1").await;
    world.complete("demo", 1, &[Format::Step]);
    world.settle("demo", 20).await;
    world.store.seen.borrow_mut().clear();
    for version in [1, 2, 99] {
        say_claimed(&world, version).await;
        say_done(&world, version).await;
    }
    assert!(world.store.seen.borrow().is_empty(), "neither final versions nor unknown ones are asked for");
}

#[tokio::test(start_paused = true)]
async fn what_is_hinted_at_is_known_at_once() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    assert_eq!(info(&world).await["phase"], "queued");
    world.claim("demo", 1, 1);
    assert_eq!(info(&world).await["phase"], "queued", "the last look was a moment ago");
    say_claimed(&world, 1).await;
    assert_eq!(info(&world).await["attempt"], 1);
    world.complete("demo", 1, &[Format::Step]);
    world.store.seen.borrow_mut().clear();
    say_done(&world, 1).await;
    assert_eq!(info(&world).await["phase"], "completed");
    assert_eq!(world.store.seen.borrow().as_slice(), ["GET /models/processed/demo/demo_v1.py.done"]);
}

#[tokio::test(start_paused = true)]
async fn a_false_hint_changes_nothing() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    let before = info(&world).await;
    say_claimed(&world, 1).await;
    say_done(&world, 1).await;
    say(&world, &[progress(1, &RunId::random(), "script", &["lies"])]).await;
    assert_eq!(info(&world).await, before);
}

#[tokio::test(start_paused = true)]
async fn progress_is_shown_of_the_run_that_holds_the_version() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    let run = world.claim("demo", 1, 1);
    say(&world, &[progress(1, &run, "script", &["one"])]).await;
    assert_eq!(info(&world).await["progress"], json!({"phase": "script", "lines": ["one"]}), "its claim was lost");
    say(&world, &[progress(1, &RunId::random(), "script", &["another's"])]).await;
    let many: Vec<String> = (0..60).map(|n| format!("line {n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    say(&world, &[progress(1, &run, "export", &many[..40]), progress(1, &run, "export", &many[40..])]).await;
    let told = info(&world).await["progress"].clone();
    assert_eq!(
        (&told["phase"], &told["lines"][0], &told["lines"][49]),
        (&json!("export"), &json!("line 10"), &json!("line 59"))
    );
    say(&world, &[progress(1, &run, &"p".repeat(100), &[&"ü".repeat(600)])]).await;
    let told = info(&world).await["progress"].clone();
    assert_eq!(told["phase"].as_str().unwrap().len(), 32);
    assert_eq!(told["lines"][49].as_str().unwrap().chars().count(), 500);
    assert_eq!(seen(&world, "GET", "/a1.json"), 1, "whose the attempt is was read once");

    // The attempt dies, and another takes over.
    let second = world.claim("demo", 1, 2);
    say_claimed(&world, 1).await;
    assert_eq!((&info(&world).await["attempt"], &info(&world).await["progress"]), (&json!(2), &Value::Null));
    say(&world, &[progress(1, &run, "script", &["from the dead"])]).await;
    assert_eq!(info(&world).await["progress"], Value::Null);
    say(&world, &[progress(1, &second, "script", &["two"])]).await;
    assert_eq!(info(&world).await["progress"]["lines"], json!(["two"]));
    world.complete("demo", 1, &[Format::Step]);
    say_done(&world, 1).await;
    assert_eq!(info(&world).await["progress"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_hints_is_a_few_looks() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    let run = world.claim("demo", 1, 1);
    world.store.seen.borrow_mut().clear();
    let began = world.clock.now();
    let flood = async |_| {
        let hints = ["claimed", "done"].map(|word| event(1, &run, json!({"event": word})));
        say(&world, &[&hints[..], &[progress(1, &run, "script", &["x"])]].concat()).await;
    };
    join_all((0..200).map(flood)).await;
    let rounds = world.clock.now().since(began).as_millis() as usize / 200 + 1;
    let asked = world.store.seen.borrow().len();
    assert!(rounds <= 3 && asked <= 3 * rounds + 1, "{asked} requests in {rounds} rounds");
}

#[tokio::test(start_paused = true)]
async fn a_silent_bucket_holds_up_no_runner() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    info(&world).await;
    world.store.always(Some(Fault::NoConnection));
    say_claimed(&world, 1).await;
    say_done(&world, 1).await;
    assert_eq!(info(&world).await["phase"], "queued");
    world.claim("demo", 1, 1);
    world.store.always(None);
    // What the hints could not find the alarm does.
    assert!(world.ring("demo").await);
    assert_eq!(info(&world).await["phase"], "running");
}

/// The answer to `status?wait=`, and how long it took in seconds.
async fn waited(world: &World, seconds: u32) -> (Value, f64) {
    let began = world.clock.now();
    let answer = world.get(&format!("{STATUS}?wait={seconds}")).await;
    assert_eq!(answer.status, 200, "{:?}", answer.bytes);
    (answer.json()["status_info"].clone(), world.clock.now().since(began).as_secs_f64())
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_with_a_change_or_with_its_time() {
    let world = World::new();
    for wrong in ["0", "61", "x"] {
        assert_eq!(world.get(&format!("{STATUS}?wait={wrong}")).await.status, 400, "{wrong}");
    }
    world.upload("demo", "x = 1").await;
    let (told, took) = waited(&world, 5).await;
    assert_eq!((&told["phase"], took), (&json!("queued"), 5.0));

    let claimed = async {
        world.clock.sleep(Duration::from_millis(300)).await;
        world.claim("demo", 1, 1);
        say_claimed(&world, 1).await;
    };
    let ((told, took), ()) = join(waited(&world, 60), claimed).await;
    assert_eq!((&told["phase"], told["attempt"].as_u64()), (&json!("running"), Some(1)));
    assert!(took < 0.6, "{took}");

    let completed = async {
        world.clock.sleep(Duration::from_millis(1_500)).await;
        world.complete("demo", 1, &[Format::Step]);
        say_done(&world, 1).await;
    };
    let (all, ()) = join(join_all((0..20).map(|_| waited(&world, 60))), completed).await;
    assert!(all.iter().all(|(told, took)| told["phase"] == "completed" && *took < 1.8), "{all:?}");

    let (told, took) = waited(&world, 60).await;
    assert_eq!((&told["phase"], took), (&json!("completed"), 0.0), "it is final");
}

#[tokio::test(start_paused = true)]
async fn a_wait_needs_no_hints() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    let run = async {
        world.clock.sleep(Duration::from_secs(7)).await;
        world.complete("demo", 1, &[Format::Step]);
    };
    let (all, ()) = join(join_all((0..20).map(|_| waited(&world, 60))), run).await;
    assert!(all.iter().all(|(told, took)| told["phase"] == "completed" && *took < 9.0), "{all:?}");
    let looks = seen(&world, "GET", "/models/");
    assert!(looks < 30, "one of those who wait looks once a second, not each: {looks}");
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_the_first_version_sees_it_come() {
    let world = World::new();
    let upload = async {
        world.clock.sleep(Duration::from_secs(2)).await;
        world.upload("demo", "x = 1").await;
    };
    let ((told, took), ()) = join(waited(&world, 30), upload).await;
    assert_eq!(told["version"], 1);
    assert!((2.0..2.1).contains(&took), "{took}");
}

#[tokio::test(start_paused = true)]
async fn more_than_can_wait_are_answered_at_once() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    let all = join_all((0..1_010).map(|_| waited(&world, 3))).await;
    let at_once = all.iter().filter(|(_, took)| *took < 1.0).count();
    assert_eq!(at_once, 10);
    assert_eq!(waited(&world, 3).await.1, 3.0, "those who left make room");
}

#[tokio::test(start_paused = true)]
async fn who_watches_hears_the_status_then_each_change() {
    let world = World::new();
    let watcher = world.connect(WATCH, None).await.ok().unwrap();
    assert_eq!(heard(&watcher)[0]["status"], "no_scripts");
    world.upload("demo", "x = 1").await;
    let first = world.connect(WATCH, None).await.ok().unwrap();
    let told = heard(&first);
    assert_eq!(told, [world.get(STATUS).await.json()], "the same body as the status call's");
    let run = world.claim("demo", 1, 1);
    say_claimed(&world, 1).await;
    say(&world, &[progress(1, &run, "script", &["half"])]).await;
    world.complete("demo", 1, &[Format::Step]);
    say_done(&world, 1).await;
    let told = heard(&first);
    assert_eq!(phases(&told), ["running", "running", "completed"]);
    assert_eq!(told[1]["status_info"]["progress"]["lines"], json!(["half"]));
    world.settle("demo", 20).await;
    assert_eq!(heard(&first), [Value::Null; 0], "nothing that is no news");
    world.upload("demo", "x = 2").await;
    assert_eq!(heard(&first).last().unwrap()["status_info"]["version"], 2, "it stays open for later versions");
    assert_eq!(heard(&watcher).last().unwrap()["status_info"]["version"], 2);
}

#[tokio::test(start_paused = true)]
async fn watching_needs_no_hints() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    // Long enough for the alarm's pauses to have grown.
    for _ in 0..15 {
        world.ring("demo").await;
    }
    let pause = |world: &World| world.alarm("demo").unwrap().since(world.clock.now());
    assert!(pause(&world) > Duration::from_secs(20));
    let watcher = world.connect(WATCH, None).await.ok().unwrap();
    assert!(pause(&world) <= Duration::from_secs(2), "somebody watches");
    world.ring("demo").await;
    assert!(pause(&world) <= Duration::from_secs(2));
    world.claim("demo", 1, 1);
    world.ring("demo").await;
    world.complete("demo", 1, &[Format::Step]);
    world.ring("demo").await;
    let told = heard(&watcher);
    assert_eq!((phases(&told)[0], &phases(&told)[told.len() - 2..]), ("queued", &["running", "completed"][..]));
    world.settle("demo", 20).await;
    let pause = pause(&world);
    assert!(pause > Duration::from_secs(800) && pause <= Duration::from_secs(900), "nothing is open: {pause:?}");
}

#[tokio::test(start_paused = true)]
async fn who_watches_is_let_in_anew_after_a_while() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.complete("demo", 1, &[Format::Step]);
    world.settle("demo", 20).await;
    let early = world.connect(WATCH, None).await.ok().unwrap();
    // Nobody uses the name yet, and nothing but this rings for it.
    let of_none = world.connect("/api/projects/none/watch", None).await.ok().unwrap();
    tokio::time::sleep(Duration::from_secs(600)).await;
    let late = world.connect(WATCH, None).await.ok().unwrap();
    tokio::time::sleep(Duration::from_secs(301)).await;
    assert!(world.ring("demo").await && world.ring("none").await);
    let is_open = |messages: &Messages| Rc::weak_count(messages) > 0;
    assert_eq!([&early, &of_none, &late].map(is_open), [false, false, true]);
    world.upload("demo", "x = 2").await;
    assert_eq!((heard(&early).len(), heard(&late).last().unwrap()["status_info"]["version"].as_u64()), (1, Some(2)));
    tokio::time::sleep(Duration::from_secs(601)).await;
    world.ring("demo").await;
    assert!(!is_open(&late));
}

#[tokio::test(start_paused = true)]
async fn who_may_watch() {
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
    world.give_to_somebody_else("demo").await;
    let foreign = world.connect(WATCH, None).await.err().unwrap();
    assert_eq!((foreign.status, foreign.json()["code"].as_str()), (404, Some("project_not_found")));
    assert_eq!(world.get(&format!("{STATUS}?wait=30")).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn as_many_watch_as_can() {
    let world = World::new();
    let mut watchers = Vec::new();
    for _ in 0..1_000 {
        watchers.push(world.connect(WATCH, None).await.ok().unwrap());
    }
    let one_more = world.connect(WATCH, None).await.err().unwrap();
    assert_eq!((one_more.status, one_more.json()["code"].as_str()), (503, Some("too_many_watchers")));
    watchers.pop();
    assert!(world.connect(WATCH, None).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn runners_are_woken_by_an_upload() {
    let world = World::new();
    let bearer = format!("Bearer {RUNNER_TOKEN}");
    let connected = async || {
        world.get("/api/monitoring/health").await.json()["components"]["runners"]["connected"].as_u64().unwrap()
    };
    assert_eq!(connected().await, 0);
    let runner = world.connect("/api/runner/wake", Some(("authorization", &bearer))).await.ok().unwrap();
    assert_eq!(heard(&runner), [json!({"wake": "look"})], "it cannot know what it missed");
    assert_eq!(connected().await, 1);
    world.upload("demo", "x = 1").await;
    assert_eq!(heard(&runner), [json!({"wake": "look"})]);
    drop(runner);
    assert_eq!(connected().await, 0);
    world.upload("demo", "x = 2").await;
    assert_eq!(world.connect("/api/runner/wake", None).await.err().unwrap().status, 401);
}

#[tokio::test(start_paused = true)]
async fn with_no_token_configured_all_goes_on_by_looking() {
    let world = World::with(MemoryStore::new(), &[("AUTH_MODE", "open")]);
    let answer = post_events(&world, "{}").await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (503, Some("runner_not_configured")));
    world.upload("demo", "x = 1").await;
    world.complete("demo", 1, &[Format::Step]);
    assert_eq!(world.status("demo").await["phase"], "completed");
}
