//! Pages of other sites: which of them may call, and what they may read.

use std::collections::BTreeSet;

use http::Method;
use partwright::api::ROUTES;
use platform::Body;
use serde_json::json;

use crate::support::memory_store::MemoryStore;
use crate::support::person::Person;
use crate::support::world::{ADMIN_TOKEN, Answer, World, url};

const APP: &str = "https://app.example.com";

/// Open mode with two allowed origins.
fn world() -> World {
    let settings = [
        ("AUTH_MODE", "open"),
        ("ADMIN_TOKEN", ADMIN_TOKEN),
        ("ALLOWED_ORIGINS", "https://app.example.com, http://localhost:3000"),
    ];
    World::with(MemoryStore::new(), &settings)
}

fn filled(path: &str) -> String {
    path.replace("{project}", "demo").replace("{version}", "1").replace("{format}", "step").replace("{name}", "x.log")
}

async fn send(world: &World, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = http::Request::builder().method(method).uri(url(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    world.send(request.body(Body::empty()).unwrap()).await
}

fn items(list: &str) -> BTreeSet<&str> {
    list.split(", ").collect()
}

/// The names of the response's CORS headers.
fn cors_headers(answer: &Answer) -> Vec<&str> {
    answer.headers.keys().map(http::HeaderName::as_str).filter(|name| name.starts_with("access-control-")).collect()
}

#[tokio::test(start_paused = true)]
async fn every_path_answers_preflights() {
    let world = world();
    for path in ROUTES.iter().map(|route| route.path).collect::<BTreeSet<_>>() {
        let mut methods: BTreeSet<&str> =
            ROUTES.iter().filter(|route| route.path == path).map(|route| route.method.as_str()).collect();
        if methods.contains("GET") {
            methods.insert("HEAD");
        }
        let preflight = [("origin", APP), ("access-control-request-method", "POST")];
        let answer = send(&world, Method::OPTIONS, &filled(path), &preflight).await;
        assert_eq!((answer.status, answer.bytes.len()), (204, 0), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), APP, "{path}");
        assert_eq!(items(answer.header("access-control-allow-methods")), methods, "{path}");
        let taken = items(answer.header("access-control-allow-headers"));
        assert!(["authorization", "content-type", "idempotency-key", "x-request-id"].iter().all(|n| taken.contains(n)));
        assert!(answer.header("access-control-max-age").parse::<u32>().unwrap() > 0);
        assert_eq!(answer.header("vary"), "origin");
        methods.insert("OPTIONS");
        assert_eq!(items(answer.header("allow")), methods, "{path}");
    }
    let unknown = send(&world, Method::OPTIONS, "/api/nothing", &[("origin", APP)]).await;
    assert_eq!((unknown.status, unknown.header("access-control-allow-origin")), (404, APP));
}

#[tokio::test(start_paused = true)]
async fn unlisted_origins_get_no_cors_headers() {
    let world = world();
    for origin in
        ["https://evil.example.com", "https://app.example.com.evil.test", "http://app.example.com", "null", "*"]
    {
        for (method, path) in [
            (Method::OPTIONS, "/api/projects"),
            (Method::GET, "/api/projects"),
            (Method::GET, "/api/nothing"),
            (Method::POST, "/api/projects/demo/cancel/1"),
        ] {
            let preflight = [("origin", origin), ("access-control-request-method", "GET")];
            let answer = send(&world, method.clone(), path, &preflight).await;
            assert_eq!(cors_headers(&answer), [""; 0], "{origin} {method} {path}");
            assert_eq!(answer.header("vary"), "origin", "{origin} {method} {path}");
        }
    }
    let closed = World::new();
    for method in [Method::OPTIONS, Method::GET] {
        let answer = send(&closed, method, "/api/projects", &[("origin", APP)]).await;
        assert_eq!(
            (cors_headers(&answer), answer.header("vary")),
            (vec![], ""),
            "without ALLOWED_ORIGINS there are none"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_listed_origin_reads_results_and_errors() {
    let world = world();
    world.upload("demo", "x = 1").await;
    for (path, status) in [
        ("/api/projects", 200),
        ("/api/projects/demo/script/1", 200),
        ("/api/projects/demo/script/2", 404),
        ("/api/projects/demo/download/dxf", 400),
        ("/api/projects/demo/watch", 426),
        ("/api/runner/wake", 503),
        ("/nothing", 404),
    ] {
        let answer = send(&world, Method::GET, path, &[("origin", "http://localhost:3000")]).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "http://localhost:3000", "{path}");
        let exposed = items(answer.header("access-control-expose-headers"));
        let wanted = ["etag", "location", "retry-after", "x-request-id", "idempotent-replayed", "www-authenticate"];
        assert!(wanted.iter().all(|name| exposed.contains(name)), "{path}: {exposed:?}");
        assert!(answer.header("vary").split(", ").any(|name| name == "origin"), "{path}");
        assert!(!answer.headers.contains_key("access-control-allow-credentials"), "{path}");
    }
    let script = send(&world, Method::GET, "/api/projects/demo/script/1", &[("origin", APP)]).await;
    assert_eq!(script.header("vary"), "accept, origin");
    let refused = send(&world, Method::PUT, "/api/projects", &[("origin", APP)]).await;
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (405, APP));
}

#[tokio::test(start_paused = true)]
async fn a_cross_origin_change_needs_list_and_bearer() {
    let settings = [("ADMIN_TOKEN", ADMIN_TOKEN), ("ALLOWED_ORIGINS", APP)];
    let closed = World::with(MemoryStore::new(), &settings);
    let admin = Person::admin(&closed);
    let body = json!({"code": "x = 1"});
    assert_eq!(admin.post("/api/projects/demo/upload-script", body).await.status, 201);
    let signed_in = admin.call("POST", "/api/session", None).await;
    let (cookie, _) = signed_in.header("set-cookie").split_once(';').unwrap();
    let (bearer, cookie) = (format!("Bearer {ADMIN_TOKEN}"), ("cookie", cookie));
    let bearer = ("authorization", bearer.as_str());

    let cancel = async |headers: &[(&str, &str)]| {
        let answer = send(&closed, Method::POST, "/api/projects/demo/cancel/1", headers).await;
        (answer.status, answer.header("access-control-allow-origin").to_owned())
    };
    assert_eq!(cancel(&[("origin", APP)]).await, (401, APP.to_owned()), "it may read the refusal");
    assert_eq!(cancel(&[("origin", APP), cookie]).await, (403, APP.to_owned()), "a cookie is not enough");
    assert_eq!(cancel(&[("origin", "https://evil.test"), cookie]).await, (403, String::new()));
    assert_eq!(cancel(&[("origin", "https://evil.test"), bearer]).await, (403, String::new()));
    assert_eq!(cancel(&[("sec-fetch-site", "cross-site"), bearer]).await.0, 403);
    let status = admin.get("/api/projects/demo/status").await.json();
    assert_eq!(status["status_info"]["phase"], "queued", "nothing has changed");
    assert_eq!(cancel(&[("origin", APP), bearer]).await, (200, APP.to_owned()));
    // A page cannot send a bearer token with a WebSocket, and the cookie is not enough.
    for origin in [APP, "https://evil.test"] {
        let handshake = [("origin", origin), ("upgrade", "websocket"), cookie];
        let refused = send(&closed, Method::GET, "/api/projects/demo/watch", &handshake).await;
        refused.assert_problem(403, "foreign_origin");
    }
    // In open mode there is no bearer token, so an allowed origin may read but not change anything.
    let open = world();
    open.upload("demo", "x = 1").await;
    let answer = send(&open, Method::POST, "/api/projects/demo/cancel/1", &[("origin", APP)]).await;
    answer.assert_problem(403, "foreign_origin");
}
