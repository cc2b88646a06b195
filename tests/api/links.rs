//! Presigned links: what they ask the store for, and how long they live.

use std::time::Duration;

use contract::{Format, Timestamp};
use platform::Clock;
use serde_json::{Value, json};

use crate::support::clock::TestClock;
use crate::support::memory_store::MemoryStore;
use crate::support::world::{Answer, World};

async fn completed(settings: &[(&str, &str)]) -> World {
    let world = World::with(MemoryStore::new(), &[&[("AUTH_MODE", "open")], settings].concat());
    world.upload("demo-1_a", "x = 1").await;
    world.complete("demo-1_a", 1, &[Format::Step, Format::Png]);
    world.status("demo-1_a").await;
    world
}

async fn link(world: &World, query: &str) -> Answer {
    world.get(&format!("/api/projects/demo-1_a/download/step{query}")).await
}

/// The parameters of a link.
fn parameters(link: &Value) -> Vec<(String, String)> {
    let (_, query) = link["download_url"].as_str().unwrap().split_once('?').unwrap();
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

fn parameter(link: &Value, name: &str) -> String {
    let found: Vec<String> =
        parameters(link).into_iter().filter(|(key, _)| key == name).map(|(_, value)| value).collect();
    assert_eq!(found.len(), 1, "{name}: {link}");
    found[0].clone()
}

#[tokio::test(start_paused = true)]
async fn a_link_forces_a_download_under_a_clean_name_and_type() {
    let world = completed(&[]).await;
    let told = link(&world, "").await.json();
    assert_eq!(told["filename"], "demo-1_a_v1.STEP");
    assert_eq!(parameter(&told, "response-content-disposition"), "attachment; filename=\"demo-1_a_v1.STEP\"");
    assert_eq!(parameter(&told, "response-content-type"), "model/step");
    assert_eq!((&told["expires_in"], &told["shortened_because"]), (&json!(3_600), &Value::Null));
    assert_eq!(parameter(&told, "X-Amz-Expires"), "3600");
    let picture = world.get("/api/projects/demo-1_a/download/png").await.json();
    assert_eq!(parameter(&picture, "response-content-type"), "image/png");
}

#[tokio::test(start_paused = true)]
async fn a_link_lives_no_longer_than_the_keys() {
    let ends = TestClock::new().now().after(Duration::from_secs(1_000));
    let settings = [("AWS_SESSION_TOKEN", "the-session-token"), ("AWS_CREDENTIAL_EXPIRATION", &ends.to_string())];
    let world = completed(&settings).await;
    let told = link(&world, "?expires_in=86400").await.json();
    let left = told["expires_in"].as_u64().unwrap();
    assert!((900..=1_000).contains(&left), "{told}");
    assert_eq!(parameter(&told, "X-Amz-Expires"), left.to_string());
    let expires: Timestamp = told["expires_at"].as_str().unwrap().parse().unwrap();
    assert!(expires <= ends && ends.since(expires) <= Duration::from_secs(1), "{told}");
    let because = told["shortened_because"].as_str().unwrap();
    assert!(because.contains(&ends.to_string()) && because.contains("temporary"), "{because}");
    assert_eq!(parameter(&told, "X-Amz-Security-Token"), "the-session-token");
    // What is asked for less is not shortened.
    let short = link(&world, "?expires_in=60").await.json();
    assert_eq!((&short["expires_in"], &short["shortened_because"]), (&json!(60), &Value::Null));
}

#[tokio::test(start_paused = true)]
async fn keys_that_have_ended_are_told_by_a_code() {
    let ends = TestClock::new().now().after(Duration::from_secs(100));
    let settings = [("AWS_SESSION_TOKEN", "the-session-token"), ("AWS_CREDENTIAL_EXPIRATION", &ends.to_string())];
    let world = completed(&settings).await;
    world.clock.sleep(Duration::from_secs(100)).await;
    let answer = link(&world, "").await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (503, Some("credentials_expired")));
    assert!(!answer.header("retry-after").is_empty());
    let text = String::from_utf8(answer.bytes.to_vec()).unwrap();
    assert!(text.contains(&ends.to_string()) && text.contains("AWS_CREDENTIAL_EXPIRATION"), "{text}");
    assert!(!text.contains("the-session-token"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn keys_that_end_nobody_knows_when_sign_for_an_hour() {
    let world = completed(&[("AWS_SESSION_TOKEN", "the-session-token")]).await;
    let told = link(&world, "?expires_in=604800").await.json();
    assert_eq!(told["expires_in"], 3_600);
    assert!(told["shortened_because"].as_str().unwrap().contains("AWS_CREDENTIAL_EXPIRATION"), "{told}");
    let hour = link(&world, "").await.json();
    assert_eq!((&hour["expires_in"], &hour["shortened_because"]), (&json!(3_600), &Value::Null));
}
