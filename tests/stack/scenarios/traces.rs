//! Traces of a request: its id is everywhere, and secrets are nowhere.

use std::fs;
use std::path::{Path, PathBuf};

use contract::Key;
use http::{Method, Request};
use serde_json::json;

use crate::http::ApiResponse;
use crate::signer::Signer;
use crate::stack::Stack;
use crate::store::Kind;
use crate::tools::script;
use crate::worker::{ADMIN_TOKEN, RUNNER_TOKEN};

/// A request's id is the caller's or a new one. It is in the response, the script's metadata and the report.
pub async fn a_request_id_is_kept_everywhere(stack: &Stack) {
    let project = stack.project("traced");
    let given = "person-7.Request_42";
    let uploaded = send(stack, Method::POST, &project.path("upload-script"), given, &script("box")).await.expect(201);
    assert_eq!(uploaded.header("x-request-id"), given);
    assert_eq!(uploaded.json()["data"]["request_id"], given);
    let key = Key::Script(project.id.clone(), crate::project::number(1)).to_string();
    assert_eq!(stack.client().head(&key).await.unwrap().meta("request-id"), Some(given));
    project.completed(1).await;
    assert_eq!(project.report(1).await.request_id.unwrap().to_string(), given);
    assert_eq!(project.status().await["request_id"], given);
    assert_eq!(project.get("scripts").await["scripts"][0]["request_id"], given);
    assert_eq!(project.get("script/1").await["request_id"], given);

    // A retry is a request with its own id.
    let again = send(stack, Method::POST, &project.path("retry/1"), "person-7.again", "").await.expect(201);
    assert_eq!(again.header("x-request-id"), "person-7.again");
    project.completed(2).await;
    assert_eq!(project.report(2).await.request_id.unwrap().to_string(), "person-7.again");

    // An error has the id too, and an invalid id is replaced.
    let missing = send(stack, Method::GET, &project.path("script/9"), "person-7.error", "").await.expect(404);
    assert_eq!(
        (missing.header("x-request-id"), &missing.json()["request_id"]),
        ("person-7.error", &json!("person-7.error"))
    );
    for odd in ["with space", "with/slash", &"x".repeat(65), "quote\"", "<b>"] {
        let answer = send(stack, Method::GET, "/api/projects", odd, "").await.expect(200);
        let fresh = answer.header("x-request-id");
        assert!(fresh != odd, "{odd}: {fresh}");
        assert!(!fresh.is_empty(), "{odd}: {fresh}");
    }
}

/// At the end no log of a Worker or a runner, even at level TRACE, contains a secret, a token or a signature.
pub async fn logs_contain_no_secrets(stack: &Stack) {
    let mut hidden = vec![stack.store().secret(), ADMIN_TOKEN, RUNNER_TOKEN];
    // The wrong secrets of one Worker and one runner.
    hidden.extend(["not-the-secret", "not the secret"]);
    // A signature in a URL, one in a header, a bearer token, an API token or a session, a cookie, and the beginning of
    // every JWT: a brace and a quotation mark in base64url.
    hidden.extend(["X-Amz-Signature", "AWS4-HMAC-SHA256 Credential", "Bearer ", "pw_", "__Host-", "eyJ"]);
    send_jwts(stack).await;
    // All sent JWTs and their parts: a signature without its token, claims without their signature.
    let shown = stack.sent_jwts.borrow();
    hidden.extend(shown.iter().flat_map(|token| token.split('.')).filter(|part| part.len() >= 20));
    let logs = logs(stack.folder());
    let mut wanted = vec!["worker.log", "runner-one.log", "runner-two.log", "wrong-secret.log"];
    if stack.kind == Kind::WranglerR2 {
        // These Workers accept JWTs.
        wanted.extend(["secret-worker.log", "key-set-worker.log"]);
    }
    for wanted in wanted {
        assert!(logs.iter().any(|path| path.ends_with(wanted)), "{wanted} must be among {logs:?}");
    }
    for path in &logs {
        let text = String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
        for secret in &hidden {
            let line = text.lines().find(|line| line.contains(secret));
            assert!(line.is_none(), "{} contains {secret}: {}", path.display(), line.unwrap_or_default());
        }
    }
    let everything = fs::read_to_string(stack.folder().join("runner-two.log")).unwrap();
    assert!(everything.contains("TRACE"), "that runner must log at level TRACE");
}

/// Sends a JWT of each algorithm to the stack's own Worker, in right and wrong places.
async fn send_jwts(stack: &Stack) {
    for signer in [Signer::secret("not the secret"), Signer::rsa(), Signer::ec()] {
        let token = signer.token(Some("a key"), &json!({"sub": "anna@example.com", "exp": 4_102_444_800_u64}));
        stack.sent_jwts.borrow_mut().insert(token.clone());
        for (path, header, value) in [
            ("/api/projects", "authorization", format!("Bearer {token}")),
            ("/api/projects", "authorization", token.clone()),
            ("/api/projects", "cookie", format!("__Host-partwright={token}")),
            ("/api/runner/wake", "authorization", format!("Bearer {token}")),
        ] {
            let request = Request::builder().method(Method::GET).uri(stack.api().url(path)).header(header, value);
            let answer = stack.api().send(request.body(Default::default()).unwrap()).await;
            assert!([401, 503].contains(&answer.status), "{answer}");
            assert!(!answer.text().contains("eyJ"), "{answer}");
        }
    }
}

/// The logs of this project's programs, and wrangler's own logs.
fn logs(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && path.join("logs").is_dir() {
            found.extend(fs::read_dir(path.join("logs")).unwrap().map(|entry| entry.unwrap().path()));
        } else if name.ends_with(".log") && name != "seaweedfs.log" {
            found.push(path);
        }
    }
    found.retain(|path| path.is_file());
    found
}

async fn send(stack: &Stack, method: Method, path: &str, id: &str, body: &str) -> ApiResponse {
    let request = Request::builder().method(method).uri(stack.api().url(path)).header("x-request-id", id);
    let request = request.header("content-type", "text/x-python").body(body.to_owned().into());
    stack.api().send(request.unwrap()).await
}
