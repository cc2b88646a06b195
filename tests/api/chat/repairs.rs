//! Repairs of failed scripts: when they happen, when they stop, and how the status shows them.

use std::time::Duration;

use contract::JobError;
use platform::Clock;
use serde_json::{Value, json};

use crate::support::person::Person;
use crate::support::provider::Behaviour;
use crate::support::talk::{Run, Talk, error, script, written};
use crate::support::world::World;

fn says(words: &str) -> Behaviour {
    Behaviour::Stream(written(words))
}

/// Waits until the newest version is this one, in this phase. Returns its status.
async fn waited(talk: &Talk<'_>, version: u64, phase: &str) -> Value {
    loop {
        let status = talk.get(&format!("/api/projects/{}/status?wait=60", talk.project)).await.json();
        let info = &status["status_info"];
        if (&info["version"], &info["phase"]) == (&json!(version), &json!(phase)) {
            return info.clone();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn repairs_stop_at_the_limit() {
    // After the requested number.
    for (wanted, most) in [(None, 2), (Some(0), 0), (Some(5), 5)] {
        let world = World::talking();
        let talk = Talk::new(&world, "anna", "gear");
        for number in 0..=most {
            world.provider.plan(says(&format!("try {number}")));
            talk.runs(Run::Fails(error(&format!("problem {number}"), "x = 1")));
        }
        let answer = match wanted {
            None => talk.say("A gear").await,
            Some(repairs) => talk.say_repaired("A gear", repairs).await,
        };
        let turn = talk.end(answer.json()["turn"].as_str().unwrap()).await;
        assert_eq!((&turn["state"], &turn["success"]), (&json!("failed"), &json!(false)), "{turn}");
        assert_eq!((&turn["repairs"], &turn["most_repairs"]), (&json!(most), &json!(most)));
        assert_eq!(turn["error"]["message"], format!("problem {most}"));
        assert_eq!((talk.versions().await.len() as u32, world.provider.count() as u32), (most + 1, most + 1));
    }
}

#[tokio::test(start_paused = true)]
async fn repairs_stop_at_a_repeated_error() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "gear");
    let moved = |line| {
        let mut error = error("NameError: name 'y' is not defined", "x = y");
        error.line = Some(line);
        Run::Fails(error)
    };
    for (number, run) in [(0, moved(3)), (1, moved(7))] {
        world.provider.plan(says(&format!("try {number}")));
        talk.runs(run);
    }
    let turn = talk.say_repaired("A gear", 5).await.json();
    let turn = talk.end(turn["turn"].as_str().unwrap()).await;
    assert_eq!((&turn["state"], &turn["repairs"]), (&json!("failed"), &json!(1)), "the line does not matter");
    assert_eq!(world.provider.count(), 2);

    // A repeated script would fail again, so it is not uploaded.
    world.provider.plan(says("again"));
    world.provider.plan(says("again"));
    talk.runs(Run::Fails(error("ValueError: no", "x = 1")));
    let turn = talk.say_repaired("Another gear", 5).await.json();
    let turn = talk.end(turn["turn"].as_str().unwrap()).await;
    assert_eq!((&turn["state"], &turn["error"]["message"]), (&json!("failed"), &json!("ValueError: no")));
    assert_eq!(talk.versions().await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn only_script_failures_are_repaired() {
    use contract::Outcome;
    for run in [Run::Ends(Outcome::Cancelled), Run::Ends(Outcome::Abandoned), Run::Ends(Outcome::TimedOut)] {
        let world = World::talking();
        let talk = Talk::new(&world, "anna", "gear");
        world.provider.plan(says("a gear"));
        talk.runs(run.clone());
        let turn = talk.say("A gear").await.json();
        let turn = talk.end(turn["turn"].as_str().unwrap()).await;
        assert_eq!((&turn["state"], &turn["repairs"]), (&json!("failed"), &json!(0)), "{run:?}");
        assert_eq!(world.provider.count(), 1);
    }
    for code in ["output_unusable", "internal_error", "output_invalid"] {
        let world = World::talking();
        let talk = Talk::new(&world, "anna", "gear");
        world.provider.plan(says("a gear"));
        talk.runs(Run::Fails(JobError::new(code, "not the script's fault")));
        let turn = talk.say("A gear").await.json();
        let turn = talk.end(turn["turn"].as_str().unwrap()).await;
        assert_eq!((&turn["error"]["code"], world.provider.count()), (&json!(code), 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_model_that_gives_up_gives_a_reason() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "gear");
    world.provider.plan(says("a gear"));
    world.provider.plan(Behaviour::Stream("FreeCAD 0.20 cannot do this.".to_owned()));
    talk.runs(Run::Fails(error("AttributeError: makeGear", "Part.makeGear()")));
    let turn = talk.say("A gear").await.json();
    let turn = talk.end(turn["turn"].as_str().unwrap()).await;
    assert_eq!((&turn["state"], &turn["error"]["message"]), (&json!("failed"), &json!("AttributeError: makeGear")));
    assert_eq!(turn["message"]["content"], "FreeCAD 0.20 cannot do this.");
    assert_eq!(talk.versions().await.len(), 1, "there is no placeholder model");
}

#[tokio::test(start_paused = true)]
async fn repairs_stop_at_any_earlier_error_or_script() {
    let failing = |message: &str| Run::Fails(error(message, "x = y"));
    for (messages, repairs) in [
        // Any earlier error counts.
        (&["one", "another", "one", "another"][..], 2),
        // Memory addresses do not matter.
        (&["no <Face object at 0x55d0c0ffee00>", "no <Face object at 0x7F00beef>"], 1),
        (&["0x1 is no width", "0x1 is no height", "0x1 is no depth"], 5),
    ] {
        let world = World::talking();
        let talk = Talk::new(&world, "anna", "gear");
        for number in 0..=5 {
            world.provider.plan(says(&format!("try {number}")));
            talk.runs(failing(messages.get(number).copied().unwrap_or(["w", "v", "u"][number % 3])));
        }
        let turn = talk.say_repaired("A gear", 5).await.json();
        let turn = talk.end(turn["turn"].as_str().unwrap()).await;
        assert_eq!((&turn["state"], &turn["repairs"]), (&json!("failed"), &json!(repairs)), "{messages:?}");
        assert_eq!(turn["repair_error"], Value::Null);
    }

    // So does any earlier script.
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "gear");
    for (words, message) in [("this way", "one"), ("that way", "another"), ("this way", "a third")] {
        world.provider.plan(says(words));
        talk.runs(failing(message));
    }
    let turn = talk.say_repaired("A gear", 5).await.json();
    let turn = talk.end(turn["turn"].as_str().unwrap()).await;
    assert_eq!((&turn["state"], &turn["error"]["message"]), (&json!("failed"), &json!("another")));
    assert_eq!((talk.versions().await.len(), world.provider.count()), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn a_failed_repair_keeps_the_versions_error() {
    let refused = Behaviour::Status(401, None, "{}".to_owned());
    let truncated = Behaviour::Limited(written("half").replace("```\n", "#"));
    for (plan, code) in [(vec![refused.clone(), refused], "ai_unauthorized"), (vec![truncated], "answer_truncated")] {
        let world = World::talking();
        let talk = Talk::new(&world, "anna", "box");
        world.provider.plan(says("a box"));
        plan.into_iter().for_each(|behaviour| world.provider.plan(behaviour));
        talk.runs(Run::Fails(error("ValueError: no", "x = 1")));
        let events = talk.hear("A box").await;
        let turn = &events.last().unwrap().1;
        assert_eq!((&turn["state"], &turn["version"]), (&json!("failed"), &json!(1)));
        assert_eq!((&turn["error"]["message"], &turn["error"]["line"]), (&json!("ValueError: no"), &json!(3)));
        assert_eq!(turn["repair_error"]["code"], code, "{turn}");
        let message = turn["repair_error"]["message"].as_str().unwrap();
        assert!(!message.contains("uploaded"), "version 1 was uploaded: {message}");
        let error = events.iter().find(|(name, _)| name == "error").unwrap();
        assert_eq!(error.1, json!({"error": turn["error"], "repair_error": turn["repair_error"]}));
        assert_eq!(
            talk.turn(turn["turn"].as_str().unwrap()).await["repair_error"],
            turn["repair_error"],
            "it is stored"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_repair_without_a_runner() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "box");
    world.provider.plan(says("a box"));
    world.provider.plan(says("a box, mended"));
    talk.runs(Run::Fails(error("ValueError: no", "x = 1")));
    let turn = talk.say("A box").await.json();
    let turn = talk.end(turn["turn"].as_str().unwrap()).await;
    // The turn describes the newest version, and that has not failed.
    assert_eq!((&turn["version"], &turn["error"]["code"]), (&json!(2), &json!("no_runner")));
    assert_eq!(turn["repair_error"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn the_status_shows_a_repair() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "box");
    world.provider.plan(says("a box"));
    world.provider.plan(Behaviour::Slow(Duration::from_secs(30), Box::new(says("a box, mended"))));
    talk.runs(Run::Fails(error("ValueError: no", "x = 1")));
    let following = async {
        let turn = world.send(talk.begin("A box")).await.json();
        // The failure itself says that a repair is in progress.
        let failed = waited(&talk, 1, "failed").await;
        assert_eq!(failed["repair_url"], turn["turn_url"], "{failed}");
        assert_eq!(failed["message"], "ValueError: no (line 3) — it is being repaired");
        let watching = world.connect("/api/projects/box/watch", Some(("authorization", &talk.bearer()))).await;
        let first: Value = serde_json::from_str(&watching.ok().unwrap().borrow()[0]).unwrap();
        assert_eq!(first["status_info"]["repair_url"], turn["turn_url"]);
        // A longer wait returns the result of the repair.
        let began = world.clock.now();
        let answer = talk.get("/api/projects/box/status?wait=60").await.json();
        let took = world.clock.now().since(began).as_secs();
        assert!((25..35).contains(&took), "{took} {answer}");
        let repaired = &answer["status_info"];
        assert_eq!(
            (&repaired["version"], &repaired["origin"], &repaired["parent"], &repaired["repair_url"]),
            (&json!(2), &json!("repair"), &json!(1), &Value::Null)
        );
        talk.runs(Run::Completes);
        let completed = waited(&talk, 2, "completed").await;
        assert_eq!(completed["repair_url"], Value::Null);
    };
    talk.working(following).await;
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_final_once_its_turn_has_ended() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "box");
    world.provider.plan(says("a box"));
    world.provider.plan(Behaviour::Slow(Duration::from_secs(10), Box::new(Behaviour::Stream("I give up.".to_owned()))));
    talk.runs(Run::Fails(error("ValueError: no", "x = 1")));
    let turn = talk.say("A box").await.json();
    talk.end(turn["turn"].as_str().unwrap()).await;
    let began = world.clock.now();
    let failed = waited(&talk, 1, "failed").await;
    assert_eq!((&failed["repair_url"], &failed["message"]), (&Value::Null, &json!("ValueError: no (line 3)")));
    assert_eq!(world.clock.now(), began, "the wait ends at once");

    // Without repairs, none is announced.
    world.provider.plan(says("another box"));
    talk.runs(Run::Fails(error("ValueError: never", "x = 1")));
    let answer = talk.working(async {
        world.send(talk.begin_repaired("Another", 0)).await;
        waited(&talk, 2, "failed").await
    });
    assert_eq!(answer.await["repair_url"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn an_announced_repair_expires() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "box");
    world.provider.plan(says("a box"));
    world.provider.plan(Behaviour::Silence);
    talk.runs(Run::Fails(error("ValueError: no", "x = 1")));
    let failed = talk.working(async {
        world.send(talk.begin("A box")).await;
        waited(&talk, 1, "failed").await
    });
    assert_ne!(failed.await["repair_url"], Value::Null);
    // From here on the conversation's alarm does not ring.
    let repaired = async || talk.get("/api/projects/box/status").await.json()["status_info"]["repair_url"].clone();
    world.clock.sleep(Duration::from_secs(500)).await;
    assert_ne!(repaired().await, Value::Null, "a model may take this long");
    world.clock.sleep(Duration::from_secs(110)).await;
    assert_eq!(repaired().await, Value::Null);
}

#[tokio::test(start_paused = true)]
async fn a_new_owner_does_not_see_the_repair() {
    let world = World::talking();
    let (talk, bert) = (Talk::new(&world, "anna", "box"), Talk::new(&world, "bert", "box"));
    world.provider.plan(says("a box"));
    world.provider.plan(Behaviour::Slow(Duration::from_secs(60), Box::new(says("a box, mended"))));
    talk.runs(Run::Fails(error("ValueError: no", "x = 1")));
    talk.working(async {
        let turn = world.send(talk.begin("A box")).await.json();
        assert_eq!(waited(&talk, 1, "failed").await["repair_url"], turn["turn_url"]);
        let admin = Person::admin(&world);
        admin.call("PUT", "/api/projects/box/owner", Some(json!({"owner": "bert"}))).await;
        assert_eq!(waited(&bert, 1, "failed").await["repair_url"], Value::Null);
        world.clock.sleep(Duration::from_secs(90)).await;
        let failed = waited(&bert, 1, "failed").await;
        assert_eq!(failed["repair_url"], Value::Null, "her turn's later announcements are ignored");
    })
    .await;
    assert_eq!(bert.versions().await.len(), 1);
    assert_eq!(bert.script(1), Some(script("a box")));
}
