//! Sessions: signing in, signing out, and the browser's cookie.

use std::time::Duration;

use contract::Timestamp;
use expect_test::expect;
use platform::Clock;
use serde_json::{Value, json};

use crate::support::issuer;
use crate::support::memory_store::MemoryStore;
use crate::support::person::{Person, cookie, cookie_value};
use crate::support::world::{ADMIN_TOKEN, World};
use crate::tokens::with_admin_token;

const HOUR: Duration = Duration::from_secs(3600);

fn time(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

/// Anna with a new API token of these properties, and the token's id.
async fn anna_with(world: &World, wanted: Value) -> (Person<'_>, String) {
    let mut all = json!({"name": "lathe", "user": "anna"});
    for (field, value) in wanted.as_object().unwrap() {
        all[field] = value.clone();
    }
    let (text, id) = Person::admin(world).make(all).await;
    (Person::bearer(world, &text), id)
}

#[tokio::test(start_paused = true)]
async fn signing_in_and_out() {
    let world = with_admin_token();
    let (anna, _) = anna_with(&world, json!({})).await;
    let before = world.clock.now();
    let answer = anna.call("POST", "/api/session", None).await;
    let body = answer.json();
    let text = cookie_value(&answer).to_owned();
    let wanted = format!("__Host-partwright={text}; Path=/; HttpOnly; Secure; SameSite=Strict; Max-Age=43200");
    assert_eq!(answer.header("set-cookie"), wanted);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(!String::from_utf8_lossy(&answer.bytes).contains(&text), "the session's text is in the cookie only");
    expect![[r#"
        200 {
          "success": true, "user": "anna", "scope": "write", "admin": false, "expires_at": "[time]",
          "auth": "session"
        }"#]]
    .assert_eq(&answer.snapshot());
    assert_eq!(time(&body["expires_at"]), before.after(12 * HOUR));

    let page = Person::browser(&world, &text);
    assert_eq!(page.get("/api/session").await.json(), body);
    assert_eq!(page.upload("bracket").await, 201);
    assert_eq!(anna.get("/api/projects").await.json()["projects"][0]["project_name"], "bracket", "the same user");
    let listed = page.get("/api/tokens").await.json();
    assert_eq!(listed["total_tokens"], 1, "sessions are not listed as API tokens: {listed}");
    let stored = world.account_text("anna");
    assert!(!stored.contains(text.split_once('.').unwrap().1), "{stored}");

    let answer = page.delete("/api/session").await;
    assert_eq!(answer.status, 200);
    let cleared = "__Host-partwright=; Path=/; HttpOnly; Secure; SameSite=Strict; Max-Age=0";
    assert_eq!((answer.header("set-cookie"), answer.header("clear-site-data")), (cleared, "\"cache\""));
    assert_eq!(page.get("/api/session").await.status, 401);
    assert_eq!(page.upload("bracket").await, 401);
    assert_eq!(anna.get("/api/session").await.status, 200, "the token that opened it stays");
    for person in [&page, &Person::nobody(&world), &anna] {
        let answer = person.delete("/api/session").await;
        assert_eq!((answer.status, answer.header("set-cookie")), (200, cleared), "also without a session");
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_after_twelve_hours() {
    let world = with_admin_token();
    let (anna, _) = anna_with(&world, json!({})).await;
    let page = Person::browser(&world, &anna.sign_in().await);
    let end = time(&page.get("/api/session").await.json()["expires_at"]);
    world.clock.sleep(end.since(world.clock.now()) - Duration::from_millis(1)).await;
    assert_eq!(page.get("/api/session").await.status, 200);
    world.clock.sleep(Duration::from_millis(1)).await;
    assert_eq!(page.get("/api/session").await.status, 401);
    let answer = page.delete("/api/session").await;
    assert_eq!(answer.status, 200, "the cookie can still be cleared");
    assert!(answer.header("set-cookie").ends_with("Max-Age=0"));
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_with_its_token() {
    let world = with_admin_token();
    let (anna, id) = anna_with(&world, json!({"expires_in_days": 1})).await;
    let end = time(&anna.get("/api/session").await.json()["expires_at"]);
    world.clock.sleep(end.since(world.clock.now()) - HOUR).await;
    let answer = anna.call("POST", "/api/session", None).await;
    assert_eq!(time(&answer.json()["expires_at"]), end);
    assert!(answer.header("set-cookie").ends_with("; Max-Age=3600"), "{}", answer.header("set-cookie"));
    let page = Person::browser(&world, cookie_value(&answer));
    let other = Person::browser(&world, &anna.sign_in().await);
    assert_eq!(other.delete(&format!("/api/tokens/{id}")).await.status, 200);
    for gone in [anna, page, other] {
        assert_eq!(gone.get("/api/session").await.status, 401);
    }
    let (anna, _) = anna_with(&world, json!({"expires_in_days": 1})).await;
    let page = Person::browser(&world, &anna.sign_in().await);
    let end = time(&anna.get("/api/session").await.json()["expires_at"]);
    // Less than a second is left, and a cookie's age is in whole seconds.
    world.clock.sleep(end.since(world.clock.now()) - Duration::from_millis(900)).await;
    let answer = anna.call("POST", "/api/session", None).await;
    answer.assert_problem(401, "invalid_token");
    assert!(!answer.headers.contains_key("set-cookie"));
    world.clock.sleep(Duration::from_millis(900)).await;
    assert_eq!((page.get("/api/session").await.status, anna.get("/api/session").await.status), (401, 401));
}

#[tokio::test(start_paused = true)]
async fn signing_in_again_replaces_the_session() {
    let world = with_admin_token();
    let (anna, _) = anna_with(&world, json!({})).await;
    let other_browser = Person::browser(&world, &anna.sign_in().await);
    let old = anna.sign_in().await;
    // Bob signs in at the same browser.
    let (of_bob, _) = Person::admin(&world).make(json!({"name": "of bob", "user": "bob"})).await;
    let (name, value) = cookie(&old);
    let new = Person::bearer(&world, &of_bob).with(name, &value).sign_in().await;
    assert_eq!(Person::browser(&world, &old).get("/api/session").await.status, 401);
    assert_eq!(Person::browser(&world, &new).get("/api/session").await.json()["user"], "bob");
    assert_eq!(other_browser.get("/api/session").await.status, 200, "sessions of other browsers stay");
}

#[tokio::test(start_paused = true)]
async fn a_session_cannot_open_a_session() {
    let world = with_admin_token();
    for opener in [Person::admin(&world), anna_with(&world, json!({})).await.0] {
        let page = Person::browser(&world, &opener.sign_in().await);
        let answer = page.call("POST", "/api/session", None).await;
        answer.assert_problem(403, "session_not_allowed");
        assert!(!answer.headers.contains_key("set-cookie"));
        assert_eq!(page.get("/api/session").await.status, 200, "the session does not end");
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_has_the_rights_of_its_opener() {
    let world = with_admin_token();
    let (reader, _) = anna_with(&world, json!({"scope": "read"})).await;
    let page = Person::browser(&world, &reader.sign_in().await);
    assert_eq!(page.get("/api/session").await.json()["scope"], "read");
    assert_eq!(page.get("/api/projects").await.status, 200);
    assert_eq!(page.upload("bracket").await, 403);
    assert_eq!(page.post("/api/tokens", json!({"name": "more"})).await.status, 403);
    assert_eq!(page.delete("/api/session").await.status, 200, "signing out is always allowed");

    let (writer, _) = anna_with(&world, json!({})).await;
    let page = Person::browser(&world, &writer.sign_in().await);
    assert!([401, 403].contains(&page.get("/api/monitoring/s3/status").await.status));
    let page = Person::browser(&world, &Person::admin(&world).sign_in().await);
    let session = page.get("/api/session").await.json();
    assert_eq!(
        (&session["user"], &session["admin"], &session["auth"]),
        (&json!("admin"), &json!(true), &json!("session"))
    );
    assert_eq!(page.get("/api/monitoring/s3/status").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn cookies_and_bearer_tokens_are_not_interchangeable() {
    let world = with_admin_token();
    let (text, _) = Person::admin(&world).make(json!({"name": "lathe", "user": "anna"})).await;
    let session = Person::bearer(&world, &text).sign_in().await;
    assert_eq!(Person::bearer(&world, &session).get("/api/session").await.status, 401);
    assert_eq!(Person::browser(&world, &text).get("/api/session").await.status, 401);
    let answer = Person::browser(&world, &text).delete("/api/session").await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        Person::bearer(&world, &text).get("/api/session").await.status,
        200,
        "signing out does not revoke the token"
    );
}

#[tokio::test(start_paused = true)]
async fn other_sites_cannot_use_the_cookie() {
    let world = with_admin_token();
    let (anna, id) = anna_with(&world, json!({})).await;
    assert_eq!(anna.upload("bracket").await, 201);
    let session = anna.sign_in().await;
    let before = world.store.inner.keys();
    for origin in ["https://evil.example.com", "http://127.0.0.1:8788", "http://127.0.0.1", "null"] {
        let page = Person::browser(&world, &session).with("origin", origin);
        page.post("/api/tokens", json!({"name": "stolen"})).await.assert_problem(403, "foreign_origin");
        page.delete(&format!("/api/tokens/{id}")).await.assert_problem(403, "foreign_origin");
        page.delete("/api/session").await.assert_problem(403, "foreign_origin");
        page.call("POST", "/api/session", None).await.assert_problem(403, "foreign_origin");
        assert_eq!(page.upload("bracket").await, 403);
        let watching = page.with("upgrade", "websocket").get("/api/projects/bracket/watch").await;
        watching.assert_problem(403, "foreign_origin");
    }
    assert_eq!(world.store.inner.keys(), before);
    let page = Person::browser(&world, &session);
    assert_eq!(page.get("/api/tokens").await.json()["total_tokens"], 1);
    assert_eq!(page.upload("bracket").await, 201);
}

#[tokio::test(start_paused = true)]
async fn a_new_admin_token_ends_admin_sessions() {
    let mut world = with_admin_token();
    let session = Person::admin(&world).sign_in().await;
    let (program, _) = Person::browser(&world, &session).make(json!({"name": "own"})).await;
    let of_anna = anna_with(&world, json!({})).await.0.sign_in().await;
    let changed = World::with(MemoryStore::new(), &[("ADMIN_TOKEN", "another token, of 29 characters")]).config;
    let before = std::mem::replace(&mut world.config, changed);
    assert_eq!(Person::browser(&world, &session).get("/api/session").await.status, 401);
    assert_eq!(Person::browser(&world, &session).get("/api/monitoring/s3/status").await.status, 401);
    assert_eq!(Person::bearer(&world, &program).get("/api/projects").await.status, 401);
    let anna = Person::browser(&world, &of_anna).get("/api/session").await.json();
    assert_eq!(anna["user"], "anna", "sessions of other users stay");
    world.config = before;
    let page = Person::browser(&world, &session);
    assert_eq!(page.get("/api/session").await.json()["admin"], true);
    page.delete("/api/session").await;
    assert_eq!(page.get("/api/session").await.status, 401);
}

#[tokio::test(start_paused = true)]
async fn new_issuer_settings_end_jwt_sessions() {
    let mut world = World::closed();
    let of_jwt = Person::bearer(&world, &world.jwt("anna")).sign_in().await;
    let (token, _) = Person::browser(&world, &of_jwt).make(json!({"name": "lathe"})).await;
    let of_token = Person::bearer(&world, &token).sign_in().await;
    let secret = issuer::BY_SECRET;
    let with = |name: &str, value: &'static str| secret.map(|(key, old)| (key, if key == name { value } else { old }));
    let others = [
        with("AUTH_JWT_SECRET", "another secret, which is long enough, too"),
        with("AUTH_ISSUER", "https://another.test"),
        with("AUTH_AUDIENCE", "another"),
        issuer::BY_KEY_SET,
    ];
    for settings in others {
        let before = std::mem::replace(&mut world.config, World::with(MemoryStore::new(), &settings).config);
        let page = Person::browser(&world, &of_jwt);
        page.get("/api/session").await.assert_problem(401, "invalid_token");
        assert_eq!(page.upload("bracket").await, 401, "{settings:?}");
        // API tokens and their sessions do not depend on the issuer.
        assert_eq!(Person::bearer(&world, &token).get("/api/session").await.status, 200, "{settings:?}");
        assert_eq!(Person::browser(&world, &of_token).get("/api/session").await.status, 200, "{settings:?}");
        world.config = before;
        assert_eq!(Person::browser(&world, &of_jwt).get("/api/session").await.status, 200, "{settings:?}");
    }
    let page = Person::browser(&world, &of_jwt);
    assert_eq!(page.delete("/api/session").await.json()["message"], "Signed out.");
    assert_eq!(page.get("/api/session").await.status, 401);
}

#[tokio::test(start_paused = true)]
async fn tokens_since_ends_all_sessions_and_tokens() {
    let mut world = World::closed();
    let admin = Person::admin(&world).sign_in().await;
    let of_jwt = Person::bearer(&world, &world.jwt("anna")).sign_in().await;
    let (token, _) = Person::admin(&world).make(json!({"name": "lathe", "user": "anna"})).await;
    let of_token = Person::bearer(&world, &token).sign_in().await;
    world.clock.sleep(HOUR / 4).await;
    let now = world.clock.now().to_string();
    let tokens = [("ADMIN_TOKEN", ADMIN_TOKEN), ("AUTH_TOKENS_SINCE", &now)];
    world.config = World::with(MemoryStore::new(), &[&issuer::BY_SECRET[..], &tokens].concat()).config;
    Person::bearer(&world, &token).get("/api/session").await.assert_problem(401, "invalid_token");
    for session in [&admin, &of_jwt, &of_token] {
        Person::browser(&world, session).get("/api/session").await.assert_problem(401, "invalid_token");
    }
    assert_eq!(Person::admin(&world).get("/api/tokens?user=anna").await.json()["total_tokens"], 0);
    // A user whose JSON Web Token is still accepted can sign in again.
    let page = Person::browser(&world, &Person::bearer(&world, &world.jwt("anna")).sign_in().await);
    let (new, _) = page.make(json!({"name": "lathe"})).await;
    assert_eq!(Person::bearer(&world, &new).get("/api/session").await.status, 200);
    assert_eq!(page.get("/api/tokens").await.json()["total_tokens"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_with_its_jwt() {
    let world = World::closed();
    let anna = Person::bearer(&world, &world.jwt("anna"));
    let end = time(&anna.get("/api/session").await.json()["expires_at"]);
    let answer = anna.call("POST", "/api/session", None).await;
    assert_eq!((answer.status, time(&answer.json()["expires_at"])), (200, end));
    let life = answer.header("set-cookie").rsplit_once('=').unwrap().1.parse::<u64>().unwrap();
    assert!((3_590..=3_600).contains(&life), "{life}");
    let page = Person::browser(&world, cookie_value(&answer));
    let (made, _) = page.make(json!({"name": "lathe"})).await;
    world.clock.sleep(end.since(world.clock.now()) - Duration::from_millis(1)).await;
    assert_eq!(page.get("/api/session").await.json()["user"], "anna");
    world.clock.sleep(Duration::from_millis(1)).await;
    assert_eq!(page.get("/api/session").await.status, 401);
    // The clock tolerance accepts the JSON Web Token a little longer, but not for a new session.
    let late = anna.call("POST", "/api/session", None).await;
    assert_eq!((late.status, late.headers.contains_key("set-cookie")), (401, false));
    let session = Person::bearer(&world, &made).get("/api/session").await.json();
    assert_eq!(
        (&session["user"], &session["auth"]),
        (&json!("anna"), &json!("api_token")),
        "the API token outlives the session"
    );
}

#[tokio::test(start_paused = true)]
async fn the_admin_role_covers_sessions_and_not_tokens() {
    let world = World::closed();
    let admin = Person::bearer(&world, &world.admin_jwt("boss"));
    let page = Person::browser(&world, &admin.sign_in().await);
    let session = page.get("/api/session").await.json();
    assert_eq!((&session["user"], &session["admin"]), (&json!("boss"), &json!(true)));
    assert_eq!(page.get("/api/monitoring/s3/status").await.status, 200);
    page.make(json!({"name": "of anna", "user": "anna"})).await;
    let (own, _) = page.make(json!({"name": "own"})).await;
    let program = Person::bearer(&world, &own);
    program.get("/api/monitoring/s3/status").await.assert_problem(403, "admin_only");
    program.get("/api/tokens?user=anna").await.assert_problem(403, "admin_only");
    let page = Person::browser(&world, &program.sign_in().await);
    page.get("/api/monitoring/s3/status").await.assert_problem(403, "admin_only");
}

#[tokio::test(start_paused = true)]
async fn signing_in_needs_a_user_credential() {
    let world = with_admin_token();
    for method in ["GET", "POST"] {
        let answer = Person::nobody(&world).call(method, "/api/session", None).await;
        assert_eq!((answer.status, answer.headers.contains_key("set-cookie")), (401, false), "{method}");
    }
    let runner = Person::bearer(&world, crate::support::world::RUNNER_TOKEN);
    let answer = runner.call("POST", "/api/session", None).await;
    assert!([401, 403].contains(&answer.status), "{}", answer.status);
    assert!(!answer.headers.contains_key("set-cookie"));
}

#[tokio::test(start_paused = true)]
async fn open_mode_needs_no_session() {
    let world = World::new();
    for method in ["GET", "POST"] {
        let answer = Person::nobody(&world).call(method, "/api/session", None).await;
        let body = answer.json();
        assert_eq!((answer.status, answer.headers.contains_key("set-cookie")), (200, false), "{method} {body}");
        let fields = [&body["user"], &body["admin"], &body["auth"], &body["expires_at"]];
        assert_eq!(fields, [&json!("local"), &json!(true), &json!("open"), &Value::Null], "{method} {body}");
    }
}
