//! The answers and errors of an independent implementation of the protocol.

use std::cell::RefCell;

use partwright::ai::{AiConfig, AiError, Completion, Ending, FailureKind, Listener, Message, ProviderCall, Role, ask};
use serde_json::json;

use super::{ChatStack, KEY, OTHER_KEY, PLATE, answer_with};
use crate::provider::{Step, chunk, end, stream};
use crate::stack::Stack;

#[derive(Default)]
struct Recorder(RefCell<Vec<String>>);

impl Listener for Recorder {
    fn text(&self, added: &str) {
        self.0.borrow_mut().push(added.to_owned());
    }

    fn restart(&self) {
        self.0.borrow_mut().push("<again>".to_owned());
    }
}

/// The result of one question.
struct Outcome {
    answer: Result<Completion, AiError>,
    tries: Vec<ProviderCall>,
    heard: Vec<String>,
}

impl Outcome {
    fn failures(&self) -> Vec<Option<FailureKind>> {
        self.tries.iter().map(|tried| tried.failure).collect()
    }
}

/// Asks only aimock, through the library.
async fn ask_aimock(stack: &Stack, chat: &ChatStack, key: &str, words: &str) -> Outcome {
    let settings = [("AI_BASE_URL", chat.aimock.base_url()), ("AI_API_KEY", key.to_owned())];
    let settings = settings.into_iter().chain([("AI_MODEL", "one".to_owned())]).collect::<Vec<_>>();
    let lookup = |name: &str| settings.iter().find(|(other, _)| *other == name).map(|(_, value)| value.clone());
    let config = AiConfig::from_settings(&lookup).unwrap().unwrap();
    let (heard, mut tries) = (Recorder::default(), Vec::new());
    let messages = [Message::new(Role::System, "Rules."), Message::new(Role::User, words)];
    let answer = ask(&config, &messages, &heard, &stack.transport, &stack.clock, &mut tries).await;
    Outcome { answer, tries, heard: heard.0.take() }
}

/// Streamed and complete answers, and every kind of error.
pub async fn the_library_reads_every_answer(stack: &Stack, chat: &ChatStack) {
    let wanted = answer_with(PLATE)["content"].as_str().unwrap().to_owned();
    let streamed = ask_aimock(stack, chat, KEY, "A plate, by the library").await;
    let answer = streamed.answer.as_ref().unwrap();
    assert_eq!((&answer.text, answer.ending), (&wanted, Ending::Complete));
    assert!(streamed.heard.len() > 3, "must arrive in parts: {:?}", streamed.heard);
    assert!(streamed.heard.concat() == wanted, "must arrive in parts: {:?}", streamed.heard);
    let usage = streamed.tries[0].usage.unwrap();
    assert!(usage.input > 2, "{usage:?}");
    assert!(usage.output > 20, "{usage:?}");

    // The stream breaks off, so the library asks again without streaming.
    let whole = ask_aimock(stack, chat, KEY, "Please break off, library").await;
    assert_eq!(whole.failures(), [Some(FailureKind::Cut), None]);
    assert_eq!(whole.answer.as_ref().unwrap().text, wanted);
    assert_eq!(whole.heard.last(), Some(&wanted), "must arrive in one part");
    assert!(whole.tries[1].usage.unwrap().output > 20);
    let requests = chat.aimock.requests_with(&stack.transport, "Please break off, library").await;
    assert_eq!([&requests[0]["stream"], &requests[1]["stream"]], [&json!(true), &json!(false)]);

    let limited = ask_aimock(stack, chat, KEY, "its own limit").await;
    assert_eq!(limited.answer.unwrap().ending, Ending::Limited);
    tokio::join!(
        expect_failure(stack, chat, OTHER_KEY, "A plate", FailureKind::Unauthorized, 1, "it answers 401 Unauthorized"),
        expect_failure(stack, chat, KEY, "be refused", FailureKind::Unauthorized, 1, "it answers 401 Unauthorized"),
        expect_failure(
            stack,
            chat,
            KEY,
            "be unknown",
            FailureKind::Refused,
            1,
            "404 Not Found: invalid_request_error ***"
        ),
        expect_failure(stack, chat, KEY, "be limited", FailureKind::RateLimited, 3, "it answers 429 Too Many Requests"),
        expect_failure(
            stack,
            chat,
            KEY,
            "be broken",
            FailureKind::Unavailable,
            3,
            "it answers 500 Internal Server Error"
        ),
        expect_failure(stack, chat, KEY, "use a tool", FailureKind::Empty, 3, "its answer is empty"),
        expect_failure(
            stack,
            chat,
            KEY,
            "what no fixture knows",
            FailureKind::Unavailable,
            3,
            "503 Service Unavailable"
        ),
    );
}

async fn expect_failure(
    stack: &Stack,
    chat: &ChatStack,
    key: &str,
    words: &str,
    kind: FailureKind,
    tries: usize,
    message: &str,
) {
    let outcome = ask_aimock(stack, chat, key, words).await;
    let error = outcome.answer.as_ref().unwrap_err();
    println!("{words}: {error}");
    assert_eq!((error.kind, outcome.failures()), (kind, vec![Some(kind); tries]), "{words}: {error}");
    assert!(error.message.ends_with(message), "{words}: {error}");
    assert!(!error.message.contains("sk-stack"), "{words}: {error}");
}

/// The same through the Worker, which has a fallback provider.
pub async fn the_worker_uses_the_fallback(stack: &Stack, chat: &ChatStack) {
    let conversation = chat.conversation(stack, "chat-words");
    let turn = conversation.send("only talk").await;
    assert_eq!((&turn["state"], &turn["message"]["content"]), (&json!("completed"), &json!("I only make parts.")));

    let turn = conversation.send("Please break off").await;
    let calls = &turn["usage"]["calls"];
    assert_eq!((&turn["version"], &turn["code_generated"], calls), (&json!(1), &json!(PLATE), &json!(2)), "{turn}");
    conversation.end(&turn).await;

    for (words, calls) in [("be refused", 2), ("be unknown", 2), ("be limited", 4), ("use a tool", 4)] {
        chat.fake.plan(vec![stream(), Step::Send(chunk("From the other.")), end()]);
        let turn = conversation.send(words).await;
        assert_eq!((&turn["message"]["content"], &turn["usage"]["calls"]), (&json!("From the other."), &json!(calls)));
        assert!(!turn.to_string().contains("sk-stack"), "{turn}");
    }
    let requests = chat.fake.requests();
    assert!(
        requests.iter().all(|request| request.contains(OTHER_KEY) && !request.contains(KEY)),
        "each provider must get its own key"
    );
}
