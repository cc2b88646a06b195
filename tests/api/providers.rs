//! Calls of language model providers: the request, complete answers, and each failure.

use std::cell::RefCell;
use std::time::Duration;

use partwright::ai::{AiConfig, AiError, Completion, Ending, FailureKind, Listener, Message, ProviderCall, Role, ask};
use platform::Clock;

use crate::support::clock::TestClock;
use crate::support::provider::{Behaviour, Provider, chunk};

const KEY: &str = "sk-the-first-key";
const FALLBACK_KEY: &str = "sk-the-other-key";

/// The pieces of text, as they arrived.
#[derive(Default)]
struct Heard(RefCell<Vec<String>>);

impl Listener for Heard {
    fn text(&self, added: &str) {
        self.0.borrow_mut().push(added.to_owned());
    }

    fn restart(&self) {
        self.0.borrow_mut().push("<restart>".to_owned());
    }
}

struct Outcome {
    answer: Result<Completion, AiError>,
    calls: Vec<ProviderCall>,
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
        self.calls.iter().map(|call| call.failure).collect()
    }
}

fn settings(has_fallback: bool) -> AiConfig {
    let first = [("AI_BASE_URL", "https://first.test/v1/"), ("AI_API_KEY", KEY), ("AI_MODEL", "one")];
    let other = [
        ("AI_FALLBACK_BASE_URL", "https://other.test/openai"),
        ("AI_FALLBACK_API_KEY", FALLBACK_KEY),
        ("AI_FALLBACK_MODEL", "two"),
        ("AI_FALLBACK_MAX_TOKENS", "4096"),
    ];
    let lookup = |name: &str| {
        let other = other.iter().filter(|_| has_fallback);
        first.iter().chain(other).find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    };
    AiConfig::from_settings(&lookup).unwrap().unwrap()
}

async fn run(provider: &Provider, has_fallback: bool) -> Outcome {
    let (clock, heard, mut calls) = (TestClock::new(), Heard::default(), Vec::new());
    let began = clock.now();
    let messages = [Message::new(Role::System, "Rules."), Message::new(Role::User, "A box, please.")];
    let answer = ask(&settings(has_fallback), &messages, &heard, provider, &clock, &mut calls).await;
    let outcome = Outcome { answer, calls, heard: heard.0.take(), took: clock.now().since(began) };
    let shown = format!("{:?} {:?} {:?}", outcome.answer, outcome.calls, settings(true));
    assert!(!shown.contains(KEY) && !shown.contains(FALLBACK_KEY), "a key is shown: {shown}");
    outcome
}

/// The outcome with one provider.
async fn alone(plan: impl IntoIterator<Item = Behaviour>) -> (Outcome, Provider) {
    let provider = Provider::with(plan);
    (run(&provider, false).await, provider)
}

/// The outcome with two providers, which share one plan.
async fn both(plan: impl IntoIterator<Item = Behaviour>) -> (Outcome, Provider) {
    let provider = Provider::with(plan);
    (run(&provider, true).await, provider)
}

fn good() -> Behaviour {
    Behaviour::Stream("Here is a box, 10 mm wide.".to_owned())
}

fn status(status: u16) -> Behaviour {
    Behaviour::Status(status, None, "{\"error\":{\"message\":\"no\"}}".to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_streamed_answer() {
    let (outcome, provider) = alone([good()]).await;
    assert_eq!(outcome.text(), "Here is a box, 10 mm wide.");
    assert!(outcome.heard.len() > 1, "piece by piece: {:?}", outcome.heard);
    assert_eq!(outcome.heard.concat(), outcome.text());
    let asked = provider.last();
    assert_eq!((asked.host.as_str(), asked.path.as_str()), ("first.test", "/v1/chat/completions"));
    assert_eq!(asked.key, Some(format!("Bearer {KEY}")));
    assert_eq!(asked.body["model"], "one");
    assert_eq!(asked.body["stream"], true);
    assert!(asked.body.get("max_tokens").is_none(), "no limit is set");
    assert_eq!(asked.body["messages"][1], serde_json::json!({"role": "user", "content": "A box, please."}));
    let [call] = &outcome.calls[..] else { panic!("{:?}", outcome.calls) };
    assert_eq!((call.provider.as_str(), call.model.as_str(), call.failure), ("first.test", "one", None));
    assert_eq!(call.usage.map(|usage| (usage.input, usage.output)), Some((12, 7)));
    assert!(call.took > Duration::ZERO && call.took == outcome.took);
}

#[tokio::test(start_paused = true)]
async fn an_unstreamed_answer_to_a_streamed_request() {
    let (outcome, _) = alone([Behaviour::Whole("All at once.".to_owned())]).await;
    assert_eq!((outcome.text(), &outcome.heard[..]), ("All at once.", &["All at once.".to_owned()][..]));
    assert_eq!(outcome.calls[0].usage.map(|usage| usage.output), Some(5));
}

#[tokio::test(start_paused = true)]
async fn the_ending_is_reported() {
    let (outcome, _) = alone([Behaviour::Limited("Half a scr".to_owned())]).await;
    assert_eq!(outcome.answer.unwrap().ending, Ending::Limited);
    let (outcome, _) = alone([good()]).await;
    assert_eq!(outcome.answer.unwrap().ending, Ending::Complete);
    let unknown = chunk("Half a scr", None) + "data: [DONE]\n\n";
    let (outcome, _) = alone([Behaviour::Body("text/event-stream", unknown)]).await;
    assert_eq!(outcome.answer.unwrap().ending, Ending::Unknown);
}

#[tokio::test(start_paused = true)]
async fn a_set_token_limit_is_sent() {
    let (_, provider) = both([status(401), status(500), Behaviour::Whole("Yes.".to_owned())]).await;
    let limits: Vec<_> = provider.asked.borrow().iter().map(|asked| asked.body.get("max_tokens").cloned()).collect();
    assert_eq!(limits, [None, Some(4_096.into()), Some(4_096.into())]);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_key_is_not_retried_or_repeated() {
    let body = format!("{{\"error\":{{\"message\":\"Incorrect API key provided: {KEY}\"}}}}");
    for status in [401, 402, 403] {
        let (outcome, provider) = alone([Behaviour::Status(status, None, body.clone())]).await;
        assert_eq!((outcome.failure(), provider.count()), (FailureKind::Unauthorized, 1));
        let message = outcome.answer.unwrap_err().message;
        assert!(message.contains("first.test") && message.contains(&status.to_string()), "{message}");
        assert!(!message.contains("Incorrect"), "text about keys is not passed on: {message}");
    }
    let (outcome, provider) = both([status(401), good()]).await;
    assert_eq!(outcome.text(), "Here is a box, 10 mm wide.");
    assert_eq!(provider.last().key, Some(format!("Bearer {FALLBACK_KEY}")), "each provider has its own key");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_has_the_providers_text_without_the_key() {
    let body = format!("{{\"error\":{{\"message\":\"no model for {KEY}\"}}}}");
    let (outcome, provider) = alone([Behaviour::Status(404, None, body)]).await;
    assert_eq!((outcome.failure(), provider.count()), (FailureKind::Refused, 1));
    let message = outcome.answer.unwrap_err().message;
    assert!(message.contains("no model for ***"), "{message}");
    // Wherever the message is cut, it holds no part of the key.
    for before in 260..310 {
        let body = format!("{{\"error\":{{\"message\":\"{}{KEY}\"}}}}", "x".repeat(before));
        let (outcome, _) = alone([Behaviour::Status(404, None, body)]).await;
        let message = outcome.answer.unwrap_err().message;
        assert!(!message.contains("sk") && message.len() < 400, "{before}: {message}");
    }
    // A redirect would send the key to another host.
    let (outcome, _) =
        alone([Behaviour::Status(302, Some(("location", "https://elsewhere.test/")), String::new())]).await;
    assert_eq!(outcome.failure(), FailureKind::Refused, "redirects are not followed");
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_honoured_up_to_a_limit() {
    let limited = |seconds| Behaviour::Status(429, Some(("retry-after", seconds)), "{}".to_owned());
    let (outcome, provider) = both([limited("7"), good()]).await;
    assert_eq!(outcome.failures(), [Some(FailureKind::RateLimited), None]);
    assert!((7..8).contains(&outcome.took.as_secs()), "{:?}", outcome.took);
    assert_eq!(provider.last().host, "first.test");

    let (outcome, provider) = both([limited("3600"), good()]).await;
    assert!(outcome.took < Duration::from_secs(1), "the fallback is asked at once: {:?}", outcome.took);
    assert_eq!(provider.last().host, "other.test");

    // The last provider may ask for a longer pause.
    let (outcome, _) = alone([limited("45"), good()]).await;
    assert_eq!(outcome.failures(), [Some(FailureKind::RateLimited), None]);
    assert!((45..46).contains(&outcome.took.as_secs()), "{:?}", outcome.took);
    let (outcome, provider) = both([status(401), limited("45"), good()]).await;
    assert_eq!((outcome.text(), provider.count()), ("Here is a box, 10 mm wide.", 3));
    let (outcome, provider) = alone([limited("121")]).await;
    assert_eq!((outcome.failure(), provider.count(), outcome.took.as_secs()), (FailureKind::RateLimited, 1, 0));

    // Without a usable number: 1 to 2 s, then 2 to 4 s.
    let date = "Wed, 21 Oct 2065 07:28:00 GMT";
    let (outcome, provider) = alone([limited("0"), limited(date), limited("1")]).await;
    assert_eq!((outcome.failure(), provider.count()), (FailureKind::RateLimited, 3));
    assert!((3_000..6_100).contains(&outcome.took.as_millis()), "{:?}", outcome.took);
}

#[tokio::test(start_paused = true)]
async fn transient_failures_are_retried() {
    let (outcome, _) = alone([status(500), good()]).await;
    assert_eq!(outcome.failures(), [Some(FailureKind::Unavailable), None]);
    assert!(!outcome.heard.contains(&"<restart>".to_owned()), "there was no text before: {:?}", outcome.heard);

    let (outcome, provider) = both([Behaviour::NoConnection, status(503), status(529), good()]).await;
    let unavailable = Some(FailureKind::Unavailable);
    assert_eq!(outcome.failures(), [unavailable, unavailable, unavailable, None]);
    let hosts: Vec<String> = provider.asked.borrow().iter().map(|asked| asked.host.clone()).collect();
    assert_eq!(hosts, ["first.test", "first.test", "first.test", "other.test"]);
    assert_eq!(provider.last().body["model"], "two");
}

#[tokio::test(start_paused = true)]
async fn a_slow_start_is_allowed_and_silence_is_not() {
    let slow = |seconds| Behaviour::Slow(Duration::from_secs(seconds), Box::new(good()));
    let (outcome, _) = alone([slow(100)]).await;
    assert_eq!(outcome.failures(), [None]);

    let (outcome, provider) = both([slow(1_000), good()]).await;
    assert_eq!(outcome.failures(), [Some(FailureKind::TimedOut), None]);
    assert_eq!((provider.last().host.as_str(), outcome.took.as_secs()), ("other.test", 120));

    let (outcome, provider) = alone([Behaviour::Silence, Behaviour::Silence]).await;
    assert_eq!((outcome.failure(), provider.count()), (FailureKind::TimedOut, 2), "there is no fallback");

    let (outcome, _) = both([Behaviour::Stalls("I begin and ".to_owned()), good()]).await;
    assert_eq!(outcome.failures(), [Some(FailureKind::TimedOut), None]);
    assert!(outcome.heard.contains(&"<restart>".to_owned()), "{:?}", outcome.heard);
    assert!((60..63).contains(&outcome.took.as_secs()), "{:?}", outcome.took);
}

#[tokio::test(start_paused = true)]
async fn comments_and_empty_events_are_not_text() {
    let comment = ": PROCESSING\n\n";
    let (outcome, provider) = both([Behaviour::Repeats(String::new(), comment), good()]).await;
    assert_eq!(outcome.failures(), [Some(FailureKind::TimedOut), None]);
    assert_eq!((provider.last().host.as_str(), outcome.took.as_secs()), ("other.test", 120));

    let (outcome, provider) = both([Behaviour::Repeats(chunk("I begin and ", None), comment), good()]).await;
    assert_eq!(outcome.failures(), [Some(FailureKind::TimedOut), None]);
    assert_eq!((provider.last().host.as_str(), outcome.took.as_secs()), ("other.test", 60));

    // Events without text end early enough for the fallback to start.
    let (outcome, provider) = both([Behaviour::Repeats(String::new(), "data: {\"choices\":[]}\n\n"), good()]).await;
    assert_eq!(outcome.failures(), [Some(FailureKind::TimedOut), None]);
    assert_eq!((provider.last().host.as_str(), outcome.took.as_secs()), ("other.test", 360));

    // A finished answer counts even if its stream does not end.
    let (outcome, provider) = both([Behaviour::Repeats(chunk("Yes.", Some("stop")), comment)]).await;
    assert_eq!((outcome.text(), provider.count(), outcome.took.as_secs()), ("Yes.", 1, 60));
}

#[tokio::test(start_paused = true)]
async fn a_stream_cut_at_any_byte() {
    let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}\n\n";
    let before = [chunk("Grö", None), chunk("ße", None)].concat();
    let finished = before.clone() + &chunk("", Some("stop"));
    let all = format!("{finished}{usage}data: [DONE]\n\n");
    // The last line breaks may be missing.
    let enough = finished.trim_end().len();
    for at in 0..all.len() {
        let whole = || Behaviour::Whole("Whole.".to_owned());
        let mut cuts = vec![Behaviour::Broken(all.as_bytes()[..at].to_vec())];
        cuts.extend(all.is_char_boundary(at).then(|| Behaviour::Body("text/event-stream", all[..at].to_owned())));
        for cut in cuts {
            let (outcome, _) = alone([cut.clone(), whole()]).await;
            if at < enough {
                assert_eq!(outcome.failures(), [Some(FailureKind::Cut), None], "{at}: {cut:?}");
            } else {
                assert_eq!((outcome.text(), outcome.calls.len()), ("Größe", 1), "{at}: {cut:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_empty_finish_reason_is_ignored() {
    for reason in ["", "null"] {
        let half = chunk("```python\nimport Part\n", Some(reason));
        for broken in [Behaviour::Broken(half.clone().into_bytes()), Behaviour::Body("text/event-stream", half.clone())]
        {
            let (outcome, _) = alone([broken, Behaviour::Whole("Whole.".to_owned())]).await;
            assert_eq!(outcome.failures(), [Some(FailureKind::Cut), None], "{reason}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_stream_is_retried_without_streaming() {
    for refused in [400, 422] {
        let (outcome, provider) = alone([status(refused), Behaviour::Whole("Whole.".to_owned())]).await;
        assert_eq!((outcome.text(), provider.count()), ("Whole.", 2));
        assert_eq!(provider.last().body["stream"], false);
        assert!(provider.last().body.get("stream_options").is_none());
        let (outcome, provider) = both([status(refused), status(refused), good()]).await;
        assert_eq!((outcome.text(), provider.count()), ("Here is a box, 10 mm wide.", 3));
        assert_eq!(provider.last().body["stream"], true, "the fallback starts with a stream");
    }
}

#[tokio::test(start_paused = true)]
async fn thoughts_alone_are_an_empty_answer() {
    let thoughts = || Behaviour::Stream("<think>A box, then.</think>\n".to_owned());
    let (outcome, _) = alone([thoughts(), good()]).await;
    assert_eq!(outcome.failures(), [Some(FailureKind::Empty), None]);
}

#[tokio::test(start_paused = true)]
async fn a_broken_stream_is_retried_without_streaming() {
    let whole = "The second answer.".to_owned();
    for broken in [
        Behaviour::Cut("The first answer, which breaks off in the middle.".to_owned()),
        Behaviour::Body("text/event-stream", "data: {\"choices\": [\n\n".to_owned()),
        Behaviour::Body("text/event-stream", "data: [DONE]\n\n".to_owned()),
        Behaviour::Body("text/event-stream", "data: \u{fffd}\n\n".to_owned()),
        Behaviour::Body("application/json", "<html>Welcome</html>".to_owned()),
        Behaviour::Body("application/json", "{\"choices\":[]}".to_owned()),
        Behaviour::Body("application/json", "{\"choices\":[{\"message\":{\"content\":null}}]}".to_owned()),
    ] {
        let (outcome, provider) = alone([broken.clone(), Behaviour::Whole(whole.clone())]).await;
        assert_eq!(outcome.text(), whole, "{broken:?}");
        assert_eq!(provider.last().body["stream"], false);
        assert!(provider.last().body.get("stream_options").is_none());
        let had_text = matches!(broken, Behaviour::Cut(_));
        assert_eq!(outcome.heard.contains(&"<restart>".to_owned()), had_text, "{:?}", outcome.heard);
    }
    let cut = || Behaviour::Cut("Never whole, never.".to_owned());
    let (outcome, provider) = alone([cut(), cut(), cut()]).await;
    assert_eq!((outcome.failure(), provider.count()), (FailureKind::Cut, 3));
}

#[tokio::test(start_paused = true)]
async fn an_error_within_a_stream_is_a_failure() {
    let broken = "data: {\"choices\":[{\"delta\":{\"content\":\"I be\"}}]}\n\n\
                  data: {\"choices\":[],\"error\":{\"message\":\"overloaded\"}}\n\n";
    let (outcome, _) = alone([Behaviour::Body("text/event-stream", broken.to_owned()), good()]).await;
    assert_eq!(outcome.failures(), [Some(FailureKind::Unavailable), None]);
    assert_eq!(outcome.heard[..2], ["I be".to_owned(), "<restart>".to_owned()]);
    assert_eq!(outcome.text(), "Here is a box, 10 mm wide.");
}

#[tokio::test(start_paused = true)]
async fn an_error_event_means_what_its_status_means() {
    for (code, kind, calls) in [
        (400, FailureKind::Refused, 1),
        (401, FailureKind::Unauthorized, 1),
        (402, FailureKind::Unauthorized, 1),
        (429, FailureKind::RateLimited, 3),
        (502, FailureKind::Unavailable, 3),
    ] {
        let error = format!("{{\"error\":{{\"code\":{code},\"message\":\"text with {KEY}\"}}}}");
        for behaviour in [
            Behaviour::Body("text/event-stream", chunk("I be", None) + &format!("data: {error}\n\n")),
            Behaviour::Body("text/event-stream", format!("data: {error}")),
            Behaviour::Body("application/json", error.clone()),
        ] {
            let (outcome, provider) = alone(std::iter::repeat_n(behaviour.clone(), calls)).await;
            assert_eq!((outcome.failure(), provider.count()), (kind, calls), "{behaviour:?}");
            let message = outcome.answer.unwrap_err().message;
            assert_eq!(message.contains("text with ***"), kind == FailureKind::Refused, "{message}");
            assert!(message.contains(&code.to_string()), "{message}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_finished_stream_needs_no_done_event() {
    let done = "data: {\"choices\":[{\"delta\":{\"content\":\"Yes.\"},\"finish_reason\":\"stop\"}]}\n\n";
    let (outcome, _) = alone([Behaviour::Body("text/event-stream", done.to_owned())]).await;
    assert_eq!(outcome.text(), "Yes.", "some servers never send [DONE]");
}

#[tokio::test(start_paused = true)]
async fn an_enormous_answer_is_refused() {
    let (outcome, provider) = alone([Behaviour::Endless]).await;
    assert_eq!((outcome.failure(), provider.count()), (FailureKind::TooLong, 1));
    let heard: usize = outcome.heard.iter().map(String::len).sum();
    assert!(heard <= 512 << 10, "{heard}");
    let (outcome, _) = alone([Behaviour::Body("application/json", "x".repeat(8 << 20))]).await;
    assert_eq!(outcome.failure(), FailureKind::TooLong);
    let (outcome, _) = both([Behaviour::Endless, good()]).await;
    assert_eq!(outcome.text(), "Here is a box, 10 mm wide.");
}

#[tokio::test(start_paused = true)]
async fn one_deadline_for_all_calls() {
    // Each call takes nearly the longest time, then breaks.
    let drags = || Behaviour::Slow(Duration::from_secs(110), Box::new(Behaviour::Cut("A long story.".to_owned())));
    let (outcome, provider) = both((0..8).map(|_| drags())).await;
    assert!(outcome.answer.is_err());
    assert!(outcome.took <= Duration::from_secs(480), "{:?}", outcome.took);
    assert!(provider.count() < 6, "{}", provider.count());
    assert_eq!(provider.last().host, "other.test", "the fallback is asked");
}
