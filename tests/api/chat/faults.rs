//! Every failure ends in a clear state and leaves nothing incomplete.

use std::time::Duration;

use contract::{JobError, Key, Outcome, Report};
use platform::Clock;
use serde_json::{Value, json};

use crate::support::faults::Fault;
use crate::support::memory_store::MemoryStore;
use crate::support::person::Person;
use crate::support::provider::{Behaviour, chunk};
use crate::support::talk::{Run, Talk, error, names, written};
use crate::support::world::{ADMIN_TOKEN, MODELS, World};

fn status(status: u16) -> Behaviour {
    Behaviour::Status(status, None, "{\"error\":{\"message\":\"no\"}}".to_owned())
}

#[tokio::test(start_paused = true)]
async fn each_failure_of_the_model() {
    let limited = Behaviour::Status(429, Some(("retry-after", "3600")), "{}".to_owned());
    let cut = || Behaviour::Cut(written("never"));
    let half = written("half").replace("```\n", "#");
    let body = |media_type, text: &str| Behaviour::Body(media_type, text.to_owned());
    let empty = || body("application/json", "{\"choices\":[{\"message\":{\"content\":\"\"}}]}");
    for (plan, code) in [
        (vec![status(401), status(401)], "ai_unauthorized"),
        (vec![status(404), status(400), status(400)], "ai_refused"),
        (vec![limited.clone(), limited], "ai_rate_limited"),
        ((0..6).map(|_| status(500)).collect(), "ai_unavailable"),
        (vec![Behaviour::Silence, Behaviour::Silence, Behaviour::Silence], "ai_timed_out"),
        ((0..6).map(|_| cut()).collect(), "ai_cut"),
        ((0..6).map(|_| Behaviour::Broken(chunk(&half, Some("")).into())).collect(), "ai_cut"),
        (vec![body("text/event-stream", &(chunk(&half, None) + "data: [DONE]\n\n"))], "answer_truncated"),
        (vec![Behaviour::Stream("<think>A box.</think>".to_owned()); 6], "ai_empty"),
        ((0..6).map(|_| body("application/json", "<html>")).collect(), "ai_invalid"),
        ((0..6).map(|_| empty()).collect(), "ai_empty"),
        (vec![Behaviour::Endless, Behaviour::Endless], "ai_too_long"),
        (vec![Behaviour::Limited(half.clone())], "answer_truncated"),
    ] {
        let world = World::talking();
        let talk = Talk::new(&world, "anna", "box");
        let expected = plan.len();
        plan.into_iter().for_each(|behaviour| world.provider.plan(behaviour));
        let events = talk.hear("A box").await;
        let (_, done) = events.last().unwrap();
        assert_eq!(
            (&done["state"], &done["success"], &done["error"]["code"]),
            (&json!("failed"), &json!(false), &json!(code))
        );
        assert_eq!(names(&events).iter().rev().take(3).collect::<Vec<_>>(), [&"done", &"error", &"state"], "{code}");
        assert_eq!((&done["version"], &done["repair_error"]), (&Value::Null, &Value::Null));
        assert!(done["error"]["message"].as_str().unwrap().ends_with(". Nothing was uploaded."), "{done}");
        assert!(world.store.inner.keys().is_empty(), "{code}: nothing was uploaded");
        assert_eq!(world.provider.count(), expected, "{code}");
        let told = format!("{events:?} {}", world.chat_text("box"));
        assert!(!told.contains("sk-the"), "{code}: no key is told or kept");
        world.send_metrics().await;
        assert!(world.chat_alarm("box").unwrap().since(world.clock.now()).as_secs() > 3_600, "{code}");
        // The conversation continues.
        world.provider.plan(Behaviour::Stream("Hello.".to_owned()));
        assert_eq!(talk.say("Are you there?").await.json()["state"], "completed", "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_fallback_is_asked_when_the_first_fails() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "box");
    world.provider.plan(status(401));
    world.provider.plan(Behaviour::Stream(written("a box")));
    talk.runs(Run::Completes);
    let turn = talk.say("A box").await.json();
    assert_eq!((&turn["version"], &turn["usage"]["calls"]), (&json!(1), &json!(2)));
    assert_eq!(world.provider.last().host, "other.test");
}

#[tokio::test(start_paused = true)]
async fn a_repair_without_a_model_keeps_the_failed_version() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "box");
    world.provider.plan(Behaviour::Stream(written("a box")));
    world.provider.plan(status(401));
    world.provider.plan(status(401));
    talk.runs(Run::Fails(error("ValueError: no", "x = 1")));
    let turn = talk.say("A box").await.json();
    let turn = talk.end(turn["turn"].as_str().unwrap()).await;
    assert_eq!((&turn["state"], &turn["error"]["code"]), (&json!("failed"), &json!("script_error")));
    assert_eq!(turn["repair_error"]["code"], "ai_unauthorized");
    assert_eq!((&turn["version"], talk.versions().await.len()), (&json!(1), 1));
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_script_ends_the_turn() {
    let world = World::talking();
    let anna = world.jwt("anna");
    let upload = async |project: &str, code: &str| {
        let path = format!("/api/projects/{project}/upload-script");
        let answer = world.post_with_bearer(&path, &anna, json!({"code": code}).to_string()).await;
        assert_eq!(answer.status, 201);
    };
    upload("long", &"x = 1\n".repeat(20_000)).await;
    upload("gone", "x = 1").await;
    world.store.inner.remove("input/gone/gone_v1.py");
    upload("bytes", "x = 1").await;
    world.store.inner.drop_in("input/bytes/bytes_v1.py", vec![0xff, 0xfe]);
    for project in ["long", "gone", "bytes"] {
        let talk = Talk::new(&world, "anna", project);
        let turn = talk.say("Make it taller").await.json();
        assert_eq!((&turn["state"], &turn["error"]["code"]), (&json!("failed"), &json!("script_unreadable")));
        let message = turn["error"]["message"].as_str().unwrap();
        assert!(message.contains("version 1") && message.contains("98304 bytes"), "{message}");
        assert_eq!(talk.versions().await.len(), 1, "{project}");
    }
    assert_eq!(world.provider.count(), 0, "the model is not asked");
    // The longest script that a model receives.
    upload("fits", &"x = 1 \n".repeat((96 << 10) / 8)).await;
    world.provider.plan(Behaviour::Stream("I see.".to_owned()));
    assert_eq!(Talk::new(&world, "anna", "fits").say("Do you see it?").await.json()["state"], "completed");
}

#[tokio::test(start_paused = true)]
async fn a_store_outage_before_the_model_is_asked() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "box");
    world.provider.plan(Behaviour::Stream(written("a box")));
    talk.runs(Run::Completes);
    let turn = talk.say("A box").await.json();
    talk.end(turn["turn"].as_str().unwrap()).await;

    // For a while the current script cannot be read.
    world.store.always(Some(Fault::Status(503)));
    world.provider.plan(Behaviour::Stream(written("a taller box")));
    talk.runs(Run::Completes);
    let turn = talk.say("Taller").await.json();
    assert_eq!((&turn["state"], world.provider.count()), (&json!("generating"), 1), "not asked without it");
    let id = turn["turn"].as_str().unwrap().to_owned();
    world.store.always(None);
    let turn = talk.end(&id).await;
    assert_eq!((&turn["state"], &turn["version"], &turn["parent"]), (&json!("completed"), &json!(2), &json!(1)));
    assert_eq!(world.provider.count(), 2);

    // In a permanent outage the turn ends.
    world.store.always(Some(Fault::Status(503)));
    let turn = talk.say("Taller still").await.json();
    let turn = talk.end(turn["turn"].as_str().unwrap()).await;
    assert_eq!(turn["error"]["code"], "internal_unavailable", "{turn}");
    assert_eq!(world.provider.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_store_outage_at_the_upload() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "box");
    // Anna owns the project, so that its object may keep an upload for the bucket.
    world.provider.plan(Behaviour::Stream(written("a box")));
    talk.runs(Run::Completes);
    let turn = talk.say("A box").await.json();
    talk.end(turn["turn"].as_str().unwrap()).await;
    world.provider.plan(Behaviour::Slow(Duration::from_secs(3), Box::new(Behaviour::Stream(written("a taller box")))));
    let away = async {
        world.clock.sleep(Duration::from_secs(2)).await;
        world.store.always(Some(Fault::NoConnection));
        std::future::pending().await
    };
    let turn = tokio::select! { answer = talk.say("Taller") => answer.json(), never = away => never };
    assert_eq!((&turn["state"], &turn["version"]), (&json!("processing"), &json!(2)), "the upload is kept");
    assert_eq!(talk.script(2), None);
    world.store.always(None);
    talk.runs(Run::Completes);
    assert_eq!(talk.end(turn["turn"].as_str().unwrap()).await["state"], "completed");
    assert_eq!(world.provider.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refusing_bucket_ends_the_turn() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "box");
    world.provider.plan(Behaviour::Stream(written("a box")));
    world.store.each("PUT", "input/", Fault::Status(403));
    let turn = talk.say("A box").await.json();
    assert_eq!((&turn["state"], &turn["error"]["code"]), (&json!("failed"), &json!("bucket_refuses")), "{turn}");
    assert_eq!(turn["version"], Value::Null);
    assert!(talk.versions().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_version_without_a_runner_ends_the_turn() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "box");
    world.provider.plan(Behaviour::Stream(written("a box")));
    let turn = talk.say("A box").await.json();
    let turn = talk.end(turn["turn"].as_str().unwrap()).await;
    assert_eq!((&turn["state"], &turn["error"]["code"]), (&json!("failed"), &json!("no_runner")), "{turn}");
    world.complete("box", 1, &[]);
    world.clock.sleep(Duration::from_secs(5)).await;
    assert_eq!(talk.get("/api/projects/box/status").await.json()["status"], "completed");
}

#[tokio::test(start_paused = true)]
async fn a_superseded_version_is_followed_to_its_end() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "box");
    world.provider.plan(Behaviour::Stream(written("a box")));
    let turn = talk.say("A box").await.json();
    let id = turn["turn"].as_str().unwrap();
    let anna = world.jwt("anna");
    assert_eq!(Person::bearer(&world, &anna).upload("box").await, 201);
    world.provider.plan(Behaviour::Stream(written("a box, mended")));
    talk.runs(Run::Fails(error("ValueError: no", "x = 1")));
    // The other upload, and the repair.
    talk.runs(Run::Completes);
    talk.runs(Run::Completes);
    let turn = talk.end(id).await;
    assert_eq!((&turn["state"], &turn["version"], &turn["parent"]), (&json!("completed"), &json!(3), &json!(1)));
}

#[tokio::test(start_paused = true)]
async fn a_report_cannot_name_another_projects_log() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "box");
    world.store.inner.drop_in("logs/other/other_info_20260131_120000.log", "the other project's secret\n");
    world.provider.plan(Behaviour::Stream(written("a box")));
    let turn = talk.say("A box").await.json();
    let mut report = Report::new("box".parse().unwrap(), 1.try_into().unwrap(), Outcome::Failed, world.clock.now());
    report.error = Some(JobError::new("script_error", "ValueError: no"));
    report.log = Some(Key::Log("other".parse().unwrap(), "other_info_20260131_120000.log".to_owned()).to_string());
    world.commit(&report);
    world.provider.plan(Behaviour::Stream("I give up.".to_owned()));
    talk.end(turn["turn"].as_str().unwrap()).await;
    let sent = world.provider.last().text();
    assert!(sent.contains("ValueError: no") && !sent.contains("secret"), "{sent}");
}

#[tokio::test(start_paused = true)]
async fn everything_else_works_without_a_model() {
    let world = World::closed();
    let talk = Talk::new(&world, "anna", "box");
    let answer = talk.say("A box").await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (503, Some("ai_not_configured")));
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(["AI_BASE_URL", "AI_API_KEY", "AI_MODEL"].iter().all(|name| detail.contains(name)), "{detail}");
    assert_eq!(talk.get("/api/projects/box/messages").await.json()["total_messages"], 0);
    let anna = world.jwt("anna");
    assert_eq!(Person::bearer(&world, &anna).upload("box").await, 201);
    let health = Person::bearer(&world, ADMIN_TOKEN).get("/api/monitoring/health").await.json();
    assert_eq!(health["components"]["ai"]["status"], "not_configured");
    let health = Person::bearer(&World::talking(), ADMIN_TOKEN).get("/api/monitoring/health").await.json();
    assert_eq!(health["components"]["ai"]["status"], "up");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_model_setting_affects_only_chat() {
    let wrong = [("AI_BASE_URL", "https://first.test/v1?key=sk-hush")];
    let closed = crate::support::issuer::BY_SECRET;
    let world = World::with(
        MemoryStore::new(),
        &[&closed[..], &wrong, &MODELS[1..3], &[("ADMIN_TOKEN", ADMIN_TOKEN)]].concat(),
    );
    let talk = Talk::new(&world, "anna", "box");
    let answer = talk.say("A box").await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (503, Some("bad_configuration")));
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("AI_BASE_URL") && !detail.contains("hush"), "{detail}");
    let anna = world.jwt("anna");
    assert_eq!(Person::bearer(&world, &anna).upload("box").await, 201);
    assert_eq!(talk.get("/api/projects/box/messages").await.status, 200);
    let health = Person::bearer(&world, ADMIN_TOKEN).get("/api/monitoring/health").await.json();
    assert_eq!(health["components"]["ai"]["status"], "down");
}
