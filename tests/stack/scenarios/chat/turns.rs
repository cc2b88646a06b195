//! Conversations that become models, even if the client leaves.

use serde_json::{Value, json};

use super::conversation::{Conversation, data_of, names};
use super::{ChatStack, PLATE};
use crate::stack::Stack;
use crate::wait::until;

/// Three turns. The second fails in FreeCAD and is repaired. Prints every event and the final state.
pub async fn a_conversation_with_one_repair(stack: &Stack, chat: &ChatStack) {
    let conversation = chat.conversation(stack, "chat-plate");
    let once = ["turn", "state", "text", "script", "state", "version", "state", "status"];
    let end = ["state", "done"];

    let events = send_and_print(&conversation, "A plate").await;
    assert_eq!(names(&events), [&once[..], &end].concat(), "{events:?}");
    assert!(data_of(&events, "text").len() > 3, "the text must arrive in parts");
    let text: String = data_of(&events, "text").iter().map(|data| data["text"].as_str().unwrap()).collect();
    assert!(text.starts_with("Here it is."), "{text}");
    assert!(text.contains(PLATE), "{text}");
    let first = data_of(&events, "done")[0];
    assert_eq!((&first["state"], &first["code_generated"]), (&json!("completed"), &json!(PLATE)), "{first}");
    assert_eq!(first["suggestions"], json!(["Round the edges"]));
    let statuses = data_of(&events, "status");
    assert_eq!(statuses.last().unwrap()["status_info"]["phase"], "completed", "{statuses:?}");
    assert!(first["usage"]["input_tokens"].as_u64().unwrap() > 100, "{first}");
    assert!(first["usage"]["output_tokens"].as_u64().unwrap() > 10, "{first}");

    let events = send_and_print(&conversation, "Make it 5 mm taller").await;
    let tried = [&once[..], &["repair"], &once[1..], &end].concat();
    assert_eq!(names(&events), tried, "{events:?}");
    let repairs = data_of(&events, "repair");
    assert_eq!((&repairs[0]["version"], &repairs[0]["error"]["code"]), (&json!(2), &json!("script_error")));
    assert!(repairs[0]["error"]["source"].as_str().unwrap().contains("makeFillet(50.0"), "{repairs:?}");
    let versions: Vec<Value> = data_of(&events, "version")
        .iter()
        .map(|data| json!([data["version"], data["parent"], data["repair"]]))
        .collect();
    assert_eq!(versions, [json!([2, 1, 0]), json!([3, 2, 1])]);
    let second = data_of(&events, "done")[0];
    assert_eq!((&second["state"], &second["version"], &second["repairs"]), (&json!("completed"), &json!(3), &json!(1)));
    let status = conversation.project.status().await;
    assert_eq!(status["geometry"]["bounding_box"]["max"][2], 15.0, "{status}");
    assert_eq!((&status["origin"], &status["parent"]), (&json!("repair"), &json!(2)), "{status}");

    let third = conversation.send("And a hole through it").await;
    println!("And a hole through it: {third}");
    assert_eq!((&third["version"], &third["parent"]), (&json!(4), &json!(3)), "{third}");
    assert_eq!(conversation.end(&third).await["state"], "completed");
    let volume = conversation.project.status().await["geometry"]["volume_mm3"].as_f64().unwrap();
    let hole = std::f64::consts::PI * 9.0 * 15.0;
    assert!((volume - (12_000.0 - hole)).abs() < 80.0, "{volume}, with rounded edges");

    check_history(&conversation).await;
    check_prompts(stack, chat).await;
}

/// Sends a message and prints its events.
async fn send_and_print(conversation: &Conversation<'_>, message: &str) -> Vec<(String, Value)> {
    println!("{message}");
    let mut events = Vec::new();
    let mut stream = conversation.stream(message).await;
    while let Some((name, data)) = stream.next().await {
        let shown: String = data.to_string().chars().take(200).collect();
        println!("    {name}: {shown}");
        events.push((name, data));
    }
    events
}

async fn check_history(conversation: &Conversation<'_>) {
    let versions = conversation.versions().await;
    println!("number, origin, parent, phase: {versions}");
    let wanted = json!([
        [1, "ai", null, "completed"],
        [2, "ai", 1, "failed"],
        [3, "repair", 2, "completed"],
        [4, "ai", 3, "completed"]
    ]);
    assert_eq!(versions, wanted);
    let messages = conversation.messages().await;
    for message in &messages {
        println!("    {} of version {}: {}", message["role"], message["version"], message["content"]);
    }
    let roles: Vec<Value> = messages.iter().map(|message| json!([message["role"], message["version"]])).collect();
    let (user, model) = ("user", "assistant");
    let wanted = json!([[user, null], [model, 1], [user, null], [model, 2], [model, 3], [user, null], [model, 4]]);
    assert_eq!(json!(roles), wanted);
}

/// Checks the prompts that aimock got.
async fn check_prompts(stack: &Stack, chat: &ChatStack) {
    let prompt_of = async |words: &str| {
        let requests = chat.aimock.requests_with(&stack.transport, words).await;
        assert_eq!(requests.len(), 1, "{words}: {requests:?}");
        assert!(requests[0]["tools"].is_null(), "{requests:?}");
        assert!(requests[0]["stream"] == true, "{requests:?}");
        let words = requests[0]["messages"].as_array().unwrap().iter();
        words.map(|message| message["content"].as_str().unwrap().to_owned()).collect::<String>()
    };
    let second = prompt_of("Make it 5 mm taller").await;
    assert!(second.contains("40.000 x 20.000 x 10.000 mm"), "{second}");
    assert!(second.contains("8000.000 mm3"), "{second}");
    let repair = prompt_of("version 2 failed").await;
    assert!(repair.contains("makeFillet(50.0, shape.Edges)"), "{repair}");
    assert!(repair.contains("in line 7"), "{repair}");
}

/// The client disconnects in mid-stream. The version still completes, and the model was asked once.
pub async fn a_turn_continues_without_its_client(stack: &Stack, chat: &ChatStack) {
    let conversation = chat.conversation(stack, "chat-left");
    let mut events = conversation.stream("A lonely box, take your time").await;
    let turn = events.until("turn").await;
    events.until("text").await;
    drop(events);
    assert_eq!(conversation.versions().await, json!([]), "the script is not complete yet");
    until("the version to complete", async || {
        let versions = conversation.versions().await;
        if versions == json!([[1, "ai", null, "completed"]]) { Ok(()) } else { Err(versions.to_string()) }
    })
    .await;
    let turn = conversation.end(&turn).await;
    assert_eq!((&turn["state"], &turn["usage"]["calls"]), (&json!("completed"), &json!(1)), "{turn}");
    assert_eq!(chat.aimock.requests_with(&stack.transport, "A lonely box").await.len(), 1);
}

/// A client that lost the stream resumes it and receives all of it.
pub async fn a_stream_can_be_resumed(stack: &Stack, chat: &ChatStack) {
    let conversation = chat.conversation(stack, "chat-again");
    let mut events = conversation.stream("A box, take your time").await;
    let turn = events.until("turn").await;
    events.until("text").await;
    drop(events);
    let heard = conversation.resume(&turn).await.all().await;
    let text: String = data_of(&heard, "text").iter().map(|data| data["text"].as_str().unwrap()).collect();
    assert!(text.starts_with("Here it is."), "without a gap: {heard:?}");
    assert!(text.contains("doc.recompute()"), "without a gap: {heard:?}");
    let done = data_of(&heard, "done")[0];
    assert_eq!((&done["state"], &done["version"]), (&json!("completed"), &json!(1)), "{done}");
    assert_eq!(done["usage"]["calls"], 1);
}
