//! Changes arrive at once with hints, and a little later without them.

use contract::{Attempt, Key, Outcome, Report, RunId, Version};
use http::Request;
use platform::Clock;
use s3::PutOptions;
use serde_json::{Value, json};

use crate::http::ApiResponse;
use crate::socket::Socket;
use crate::stack::Stack;
use crate::tools::script;
use crate::worker::RUNNER_TOKEN;

/// The runner's endpoints accept only the runner token, and respond 503 if none is configured.
pub async fn runner_endpoints_require_their_token(stack: &Stack) {
    let wake = stack.api().url("/api/runner/wake");
    let right = format!("Bearer {RUNNER_TOKEN}");
    if !stack.has_hints() {
        assert_eq!(send_events(stack, &right, &[]).await.expect(503).json()["code"], "runner_not_configured");
        assert_eq!(Socket::connect(&wake, Some(("authorization", &right))).await.err(), Some(503));
        return;
    }
    for wrong in ["Bearer wrong", "Basic stack-test-runner-token", "Bearer stack-test-runner-toke"] {
        assert_eq!(send_events(stack, wrong, &[]).await.expect(401).json()["code"], "invalid_token", "{wrong}");
        assert_eq!(Socket::connect(&wake, Some(("authorization", wrong))).await.err(), Some(401), "{wrong}");
    }
    send_events(stack, &right, &[]).await.expect(204);
}

/// A runner's events reach watchers and waiting requests at once, and an upload wakes runners. This test acts as the
/// runner; no other runs yet.
pub async fn hints_arrive_at_once(stack: &Stack) {
    if !stack.has_hints() {
        return;
    }
    let token = format!("Bearer {RUNNER_TOKEN}");
    let wake = stack.api().url("/api/runner/wake");
    let mut runner = Socket::connect(&wake, Some(("authorization", &token))).await.unwrap();
    assert_eq!(runner.json().await, json!({"wake": "look"}));

    let project = stack.project("hinted");
    let url = stack.api().url(&project.path("watch"));
    assert_eq!(stack.api().get(&project.path("watch")).await.expect(426).json()["code"], "upgrade_required");
    assert_eq!(Socket::connect(&url, Some(("origin", "https://elsewhere.example.com"))).await.err(), Some(403));
    let mut watcher = Socket::connect(&url, None).await.unwrap();
    assert_eq!(watcher.json().await["status"], "no_scripts");
    project.upload(&script("box")).await;
    assert_eq!(runner.json().await, json!({"wake": "look"}));
    until_phase(&mut watcher, "queued").await;

    let (run, version) = (RunId::random(), Version::FIRST);
    let key = Key::Attempt(project.id.clone(), version, 1).to_string();
    let attempt = Attempt::new("this test", run.clone(), stack.clock.now());
    let body = serde_json::to_vec(&attempt).unwrap();
    stack.client().put(&key, body.into(), &PutOptions::if_absent()).await.unwrap();
    let event = |more: Value| {
        let mut event = json!({"project": project.id, "version": version, "run": run});
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event
    };
    let progress = json!({"event": "progress", "phase": "script", "lines": ["half", "done"]});
    let waiting = async { project.get("status?wait=60").await };
    let claimed = async {
        let events = [event(json!({"event": "claimed"})), event(progress)];
        send_events(stack, &token, &events).await.expect(204);
    };
    let (waited, ()) = futures::future::join(waiting, claimed).await;
    assert_eq!(waited["status_info"]["phase"], "running", "{waited}");
    let message = until_phase(&mut watcher, "running").await;
    // Only a hint can have sent this.
    let message = if message["status_info"]["progress"].is_null() { watcher.json().await } else { message };
    assert_eq!(message["status_info"]["progress"], json!({"phase": "script", "lines": ["half", "done"]}), "{message}");

    let mut report = Report::new(project.id.clone(), version, Outcome::Failed, stack.clock.now());
    report.run = Some(run.clone());
    let done = Key::Done(project.id.clone(), version).to_string();
    stack.client().put(&done, serde_json::to_vec(&report).unwrap().into(), &PutOptions::if_absent()).await.unwrap();
    for key in [Key::Ticket(project.id.clone(), version).to_string(), key] {
        stack.client().delete(&key).await.unwrap();
    }
    send_events(stack, &token, &[event(json!({"event": "done"}))]).await.expect(204);
    assert_eq!(until_phase(&mut watcher, "failed").await["status"], "error");
    let connected =
        &stack.api().get("/api/monitoring/health").await.expect(200).json()["components"]["runners"].clone();
    assert_eq!(connected, &json!({"status": "up", "connected": 1}));
    runner.close().await;
    watcher.close().await;
}

/// A watcher receives the present state, then each change up to the finished model, and later versions.
pub async fn a_watcher_receives_each_change(stack: &Stack) {
    let project = stack.project("watched");
    let url = stack.api().url(&project.path("watch"));
    let mut watcher = Socket::connect(&url, None).await.unwrap();
    assert_eq!(watcher.json().await["status"], "no_scripts");
    for version in 1..=2 {
        assert_eq!(project.upload(&script("box")).await, version);
        let message = until_phase(&mut watcher, "completed").await;
        assert_eq!(
            (&message["status"], &message["status_info"]["version"]),
            (&json!("completed"), &json!(version)),
            "{message}"
        );
        assert_eq!(message, project.get("status").await, "must equal the status response");
    }
    let mut late = Socket::connect(&url, None).await.unwrap();
    assert_eq!(late.json().await["status_info"]["version"], 2);
    late.send("ping").await;
    assert_eq!(late.text().await, "pong");
    // Unknown messages are ignored.
    late.send("anything").await;
    late.close().await;
    watcher.send("ping").await;
    assert_eq!(watcher.text().await, "pong");
}

/// A waiting request returns when the model is done, without frequent polling.
pub async fn a_waiting_request_returns_the_model(stack: &Stack) {
    let project = stack.project("waited-for");
    project.upload(&script("box")).await;
    let mut requests = 0;
    loop {
        let info = project.get("status?wait=60").await["status_info"].clone();
        requests += 1;
        assert!(requests < 30, "{info}");
        match info["phase"].as_str().unwrap() {
            "queued" | "running" => {}
            phase => break assert_eq!(phase, "completed", "{info}"),
        }
    }
}

/// The first message that shows the newest version in this phase.
async fn until_phase(watcher: &mut Socket, phase: &str) -> Value {
    loop {
        let message = watcher.json().await;
        if message["status_info"]["phase"] == phase {
            return message;
        }
    }
}

async fn send_events(stack: &Stack, authorization: &str, events: &[Value]) -> ApiResponse {
    let request = Request::post(stack.api().url("/api/runner/events")).header("content-type", "application/json");
    let request = request.header("authorization", authorization);
    stack.api().send(request.body(json!({"events": events}).to_string().into()).unwrap()).await
}
