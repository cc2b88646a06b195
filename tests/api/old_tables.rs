//! A project whose tables an earlier release has written.

use bytes::Bytes;
use contract::{Key, Sha256};
use s3::{Client, PutOptions};
use serde_json::{Value, json};

use crate::support::world::World;

const TABLES: &str = include_str!("old_tables.sql");

/// The digest of the same upload under the key `k`, as an earlier release has stored it.
fn body_of_key() -> String {
    Sha256::of(format!("upload {} ", Sha256::of(b"x = 1")).as_bytes()).to_string()
}

async fn old_world() -> World {
    let world = World::new();
    let statements: String = TABLES.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n");
    for statement in statements.split(';').filter(|statement| !statement.trim().is_empty()) {
        world.write_sql("demo", statement);
    }
    let key = format!("INSERT INTO idempotency VALUES ('local', 'k', '{}', 5, 4000000000000)", body_of_key());
    world.write_sql("demo", &key);
    let bucket = &world.config.as_ref().unwrap().bucket;
    let store = format!("{} {}", bucket.endpoint, bucket.name);
    world.write_sql("demo", &format!("INSERT INTO single_values VALUES ('caught_up_with', '{store}')"));
    for key in ["input/demo/demo_v1.py", "input/demo/demo_v2.py", "input/demo/demo_v3.py"] {
        world.store.inner.drop_in(key, "x = 1");
    }
    for version in 2..=3 {
        let ticket = Key::Ticket("demo".parse().unwrap(), version.try_into().unwrap());
        world.store.inner.drop_in(&ticket.to_string(), "");
    }
    let mut options = PutOptions::if_absent();
    options.metadata = vec![("upload-id".to_owned(), "4444444444444444".to_owned())];
    let client = Client::new(&world.store, &world.clock, bucket);
    client.put("input/demo/demo_v4.py", Bytes::from("x = 1"), &options).await.unwrap();
    world
}

fn field<'a>(scripts: &'a Value, version: u64, name: &str) -> &'a Value {
    let scripts = scripts["scripts"].as_array().unwrap();
    &scripts.iter().find(|script| script["version"] == version).unwrap()[name]
}

#[tokio::test(start_paused = true)]
async fn old_rows_are_read() {
    let world = old_world().await;
    let scripts = world.get("/api/projects/demo/scripts").await.json();
    assert_eq!(scripts["total_versions"], 5);
    assert_eq!(field(&scripts, 1, "metadata"), &json!({"part": "bracket", "holes": [1, 2]}));
    assert_eq!(field(&scripts, 1, "upload_time"), "2023-11-14T22:13:20.000Z");
    assert_eq!(field(&scripts, 1, "phase"), "completed");
    assert_eq!(field(&scripts, 1, "request_id"), "aaaaaaaaaaaaaaaa");
    assert_eq!(field(&scripts, 2, "origin"), "hand");
    assert_eq!(field(&scripts, 2, "moved_to"), 4);
    assert_eq!(field(&scripts, 3, "parent"), 1);
    assert_eq!(field(&scripts, 4, "moved_from"), 2);
    assert_eq!(field(&scripts, 5, "size"), 5);
    assert_eq!(world.get("/api/projects/demo/script/5").await.json()["content"], "x = 1");
    assert_eq!(world.get("/api/projects/demo/outputs?version=1").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn an_old_delivery_is_finished() {
    let world = old_world().await;
    world.status("demo").await;
    assert!(world.ring("demo").await);
    let scripts = world.get("/api/projects/demo/scripts").await.json();
    for version in 4..=5 {
        assert_eq!(field(&scripts, version, "phase"), "queued", "{version}");
        let ticket = Key::Ticket("demo".parse().unwrap(), version.try_into().unwrap());
        assert!(world.store.inner.object(&ticket.to_string()).is_some(), "{version}");
    }
    let script = world.store.inner.object("input/demo/demo_v5.py").unwrap();
    assert_eq!(script.metadata["upload-id"], "5555555555555555");
}

#[tokio::test(start_paused = true)]
async fn old_numbers_and_keys_count() {
    let world = old_world().await;
    assert_eq!(world.upload("demo", "x = 2").await, 6);
    let path = "/api/projects/demo/upload-script";
    let again = world.post_with(path, ("idempotency-key", "k"), Some(json!({"code": "x = 1"}))).await;
    assert_eq!((again.json()["version"].clone(), again.header("idempotent-replayed")), (json!(5), "true"));
}
