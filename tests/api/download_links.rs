//! Presigned download links: the file name and type they set, and their lifetime.

use std::time::Duration;

use contract::{Format, Timestamp};
use expect_test::expect;
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
async fn a_link_sets_file_name_and_type() {
    let world = completed(&[]).await;
    let answer = link(&world, "").await;
    let body = answer.json();
    assert_eq!(parameter(&body, "response-content-disposition"), "attachment; filename=\"demo-1_a_v1.STEP\"");
    assert_eq!(parameter(&body, "response-content-type"), "model/step");
    assert_eq!(parameter(&body, "X-Amz-Expires"), "3600");
    expect![[r#"
        200 {
          "success": true, "project_name": "demo-1_a", "version": 1, "format": "STEP",
          "filename": "demo-1_a_v1.STEP", "download_url": "[link]", "expires_in": 3600, "expires_at": "[time]",
          "shortened_because": null, "size": 17,
          "sha256": "5e1d3b870af1ebe57ab80f3d397203a8d22024c2d34ac35937bb90605ddb9ace", "content_type": "model/step"
        }"#]]
    .assert_eq(&answer.snapshot());
    let picture = world.get("/api/projects/demo-1_a/download/png").await.json();
    assert_eq!(parameter(&picture, "response-content-type"), "image/png");
}

#[tokio::test(start_paused = true)]
async fn a_link_expires_with_the_credentials() {
    let ends = TestClock::new().now().after(Duration::from_secs(1_000));
    let settings = [("AWS_SESSION_TOKEN", "the-session-token"), ("AWS_CREDENTIAL_EXPIRATION", &ends.to_string())];
    let world = completed(&settings).await;
    let body = link(&world, "?expires_in=86400").await.json();
    let left = body["expires_in"].as_u64().unwrap();
    assert!((900..=1_000).contains(&left), "{body}");
    assert_eq!(parameter(&body, "X-Amz-Expires"), left.to_string());
    let expires: Timestamp = body["expires_at"].as_str().unwrap().parse().unwrap();
    assert!(expires <= ends, "{body}");
    assert!(ends.since(expires) <= Duration::from_secs(1), "{body}");
    let because = body["shortened_because"].as_str().unwrap();
    assert!(because.contains(&ends.to_string()), "{because}");
    assert!(because.contains("temporary"), "{because}");
    assert_eq!(parameter(&body, "X-Amz-Security-Token"), "the-session-token");
    // A shorter wish is granted.
    let short = link(&world, "?expires_in=60").await.json();
    assert_eq!((&short["expires_in"], &short["shortened_because"]), (&json!(60), &Value::Null));
}

#[tokio::test(start_paused = true)]
async fn expired_credentials_have_their_own_code() {
    let ends = TestClock::new().now().after(Duration::from_secs(100));
    let settings = [("AWS_SESSION_TOKEN", "the-session-token"), ("AWS_CREDENTIAL_EXPIRATION", &ends.to_string())];
    let world = completed(&settings).await;
    world.clock.sleep(Duration::from_secs(100)).await;
    let answer = link(&world, "").await;
    answer.assert_problem(503, "credentials_expired");
    assert!(!answer.header("retry-after").is_empty());
    let text = String::from_utf8(answer.bytes.to_vec()).unwrap();
    assert!(text.contains(&ends.to_string()), "{text}");
    assert!(text.contains("AWS_CREDENTIAL_EXPIRATION"), "{text}");
    assert!(!text.contains("the-session-token"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn unknown_expiry_limits_links_to_an_hour() {
    let world = completed(&[("AWS_SESSION_TOKEN", "the-session-token")]).await;
    let week = link(&world, "?expires_in=604800").await.json();
    assert_eq!(week["expires_in"], 3_600);
    assert!(week["shortened_because"].as_str().unwrap().contains("AWS_CREDENTIAL_EXPIRATION"), "{week}");
    let hour = link(&world, "").await.json();
    assert_eq!((&hour["expires_in"], &hour["shortened_because"]), (&json!(3_600), &Value::Null));
}
