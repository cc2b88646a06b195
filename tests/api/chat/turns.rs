//! The results of a turn: a script, a version and a model, or only text.

use platform::Clock;
use serde_json::{Value, json};

use crate::support::provider::Behaviour;
use crate::support::talk::{Run, Talk, error, names, script, written};
use crate::support::world::World;

fn says(words: &str) -> Behaviour {
    Behaviour::Stream(written(words))
}

#[tokio::test(start_paused = true)]
async fn a_message_becomes_a_model() {
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
    assert_eq!(talk.script(1), Some(script("a box")), "unchanged");

    let turn = talk.end(turn["turn"].as_str().unwrap()).await;
    assert_eq!((&turn["state"], &turn["error"]), (&json!("completed"), &Value::Null));
    assert_eq!(turn["usage"], json!({"calls": 1, "input_tokens": 12, "output_tokens": 7}));
    assert_eq!(turn["state_message"], "Model ready — view or download");
    assert_eq!(talk.versions().await, [(1, "ai".to_owned(), None)]);
    let message = |role: &str, content: &str, version| (role.to_owned(), content.to_owned(), version);
    assert_eq!(
        talk.messages().await,
        [message("user", "A box, 10 mm wide", None), message("assistant", "Here it is: a box.", Some(1))]
    );
    assert_eq!(talk.get("/api/projects").await.json()["projects"][0]["project_name"], "box");
    world.send_metrics().await;
    let left = world.chat_alarm("box").unwrap().since(world.clock.now());
    assert!(left.as_secs() > 3_600, "only the removal is due: {left:?}");
}

#[tokio::test(start_paused = true)]
async fn three_turns_with_a_repair() {
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
    assert_eq!(texts, written("a bracket"), "all of it");
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
    let sent = world.provider.asked.borrow()[1].text();
    for part in ["version 1", &script("a bracket"), "10.000 x 20.000 x 1.000 mm", "1234.500 mm3", "A bracket\n"] {
        assert!(sent.contains(part), "script, report and message: {part} in {sent}");
    }
    assert!(sent.ends_with("Make it 5 mm taller\n"));
    let sent = world.provider.asked.borrow()[2].text();
    for part in [
        &script("taller")[..],
        "version 2 failed",
        "BRep_API",
        "in line 3: shape.makeFillet(9, edges)",
        "printed by version 2",
    ] {
        assert!(sent.contains(part), "{part} in {sent}");
    }
    assert!(!sent.contains("secret-host"), "the runner's own lines are left out: {sent}");

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
    let messages: Vec<(String, Option<u64>)> =
        talk.messages().await.into_iter().map(|(role, _, version)| (role, version)).collect();
    let messages: Vec<(&str, Option<u64>)> = messages.iter().map(|(role, version)| (role.as_str(), *version)).collect();
    let [user, model] = ["user", "assistant"];
    assert_eq!(
        messages,
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
    // Roles alternate, also after a repair.
    let asked = world.provider.last();
    let roles: Vec<&str> =
        asked.body["messages"].as_array().unwrap().iter().map(|message| message["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["system", "user", "assistant", "user", "assistant", "user"]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_a_script_completes_the_turn() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "gear");
    world.provider.plan(Behaviour::Stream("Which module do you need?".to_owned()));
    let events = talk.hear("A gear").await;
    assert_eq!(names(&events), ["turn", "state", "text", "state", "done"]);
    let turn = of(&events, "done")[0];
    assert_eq!((&turn["state"], &turn["version"]), (&json!("completed"), &Value::Null));
    assert_eq!(turn["message"]["content"], "Which module do you need?");
    assert!(talk.versions().await.is_empty() && world.store.inner.keys().is_empty(), "nothing was uploaded");

    // The model receives its own question with the answer.
    world.provider.plan(says("a gear of module 1"));
    talk.runs(Run::Completes);
    let turn = talk.say("Module 1").await.json();
    assert_eq!(turn["version"], 1);
    assert!(world.provider.last().text().contains("Which module do you need?"));
}

#[tokio::test(start_paused = true)]
async fn a_script_outside_a_closed_block_is_asked_for_again() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "box");
    let unfenced = || Behaviour::Stream(format!("Here it is:\n```python\n{}", script("a box")));
    world.provider.plan(unfenced());
    world.provider.plan(says("a box"));
    talk.runs(Run::Completes);
    let events = talk.hear("A box").await;
    assert_eq!(names(&events)[..5], ["turn", "state", "text", "restart", "text"]);
    let turn = of(&events, "done")[0];
    assert_eq!((&turn["version"], &turn["usage"]["calls"]), (&json!(1), &json!(2)));
    let sent = world.provider.last().text();
    assert!(sent.contains("A box") && sent.contains("outside a closed code block"), "{sent}");
    assert_eq!(talk.messages().await.len(), 2, "the first answer is not kept");

    // The second time it counts as text.
    world.provider.plan(unfenced());
    world.provider.plan(unfenced());
    let turn = talk.say("Another box").await.json();
    assert_eq!((&turn["state"], &turn["version"]), (&json!("completed"), &Value::Null));
    assert!(turn["message"]["content"].as_str().unwrap().contains("import FreeCAD"), "{turn}");
    assert_eq!((talk.versions().await.len(), world.provider.count()), (1, 4));
}

#[tokio::test(start_paused = true)]
async fn a_project_without_a_name_gets_one() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "unused");
    world.provider.plan(Behaviour::Stream("Of which size?".to_owned()));
    let turn = talk.under_any_name(talk.post(json!({"message": "A wall bracket"}))).await.json();
    let name = turn["project_name"].as_str().unwrap();
    assert!(name.starts_with("a-wall-bracket-") && name.len() == "a-wall-bracket-".len() + 8, "{name}");
    assert_eq!(turn["status_url"], format!("/api/projects/{name}/status"));
}

/// The data of all events with this name.
fn of<'e>(events: &'e [(String, Value)], name: &str) -> Vec<&'e Value> {
    events.iter().filter(|(other, _)| other == name).map(|(_, data)| data).collect()
}
