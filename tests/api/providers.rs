//! How providers of language models are asked: what goes out, what counts as an answer, and what becomes of each fault.

use std::cell::RefCell;
use std::time::Duration;

use partwright::ai::{AiConfig, AiError, Answered, Asked, Ending, FailureKind, Listener, Message, Role, ask};
use partwright::http::Clock;

use crate::support::clock::TestClock;
use crate::support::provider::{Provider, Said, chunk};

const KEY: &str = "sk-the-first-key";
const FALLBACK_KEY: &str = "sk-the-other-key";

/// What was heard, as it came.
#[derive(Default)]
struct Heard(RefCell<Vec<String>>);

impl Listener for Heard {
    fn text(&self, added: &str) {
        self.0.borrow_mut().push(added.to_owned());
    }

    fn again(&self) {
        self.0.borrow_mut().push("<again>".to_owned());
    }
}

struct Outcome {
    answer: Result<Answered, AiError>,
    tries: Vec<Asked>,
    heard: Vec<String>,
    took: Duration,
}

impl Outcome {
    fn text(&self) -> &str {
        &self.answer.as_ref().unwrap().text
    }

    fn failure(&self) -> FailureKind {
        self.answer.as_ref().unwrap_err().kind
    }

    fn failures(&self) -> Vec<Option<FailureKind>> {
        self.tries.iter().map(|asked| asked.failure).collect()
    }
}

fn settings(is_double: bool) -> AiConfig {
    let first = [
        ("AI_BASE_URL", "https://first.test/v1/"),
        ("AI_API_KEY", KEY),
        ("AI_MODEL", "one"),
        ("AI_MAX_TOKENS", "9000"),
    ];
    let other = [
        ("AI_FALLBACK_BASE_URL", "https://other.test/openai"),
        ("AI_FALLBACK_API_KEY", FALLBACK_KEY),
        ("AI_FALLBACK_MODEL", "two"),
    ];
    let lookup = |name: &str| {
        let other = other.iter().filter(|_| is_double);
        first.iter().chain(other).find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    };
    AiConfig::from_settings(&lookup).unwrap().unwrap()
}

async fn run(provider: &Provider, is_double: bool) -> Outcome {
    let (clock, heard, mut tries) = (TestClock::new(), Heard::default(), Vec::new());
    let began = clock.now();
    let messages = [Message::new(Role::System, "Rules."), Message::new(Role::User, "A box, please.")];
    let answer = ask(&settings(is_double), &messages, &heard, (provider, &clock), &mut tries).await;
    let outcome = Outcome { answer, tries, heard: heard.0.take(), took: clock.now().since(began) };
    let shown = format!("{:?} {:?} {:?}", outcome.answer, outcome.tries, settings(true));
    assert!(!shown.contains(KEY) && !shown.contains(FALLBACK_KEY), "a key is shown: {shown}");
    outcome
}

/// One provider alone.
async fn alone(said: impl IntoIterator<Item = Said>) -> (Outcome, Provider) {
    let provider = Provider::saying(said);
    (run(&provider, false).await, provider)
}

/// Two of them, under one script.
async fn both(said: impl IntoIterator<Item = Said>) -> (Outcome, Provider) {
    let provider = Provider::saying(said);
    (run(&provider, true).await, provider)
}

fn good() -> Said {
    Said::Stream("Here is a box, 10 mm wide.".to_owned())
}

fn status(status: u16) -> Said {
    Said::Status(status, None, "{\"error\":{\"message\":\"no\"}}".to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_streamed_answer() {
    let (outcome, provider) = alone([good()]).await;
    assert_eq!(outcome.text(), "Here is a box, 10 mm wide.");
    assert!(outcome.heard.len() > 1, "as it comes: {:?}", outcome.heard);
    assert_eq!(outcome.heard.concat(), outcome.text());
    let asked = provider.last();
    assert_eq!((asked.host.as_str(), asked.path.as_str()), ("first.test", "/v1/chat/completions"));
    assert_eq!(asked.key, Some(format!("Bearer {KEY}")));
    assert_eq!(asked.body["model"], "one");
    assert_eq!((&asked.body["stream"], &asked.body["max_tokens"]), (&true.into(), &9_000.into()));
    assert_eq!(asked.body["messages"][1], serde_json::json!({"role": "user", "content": "A box, please."}));
    let [tried] = &outcome.tries[..] else { panic!("{:?}", outcome.tries) };
    assert_eq!((tried.provider.as_str(), tried.model.as_str(), tried.failure), ("first.test", "one", None));
    assert_eq!(tried.usage.map(|usage| (usage.input, usage.output)), Some((12, 7)));
    assert!(tried.took > Duration::ZERO && tried.took == outcome.took);
}

#[tokio::test(start_paused = true)]
async fn an_unstreamed_answer_to_a_streamed_request() {
    let (outcome, _) = alone([Said::Whole("All at once.".to_owned())]).await;
    assert_eq!((outcome.text(), &outcome.heard[..]), ("All at once.", &["All at once.".to_owned()][..]));
    assert_eq!(outcome.tries[0].usage.map(|usage| usage.output), Some(5));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_stops_at_its_limit_says_so() {
    let (outcome, _) = alone([Said::Limited("Half a scr".to_owned())]).await;
    assert_eq!(outcome.answer.unwrap().ending, Ending::Limited);
    let (outcome, _) = alone([good()]).await;
    assert_eq!(outcome.answer.unwrap().ending, Ending::Whole);
    let unsaid = chunk("Half a scr", None) + "data: [DONE]\n\n";
    let (outcome, _) = alone([Said::Body("text/event-stream", unsaid)]).await;
    assert_eq!(outcome.answer.unwrap().ending, Ending::Unsaid);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_key_is_not_tried_again_and_not_repeated() {
    let said = format!("{{\"error\":{{\"message\":\"Incorrect API key provided: {KEY}\"}}}}");
    for status in [401, 402, 403] {
        let (outcome, provider) = alone([Said::Status(status, None, said.clone())]).await;
        assert_eq!((outcome.failure(), provider.count()), (FailureKind::Unauthorized, 1));
        let message = outcome.answer.unwrap_err().message;
        assert!(message.contains("first.test") && message.contains(&status.to_string()), "{message}");
        assert!(!message.contains("Incorrect"), "what it says of keys is not for those who chat: {message}");
    }
    let (outcome, provider) = both([status(401), good()]).await;
    assert_eq!(outcome.text(), "Here is a box, 10 mm wide.");
    assert_eq!(provider.last().key, Some(format!("Bearer {FALLBACK_KEY}")), "each has its own");
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_told_in_the_provider_s_words_but_without_the_key() {
    let said = format!("{{\"error\":{{\"message\":\"no model for {KEY}\"}}}}");
    let (outcome, provider) = alone([Said::Status(404, None, said)]).await;
    assert_eq!((outcome.failure(), provider.count()), (FailureKind::Refused, 1));
    let message = outcome.answer.unwrap_err().message;
    assert!(message.contains("no model for ***"), "{message}");
    // A redirect would lead the key elsewhere.
    let (outcome, _) = alone([Said::Status(302, Some(("location", "https://elsewhere.test/")), String::new())]).await;
    assert_eq!(outcome.failure(), FailureKind::Refused, "nobody is followed with a key");
    // A key at the place where a long message is cut off.
    let said = format!("{{\"error\":{{\"message\":\"{}{KEY}\"}}}}", "x".repeat(365));
    let (outcome, _) = alone([Said::Status(404, None, said)]).await;
    let message = outcome.answer.unwrap_err().message;
    assert!(message.len() < 500 && !message.contains(&KEY[..6]), "{message}");
}

#[tokio::test(start_paused = true)]
async fn who_does_not_take_a_stream_is_asked_without() {
    for refused in [400, 422] {
        let (outcome, provider) = alone([status(refused), Said::Whole("All at once.".to_owned())]).await;
        assert_eq!((outcome.text(), outcome.took), ("All at once.", Duration::ZERO), "{refused}");
        assert_eq!(provider.last().body["stream"], false);
        assert!(provider.last().body.get("stream_options").is_none());
        let (outcome, provider) = both([status(refused), status(refused), good()]).await;
        assert_eq!(outcome.text(), "Here is a box, 10 mm wide.");
        assert_eq!((provider.count(), provider.last().host.as_str()), (3, "other.test"));
    }
}

#[tokio::test(start_paused = true)]
async fn too_many_requests_are_waited_for_within_reason() {
    let limited = |seconds| Said::Status(429, Some(("retry-after", seconds)), "{}".to_owned());
    let (outcome, provider) = both([limited("7"), good()]).await;
    assert_eq!(outcome.failures(), [Some(FailureKind::RateLimited), None]);
    assert!((7..8).contains(&outcome.took.as_secs()), "{:?}", outcome.took);
    assert_eq!(provider.last().host, "first.test");

    let (outcome, provider) = both([limited("3600"), good()]).await;
    assert!(outcome.took < Duration::from_secs(1), "the other is asked at once: {:?}", outcome.took);
    assert_eq!(provider.last().host, "other.test");

    // The last one is waited for, as there is time.
    let (outcome, provider) = alone([limited("60"), good()]).await;
    assert_eq!((outcome.failures(), provider.count()), (vec![Some(FailureKind::RateLimited), None], 2));
    assert_eq!(outcome.took.as_secs(), 60);
    let (outcome, provider) = alone([limited("3600")]).await;
    assert_eq!((outcome.failure(), provider.count()), (FailureKind::RateLimited, 1));

    // Without a number, by its own pauses: 1 to 1.5 s, then 2 to 3 s.
    let date = "Wed, 21 Oct 2065 07:28:00 GMT";
    let (outcome, provider) = alone([limited("0"), limited(date), limited("1")]).await;
    assert_eq!((outcome.failure(), provider.count()), (FailureKind::RateLimited, 3));
    assert!((3_000..4_600).contains(&outcome.took.as_millis()), "{:?}", outcome.took);
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_passes() {
    let (outcome, _) = alone([status(500), good()]).await;
    assert_eq!(outcome.failures(), [Some(FailureKind::Unavailable), None]);
    assert!(!outcome.heard.contains(&"<again>".to_owned()), "nothing was said before: {:?}", outcome.heard);

    let (outcome, provider) = both([Said::NoConnection, status(503), status(529), good()]).await;
    let gone = Some(FailureKind::Unavailable);
    assert_eq!(outcome.failures(), [gone, gone, gone, None]);
    let hosts: Vec<String> = provider.asked.borrow().iter().map(|asked| asked.host.clone()).collect();
    assert_eq!(hosts, ["first.test", "first.test", "first.test", "other.test"]);
    assert_eq!(provider.last().body["model"], "two");
    assert!(provider.last().body.get("max_tokens").is_none(), "where none is set");
}

#[tokio::test(start_paused = true)]
async fn a_slow_beginning_is_waited_for_and_silence_is_not() {
    let slow = |seconds| Said::Slow(Duration::from_secs(seconds), Box::new(good()));
    let (outcome, _) = alone([slow(100)]).await;
    assert_eq!(outcome.failures(), [None]);

    let (outcome, provider) = both([slow(1_000), good()]).await;
    assert_eq!(outcome.failures(), [Some(FailureKind::TimedOut), None]);
    assert_eq!((provider.last().host.as_str(), outcome.took.as_secs()), ("other.test", 120));

    let (outcome, provider) = alone([Said::Silence, Said::Silence]).await;
    assert_eq!((outcome.failure(), provider.count()), (FailureKind::TimedOut, 2), "there is no other");

    let (outcome, _) = both([Said::Stalls("I begin and ".to_owned()), good()]).await;
    assert_eq!(outcome.failures(), [Some(FailureKind::TimedOut), None]);
    assert!(outcome.heard.contains(&"<again>".to_owned()), "{:?}", outcome.heard);
    assert!((60..63).contains(&outcome.took.as_secs()), "{:?}", outcome.took);
}

#[tokio::test(start_paused = true)]
async fn comments_are_no_answer() {
    let (outcome, provider) = both([Said::Comments(String::new()), good()]).await;
    assert_eq!(outcome.failures(), [Some(FailureKind::TimedOut), None]);
    assert!((120..122).contains(&outcome.took.as_secs()), "{:?}", outcome.took);
    assert_eq!(provider.last().host, "other.test");

    let (outcome, _) = both([Said::Comments("I begin and ".to_owned()), good()]).await;
    assert_eq!(outcome.failures(), [Some(FailureKind::TimedOut), None]);
    assert!((60..62).contains(&outcome.took.as_secs()), "{:?}", outcome.took);
    assert_eq!(outcome.heard[..2], ["I begin and ".to_owned(), "<again>".to_owned()]);
}

/// Wherever a stream breaks, half an answer is none, and a whole one is one.
#[tokio::test(start_paused = true)]
async fn a_stream_may_break_at_every_byte() {
    // There are servers that write an empty reason into each chunk but the last.
    let begun = chunk("A box for the k", Some("")) + &chunk("üche.", Some("null"));
    let stopped = format!("{begun}{}", chunk("", Some("stop")));
    let all = format!("{stopped}{}data: [DONE]\n\n", "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1}}\n\n");
    // The event needs no empty line after it.
    let whole_from = stopped.trim_end().len();
    for at in 0..=all.len() {
        let (outcome, _) = alone([Said::Breaks(all.as_bytes()[..at].to_vec()), good()]).await;
        if at < whole_from {
            assert_eq!(outcome.failures(), [Some(FailureKind::Cut), None], "{at}");
            assert_eq!(outcome.text(), "Here is a box, 10 mm wide.");
        } else {
            assert_eq!(outcome.failures(), [None], "{at}");
            assert_eq!(outcome.text(), "A box for the küche.");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_is_asked_for_whole() {
    let whole = "The second answer.".to_owned();
    for broken in [
        Said::Cut("The first answer, in the middle of which the line goes dead.".to_owned()),
        Said::Body("text/event-stream", "data: {\"choices\": [\n\n".to_owned()),
        Said::Body("text/event-stream", "data: [DONE]\n\n".to_owned()),
        Said::Body("text/event-stream", "data: \u{fffd}\n\n".to_owned()),
        Said::Body("application/json", "<html>Welcome</html>".to_owned()),
        Said::Body("application/json", "{\"choices\":[]}".to_owned()),
        Said::Body("application/json", "{\"choices\":[{\"message\":{\"content\":null}}]}".to_owned()),
    ] {
        let (outcome, provider) = alone([broken.clone(), Said::Whole(whole.clone())]).await;
        assert_eq!(outcome.text(), whole, "{broken:?}");
        assert_eq!(provider.last().body["stream"], false);
        assert!(provider.last().body.get("stream_options").is_none());
        let said_before = matches!(broken, Said::Cut(_));
        assert_eq!(outcome.heard.contains(&"<again>".to_owned()), said_before, "{:?}", outcome.heard);
    }
    let cut = || Said::Cut("Never whole, never.".to_owned());
    let (outcome, provider) = alone([cut(), cut(), cut()]).await;
    assert_eq!((outcome.failure(), provider.count()), (FailureKind::Cut, 3));
}

#[tokio::test(start_paused = true)]
async fn an_error_in_mid_stream_is_no_answer() {
    let broken = "data: {\"choices\":[{\"delta\":{\"content\":\"I be\"}}]}\n\n\
                  data: {\"choices\":[],\"error\":{\"message\":\"overloaded\"}}\n\n";
    let (outcome, _) = alone([Said::Body("text/event-stream", broken.to_owned()), good()]).await;
    assert_eq!(outcome.failures(), [Some(FailureKind::Unavailable), None]);
    assert_eq!(outcome.heard[..2], ["I be".to_owned(), "<again>".to_owned()]);
    assert_eq!(outcome.text(), "Here is a box, 10 mm wide.");

    // It may have the status that its answer would have had.
    let error = |code: &str| {
        let body = format!("data: {{\"error\":{{\"code\":{code},\"message\":\"no credits on {KEY}\"}}}}\n\n");
        Said::Body("text/event-stream", body)
    };
    for (code, kind, tries) in [
        ("402", FailureKind::Unauthorized, 1),
        ("\"429\"", FailureKind::RateLimited, 3),
        ("400", FailureKind::Refused, 1),
    ] {
        let (outcome, _) = alone((0..tries).map(|_| error(code))).await;
        assert_eq!((outcome.failure(), outcome.tries.len()), (kind, tries), "{code}");
        let message = outcome.answer.unwrap_err().message;
        assert_eq!(message.contains("no credits on ***"), kind == FailureKind::Refused, "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_follows_the_end_is_not_waited_for() {
    let done = "data: {\"choices\":[{\"delta\":{\"content\":\"Yes.\"},\"finish_reason\":\"stop\"}]}\n\n";
    let (outcome, _) = alone([Said::Body("text/event-stream", done.to_owned())]).await;
    assert_eq!(outcome.text(), "Yes.", "some never say [DONE]");
}

#[tokio::test(start_paused = true)]
async fn an_enormous_answer_is_not_read_to_its_end() {
    let (outcome, provider) = alone([Said::Endless]).await;
    assert_eq!((outcome.failure(), provider.count()), (FailureKind::TooLong, 1));
    let heard: usize = outcome.heard.iter().map(String::len).sum();
    assert!(heard <= 512 << 10, "{heard}");
    let (outcome, _) = alone([Said::Body("application/json", "x".repeat(8 << 20))]).await;
    assert_eq!(outcome.failure(), FailureKind::TooLong);
    let (outcome, _) = both([Said::Endless, good()]).await;
    assert_eq!(outcome.text(), "Here is a box, 10 mm wide.");
}

#[tokio::test(start_paused = true)]
async fn one_deadline_for_all_of_it() {
    // Each try drags on for as long as it may, and then breaks.
    let drags = || Said::Slow(Duration::from_secs(110), Box::new(Said::Cut("A long story.".to_owned())));
    let (outcome, provider) = both((0..8).map(|_| drags())).await;
    assert!(outcome.answer.is_err());
    assert!(outcome.took <= Duration::from_secs(480), "{:?}", outcome.took);
    assert!(provider.count() < 6, "{}", provider.count());
    assert_eq!(provider.last().host, "other.test", "the other has its turn");
}
