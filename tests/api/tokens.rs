//! API tokens: creation, scopes, expiry, revocation, and storage as hashes.

use std::time::Duration;

use contract::Timestamp;
use expect_test::expect;
use partwright::auth::TokenText;
use platform::Clock;
use serde_json::{Value, json};

use crate::support::answer::snapshot;
use crate::support::memory_store::MemoryStore;
use crate::support::person::Person;
use crate::support::world::{ADMIN_TOKEN, RUNNER_TOKEN, World};

const HOUR: Duration = Duration::from_secs(3600);

/// A Worker that authenticates with `ADMIN_TOKEN` and API tokens only.
pub fn with_admin_token() -> World {
    World::with(MemoryStore::new(), &[("ADMIN_TOKEN", ADMIN_TOKEN), ("RUNNER_TOKEN", RUNNER_TOKEN)])
}

fn time(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

/// Sleeps until `early` before `at`.
async fn wait_until(world: &World, at: Timestamp, early: Duration) {
    world.clock.sleep(at.since(world.clock.now()) - early).await;
}

/// The names of the listed tokens.
async fn names(person: &Person<'_>, path: &str) -> Vec<String> {
    let answer = person.get(path).await;
    assert_eq!(answer.status, 200, "{:?}", answer.bytes);
    let tokens = answer.json()["tokens"].as_array().unwrap().clone();
    assert_eq!(answer.json()["total_tokens"], tokens.len());
    tokens.iter().map(|token| token["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_token_is_shown_once_and_stored_as_a_hash() {
    let world = with_admin_token();
    let made = Person::admin(&world).post("/api/tokens", json!({"name": "  lathe \u{fc} ", "user": "anna"})).await;
    let body = made.json();
    assert_eq!(made.header("cache-control"), "no-store");
    expect![[r#"
        201 {
          "success": true, "message": "This is the only time that the token is shown. Only its hash is kept.",
          "user": "anna", "token": "[token]", "id": "[id]", "name": "lathe ü", "scope": "write",
          "created_at": "[time]", "expires_at": "[time]", "parent": null, "request_id": "[id]"
        }"#]]
    .assert_eq(&made.snapshot());
    let life = time(&body["expires_at"]).since(time(&body["created_at"]));
    assert!(life <= 24 * 90 * HOUR, "{life:?}");
    assert!(life > 24 * 90 * HOUR - Duration::from_secs(1), "{life:?}");
    let text = body["token"].as_str().unwrap().to_owned();
    let (token, secret) = (TokenText::parse(&text).unwrap(), text.split_once('.').unwrap().1);
    assert_eq!(token.user(), "anna");

    let anna = Person::bearer(&world, &text);
    assert_eq!(anna.upload("bracket").await, 201);
    let session = anna.get("/api/session").await;
    expect![[r#"
        200 {
          "success": true, "user": "anna", "scope": "write", "admin": false, "expires_at": "[time]",
          "auth": "api_token"
        }"#]]
    .assert_eq(&session.snapshot());
    assert_eq!(session.json()["expires_at"], body["expires_at"]);

    let stored = world.account_text("anna");
    assert!(stored.contains(&token.hash().to_string()), "{stored}");
    assert!(!stored.contains(&text), "{stored}");
    assert!(!stored.contains(secret), "{stored}");
    for path in ["/api/tokens", "/api/session", "/api/projects", "/api/projects/bracket/status"] {
        let answer = anna.get(path).await;
        let all = String::from_utf8_lossy(&answer.bytes).into_owned() + &format!("{:?}", answer.headers);
        assert!(!all.contains(secret), "{path}: {all}");
        assert!(!all.contains(&token.hash().to_string()), "{path}: {all}");
    }
    let listed = anna.get("/api/tokens").await.json()["tokens"][0].clone();
    expect![[r#"
        {
          "id": "[id]", "name": "lathe ü", "scope": "write", "created_at": "[time]", "expires_at": "[time]",
          "last_used_at": "[time]", "parent": null
        }"#]]
    .assert_eq(&snapshot(&listed));
    assert_eq!(listed["id"], body["id"]);
}

#[tokio::test(start_paused = true)]
async fn the_last_use_is_recorded_once_an_hour() {
    let world = with_admin_token();
    let admin = Person::admin(&world);
    let (text, _) = admin.make(json!({"name": "lathe", "user": "anna"})).await;
    let last = async || admin.get("/api/tokens?user=anna").await.json()["tokens"][0]["last_used_at"].clone();
    assert_eq!(last().await, Value::Null);
    let anna = Person::bearer(&world, &text);
    anna.get("/api/session").await;
    let first = last().await;
    world.clock.sleep(HOUR - Duration::from_millis(1) - world.clock.now().since(time(&first))).await;
    anna.get("/api/session").await;
    assert_eq!(last().await, first);
    world.clock.sleep(Duration::from_millis(1)).await;
    anna.get("/api/session").await;
    assert_eq!(time(&last().await), time(&first).after(HOUR));
}

#[tokio::test(start_paused = true)]
async fn a_read_token_changes_nothing() {
    let world = with_admin_token();
    let admin = Person::admin(&world);
    let (text, id) = admin.make(json!({"name": "viewer", "scope": "read", "user": "anna"})).await;
    let anna = Person::bearer(&world, &text);
    assert_eq!(anna.get("/api/projects").await.status, 200);
    assert_eq!(names(&anna, "/api/tokens").await, ["viewer"]);
    assert_eq!(anna.upload("bracket").await, 403);
    assert_eq!(anna.post("/api/tokens", json!({"name": "more"})).await.status, 403);
    assert_eq!(anna.delete(&format!("/api/tokens/{id}")).await.status, 403);
    assert_eq!(world.store.inner.keys(), [""; 0]);
    assert_eq!(names(&admin, "/api/tokens?user=anna").await, ["viewer"]);
}

#[tokio::test(start_paused = true)]
async fn a_token_expires() {
    let world = with_admin_token();
    let admin = Person::admin(&world);
    let made = admin.post("/api/tokens", json!({"name": "short", "user": "anna", "expires_in_days": 1})).await.json();
    let anna = Person::bearer(&world, made["token"].as_str().unwrap());
    let end = time(&made["expires_at"]);
    assert_eq!(end, time(&made["created_at"]).after(24 * HOUR));
    wait_until(&world, end, Duration::from_millis(1)).await;
    assert_eq!(anna.get("/api/session").await.status, 200);
    assert_eq!(names(&admin, "/api/tokens?user=anna").await, ["short"]);
    wait_until(&world, end, Duration::ZERO).await;
    let answer = anna.get("/api/session").await;
    assert_eq!((answer.status, answer.header("www-authenticate")), (401, "Bearer error=\"invalid_token\""));
    assert_eq!(names(&admin, "/api/tokens?user=anna").await, [""; 0]);
    let hash = TokenText::parse(made["token"].as_str().unwrap()).unwrap().hash().to_string();
    assert!(!world.account_text("anna").contains(&hash), "an expired row is removed");
}

#[tokio::test(start_paused = true)]
async fn a_revoked_token_is_refused() {
    let world = with_admin_token();
    let admin = Person::admin(&world);
    let (one, one_id) = admin.make(json!({"name": "one", "user": "anna"})).await;
    let (two, two_id) = admin.make(json!({"name": "two", "user": "anna"})).await;
    let (of_bob, bob_id) = admin.make(json!({"name": "of bob", "user": "bob"})).await;
    let (one, two, bob) = (Person::bearer(&world, &one), Person::bearer(&world, &two), Person::bearer(&world, &of_bob));
    assert_eq!(names(&one, "/api/tokens").await, ["two", "one"]);

    for path in [format!("/api/tokens/{bob_id}"), "/api/tokens/0000000000000000".to_owned(), "/api/tokens/".to_owned()]
    {
        one.delete(&path).await.assert_problem(404, "token_not_found");
    }
    for id in [&bob_id, &one_id] {
        one.delete(&format!("/api/tokens/{id}?user=bob")).await.assert_problem(403, "admin_only");
    }
    one.get("/api/tokens?user=bob").await.assert_problem(403, "admin_only");
    admin.delete(&format!("/api/tokens/{one_id}?user=bob")).await.assert_problem(404, "token_not_found");
    assert_eq!(bob.get("/api/session").await.status, 200);

    // Any token of a user revokes that user's tokens, itself included. `user` may name the caller.
    let answer = one.delete(&format!("/api/tokens/{two_id}?user=anna")).await;
    assert_eq!((answer.status, &answer.json()["id"]), (200, &json!(two_id)));
    assert_eq!(two.get("/api/session").await.status, 401);
    one.delete(&format!("/api/tokens/{two_id}")).await.assert_problem(404, "token_not_found");
    assert_eq!(one.delete(&format!("/api/tokens/{one_id}")).await.status, 200);
    assert_eq!(one.get("/api/session").await.status, 401);
    assert_eq!(admin.delete(&format!("/api/tokens/{bob_id}?user=bob")).await.status, 200);
    assert_eq!(bob.get("/api/session").await.status, 401);
}

#[tokio::test(start_paused = true)]
async fn revoking_a_token_ends_its_descendants() {
    let world = with_admin_token();
    let admin = Person::admin(&world);
    let first = admin.post("/api/tokens", json!({"name": "first", "user": "anna", "expires_in_days": 3})).await.json();
    let anna = Person::bearer(&world, first["token"].as_str().unwrap());
    anna.post("/api/tokens", json!({"name": "second"})).await.assert_problem(403, "token_not_allowed");

    let page = Person::browser(&world, &anna.sign_in().await);
    page.post("/api/tokens", json!({"name": "second", "user": "bob"})).await.assert_problem(403, "admin_only");
    let second = page.post("/api/tokens", json!({"name": "second", "expires_in_days": 300})).await;
    let body = second.json();
    assert_eq!((second.status, &body["parent"]), (201, &first["id"]), "{body}");
    assert_eq!(body["expires_at"], first["expires_at"], "not later than its parent");
    let second = Person::bearer(&world, body["token"].as_str().unwrap());
    // A third generation.
    let page_of_second = Person::browser(&world, &second.sign_in().await);
    let (third, _) = page_of_second.make(json!({"name": "third"})).await;
    let third = Person::bearer(&world, &third);
    assert_eq!(third.get("/api/session").await.status, 200);
    let (other, _) = admin.make(json!({"name": "other", "user": "anna"})).await;

    assert_eq!(third.delete(&format!("/api/tokens/{}", first["id"].as_str().unwrap())).await.status, 200);
    for gone in [&anna, &page, &second, &page_of_second, &third] {
        assert_eq!(gone.get("/api/session").await.status, 401);
    }
    assert_eq!(Person::bearer(&world, &other).get("/api/session").await.status, 200);
    assert_eq!(names(&admin, "/api/tokens?user=anna").await, ["other"]);
}

#[tokio::test(start_paused = true)]
async fn tokens_outlive_the_admin_session_that_made_them() {
    let world = with_admin_token();
    let page = Person::browser(&world, &Person::admin(&world).sign_in().await);
    let (own, _) = page.make(json!({"name": "own"})).await;
    let (of_anna, _) = page.make(json!({"name": "of anna", "user": "anna"})).await;
    assert_eq!(page.delete("/api/session").await.status, 200);
    assert_eq!(page.get("/api/session").await.status, 401);
    for (token, user) in [(own, "admin"), (of_anna, "anna")] {
        let session = Person::bearer(&world, &token).get("/api/session").await.json();
        assert_eq!((&session["user"], &session["admin"]), (&json!(user), &json!(false)), "not an admin: {session}");
        let s3 = Person::bearer(&world, &token).get("/api/monitoring/s3/status").await;
        assert!([401, 403].contains(&s3.status), "{}", s3.status);
    }
}

#[tokio::test(start_paused = true)]
async fn a_user_has_fifty_tokens_at_most() {
    let world = with_admin_token();
    let admin = Person::admin(&world);
    let short = json!({"name": "short", "user": "anna", "expires_in_days": 1});
    admin.make(short.clone()).await;
    let mut ids = Vec::new();
    for number in 2..=50 {
        ids.push(admin.make(json!({"name": format!("token {number}"), "user": "anna"})).await.1);
    }
    admin.post("/api/tokens", short.clone()).await.assert_problem(409, "too_many_tokens");
    assert_eq!(names(&admin, "/api/tokens?user=anna").await.len(), 50);
    assert_eq!(admin.delete(&format!("/api/tokens/{}?user=anna", ids[7])).await.status, 200);
    admin.make(json!({"name": "in its place", "user": "anna"})).await;
    admin.post("/api/tokens", short.clone()).await.assert_problem(409, "too_many_tokens");
    admin.make(json!({"name": "another's", "user": "bob"})).await;
    world.clock.sleep(24 * HOUR).await;
    admin.make(short.clone()).await;
    admin.post("/api/tokens", short).await.assert_problem(409, "too_many_tokens");
}

#[tokio::test(start_paused = true)]
async fn invalid_token_requests_are_refused() {
    let world = with_admin_token();
    let admin = Person::admin(&world);
    let good = |field: &str, value: Value| {
        let mut wanted = json!({"name": "lathe", "user": "anna"});
        wanted[field] = value;
        wanted
    };
    let long = "x".repeat(129);
    for (body, code, field) in [
        (good("name", json!("")), "invalid_parameter", Some("name")),
        (good("name", json!(" \u{2003} ")), "invalid_parameter", Some("name")),
        (good("name", json!("ü".repeat(65))), "invalid_parameter", Some("name")),
        (good("name", json!("a\nb")), "invalid_parameter", Some("name")),
        (good("name", json!("a\u{0}b")), "invalid_parameter", Some("name")),
        (good("name", json!("a\u{9b}b")), "invalid_parameter", Some("name")),
        (good("name", Value::Null), "invalid_body", None),
        (good("expires_in_days", json!(0)), "invalid_parameter", Some("expires_in_days")),
        (good("expires_in_days", json!(367)), "invalid_parameter", Some("expires_in_days")),
        (good("expires_in_days", json!(-1)), "invalid_body", None),
        (good("expires_in_days", json!(1.5)), "invalid_body", None),
        (good("expires_in_days", json!(1_u64 << 32)), "invalid_parameter", Some("expires_in_days")),
        (good("scope", json!("admin")), "invalid_parameter", Some("scope")),
        (good("scope", json!("Read")), "invalid_parameter", Some("scope")),
        (good("scope", json!(["read"])), "invalid_body", None),
        (good("user", json!("")), "invalid_parameter", Some("user")),
        (good("user", json!("an na")), "invalid_parameter", Some("user")),
        (good("user", json!("ännä")), "invalid_parameter", Some("user")),
        (good("user", json!(long)), "invalid_parameter", Some("user")),
        (good("user", json!("local")), "invalid_parameter", Some("user")),
        (good("user", json!("runner")), "invalid_parameter", Some("user")),
        (good("admin", json!(true)), "invalid_body", None),
        (good("expires_at", json!("2099-01-01T00:00:00Z")), "invalid_body", None),
        (json!({"user": "anna"}), "invalid_body", None),
        (json!(["lathe"]), "invalid_body", None),
        (json!("lathe"), "invalid_body", None),
        (good("name", json!("x".repeat(5_000))), "too_large", None),
    ] {
        let answer = admin.post("/api/tokens", body.clone()).await;
        let problem = answer.json();
        assert_eq!((problem["code"].as_str(), problem["field"].as_str()), (Some(code), field), "{body}: {problem}");
        assert_eq!(answer.status, if code == "too_large" { 413 } else { 400 }, "{body}");
    }
    for user in ["an%20na", "", "%00", long.as_str()] {
        admin.get(&format!("/api/tokens?user={user}")).await.assert_problem(400, "invalid_parameter");
        admin.delete(&format!("/api/tokens/x?user={user}")).await.assert_problem(400, "invalid_parameter");
    }
    assert_eq!(names(&admin, "/api/tokens?user=anna").await, [""; 0]);
    assert_eq!(world.account_text("anna"), "", "refused requests store nothing");
    // The longest name and user, with every character escaped.
    let escaped = |text: &str| text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
    let (name, user) = ("😀".repeat(64), "~".repeat(128));
    let body = format!("{{\"name\":\"{}\",\"user\":\"{}\",\"expires_in_days\":366}}", escaped(&name), escaped(&user));
    let made = world.post_with_bearer("/api/tokens", ADMIN_TOKEN, body).await;
    assert_eq!((made.status, &made.json()["name"]), (201, &json!(name)), "{:?}", made.bytes);
    let session = Person::bearer(&world, made.json()["token"].as_str().unwrap()).get("/api/session").await;
    assert_eq!(session.json()["user"], user);
}

#[tokio::test(start_paused = true)]
async fn forged_tokens_leave_no_trace() {
    let world = with_admin_token();
    let (real, _) = Person::admin(&world).make(json!({"name": "lathe", "user": "anna"})).await;
    let (user, secret) = real.split_once('.').unwrap();
    let other = TokenText::random("anna").unwrap().reveal().split_once('.').unwrap().1.to_owned();
    let nobody = TokenText::random("nobody").unwrap();
    let flipped: String = secret.chars().rev().collect();
    for forged in [
        nobody.reveal().to_owned(),
        format!("{}.{secret}", nobody.reveal().split_once('.').unwrap().0),
        format!("{user}.{other}"),
        format!("{user}.{flipped}"),
        format!("{user}.{}", &secret[..secret.len() - 1]),
        format!("{real}A"),
        format!("{real}."),
        user.to_owned(),
        "pw_".to_owned(),
        real.to_uppercase(),
        format!("pw_{}", "A".repeat(100_000)),
    ] {
        let person = Person::bearer(&world, &forged);
        assert_eq!(person.get("/api/projects").await.status, 401, "{forged:.80}");
        assert_eq!(person.upload("bracket").await, 401, "{forged:.80}");
        assert_eq!(Person::browser(&world, &forged).get("/api/projects").await.status, 401, "{forged:.80}");
        assert_eq!(Person::browser(&world, &forged).delete("/api/session").await.status, 200, "{forged:.80}");
    }
    assert_eq!(world.account_text("nobody"), "", "the check of an unknown token stores nothing");
    assert_eq!(world.store.inner.keys(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn open_mode_creates_tokens() {
    let world = World::new();
    let local = Person::nobody(&world);
    let (own, _) = local.make(json!({"name": "own"})).await;
    local.make(json!({"name": "of anna", "user": "anna"})).await;
    assert_eq!(names(&local, "/api/tokens").await, ["own"]);
    assert_eq!(names(&local, "/api/tokens?user=anna").await, ["of anna"]);
    assert!(own.starts_with("pw_"));
}
