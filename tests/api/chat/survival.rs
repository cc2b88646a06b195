//! A turn continues when a client or an instance is lost, and repeats nothing.

use std::time::Duration;

use futures::StreamExt;
use platform::Clock;
use serde_json::{Value, json};

use crate::support::faults::Fault;
use crate::support::provider::Behaviour;
use crate::support::talk::{Run, Talk, events, names, script, until, written};
use crate::support::world::World;

fn slow(words: &str) -> Behaviour {
    Behaviour::Slow(Duration::from_secs(20), Box::new(Behaviour::Stream(written(words))))
}

/// Starts a turn and drops its stream. Returns its id.
async fn begin(talk: &Talk<'_>, message: &str) -> String {
    drop(talk.stream(message).await);
    talk.world.open_turn(talk.project).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_turn_survives_its_client_and_its_instance() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "box");
    world.provider.plan(Behaviour::Stream(written("a box that takes a while to write down, word by word")));
    talk.runs(Run::Completes);
    talk.working(async {
        let mut stream = talk.stream("A box").await.into_body().into_stream();
        until(&mut stream, "text").await;
    })
    .await;
    assert!(talk.versions().await.is_empty(), "there is no script yet");
    // The select has dropped the alarm. The next one starts again, as after an eviction.
    world.provider.plan(Behaviour::Stream(written("a box")));
    talk.working(world.clock.sleep(Duration::from_secs(60))).await;
    assert_eq!((talk.versions().await.len(), world.provider.count()), (1, 2), "asked once more");
    assert_eq!(talk.get("/api/projects/box/status").await.json()["status"], "completed");
    assert_eq!(talk.messages().await.len(), 2, "one of each author");
}

#[tokio::test(start_paused = true)]
async fn a_turn_survives_its_client() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "box");
    world.provider.plan(Behaviour::Stream(written("a box that takes a while to write down, word by word")));
    talk.runs(Run::Completes);
    let leaving = async {
        let mut stream = talk.stream("A box").await.into_body().into_stream();
        until(&mut stream, "text").await;
        drop(stream);
        world.clock.sleep(Duration::from_secs(60)).await;
    };
    talk.working(leaving).await;
    assert_eq!(world.provider.count(), 1, "asked once");
    assert_eq!((talk.versions().await.len(), talk.script(1).is_some()), (1, true));
    assert_eq!(talk.get("/api/projects/box/status").await.json()["status"], "completed");
}

#[tokio::test(start_paused = true)]
async fn parallel_alarms_ask_once() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "box");
    world.provider.plan(slow("a box"));
    let id = begin(&talk, "A box").await;
    tokio::join!(world.ring_chat("box"), world.ring_chat("box"), async {
        world.clock.sleep(Duration::from_secs(5)).await;
        world.ring_chat("box").await;
    });
    world.ring_chat("box").await;
    assert_eq!(world.provider.count(), 1);
    assert_eq!(talk.versions().await.len(), 1);
    assert_eq!(talk.turn(&id).await["state"], "processing");
}

#[tokio::test(start_paused = true)]
async fn a_lost_call_is_repeated_three_times() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "box");
    let id = begin(&talk, "A box").await;
    for _ in 0..3 {
        world.provider.plan(slow("a box"));
        // The platform ends the instance during the call.
        let cut = tokio::time::timeout(Duration::from_secs(10), world.ring_chat("box")).await;
        assert!(cut.is_err());
        world.evict_chat("box");
        assert!(world.chat_alarm("box").is_some(), "the next alarm is set");
        assert_eq!(talk.turn(&id).await["state"], "generating");
    }
    world.ring_chat("box").await;
    let turn = talk.turn(&id).await;
    assert_eq!((&turn["state"], &turn["error"]["code"]), (&json!("failed"), &json!("interrupted")));
    assert_eq!(world.provider.count(), 3);
    assert!(world.store.inner.keys().is_empty(), "nothing was uploaded");

    // Fewer losses do no harm, and streams get a restart event.
    let id = begin(&talk, "Again, please").await;
    world.provider.plan(slow("a box"));
    assert!(tokio::time::timeout(Duration::from_secs(10), world.ring_chat("box")).await.is_err());
    world.evict_chat("box");
    world.provider.plan(Behaviour::Stream(written("a box")));
    talk.runs(Run::Completes);
    let listen = world.start(listening(&talk, &id)).await.into_body();
    let heard = talk.working(listen.bytes(usize::MAX)).await.unwrap();
    let events = events(&heard);
    assert_eq!(names(&events)[..4], ["turn", "state", "restart", "text"]);
    assert_eq!(events.last().unwrap().1["version"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_upload_is_one_version() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "box");
    world.provider.plan(Behaviour::Stream(written("a box")));
    let id = begin(&talk, "A box").await;
    // The script arrives, and its answer comes after the instance is gone.
    world.store.plan("PUT", "input/box", Fault::SlowBody(Duration::from_secs(9)));
    world.store.plan("PUT", "pending/box", Fault::Slow(Duration::from_secs(9)));
    assert!(tokio::time::timeout(Duration::from_secs(4), world.ring_chat("box")).await.is_err());
    world.evict_chat("box");
    assert_eq!(talk.turn(&id).await["state"], "uploading");
    talk.runs(Run::Completes);
    let turn = talk.end(&id).await;
    assert_eq!((&turn["state"], &turn["version"]), (&json!("completed"), &json!(1)));
    assert_eq!(talk.versions().await.len(), 1);
    assert_eq!(world.provider.count(), 1, "the script was kept");
    let scripts = world.store.inner.keys().into_iter().filter(|key| key.starts_with("input/")).count();
    assert_eq!((scripts, talk.script(1)), (1, Some(script("a box"))));
}

#[tokio::test(start_paused = true)]
async fn a_turn_survives_its_instance_while_processing() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "box");
    world.provider.plan(Behaviour::Stream(written("a box")));
    let id = begin(&talk, "A box").await;
    assert!(tokio::time::timeout(Duration::from_secs(5), world.ring_chat("box")).await.is_err());
    assert_eq!(talk.turn(&id).await["state"], "processing");
    world.evict_chat("box");
    world.evict("box");
    talk.runs(Run::Completes);
    assert_eq!(talk.end(&id).await["state"], "completed");
    assert_eq!((world.provider.count(), talk.versions().await.len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_stream_resumes_from_the_present_state() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "box");
    world.provider.plan(Behaviour::Stream(written("a box that takes a while to write down, word by word")));
    let whole = written("a box that takes a while to write down, word by word");
    let id = begin(&talk, "A box").await;
    let second = async {
        world.clock.sleep(Duration::from_millis(45)).await;
        let stream = world.start(listening(&talk, &id)).await;
        assert_eq!(stream.headers()["content-type"], "text/event-stream");
        stream.into_body().bytes(usize::MAX).await.unwrap()
    };
    talk.runs(Run::Completes);
    let heard = events(&talk.working(second).await);
    let texts: Vec<&str> =
        heard.iter().filter(|(name, _)| name == "text").map(|(_, data)| data["text"].as_str().unwrap()).collect();
    assert!(texts[0].len() > 16, "earlier text comes at once: {texts:?}");
    assert_eq!(texts.concat(), whole, "without a gap");
    assert_eq!(heard.last().unwrap().0, "done");

    // The stream of an ended turn has the same events and ends.
    let stream = world.start(listening(&talk, &id)).await.into_body();
    let heard = events(&stream.bytes(usize::MAX).await.unwrap());
    assert_eq!(names(&heard), ["turn", "state", "script", "version", "done"]);
    assert_eq!((&heard[0].1["turn"], &heard[1].1["state"]), (&json!(id), &json!("completed")));
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_gets_keep_alives() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "box");
    let late = Behaviour::Slow(Duration::from_secs(100), Box::new(Behaviour::Stream(written("a box"))));
    world.provider.plan(late);
    let reading = async {
        let mut stream = talk.stream("A box").await.into_body().into_stream();
        let (mut quiet, mut comments) = (Duration::ZERO, 0);
        let mut last = world.clock.now();
        while let Some(chunk) = stream.next().await {
            let now = world.clock.now();
            quiet = quiet.max(now.since(last));
            last = now;
            let text = String::from_utf8(chunk.unwrap().to_vec()).unwrap();
            comments += usize::from(text.starts_with(':'));
            if text.contains("event: version\n") {
                // FreeCAD takes time, too.
                world.clock.sleep(Duration::from_secs(1)).await;
            }
            if comments > 25 {
                break;
            }
        }
        (quiet, comments)
    };
    let (quiet, comments) = talk.working(reading).await;
    assert!(comments > 20 && quiet <= Duration::from_secs(31), "{quiet:?} {comments}");
}

#[tokio::test(start_paused = true)]
async fn a_long_post_is_answered_and_the_turn_continues() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "box");
    let late = Behaviour::Slow(Duration::from_secs(110), Box::new(Behaviour::Stream(written("a box"))));
    world.provider.plan(late);
    let began = world.clock.now();
    let turn = talk.say("A box").await.json();
    assert_eq!(
        (&turn["state"], &turn["version"], &turn["message"]),
        (&json!("generating"), &Value::Null, &Value::Null)
    );
    let took = world.clock.now().since(began).as_secs();
    assert!((100..102).contains(&took), "{took}");
    world.provider.plan(Behaviour::Stream(written("a box")));
    talk.runs(Run::Completes);
    assert_eq!(talk.end(turn["turn"].as_str().unwrap()).await["state"], "completed");
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_events_blocks_no_waiting_call() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "box");
    // More events than a stream may be behind by.
    let words = "word ".repeat(1_200);
    world.provider.plan(Behaviour::AtOnce(written(&words)));
    // A call waits for the turn.
    world.store.plan("PUT", "input/box", Fault::Slow(Duration::from_secs(2)));
    talk.runs(Run::Completes);
    let turn = talk.say("A box").await.json();
    assert_eq!((&turn["state"], &turn["version"]), (&json!("processing"), &json!(1)));
    assert_eq!(turn["code_generated"], script(&words));
    assert_eq!(talk.end(turn["turn"].as_str().unwrap()).await["state"], "completed");
}

#[tokio::test(start_paused = true)]
async fn a_new_turn_without_a_free_stream_gets_json() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "box");
    world.provider.plan(slow("a box"));
    let wanting_events = || {
        let request = talk.message("A box").header("idempotency-key", "k1").header("accept", "text/event-stream");
        let body = json!({"message": "A box", "project_name": "box"}).to_string();
        request.body(platform::Body::full(body)).unwrap()
    };
    let mut streams = vec![world.start(wanting_events()).await];
    let id = world.open_turn("box").unwrap();
    while streams.len() < 50 {
        streams.push(world.start(listening(&talk, &id)).await);
    }
    let refused = world.send(listening(&talk, &id)).await;
    assert_eq!((refused.status, refused.json()["code"].as_str()), (503, Some("too_many_watchers")));
    // The client lost the first answer and repeats its request.
    let again = talk.working(world.send(wanting_events())).await;
    assert_eq!((again.status, again.header("content-type")), (200, "application/json"), "{:?}", again.bytes);
    assert_eq!((again.json()["turn"].as_str(), again.header("idempotent-replayed")), (Some(id.as_str()), "true"));
    assert_eq!((&again.json()["version"], world.provider.count()), (&json!(1), 1));
}

fn listening(talk: &Talk<'_>, id: &str) -> http::Request<platform::Body> {
    let path = format!("/api/projects/{}/chat/{id}", talk.project);
    talk.request("GET", &path).header("accept", "text/event-stream").body(platform::Body::empty()).unwrap()
}
