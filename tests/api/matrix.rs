//! Every route called by every kind of visitor, with the status that each gets. A route without a row here fails, and
//! so does a row without a route.

use std::collections::BTreeSet;

use contract::Format;
use partwright::api::{ROUTES, Route};
use platform::{Body, Clock};
use serde_json::{Value, json};

use crate::support::issuer;
use crate::support::person::Person;
use crate::support::provider::Behaviour;
use crate::support::signer::Signer;
use crate::support::talk::Talk;
use crate::support::world::{ADMIN_TOKEN, Answer, RUNNER_TOKEN, World, url};

/// A kind of caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Visitor {
    /// Without a credential.
    Nobody,
    /// With an unknown token.
    WrongToken,
    /// With a token of the owner that expired a day ago.
    Expired,
    /// A user who does not own the project.
    OtherUser,
    /// The project's owner.
    Owner,
    /// The owner with a token of scope `read`.
    ReadOnly,
    /// With `RUNNER_TOKEN`.
    Runner,
    /// With `ADMIN_TOKEN`.
    Admin,
}

const VISITORS: [Visitor; 8] = [
    Visitor::Nobody,
    Visitor::WrongToken,
    Visitor::Expired,
    Visitor::OtherUser,
    Visitor::Owner,
    Visitor::ReadOnly,
    Visitor::Runner,
    Visitor::Admin,
];

/// Headers and body of a request.
enum Send {
    Nothing,
    Handshake,
    Script,
    Json(fn() -> Value),
}

/// A route, the request to it, and the status for each of [`VISITORS`], in their order.
struct Row(&'static str, Send, [u16; 8]);

/// The owner has the project `demo` and the `read` token. Version 1 is completed, version 2 is queued.
const EXPECTED: &[Row] = &[
    Row("GET /", Send::Nothing, [200; 8]),
    Row("GET /page.css", Send::Nothing, [200; 8]),
    Row("GET /page.js", Send::Nothing, [200; 8]),
    Row("GET /icon.svg", Send::Nothing, [200; 8]),
    Row("GET /api", Send::Nothing, [200; 8]),
    Row("GET /api.css", Send::Nothing, [200; 8]),
    Row("GET /api/openapi.json", Send::Nothing, [200; 8]),
    Row("GET /api/examples", Send::Nothing, [200; 8]),
    Row("GET /api/examples/{example}", Send::Nothing, [200; 8]),
    Row("GET /api/examples/{example}/picture", Send::Nothing, [200; 8]),
    Row("POST /api/session", Send::Nothing, [401, 401, 401, 200, 200, 200, 401, 200]),
    Row("GET /api/session", Send::Nothing, [401, 401, 401, 200, 200, 200, 401, 200]),
    Row("DELETE /api/session", Send::Nothing, [200; 8]),
    Row("POST /api/tokens", Send::Json(token), [401, 401, 401, 201, 201, 403, 401, 201]),
    Row("GET /api/tokens", Send::Nothing, [401, 401, 401, 200, 200, 200, 401, 200]),
    Row("DELETE /api/tokens/{id}", Send::Nothing, [401, 401, 401, 404, 200, 403, 401, 404]),
    Row("GET /api/projects", Send::Nothing, [401, 401, 401, 200, 200, 200, 401, 200]),
    Row("POST /api/projects/{project}/upload-script", Send::Script, [401, 401, 401, 409, 201, 403, 401, 409]),
    Row("POST /api/batch", Send::Json(batch), [401, 401, 401, 200, 200, 403, 401, 200]),
    Row("POST /api/ai/chat", Send::Json(words), [401, 401, 401, 409, 200, 403, 401, 409]),
    Row("GET /api/projects/{project}/chat/{turn}", Send::Nothing, [401, 401, 401, 404, 200, 200, 401, 404]),
    Row("GET /api/projects/{project}/messages", Send::Nothing, [401, 401, 401, 404, 200, 200, 401, 404]),
    Row("DELETE /api/projects/{project}/messages", Send::Nothing, [401, 401, 401, 404, 200, 403, 401, 404]),
    Row("POST /api/projects/{project}/cancel/{version}", Send::Nothing, [401, 401, 401, 404, 409, 403, 401, 404]),
    Row("POST /api/projects/{project}/retry/{version}", Send::Nothing, [401, 401, 401, 404, 201, 403, 401, 404]),
    Row("GET /api/projects/{project}/scripts", Send::Nothing, [401, 401, 401, 404, 200, 200, 401, 404]),
    Row("GET /api/projects/{project}/script/{version}", Send::Nothing, [401, 401, 401, 404, 200, 200, 401, 404]),
    Row("GET /api/projects/{project}/outputs", Send::Nothing, [401, 401, 401, 404, 200, 200, 401, 404]),
    Row("GET /api/projects/{project}/download/{format}", Send::Nothing, [401, 401, 401, 404, 200, 200, 401, 404]),
    Row("GET /api/projects/{project}/logs", Send::Nothing, [401, 401, 401, 404, 200, 200, 401, 404]),
    Row("GET /api/projects/{project}/logs/{name}", Send::Nothing, [401, 401, 401, 404, 200, 200, 401, 404]),
    Row("GET /api/projects/{project}/status", Send::Nothing, [401, 401, 401, 404, 200, 200, 401, 404]),
    Row("GET /api/projects/{project}/watch", Send::Handshake, [401, 401, 401, 404, 101, 101, 401, 404]),
    Row("PUT /api/projects/{project}/owner", Send::Json(owner), [401, 401, 401, 403, 403, 403, 401, 200]),
    Row("POST /api/runner/events", Send::Json(events), [401, 401, 401, 401, 401, 401, 204, 401]),
    Row("GET /api/runner/wake", Send::Handshake, [401, 401, 401, 401, 401, 401, 101, 401]),
    Row("GET /api/monitoring/health", Send::Nothing, [200; 8]),
    Row("GET /api/monitoring/ai/metrics", Send::Nothing, [401, 401, 401, 403, 403, 403, 401, 200]),
    Row("GET /api/monitoring/s3/status", Send::Nothing, [401, 401, 401, 403, 403, 403, 401, 200]),
    Row("POST /api/monitoring/test/s3-upload", Send::Nothing, [401, 401, 401, 403, 403, 403, 401, 200]),
    Row(
        "GET /api/monitoring/projects/{project}/processing-status",
        Send::Nothing,
        [401, 401, 401, 404, 200, 200, 401, 404],
    ),
];

/// One upload to the owner's project. Its own result may be a refusal, so the batch always succeeds.
fn batch() -> Value {
    json!({"uploads": [{"project_name": "demo", "code": "x = 3"}]})
}

fn words() -> Value {
    json!({"message": "Make it taller", "project_name": "demo"})
}

fn owner() -> Value {
    json!({"owner": "carl"})
}

fn token() -> Value {
    json!({"name": "another"})
}

fn events() -> Value {
    json!({"events": []})
}

#[test]
fn every_route_has_exactly_one_row() {
    let routes: BTreeSet<String> = ROUTES.iter().map(name).collect();
    let rows: Vec<String> = EXPECTED.iter().map(|row| row.0.to_owned()).collect();
    assert_eq!(rows.iter().cloned().collect::<BTreeSet<_>>(), routes);
    assert_eq!(rows.len(), routes.len(), "a row for each");
}

#[tokio::test(start_paused = true)]
async fn every_visitor_gets_the_listed_status() {
    for route in ROUTES {
        let Some(Row(_, send, statuses)) = EXPECTED.iter().find(|row| row.0 == name(route)) else {
            panic!("{} has no row: who may call it?", name(route));
        };
        let (mut world, mut tokens) = prepared().await;
        for (visitor, status) in VISITORS.into_iter().zip(statuses) {
            let before = world.store.inner.keys();
            let answer = world.attempt(request(route, send, &tokens, visitor)).await;
            let what = format!("{} by {visitor:?}: {}", name(route), String::from_utf8_lossy(&answer.bytes));
            assert_eq!(answer.status, *status, "{what}");
            assert_eq!(code(&answer), expected_code(&answer, visitor), "{what}");
            if visitor != Visitor::Owner {
                assert_eq!(world.store.inner.keys(), before, "only the owner changes the project: {what}");
            }
            if answer.status < 400 {
                // The next visitor gets a fresh Worker.
                (world, tokens) = prepared().await;
            }
        }
    }
}

/// The error code that belongs to a 401 or 403; the response's own code for all other statuses.
fn expected_code(answer: &Answer, visitor: Visitor) -> String {
    match (answer.status, visitor) {
        (401, Visitor::Nobody) => "unauthorized".to_owned(),
        (401, _) => "invalid_token".to_owned(),
        (403, Visitor::ReadOnly) if answer.header("www-authenticate").contains("scope") => {
            "insufficient_scope".to_owned()
        }
        (403, _) => "admin_only".to_owned(),
        _ => code(answer),
    }
}

fn code(answer: &Answer) -> String {
    let body: Value = serde_json::from_slice(&answer.bytes).unwrap_or_default();
    body["code"].as_str().unwrap_or_default().to_owned()
}

/// The visitors' tokens.
struct Tokens {
    expired: String,
    other: String,
    owner: String,
    read_only: String,
    /// The id of `read_only`.
    id: String,
    /// The id of a chat turn in the owner's project.
    turn: String,
}

impl Tokens {
    fn for_visitor(&self, visitor: Visitor) -> Option<&str> {
        match visitor {
            Visitor::Nobody => None,
            Visitor::WrongToken => Some("wrong"),
            Visitor::Expired => Some(&self.expired),
            Visitor::OtherUser => Some(&self.other),
            Visitor::Owner => Some(&self.owner),
            Visitor::ReadOnly => Some(&self.read_only),
            Visitor::Runner => Some(RUNNER_TOKEN),
            Visitor::Admin => Some(ADMIN_TOKEN),
        }
    }
}

/// A Worker with the owner's project in it.
async fn prepared() -> (World, Tokens) {
    let world = World::talking();
    let owner = world.jwt("anna");
    let mut claims = issuer::claims("anna", world.clock.now());
    claims["exp"] = json!(claims["exp"].as_i64().unwrap() - 86_400);
    let expired = Signer::secret(issuer::SECRET).token(None, &claims);
    let (read_only, id) = Person::bearer(&world, &owner).make(json!({"name": "reader", "scope": "read"})).await;
    world.provider.plan(Behaviour::Stream("Which one?".to_owned()));
    let talk = Talk::new(&world, "anna", "demo");
    drop(talk.stream("A box").await);
    let turn = world.open_turn("demo").unwrap();
    world.ring_chat("demo").await;
    let tokens = Tokens { expired, other: world.jwt("bert"), owner, read_only, id, turn };

    let bearer = format!("Bearer {}", tokens.owner);
    for script in ["x = 1", "x = 2"] {
        let request = http::Request::post(url("/api/projects/demo/upload-script")).header("authorization", &bearer);
        let request = request.header("content-type", "text/x-python").body(Body::full(script)).unwrap();
        assert_eq!(world.send(request).await.status, 201);
        if script == "x = 1" {
            world.complete("demo", 1, &[Format::Step]);
            world.store.inner.drop_in("logs/demo/demo_info_20231114_221320.log", "a log");
            world.settle("demo", 20).await;
        }
    }
    (world, tokens)
}

fn request(route: &Route, send: &Send, tokens: &Tokens, visitor: Visitor) -> http::Request<Body> {
    let path = route.path.replace("{project}", "demo").replace("{version}", "1").replace("{format}", "step");
    let path = path
        .replace("{name}", "demo_info_20231114_221320.log")
        .replace("{id}", &tokens.id)
        .replace("{turn}", &tokens.turn)
        .replace("{example}", "bracket");
    assert!(!path.contains('{'), "{path} has a parameter that this test does not fill in");
    let mut request = http::Request::builder().method(&route.method).uri(url(&path));
    if let Some(token) = tokens.for_visitor(visitor) {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let request = match send {
        Send::Nothing => request.body(Body::empty()),
        Send::Handshake => request.header("upgrade", "websocket").body(Body::empty()),
        Send::Script => request.header("content-type", "text/x-python").body(Body::full("x = 4")),
        Send::Json(body) => request.header("content-type", "application/json").body(Body::full(body().to_string())),
    };
    request.unwrap()
}

fn name(route: &Route) -> String {
    format!("{} {}", route.method, route.path)
}
