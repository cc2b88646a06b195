//! What a turn leads to: a script, a version, a model, or words alone.

use partwright::http::Clock;
use serde_json::{Value, json};

use crate::support::person::Person;
use crate::support::provider::Said;
use crate::support::talk::{Run, Talk, error, names, script, written};
use crate::support::world::World;

fn says(words: &str) -> Said {
    Said::Stream(written(words))
}

#[tokio::test(start_paused = true)]
async fn a_sentence_becomes_a_model() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "box");
    world.provider.plan(says("a box"));
    talk.runs(Run::Completes);
    let answer = talk.say("A box, 10 mm wide").await;
    let turn = answer.json();
    assert_eq!(answer.status, 200, "{turn}");
    assert_eq!(turn["message"]["role"], "assistant");
    assert_eq!(turn["message"]["content"], "Here it is: a box.");
    assert!(turn["message"]["timestamp"].as_str().unwrap().ends_with('Z'));
    assert_eq!(turn["code_generated"], script("a box"));
    assert_eq!(turn["suggestions"], json!(["Add holes", "Round the edges"]));
    assert_eq!((&turn["version"], &turn["key"]), (&json!(1), &json!("input/box/box_v1.py")));
    assert_eq!((&turn["state"], &turn["success"]), (&json!("processing"), &json!(true)));
    assert_eq!(turn["state_message"], "FreeCAD processing…");
    assert_eq!(turn["status_url"], "/api/projects/box/status");
    assert_eq!(talk.script(1), Some(script("a box")), "word for word");

    let turn = talk.end(turn["turn"].as_str().unwrap()).await;
    assert_eq!((&turn["state"], &turn["error"]), (&json!("completed"), &Value::Null));
    assert_eq!(turn["usage"], json!({"calls": 1, "input_tokens": 12, "output_tokens": 7}));
    assert_eq!(turn["state_message"], "Model ready — view or download");
    assert_eq!(talk.versions().await, [(1, "ai".to_owned(), None)]);
    let said = |role: &str, words: &str, version| (role.to_owned(), words.to_owned(), version);
    assert_eq!(
        talk.messages().await,
        [said("user", "A box, 10 mm wide", None), said("assistant", "Here it is: a box.", Some(1))]
    );
    assert_eq!(talk.get("/api/projects").await.json()["projects"][0]["project_name"], "box");
    world.tell_figures().await;
    let idle = std::time::Duration::from_secs(6 * 24 * 3_600);
    assert!(world.chat_alarm("box").unwrap() > world.clock.now().after(idle), "nothing is left to do");
}

#[tokio::test(start_paused = true)]
async fn three_turns_of_which_the_second_fails_and_is_repaired() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "bracket");

    world.provider.plan(says("a bracket"));
    talk.runs(Run::Completes);
    let first = talk.hear("A bracket").await;
    assert_eq!(
        names(&first),
        ["turn", "state", "text", "script", "state", "version", "state", "status", "state", "done"]
    );
    let texts: String =
        first.iter().filter(|(name, _)| name == "text").map(|(_, data)| data["text"].as_str().unwrap()).collect();
    assert_eq!(texts, written("a bracket"), "as it came");
    let states: Vec<&str> = of(&first, "state").iter().map(|data| data["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["generating", "uploading", "processing", "completed"]);
    assert_eq!(of(&first, "script")[0]["code"], script("a bracket"));
    assert_eq!(
        of(&first, "version")[0],
        &json!({"version": 1, "key": "input/bracket/bracket_v1.py", "parent": null, "repair": 0})
    );
    let statuses = of(&first, "status");
    assert_eq!(statuses[0]["status"], "processing");
    assert_eq!(statuses.last().unwrap()["status_info"]["phase"], "completed");
    assert_eq!(of(&first, "done")[0]["state"], "completed");

    world.provider.plan(says("taller"));
    world.provider.plan(says("taller, mended"));
    talk.runs(Run::Fails(error("Part.OCCError: BRep_API: command not done", "shape.makeFillet(9, edges)")));
    talk.runs(Run::Completes);
    let second = talk.hear("Make it 5 mm taller").await;
    assert_eq!(
        names(&second),
        [
            "turn", "state", "text", "script", "state", "version", "state", "status", "repair", "state", "text",
            "script", "state", "version", "state", "status", "state", "done"
        ]
    );
    let repair = of(&second, "repair")[0];
    assert_eq!((&repair["repair"], &repair["version"]), (&json!(1), &json!(2)));
    assert_eq!(repair["error"]["source"], "shape.makeFillet(9, edges)");
    let done = of(&second, "done")[0];
    assert_eq!((&done["version"], &done["parent"], &done["repairs"]), (&json!(3), &json!(2), &json!(1)));
    assert_eq!((&done["state"], &done["error"]), (&json!("completed"), &Value::Null));
    let repaired = of(&second, "version")[1];
    let key = "input/bracket/bracket_v3.py";
    assert_eq!(repaired, &json!({"version": 3, "key": key, "parent": 2, "repair": 1}));
    let status = talk.get("/api/projects/bracket/status").await.json()["status_info"].clone();
    assert_eq!((&status["origin"], &status["parent"]), (&json!("repair"), &json!(2)), "{status}");
    let told = world.provider.asked.borrow()[1].words();
    for part in ["version 1", &script("a bracket"), "10.000 x 20.000 x 1.000 mm", "1234.500 mm3", "A bracket\n"] {
        assert!(told.contains(part), "the newest script, its report and what was said: {part} in {told}");
    }
    assert!(told.ends_with("Make it 5 mm taller\n"));
    let told = world.provider.asked.borrow()[2].words();
    for part in [
        &script("taller")[..],
        "version 2 failed",
        "BRep_API",
        "in line 3: shape.makeFillet(9, edges)",
        "printed by version 2",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
    assert!(!told.contains("secret-host"), "the runner's own lines are not the script's: {told}");

    world.provider.plan(says("with holes"));
    talk.runs(Run::Completes);
    let third = talk.say("With holes").await.json();
    assert_eq!((&third["version"], &third["parent"]), (&json!(4), &json!(3)));
    talk.end(third["turn"].as_str().unwrap()).await;

    let version = |number, origin: &str, parent| (number, origin.to_owned(), parent);
    assert_eq!(
        talk.versions().await,
        [version(1, "ai", None), version(2, "ai", Some(1)), version(3, "repair", Some(2)), version(4, "ai", Some(3))]
    );
    let said: Vec<(String, Option<u64>)> =
        talk.messages().await.into_iter().map(|(role, _, version)| (role, version)).collect();
    let said: Vec<(&str, Option<u64>)> = said.iter().map(|(role, version)| (role.as_str(), *version)).collect();
    let [user, model] = ["user", "assistant"];
    assert_eq!(
        said,
        [
            (user, None),
            (model, Some(1)),
            (user, None),
            (model, Some(2)),
            (model, Some(3)),
            (user, None),
            (model, Some(4))
        ]
    );
    // Each of the model's turns is answered by a person's, whatever was repaired in between.
    let asked = world.provider.last();
    let roles: Vec<&str> =
        asked.body["messages"].as_array().unwrap().iter().map(|message| message["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["system", "user", "assistant", "user", "assistant", "user"]);
}

#[tokio::test(start_paused = true)]
async fn repairs_end() {
    // After as many as were wanted.
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
async fn the_same_error_again_ends_repairs() {
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
    assert_eq!((&turn["state"], &turn["repairs"]), (&json!("failed"), &json!(1)), "wherever its line stands");
    assert_eq!(world.provider.count(), 2);

    // Nor does it help to go round in circles, or that an object has another address.
    let talk = Talk::new(&world, "anna", "wheel");
    for (number, message) in
        ["<Face object at 0x55d0> is null", "no such edge", "<Face object at 0x7f1c> is null"].into_iter().enumerate()
    {
        world.provider.plan(says(&format!("wheel {number}")));
        talk.runs(Run::Fails(error(message, "x = y")));
    }
    let turn = talk.say_repaired("A wheel", 5).await.json();
    let turn = talk.end(turn["turn"].as_str().unwrap()).await;
    assert_eq!((&turn["state"], &turn["repairs"]), (&json!("failed"), &json!(2)), "{turn}");
    let talk = Talk::new(&world, "anna", "gear");

    // The same script would fail in the same way, so it is not even uploaded.
    world.provider.plan(says("again"));
    world.provider.plan(says("again"));
    talk.runs(Run::Fails(error("ValueError: no", "x = 1")));
    let turn = talk.say_repaired("Another gear", 5).await.json();
    let turn = talk.end(turn["turn"].as_str().unwrap()).await;
    assert_eq!((&turn["state"], &turn["error"]["message"]), (&json!("failed"), &json!("ValueError: no")));
    assert_eq!(talk.versions().await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn only_what_a_script_did_is_repaired() {
    use partwright::contract::Outcome;
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
}

#[tokio::test(start_paused = true)]
async fn a_model_that_gives_up_says_why() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "gear");
    world.provider.plan(says("a gear"));
    world.provider.plan(Said::Stream("FreeCAD 0.20 cannot do this.".to_owned()));
    talk.runs(Run::Fails(error("AttributeError: makeGear", "Part.makeGear()")));
    let turn = talk.say("A gear").await.json();
    let turn = talk.end(turn["turn"].as_str().unwrap()).await;
    assert_eq!((&turn["state"], &turn["error"]["message"]), (&json!("failed"), &json!("AttributeError: makeGear")));
    assert_eq!(turn["message"]["content"], "FreeCAD 0.20 cannot do this.");
    assert_eq!(talk.versions().await.len(), 1, "and there is no stand-in");
}

#[tokio::test(start_paused = true)]
async fn a_script_that_no_model_can_read_is_not_replaced() {
    let world = World::talking();
    let anna = world.jwt("anna");
    let anna = Person::bearer(&world, &anna);
    let long = format!("import Part\n{}", "# a long line\n".repeat(8_000));
    let body = json!({"code": long});
    assert_eq!(anna.post("/api/projects/long/upload-script", body).await.status, 201);
    assert_eq!(anna.upload("gone").await, 201);
    world.store.inner.remove("input/gone/gone_v1.py");
    for (name, code) in [("long", "script_too_long"), ("gone", "script_unreadable")] {
        let talk = Talk::new(&world, "anna", name);
        let turn = talk.say("Make it taller").await.json();
        let turn = talk.end(turn["turn"].as_str().unwrap()).await;
        assert_eq!((&turn["state"], &turn["error"]["code"]), (&json!("failed"), &json!(code)), "{turn}");
        assert_eq!(talk.versions().await.len(), 1);
    }
    assert_eq!(world.provider.count(), 0, "nobody is asked for what would be another part");
}

#[tokio::test(start_paused = true)]
async fn words_without_a_script_are_an_answer() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "gear");
    world.provider.plan(Said::Stream("Which module do you need?".to_owned()));
    let events = talk.hear("A gear").await;
    assert_eq!(names(&events), ["turn", "state", "text", "state", "done"]);
    let turn = of(&events, "done")[0];
    assert_eq!((&turn["state"], &turn["version"]), (&json!("completed"), &Value::Null));
    assert_eq!(turn["message"]["content"], "Which module do you need?");
    assert!(talk.versions().await.is_empty() && world.store.inner.keys().is_empty(), "nothing is uploaded");

    // The question is known when the answer comes.
    world.provider.plan(says("a gear of module 1"));
    talk.runs(Run::Completes);
    let turn = talk.say("Module 1").await.json();
    assert_eq!(turn["version"], 1);
    assert!(world.provider.last().words().contains("Which module do you need?"));
}

#[tokio::test(start_paused = true)]
async fn a_project_that_nobody_names_gets_a_name() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "unused");
    world.provider.plan(Said::Stream("Of which size?".to_owned()));
    let ask = talk.post(json!({"message": "A wall bracket"}));
    let turn = tokio::select! {
        answer = ask => answer.json(),
        never = async {
            loop {
                let name = world.chats().into_iter().find(|name| name.starts_with("a-wall-bracket-"));
                if let Some(name) = name && world.chat_alarm(&name).is_some() {
                    world.ring_chat(&name).await;
                }
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        } => never,
    };
    let name = turn["project_name"].as_str().unwrap();
    assert!(name.starts_with("a-wall-bracket-") && name.len() == "a-wall-bracket-".len() + 8, "{name}");
    assert_eq!(turn["status_url"], format!("/api/projects/{name}/status"));
}

/// The data of all events of this name.
fn of<'e>(events: &'e [(String, Value)], name: &str) -> Vec<&'e Value> {
    events.iter().filter(|(other, _)| other == name).map(|(_, data)| data).collect()
}
