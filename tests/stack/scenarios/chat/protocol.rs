//! What is made of the answers and errors of an implementation of the protocol that was not written here.

use std::cell::RefCell;

use partwright::ai::{AiConfig, AiError, Completion, Ending, FailureKind, Listener, Message, ProviderCall, Role, ask};
use serde_json::json;

use super::{KEY, OTHER_KEY, PLATE, Talking, says};
use crate::provider::{Step, chunk, end, stream};
use crate::stack::Stack;

#[derive(Default)]
struct Heard(RefCell<Vec<String>>);

impl Listener for Heard {
    fn text(&self, added: &str) {
        self.0.borrow_mut().push(added.to_owned());
    }

    fn restart(&self) {
        self.0.borrow_mut().push("<again>".to_owned());
    }
}

/// What came of one question.
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

/// Asks aimock alone, by the library.
async fn put(stack: &Stack, talking: &Talking, key: &str, words: &str) -> Outcome {
    let settings = [("AI_BASE_URL", talking.aimock.base_url()), ("AI_API_KEY", key.to_owned())];
    let settings = settings.into_iter().chain([("AI_MODEL", "one".to_owned())]).collect::<Vec<_>>();
    let lookup = |name: &str| settings.iter().find(|(other, _)| *other == name).map(|(_, value)| value.clone());
    let config = AiConfig::from_settings(&lookup).unwrap().unwrap();
    let (heard, mut tries) = (Heard::default(), Vec::new());
    let messages = [Message::new(Role::System, "Rules."), Message::new(Role::User, words)];
    let answer = ask(&config, &messages, &heard, &stack.transport, &stack.clock, &mut tries).await;
    Outcome { answer, tries, heard: heard.0.take() }
}

/// Streamed and whole answers, and every shape of error.
pub async fn by_the_library(stack: &Stack, talking: &Talking) {
    let wanted = says(PLATE)["content"].as_str().unwrap().to_owned();
    let streamed = put(stack, talking, KEY, "A plate, by the library").await;
    let answer = streamed.answer.as_ref().unwrap();
    assert_eq!((&answer.text, answer.ending), (&wanted, Ending::Complete));
    assert!(streamed.heard.len() > 3 && streamed.heard.concat() == wanted, "as it comes: {:?}", streamed.heard);
    let usage = streamed.tries[0].usage.unwrap();
    assert!(usage.input > 2 && usage.output > 20, "{usage:?}");

    // Its stream breaks off; asked for all of it at once, it gives that.
    let whole = put(stack, talking, KEY, "Please break off, library").await;
    assert_eq!(whole.failures(), [Some(FailureKind::Cut), None]);
    assert_eq!(whole.answer.as_ref().unwrap().text, wanted);
    assert_eq!(whole.heard.last(), Some(&wanted), "in one piece");
    assert!(whole.tries[1].usage.unwrap().output > 20);
    let asked = talking.aimock.asked(&stack.transport, "Please break off, library").await;
    assert_eq!([&asked[0]["stream"], &asked[1]["stream"]], [&json!(true), &json!(false)]);

    let limited = put(stack, talking, KEY, "its own limit").await;
    assert_eq!(limited.answer.unwrap().ending, Ending::Limited);
    tokio::join!(
        fails(stack, talking, OTHER_KEY, "A plate", FailureKind::Unauthorized, 1, "it answers 401 Unauthorized"),
        fails(stack, talking, KEY, "be refused", FailureKind::Unauthorized, 1, "it answers 401 Unauthorized"),
        fails(stack, talking, KEY, "be unknown", FailureKind::Refused, 1, "404 Not Found: invalid_request_error ***"),
        fails(stack, talking, KEY, "be limited", FailureKind::RateLimited, 3, "it answers 429 Too Many Requests"),
        fails(stack, talking, KEY, "be broken", FailureKind::Unavailable, 3, "it answers 500 Internal Server Error"),
        fails(stack, talking, KEY, "use a tool", FailureKind::Empty, 3, "its answer is empty"),
        fails(stack, talking, KEY, "what no fixture knows", FailureKind::Unavailable, 3, "503 Service Unavailable"),
    );
}

async fn fails(
    stack: &Stack,
    talking: &Talking,
    key: &str,
    words: &str,
    kind: FailureKind,
    tries: usize,
    message: &str,
) {
    let outcome = put(stack, talking, key, words).await;
    let error = outcome.answer.as_ref().unwrap_err();
    println!("{words}: {error}");
    assert_eq!((error.kind, outcome.failures()), (kind, vec![Some(kind); tries]), "{words}: {error}");
    assert!(error.message.ends_with(message) && !error.message.contains("sk-stack"), "{words}: {error}");
}

/// The same by way of the Worker, which has another provider to fall back to.
pub async fn by_the_worker(stack: &Stack, talking: &Talking) {
    let talk = talking.talk(stack, "talked-words");
    let turn = talk.say("only talk").await;
    assert_eq!((&turn["state"], &turn["message"]["content"]), (&json!("completed"), &json!("I only make parts.")));

    let turn = talk.say("Please break off").await;
    let calls = &turn["usage"]["calls"];
    assert_eq!((&turn["version"], &turn["code_generated"], calls), (&json!(1), &json!(PLATE), &json!(2)), "{turn}");
    talk.end(&turn).await;

    for (words, calls) in [("be refused", 2), ("be unknown", 2), ("be limited", 4), ("use a tool", 4)] {
        talking.fake.plan(vec![stream(), Step::Send(chunk("From the other.")), end()]);
        let turn = talk.say(words).await;
        assert_eq!((&turn["message"]["content"], &turn["usage"]["calls"]), (&json!("From the other."), &json!(calls)));
        assert!(!turn.to_string().contains("sk-stack"), "{turn}");
    }
    let asked = talking.fake.asked();
    assert!(asked.iter().all(|asked| asked.contains(OTHER_KEY) && !asked.contains(KEY)), "each has its own key");
}
