//! How providers of language models are asked: what goes out, what counts as an answer, and what becomes of each fault.

use std::cell::RefCell;
use std::time::Duration;

use partwright::ai::{AiConfig, AiError, Answered, Asked, Ending, FailureKind, Listener, Message, Role, ask};
use platform::Clock;

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
    let first = [("AI_BASE_URL", "https://first.test/v1/"), ("AI_API_KEY", KEY), ("AI_MODEL", "one")];
    let other = [
        ("AI_FALLBACK_BASE_URL", "https://other.test/openai"),
        ("AI_FALLBACK_API_KEY", FALLBACK_KEY),
        ("AI_FALLBACK_MODEL", "two"),
        ("AI_FALLBACK_MAX_TOKENS", "4096"),
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
    assert_eq!(asked.body["stream"], true);
    assert!(asked.body.get("max_tokens").is_none(), "how long is the provider's own affair");
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
    assert_eq!(outcome.answer.unwrap().ending, Ending::Short);
    let (outcome, _) = alone([good()]).await;
    assert_eq!(outcome.answer.unwrap().ending, Ending::Whole);
    let unsaid = chunk("Half a scr", None) + "data: [DONE]\n\n";
    let (outcome, _) = alone([Said::Body("text/event-stream", unsaid)]).await;
    assert_eq!(outcome.answer.unwrap().ending, Ending::Unsaid);
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_tokens_is_sent_where_one_is_set() {
    let (_, provider) = both([status(401), status(500), Said::Whole("Yes.".to_owned())]).await;
    let limits: Vec<_> = provider.asked.borrow().iter().map(|asked| asked.body.get("max_tokens").cloned()).collect();
    assert_eq!(limits, [None, Some(4_096.into()), Some(4_096.into())]);
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
    // Neither a whole key nor the beginning of one, wherever the message is cut.
    for before in 260..310 {
        let said = format!("{{\"error\":{{\"message\":\"{}{KEY}\"}}}}", "x".repeat(before));
        let (outcome, _) = alone([Said::Status(404, None, said)]).await;
        let message = outcome.answer.unwrap_err().message;
        assert!(!message.contains("sk") && message.len() < 400, "{before}: {message}");
    }
    // A redirect would lead the key elsewhere.
    let (outcome, _) = alone([Said::Status(302, Some(("location", "https://elsewhere.test/")), String::new())]).await;
    assert_eq!(outcome.failure(), FailureKind::Refused, "nobody is followed with a key");
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

    // Where there is no other, it is waited for longer.
    let (outcome, _) = alone([limited("45"), good()]).await;
    assert_eq!(outcome.failures(), [Some(FailureKind::RateLimited), None]);
    assert!((45..46).contains(&outcome.took.as_secs()), "{:?}", outcome.took);
    let (outcome, provider) = both([status(401), limited("45"), good()]).await;
    assert_eq!((outcome.text(), provider.count()), ("Here is a box, 10 mm wide.", 3));
    let (outcome, provider) = alone([limited("121")]).await;
    assert_eq!((outcome.failure(), provider.count(), outcome.took.as_secs()), (FailureKind::RateLimited, 1, 0));

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
async fn what_only_shows_that_somebody_is_there_counts_as_silence() {
    let comment = ": PROCESSING\n\n";
    let (outcome, provider) = both([Said::Repeats(String::new(), comment), good()]).await;
    assert_eq!(outcome.failures(), [Some(FailureKind::TimedOut), None]);
    assert_eq!((provider.last().host.as_str(), outcome.took.as_secs()), ("other.test", 120));

    let (outcome, provider) = both([Said::Repeats(chunk("I begin and ", None), comment), good()]).await;
    assert_eq!(outcome.failures(), [Some(FailureKind::TimedOut), None]);
    assert_eq!((provider.last().host.as_str(), outcome.took.as_secs()), ("other.test", 60));

    // One that speaks and says nothing leaves the other the time to begin.
    let (outcome, provider) = both([Said::Repeats(String::new(), "data: {\"choices\":[]}\n\n"), good()]).await;
    assert_eq!(outcome.failures(), [Some(FailureKind::TimedOut), None]);
    assert_eq!((provider.last().host.as_str(), outcome.took.as_secs()), ("other.test", 360));

    // What is finished is kept, also where the end of the stream never comes.
    let (outcome, provider) = both([Said::Repeats(chunk("Yes.", Some("stop")), comment)]).await;
    assert_eq!((outcome.text(), provider.count(), outcome.took.as_secs()), ("Yes.", 1, 60));
}

#[tokio::test(start_paused = true)]
async fn a_stream_cut_at_any_byte_is_cut_or_finished() {
    let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}\n\n";
    let before = [chunk("Grö", None), chunk("ße", None)].concat();
    let finished = before.clone() + &chunk("", Some("stop"));
    let all = format!("{finished}{usage}data: [DONE]\n\n");
    // The lines' ends may be missing.
    let enough = finished.trim_end().len();
    for at in 0..all.len() {
        let whole = || Said::Whole("Whole.".to_owned());
        let mut cuts = vec![Said::Broken(all.as_bytes()[..at].to_vec())];
        cuts.extend(all.is_char_boundary(at).then(|| Said::Body("text/event-stream", all[..at].to_owned())));
        for cut in cuts {
            let (outcome, _) = alone([cut.clone(), whole()]).await;
            if at < enough {
                assert_eq!(outcome.failures(), [Some(FailureKind::Cut), None], "{at}: {cut:?}");
            } else {
                assert_eq!((outcome.text(), outcome.tries.len()), ("Größe", 1), "{at}: {cut:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_empty_reason_is_no_end() {
    for reason in ["", "null"] {
        let half = chunk("```python\nimport Part\n", Some(reason));
        for broken in [Said::Broken(half.clone().into_bytes()), Said::Body("text/event-stream", half.clone())] {
            let (outcome, _) = alone([broken, Said::Whole("Whole.".to_owned())]).await;
            assert_eq!(outcome.failures(), [Some(FailureKind::Cut), None], "{reason}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_for_a_stream_that_is_refused_is_made_without() {
    for refused in [400, 422] {
        let (outcome, provider) = alone([status(refused), Said::Whole("Whole.".to_owned())]).await;
        assert_eq!((outcome.text(), provider.count()), ("Whole.", 2));
        assert_eq!(provider.last().body["stream"], false);
        assert!(provider.last().body.get("stream_options").is_none());
        let (outcome, provider) = both([status(refused), status(refused), good()]).await;
        assert_eq!((outcome.text(), provider.count()), ("Here is a box, 10 mm wide.", 3));
        assert_eq!(provider.last().body["stream"], true, "the other one is asked as if nothing had been");
    }
}

#[tokio::test(start_paused = true)]
async fn thoughts_and_nothing_else_are_no_answer() {
    let thoughts = || Said::Stream("<think>A box, then.</think>\n".to_owned());
    let (outcome, _) = alone([thoughts(), good()]).await;
    assert_eq!(outcome.failures(), [Some(FailureKind::Empty), None]);
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
}

#[tokio::test(start_paused = true)]
async fn an_error_in_place_of_an_answer_means_what_its_status_means() {
    for (code, kind, calls) in [
        (400, FailureKind::Refused, 1),
        (401, FailureKind::Unauthorized, 1),
        (402, FailureKind::Unauthorized, 1),
        (429, FailureKind::RateLimited, 3),
        (502, FailureKind::Unavailable, 3),
    ] {
        let error = format!("{{\"error\":{{\"code\":{code},\"message\":\"words of {KEY}\"}}}}");
        for said in [
            Said::Body("text/event-stream", chunk("I be", None) + &format!("data: {error}\n\n")),
            Said::Body("text/event-stream", format!("data: {error}")),
            Said::Body("application/json", error.clone()),
        ] {
            let (outcome, provider) = alone(std::iter::repeat_n(said.clone(), calls)).await;
            assert_eq!((outcome.failure(), provider.count()), (kind, calls), "{said:?}");
            let message = outcome.answer.unwrap_err().message;
            assert_eq!(message.contains("words of ***"), kind == FailureKind::Refused, "{message}");
            assert!(message.contains(&code.to_string()), "{message}");
        }
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
