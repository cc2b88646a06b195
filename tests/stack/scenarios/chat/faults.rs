//! What breaks ends in a clear state, and nothing is half uploaded. aimock refuses all of it, so the fake is requests.

use std::time::Duration;

use contract::prefix;
use serde_json::json;

use super::{ChatStack, OTHER_KEY, PLATE};
use crate::provider::{Step, answer, chunk, end, raw_chunk, stream};
use crate::stack::Stack;

/// One fault: words for it, what each connection meets, and the code of the turn.
type Fault = (&'static str, Vec<Vec<Step>>, &'static str);

fn faults() -> Vec<Fault> {
    let text = |text: &str| Step::Send(chunk(text));
    let json_of = |body: &str| vec![answer("200 OK", "", body)];
    let thrice = |plan: Vec<Step>| vec![plan.clone(), plan.clone(), plan];
    let refused = format!("{{\"error\":{{\"message\":\"{OTHER_KEY} is no key\"}}}}");
    let limited = |seconds: u32| vec![answer("429 Too Many Requests", &format!("retry-after: {seconds}\r\n"), "{}")];
    let cut = vec![stream(), text("```python\nimport Part\n")];
    // In the middle of an event, with an empty reason in the one before.
    let odd =
        "data: {\"choices\":[{\"delta\":{\"content\":\"```python\\nimport Part\\n\"},\"finish_reason\":\"\"}]}\n\n";
    let cut_in_an_event = vec![stream(), Step::Send(raw_chunk(&format!("{odd}data: {{\"choi")))];
    let empty = "{\"choices\":[{\"message\":{\"content\":\"\"},\"finish_reason\":\"stop\"}]}";
    let stopped =
        "{\"choices\":[{\"message\":{\"content\":\"```python\\nimport Part\\n\"},\"finish_reason\":\"length\"}]}";
    vec![
        ("a wrong key", vec![vec![answer("401 Unauthorized", "", &refused)]], "ai_unauthorized"),
        ("too many, for an hour", vec![limited(3_600)], "ai_rate_limited"),
        ("too many, again and again", thrice(limited(1)), "ai_rate_limited"),
        ("a server's fault", thrice(vec![answer("500 Internal Server Error", "", "oh")]), "ai_unavailable"),
        ("nobody there", thrice(vec![]), "ai_unavailable"),
        ("cut in the middle", thrice(cut), "ai_cut"),
        ("cut in the middle of an event", thrice(cut_in_an_event), "ai_cut"),
        ("no JSON", thrice(json_of("<html>")), "ai_invalid"),
        ("an event of no JSON", thrice(vec![stream(), Step::Send(raw_chunk("data: {\n\n")), end()]), "ai_invalid"),
        ("an empty choice", thrice(json_of(empty)), "ai_empty"),
        ("an enormous answer", vec![vec![stream(), Step::SendForEver(chunk(&"x".repeat(32_000)))]], "ai_too_long"),
        ("its limit", vec![json_of(stopped)], "answer_truncated"),
        ("no end told", vec![vec![stream(), text("```python\nimport Part\n"), end()]], "answer_truncated"),
    ]
}

/// Each fault, one after the other, and then one that only takes its time.
pub async fn each_fault_ends_in_a_clear_state(stack: &Stack, chat: &ChatStack) {
    let conversation = chat.conversation(stack, "chat-faults");
    for (words, plans, code) in faults() {
        plans.into_iter().for_each(|plan| chat.fake.plan(plan));
        let turn = conversation.send(&format!("for the other: {words}")).await;
        println!("{words}: {} {}", turn["state"], turn["error"]);
        assert_eq!((&turn["state"], &turn["error"]["code"]), (&json!("failed"), &json!(code)), "{words}: {turn}");
        assert!(turn["version"].is_null() && !turn["ended_at"].is_null(), "{words}: {turn}");
        assert!(!turn.to_string().contains("sk-stack"), "{words}: {turn}");
        assert_eq!(conversation.versions().await, json!([]), "{words}");
        for prefix in [prefix::input(&conversation.project.id), prefix::pending(&conversation.project.id)] {
            assert!(conversation.project.keys(&prefix).await.is_empty(), "{words}: nothing is uploaded");
        }
        assert!(chat.fake.is_done(), "{words}: it was requests as often as it had to be");
    }
    // One that is busy for a moment, and then takes its time, is waited for.
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
