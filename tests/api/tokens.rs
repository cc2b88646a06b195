//! API tokens: shown once, kept as hashes, named, scoped, ending, revoked.

use std::time::Duration;

use contract::Timestamp;
use partwright::auth::TokenText;
use platform::Clock;
use serde_json::{Value, json};

use crate::support::memory_store::MemoryStore;
use crate::support::person::Person;
use crate::support::world::{ADMIN_TOKEN, Answer, RUNNER_TOKEN, World};

const HOUR: Duration = Duration::from_secs(3600);

/// A Worker whose only way in is `ADMIN_TOKEN`.
pub fn with_admin_token() -> World {
    World::with(MemoryStore::new(), &[("ADMIN_TOKEN", ADMIN_TOKEN), ("RUNNER_TOKEN", RUNNER_TOKEN)])
}

pub fn refused(answer: &Answer, status: u16, code: &str) {
    let body = answer.json();
    assert_eq!((answer.status, body["code"].as_str()), (status, Some(code)), "{body}");
}

fn time(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

/// Stands still until `at` has come, but for `early`.
async fn wait_until(world: &World, at: Timestamp, early: Duration) {
    world.clock.sleep(at.since(world.clock.now()) - early).await;
}

async fn names(person: &Person<'_>, path: &str) -> Vec<String> {
    let answer = person.get(path).await;
    assert_eq!(answer.status, 200, "{:?}", answer.bytes);
    let tokens = answer.json()["tokens"].as_array().unwrap().clone();
    assert_eq!(answer.json()["total_tokens"], tokens.len());
    tokens.iter().map(|token| token["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_token_is_shown_once_and_kept_as_its_hash() {
    let world = with_admin_token();
    let made = Person::admin(&world).post("/api/tokens", json!({"name": "  lathe \u{fc} ", "user": "anna"})).await;
    let body = made.json();
    assert_eq!((made.status, made.header("cache-control")), (201, "no-store"), "{body}");
    assert_eq!(
        (&body["name"], &body["scope"], &body["user"]),
        (&json!("lathe \u{fc}"), &json!("write"), &json!("anna"))
    );
    let life = time(&body["expires_at"]).since(time(&body["created_at"]));
    assert!(life <= 24 * 90 * HOUR && life > 24 * 90 * HOUR - Duration::from_secs(1), "{life:?}");
    let text = body["token"].as_str().unwrap().to_owned();
    let (token, secret) = (TokenText::parse(&text).unwrap(), text.split_once('.').unwrap().1);
    assert_eq!(token.user(), "anna");

    let anna = Person::bearer(&world, &text);
    assert_eq!(anna.upload("bracket").await, 201);
    let who = anna.get("/api/session").await.json();
    let shown = (&who["user"], &who["scope"], &who["admin"], &who["auth"]);
    assert_eq!(shown, (&json!("anna"), &json!("write"), &json!(false), &json!("api_token")));
    assert_eq!(who["expires_at"], body["expires_at"]);

    let kept = world.account_text("anna");
    assert!(kept.contains(&token.hash().to_string()), "{kept}");
    assert!(!kept.contains(&text) && !kept.contains(secret), "{kept}");
    for path in ["/api/tokens", "/api/session", "/api/projects", "/api/projects/bracket/status"] {
        let answer = anna.get(path).await;
        let all = String::from_utf8_lossy(&answer.bytes).into_owned() + &format!("{:?}", answer.headers);
        assert!(!all.contains(secret) && !all.contains(&token.hash().to_string()), "{path}: {all}");
    }
    let listed = anna.get("/api/tokens").await.json()["tokens"][0].clone();
    let fields: Vec<&str> = listed.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["id", "name", "scope", "created_at", "expires_at", "last_used_at", "parent"]);
    assert_eq!((&listed["id"], &listed["parent"]), (&body["id"], &Value::Null));
}

#[tokio::test(start_paused = true)]
async fn the_last_use_is_written_once_an_hour() {
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
async fn a_token_to_read_changes_nothing() {
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
async fn a_token_ends_at_its_time() {
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
async fn a_revoked_token_is_worth_nothing() {
    let world = with_admin_token();
    let admin = Person::admin(&world);
    let (one, one_id) = admin.make(json!({"name": "one", "user": "anna"})).await;
    let (two, two_id) = admin.make(json!({"name": "two", "user": "anna"})).await;
    let (of_bob, bob_id) = admin.make(json!({"name": "of bob", "user": "bob"})).await;
    let (one, two, bob) = (Person::bearer(&world, &one), Person::bearer(&world, &two), Person::bearer(&world, &of_bob));
    assert_eq!(names(&one, "/api/tokens").await, ["two", "one"]);

    for path in [format!("/api/tokens/{bob_id}"), "/api/tokens/0000000000000000".to_owned(), "/api/tokens/".to_owned()]
    {
        refused(&one.delete(&path).await, 404, "token_not_found");
    }
    for id in [&bob_id, &one_id] {
        refused(&one.delete(&format!("/api/tokens/{id}?user=bob")).await, 403, "admin_only");
    }
    refused(&one.get("/api/tokens?user=bob").await, 403, "admin_only");
    refused(&admin.delete(&format!("/api/tokens/{one_id}?user=bob")).await, 404, "token_not_found");
    assert_eq!(bob.get("/api/session").await.status, 200);

    // By any of one's own tokens, so also by itself; naming oneself is not naming another.
    let answer = one.delete(&format!("/api/tokens/{two_id}?user=anna")).await;
    assert_eq!((answer.status, &answer.json()["id"]), (200, &json!(two_id)));
    assert_eq!(two.get("/api/session").await.status, 401);
    refused(&one.delete(&format!("/api/tokens/{two_id}")).await, 404, "token_not_found");
    assert_eq!(one.delete(&format!("/api/tokens/{one_id}")).await.status, 200);
    assert_eq!(one.get("/api/session").await.status, 401);
    assert_eq!(admin.delete(&format!("/api/tokens/{bob_id}?user=bob")).await.status, 200);
    assert_eq!(bob.get("/api/session").await.status, 401);
}

#[tokio::test(start_paused = true)]
async fn a_token_makes_no_token_but_its_session_does_and_both_end_together() {
    let world = with_admin_token();
    let admin = Person::admin(&world);
    let first = admin.post("/api/tokens", json!({"name": "first", "user": "anna", "expires_in_days": 3})).await.json();
    let anna = Person::bearer(&world, first["token"].as_str().unwrap());
    refused(&anna.post("/api/tokens", json!({"name": "second"})).await, 403, "token_not_allowed");

    let page = Person::browser(&world, &anna.sign_in().await);
    refused(&page.post("/api/tokens", json!({"name": "second", "user": "bob"})).await, 403, "admin_only");
    let second = page.post("/api/tokens", json!({"name": "second", "expires_in_days": 300})).await;
    let second = (second.status, second.json());
    assert_eq!((second.0, &second.1["parent"]), (201, &first["id"]), "{}", second.1);
    assert_eq!(second.1["expires_at"], first["expires_at"], "no longer than what it comes of");
    let second = Person::bearer(&world, second.1["token"].as_str().unwrap());
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
async fn what_an_admin_s_session_makes_outlives_it() {
    let world = with_admin_token();
    let page = Person::browser(&world, &Person::admin(&world).sign_in().await);
    let (own, _) = page.make(json!({"name": "own"})).await;
    let (of_anna, _) = page.make(json!({"name": "of anna", "user": "anna"})).await;
    assert_eq!(page.delete("/api/session").await.status, 200);
    assert_eq!(page.get("/api/session").await.status, 401);
    for (token, user) in [(own, "admin"), (of_anna, "anna")] {
        let who = Person::bearer(&world, &token).get("/api/session").await.json();
        assert_eq!((&who["user"], &who["admin"]), (&json!(user), &json!(false)), "no API token is an admin's: {who}");
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
    refused(&admin.post("/api/tokens", short.clone()).await, 409, "too_many_tokens");
    assert_eq!(names(&admin, "/api/tokens?user=anna").await.len(), 50);
    assert_eq!(admin.delete(&format!("/api/tokens/{}?user=anna", ids[7])).await.status, 200);
    admin.make(json!({"name": "in its place", "user": "anna"})).await;
    refused(&admin.post("/api/tokens", short.clone()).await, 409, "too_many_tokens");
    admin.make(json!({"name": "another's", "user": "bob"})).await;
    world.clock.sleep(24 * HOUR).await;
    admin.make(short.clone()).await;
    refused(&admin.post("/api/tokens", short).await, 409, "too_many_tokens");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_wanted() {
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
        let told = (problem["code"].as_str(), problem["field"].as_str());
        assert_eq!(told, (Some(code), field), "{body}: {problem}");
        assert_eq!(answer.status, if code == "too_large" { 413 } else { 400 }, "{body}");
    }
    for user in ["an%20na", "", "%00", long.as_str()] {
        refused(&admin.get(&format!("/api/tokens?user={user}")).await, 400, "invalid_parameter");
        refused(&admin.delete(&format!("/api/tokens/x?user={user}")).await, 400, "invalid_parameter");
    }
    assert_eq!(names(&admin, "/api/tokens?user=anna").await, [""; 0]);
    assert_eq!(world.account_text("anna"), "", "what is refused leaves nothing");
    // The longest that is possible, in the longest spelling.
    let escaped = |text: &str| text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
    let (name, user) = ("😀".repeat(64), "~".repeat(128));
    let body = format!("{{\"name\":\"{}\",\"user\":\"{}\",\"expires_in_days\":366}}", escaped(&name), escaped(&user));
    let made = world.post_with_bearer("/api/tokens", ADMIN_TOKEN, body).await;
    assert_eq!((made.status, &made.json()["name"]), (201, &json!(name)), "{:?}", made.bytes);
    let who = Person::bearer(&world, made.json()["token"].as_str().unwrap()).get("/api/session").await;
    assert_eq!(who.json()["user"], user);
}

#[tokio::test(start_paused = true)]
async fn forged_tokens_are_refused_and_leave_nothing() {
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
    assert_eq!(world.account_text("nobody"), "", "asking for nobody's token leaves nothing behind");
    assert_eq!(world.store.inner.keys(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn in_open_mode_tokens_can_be_made_and_tried() {
    let world = World::new();
    let local = Person::nobody(&world);
    let (own, _) = local.make(json!({"name": "own"})).await;
    local.make(json!({"name": "of anna", "user": "anna"})).await;
    assert_eq!(names(&local, "/api/tokens").await, ["own"]);
    assert_eq!(names(&local, "/api/tokens?user=anna").await, ["of anna"]);
    assert!(own.starts_with("pw_"));
}
