//! A Worker that accepts only callers with a token.

use std::fs;
use std::path::Path;

use http::{Method, Request};
use serde_json::{Value, json};

use crate::http::{Api, ApiResponse};
use crate::stack::Stack;
use crate::tools::free_port;
use crate::worker::{ADMIN_TOKEN, Worker};

const NAME: &str = "closed-worker";

const UPLOAD: &str = "/api/projects/let-in/upload-script";

/// `ADMIN_TOKEN` is enough to admit a user: the admin makes a token, the user uploads with it, signs in with it and
/// uses the cookie. After revocation neither token nor cookie works, and no file contains the token.
pub async fn a_token_works_until_it_is_revoked(stack: &Stack) {
    let mut settings = stack.settings();
    settings.retain(|(name, _)| name != "AUTH_MODE");
    let mut worker = Worker::start(stack.folder(), NAME, free_port(), &settings);
    worker.ready(&stack.transport, 200).await;
    let api = worker.api(&stack.transport);
    assert_eq!(send(api, Method::GET, "/api/projects", &[], None).await.expect(401).json()["code"], "unauthorized");

    let admin = format!("Bearer {ADMIN_TOKEN}");
    let admin: &[(&str, &str)] = &[("authorization", &admin)];
    let wanted = json!({"name": "the lathe", "user": "anna@example.com", "expires_in_days": 1});
    let made = send(api, Method::POST, "/api/tokens", admin, Some(wanted)).await.expect(201);
    assert_eq!(made.header("cache-control"), "no-store");
    let (token, id) = (text(&made, "token"), text(&made, "id"));
    let bearer = format!("Bearer {token}");
    let bearer: &[(&str, &str)] = &[("authorization", &bearer)];
    let script = || Some(json!({"code": "print(1)"}));
    let uploaded = send(api, Method::POST, UPLOAD, bearer, script()).await.expect(201);
    assert_eq!(uploaded.json()["version"], 1, "{uploaded}");

    let signed_in = send(api, Method::POST, "/api/session", bearer, None).await.expect(200);
    let (pair, attributes) = signed_in.header("set-cookie").split_once("; ").unwrap();
    assert_eq!(attributes, "Path=/; HttpOnly; Secure; SameSite=Strict; Max-Age=43200");
    let page: &[(&str, &str)] = &[("cookie", pair), ("origin", api.base)];
    let session = send(api, Method::GET, "/api/session", page, None).await.expect(200).json();
    assert_eq!((&session["user"], &session["auth"]), (&json!("anna@example.com"), &json!("session")), "{session}");
    let uploaded = send(api, Method::POST, UPLOAD, page, script()).await.expect(201);
    assert_eq!(uploaded.json()["version"], 2, "{uploaded}");
    let projects = send(api, Method::GET, "/api/projects", page, None).await.expect(200).json();
    assert_eq!(projects["projects"][0]["project_name"], "let-in", "{projects}");
    let stolen: &[(&str, &str)] = &[("cookie", pair), ("origin", "https://evil.example.com")];
    assert_eq!(send(api, Method::POST, UPLOAD, stolen, script()).await.expect(403).json()["code"], "foreign_origin");

    let listed = send(api, Method::GET, "/api/tokens", page, None).await.expect(200);
    assert_eq!(listed.json()["tokens"][0]["id"], id, "{listed}");
    let path = format!("/api/tokens/{id}?user=anna@example.com");
    send(api, Method::DELETE, &path, admin, None).await.expect(200);
    for shown in [bearer, page] {
        send(api, Method::GET, "/api/projects", shown, None).await.expect(401);
        send(api, Method::POST, UPLOAD, shown, script()).await.expect(401);
    }
    let signed_out = send(api, Method::DELETE, "/api/session", page, None).await.expect(200);
    assert!(signed_out.header("set-cookie").ends_with("; Max-Age=0"), "{signed_out}");

    // Search the log, and SQLite with its journal.
    let cookie = pair.split_once('=').unwrap().1;
    let secrets = [token.as_str(), cookie].map(|text| text.split_once('.').unwrap().1);
    let files = everything_in(&stack.folder().join(NAME).join("state"));
    assert!(files.iter().any(|file| holds(file, "let-in")), "the state of the objects must be here");
    let log = fs::read(stack.folder().join(format!("{NAME}.log"))).unwrap();
    for secret in [&secrets[..], &[ADMIN_TOKEN]].concat() {
        assert!(!files.iter().chain([&log]).any(|file| holds(file, secret)), "a file contains a secret");
    }
}

async fn send(api: Api<'_>, method: Method, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> ApiResponse {
    let mut request = Request::builder().method(method).uri(api.url(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = match body {
        Some(body) => request.header("content-type", "application/json").body(body.to_string().into()),
        None => request.body(Default::default()),
    };
    api.send(request.unwrap()).await
}

fn text(answer: &ApiResponse, field: &str) -> String {
    answer.json()[field].as_str().unwrap().to_owned()
}

/// The contents of all files under a folder.
fn everything_in(folder: &Path) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(everything_in(&path));
        } else {
            // SQLite's journals come and go.
            found.extend(fs::read(&path).ok());
        }
    }
    found
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}
