//! What a turn leads to: a script, a version, a model, or words alone.

use serde_json::{Value, json};

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
    assert_eq!(world.chat_alarm("box"), None, "nothing is left to do");
}
