//! Faults of a provider end the turn in a clear state, and nothing is half uploaded. aimock refuses these messages, so
//! the Worker asks the fake.

use std::time::Duration;

use contract::prefix;
use serde_json::json;

use super::{ChatStack, OTHER_KEY, PLATE};
use crate::provider::{Step, answer, chunk, end, raw_chunk, stream};
use crate::stack::Stack;

/// One fault: its name, the plan of each connection, and the turn's error code.
type Fault = (&'static str, Vec<Vec<Step>>, &'static str);

fn faults() -> Vec<Fault> {
    let text = |text: &str| Step::Send(chunk(text));
    let json_of = |body: &str| vec![answer("200 OK", "", body)];
    let thrice = |plan: Vec<Step>| vec![plan.clone(), plan.clone(), plan];
    let refused = format!("{{\"error\":{{\"message\":\"{OTHER_KEY} is not valid\"}}}}");
    let limited = |seconds: u32| vec![answer("429 Too Many Requests", &format!("retry-after: {seconds}\r\n"), "{}")];
    let cut = vec![stream(), text("```python\nimport Part\n")];
    // In the middle of an event, after an event with an empty reason.
    let odd =
        "data: {\"choices\":[{\"delta\":{\"content\":\"```python\\nimport Part\\n\"},\"finish_reason\":\"\"}]}\n\n";
    let cut_in_an_event = vec![stream(), Step::Send(raw_chunk(&format!("{odd}data: {{\"choi")))];
    let empty = "{\"choices\":[{\"message\":{\"content\":\"\"},\"finish_reason\":\"stop\"}]}";
    let stopped =
        "{\"choices\":[{\"message\":{\"content\":\"```python\\nimport Part\\n\"},\"finish_reason\":\"length\"}]}";
    vec![
        ("a wrong key", vec![vec![answer("401 Unauthorized", "", &refused)]], "ai_unauthorized"),
        ("rate limit for an hour", vec![limited(3_600)], "ai_rate_limited"),
        ("rate limit again and again", thrice(limited(1)), "ai_rate_limited"),
        ("a server error", thrice(vec![answer("500 Internal Server Error", "", "oh")]), "ai_unavailable"),
        ("no provider", thrice(vec![]), "ai_unavailable"),
        ("cut in the middle", thrice(cut), "ai_cut"),
        ("cut in the middle of an event", thrice(cut_in_an_event), "ai_cut"),
        ("not JSON", thrice(json_of("<html>")), "ai_invalid"),
        (
            "an event that is not JSON",
            thrice(vec![stream(), Step::Send(raw_chunk("data: {\n\n")), end()]),
            "ai_invalid",
        ),
        ("an empty choice", thrice(json_of(empty)), "ai_empty"),
        ("an enormous answer", vec![vec![stream(), Step::SendForEver(chunk(&"x".repeat(32_000)))]], "ai_too_long"),
        ("a length limit", vec![json_of(stopped)], "answer_truncated"),
        ("no finish reason", vec![vec![stream(), text("```python\nimport Part\n"), end()]], "answer_truncated"),
    ]
}

/// Each fault in turn, and then a slow provider.
pub async fn each_fault_ends_in_a_clear_state(stack: &Stack, chat: &ChatStack) {
    let conversation = chat.conversation(stack, "chat-faults");
    for (words, plans, code) in faults() {
        plans.into_iter().for_each(|plan| chat.fake.plan(plan));
        let turn = conversation.send(&format!("for the other: {words}")).await;
        println!("{words}: {} {}", turn["state"], turn["error"]);
        assert_eq!((&turn["state"], &turn["error"]["code"]), (&json!("failed"), &json!(code)), "{words}: {turn}");
        assert!(turn["version"].is_null(), "{words}: {turn}");
        assert!(!turn["ended_at"].is_null(), "{words}: {turn}");
        assert!(!turn.to_string().contains("sk-stack"), "{words}: {turn}");
        assert_eq!(conversation.versions().await, json!([]), "{words}");
        for prefix in [prefix::input(&conversation.project.id), prefix::pending(&conversation.project.id)] {
            assert!(conversation.project.keys(&prefix).await.is_empty(), "{words}: nothing must be uploaded");
        }
        assert!(chat.fake.is_done(), "{words}: the provider must be asked once for each plan");
    }
    // The Worker waits for a provider that is busy for a moment and then slow.
    chat.fake.plan(vec![answer("429 Too Many Requests", "retry-after: 2\r\n", "{}")]);
    chat.fake.plan(vec![
        Step::Wait(Duration::from_secs(5)),
        stream(),
        Step::Wait(Duration::from_secs(3)),
        Step::Send(chunk(&format!("```python\n{PLATE}```\n"))),
        end(),
    ]);
    let turn = conversation.send("for the other: a slow first byte").await;
    assert_eq!((&turn["version"], &turn["usage"]["calls"]), (&json!(1), &json!(3)), "{turn}");
    assert_eq!(conversation.end(&turn).await["state"], "completed");
}
