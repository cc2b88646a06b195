//! The page in a real browser.

use http::{Method, Request};
use serde_json::{Value, json};

use crate::browser;
use crate::site::Site;
use crate::stack::Stack;
use crate::tools::{free_port, own_file, script};
use crate::worker::{ADMIN_TOKEN, Worker};

/// A user signs in, sends a script, sees the model's picture, downloads the model, sees the line of an error, and signs
/// out. The page never violates its content security policy.
pub async fn a_user_signs_in_and_makes_a_model(stack: &Stack) {
    let mut settings = stack.settings();
    settings.retain(|(name, _)| name != "AUTH_MODE");
    let mut worker = Worker::start(stack.folder(), "page-worker", free_port(), &settings);
    worker.ready(&stack.transport, 200).await;
    let token = made_token(stack, &worker).await;
    let snippets = ["poll_status", "download"]
        .map(|name| std::fs::read_to_string(own_file(&format!("snippets/{name}.js"))).unwrap());
    let input = json!({
        "url": worker.api(&stack.transport).base,
        "token": token,
        "script": script("bracket"),
        "snippets": snippets.concat(),
    });
    browser::run(stack, "make_a_model", input).await;
}

/// In open mode the page shows a warning and no sign-in form. The page runs no injected code or markup and does not
/// reach other sites.
pub async fn open_mode_shows_a_warning(stack: &Stack) {
    let other_site = Site::start("text/plain", "reached").await;
    let input = json!({"url": stack.api().base, "elsewhere": other_site.url()});
    browser::run(stack, "open_mode", input).await;
    let requests = other_site.requests();
    let was_requested = |path: &str| requests.iter().any(|line| line.contains(path));
    assert!(was_requested("/from-itself"), "{requests:?}");
    assert!(!was_requested("/from-the-service"), "{requests:?}");
}

/// An API token for a user, made by the admin.
pub(super) async fn made_token(stack: &Stack, worker: &Worker) -> String {
    let api = worker.api(&stack.transport);
    let body = json!({"name": "the page", "user": "anna@example.com", "expires_in_days": 1}).to_string();
    let request = Request::builder().method(Method::POST).uri(api.url("/api/tokens"));
    let request = request.header("authorization", format!("Bearer {ADMIN_TOKEN}"));
    let request = request.header("content-type", "application/json").body(body.into());
    let answer: Value = api.send(request.unwrap()).await.expect(201).json();
    answer["token"].as_str().unwrap().to_owned()
}
