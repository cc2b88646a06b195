//! Turns of an earlier release, which stored each field in a column, are finished by this one.

use contract::JobError;
use platform::Clock;
use serde_json::{Value, json};

use crate::support::person::Person;
use crate::support::provider::Behaviour;
use crate::support::talk::{Run, Talk, script, written};
use crate::support::world::World;

const ID: &str = "0123456789abcdef";

const OLD_TABLES: [&str; 2] = [
    "CREATE TABLE messages (
        number INTEGER PRIMARY KEY AUTOINCREMENT, user TEXT NOT NULL, role TEXT NOT NULL, content TEXT NOT NULL,
        at INTEGER NOT NULL, version INTEGER, turn TEXT NOT NULL)",
    "CREATE TABLE turns (
        id TEXT PRIMARY KEY, project TEXT NOT NULL, key TEXT, body TEXT,
        user TEXT NOT NULL, admin INTEGER NOT NULL, request_id TEXT NOT NULL, message TEXT NOT NULL, context TEXT,
        repairs INTEGER NOT NULL, state TEXT NOT NULL, repair INTEGER NOT NULL, asked INTEGER NOT NULL,
        troubles INTEGER NOT NULL, parent INTEGER, version INTEGER, script TEXT, suggestions TEXT NOT NULL, written_by TEXT,
        error TEXT, calls INTEGER NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
        due INTEGER NOT NULL, began_at INTEGER NOT NULL, state_at INTEGER NOT NULL, ended_at INTEGER,
        repair_error TEXT, seen TEXT NOT NULL)",
];

/// Stores a turn in the old tables. `fields` are assignments of SQL.
fn store(world: &World, fields: &str) {
    let sql = |statement: &str| world.chat_sql("box", statement);
    OLD_TABLES.iter().for_each(|table| sql(table));
    let now = world.clock.now().as_millis();
    sql(&format!(
        "INSERT INTO messages (user, role, content, at, turn) VALUES ('anna', 'user', 'A box', {now}, '{ID}')"
    ));
    sql(&format!(
        "INSERT INTO turns VALUES ('{ID}', 'box', 'k1', NULL, 'anna', 0, '{ID}', 'A box', 'for a shelf', 2, 'generating',
         0, 1, 3, NULL, NULL, NULL, '[]', NULL, NULL, 1, 5, 7, {now}, {now}, {now}, NULL, NULL, '')"
    ));
    sql(&format!("UPDATE turns SET {fields}"));
}

fn old_error() -> String {
    serde_json::to_string(&JobError::new("script_error", "ValueError: it's no box")).unwrap().replace('\'', "''")
}

#[tokio::test(start_paused = true)]
async fn a_generating_turn() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "box");
    let now = world.clock.now();
    store(&world, "state = 'generating'");
    world.provider.plan(Behaviour::Stream(written("a box")));
    talk.runs(Run::Completes);
    let turn = talk.end(ID).await;
    assert_eq!((&turn["state"], &turn["version"]), (&json!("completed"), &json!(1)));
    assert_eq!(turn["usage"], json!({"calls": 2, "input_tokens": 17, "output_tokens": 14}));
    assert_eq!(turn["began_at"], now.to_string());
    let sent = world.provider.last().text();
    assert!(sent.contains("A box") && sent.contains("for a shelf"), "{sent}");
    assert_eq!(talk.messages().await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_uploading_turn() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "box");
    store(&world, "state = 'uploading', script = 'import Part', suggestions = '[\"Add \\\"holes\\\"\"]'");
    talk.runs(Run::Completes);
    let turn = talk.end(ID).await;
    assert_eq!((&turn["state"], &turn["version"]), (&json!("completed"), &json!(1)));
    assert_eq!((talk.script(1).as_deref(), &turn["suggestions"]), (Some("import Part"), &json!(["Add \"holes\""])));
}

#[tokio::test(start_paused = true)]
async fn a_processing_turn_and_its_repair() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "box");
    assert_eq!(Person::bearer(&world, &world.jwt("anna")).upload("box").await, 201);
    store(&world, "state = 'processing', script = 'x = 1', version = 1, written_by = 'first.test\tone'");
    world.provider.plan(Behaviour::Stream(written("a repaired box")));
    talk.runs(Run::Fails(JobError::new("script_error", "ValueError: no")));
    talk.runs(Run::Completes);
    let turn = talk.end(ID).await;
    assert_eq!((&turn["state"], &turn["version"], &turn["parent"]), (&json!("completed"), &json!(2), &json!(1)));
}

#[tokio::test(start_paused = true)]
async fn a_turn_in_a_repair() {
    let world = World::talking();
    let talk = Talk::new(&world, "anna", "box");
    assert_eq!(Person::bearer(&world, &world.jwt("anna")).upload("box").await, 201);
    world.complete("box", 1, &[]);
    let error = old_error();
    store(&world, &format!("repair = 1, script = 'x = 1', version = 1, error = '{error}', suggestions = '[\"a\"]'"));
    world.provider.plan(Behaviour::Stream(written("a repaired box")));
    talk.runs(Run::Completes);
    let turn = talk.end(ID).await;
    assert_eq!((&turn["state"], &turn["version"], &turn["parent"]), (&json!("completed"), &json!(2), &json!(1)));
    assert!(world.provider.last().text().contains("ValueError: it's no box"));
    assert_eq!(talk.script(2), Some(script("a repaired box")));
}

#[tokio::test(start_paused = true)]
async fn ended_turns() {
    let error = old_error();
    for (state, fields) in [
        ("completed", "version = NULL".to_owned()),
        ("failed", format!("version = 1, error = '{error}', repair_error = '{error}'")),
    ] {
        let world = World::talking();
        let talk = Talk::new(&world, "anna", "box");
        store(&world, &format!("state = '{state}', ended_at = state_at, {fields}"));
        let turn = talk.turn(ID).await;
        assert_eq!((&turn["state"], &turn["ended_at"]), (&json!(state), &turn["began_at"]));
        assert_eq!(
            turn["error"]["message"],
            if state == "failed" { json!("ValueError: it's no box") } else { Value::Null }
        );
        assert_eq!(turn["error"], turn["repair_error"]);
        assert_eq!(talk.messages().await.len(), 1);
        assert!(world.chat_alarm("box").is_some(), "the removal is due");
    }
}
