//! Asks a provider, tries again where that may help, and falls back to another, all within one deadline.

use std::time::Duration;

use bytes::Bytes;
use futures::future::{Either, select};
use futures::stream::StreamExt;

use super::config::{AiConfig, ProviderConfig};
use super::prompt::Message;
use super::sse::EventStream;
use super::wire::{Assembly, Defect, LONGEST_ANSWER, Request, StreamOptions, Usage, error_message};
use crate::contract::Timestamp;
use crate::http::{Body, Clock, Http};

/// How long all of it may take: every try of every provider.
const DEADLINE: Duration = Duration::from_secs(240);

/// How long a provider may say nothing, before its first byte or between two.
const SILENCE: Duration = Duration::from_secs(60);

/// How often one provider is tried.
const TRIES: u32 = 3;

/// The pause before the second try; twice as long before the third.
const PAUSE: Duration = Duration::from_secs(1);

/// The longest pause that a provider may ask for (`Retry-After`); beyond it the next provider is asked.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// The most that is read of an error's body, in bytes.
const ERROR_LIMIT: usize = 64 << 10;

/// An answer on the wire is longer than its text: each token comes in an envelope of JSON.
const WIRE_LIMIT: usize = 64 * LONGEST_ANSWER;

/// Hears how an answer comes about.
pub trait Listener {
    /// The model has said this much more.
    fn text(&self, added: &str);

    /// What was said so far counts for nothing: the answer begins anew.
    fn again(&self);
}

/// A complete answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// What the model says.
    pub text: String,
    /// It stopped at its own limit of tokens.
    pub is_cut: bool,
}

/// One try, for the figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The provider's host.
    pub provider: String,
    /// The model.
    pub model: String,
    /// How long it took.
    pub took: Duration,
    /// Tokens, where told.
    pub usage: Option<Usage>,
    /// Why it failed, if it did.
    pub failure: Option<FailureKind>,
}

/// How a try fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// 401, 403: the key or the account is wrong. A person has to mend it.
    Unauthorized,
    /// 400, 404 and others: the provider does not take the request, perhaps for the model's name.
    Refused,
    /// 429: too much was asked.
    RateLimited,
    /// 5xx, or no connection.
    Unavailable,
    /// Nothing was heard for too long.
    TimedOut,
    /// The answer broke off.
    Cut,
    /// The answer is not of the protocol.
    Invalid,
    /// The answer says nothing.
    Empty,
    /// The answer is longer than what is taken.
    TooLong,
}

/// No provider has answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct AiError {
    /// How the last try failed.
    pub kind: FailureKind,
    /// For a person: which provider, what happened. Never holds a key, and of what was sent nothing.
    pub message: String,
}

impl FailureKind {
    /// Whether the same provider may do better in a moment.
    fn may_pass(self) -> bool {
        !matches!(self, Self::Unauthorized | Self::Refused | Self::TooLong)
    }
}

/// A try that failed.
struct Failed {
    kind: FailureKind,
    message: String,
    /// How long the provider wants to be left alone.
    retry_after: Option<Duration>,
}

impl Failed {
    fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None }
    }
}

impl From<Defect> for Failed {
    fn from(defect: Defect) -> Self {
        match defect {
            Defect::Invalid(why) => Self::new(FailureKind::Invalid, format!("its answer is not understood: {why}")),
            Defect::Empty => Self::new(FailureKind::Empty, "its answer is empty"),
            Defect::TooLong => {
                Self::new(FailureKind::TooLong, format!("its answer is longer than {LONGEST_ANSWER} bytes"))
            }
            Defect::Error(why) => Self::new(FailureKind::Unavailable, format!("it broke off with an error: {why}")),
            Defect::Cut => Self::new(FailureKind::Cut, "its answer broke off"),
        }
    }
}

/// Asks the providers in their order until one answers. Each try is added to `tries`, whatever becomes of it.
///
/// # Errors
/// [`AiError`] when none has answered in time: the failure of the last one that was tried.
pub async fn ask(
    config: &AiConfig,
    messages: &[Message],
    listener: &dyn Listener,
    (http, clock): (&dyn Http, &dyn Clock),
    tries: &mut Vec<Asked>,
) -> Result<Answered, AiError> {
    let until = clock.now().after(DEADLINE);
    let mut last = None;
    for provider in config.providers() {
        let mut pause = PAUSE;
        for number in 1..=TRIES {
            let began = clock.now();
            if !tries.is_empty() {
                listener.again();
            }
            let mut usage = None;
            let outcome = try_once(provider, messages, listener, (http, clock), until, &mut usage).await;
            let failure = outcome.as_ref().err().map(|failed| failed.kind);
            let (host, model) = (provider.host().to_owned(), provider.model.clone());
            tries.push(Asked { provider: host, model, took: clock.now().since(began), usage, failure });
            let failed = match outcome {
                Ok(answered) => return Ok(answered),
                Err(failed) => failed,
            };
            let wait = failed.retry_after.unwrap_or(pause);
            let is_worth_it = failed.kind.may_pass() && number < TRIES && wait <= LONGEST_PAUSE;
            last = Some(AiError {
                kind: failed.kind,
                message: format!("{} ({}): {}", provider.host(), provider.model, failed.message),
            });
            if clock.now().after(wait) >= until {
                break;
            }
            if !is_worth_it {
                break;
            }
            clock.sleep(wait).await;
            pause *= 2;
        }
        if clock.now() >= until {
            break;
        }
    }
    Err(last.unwrap_or_else(|| AiError { kind: FailureKind::TimedOut, message: "no provider was asked".to_owned() }))
}

async fn try_once(
    provider: &ProviderConfig,
    messages: &[Message],
    listener: &dyn Listener,
    (http, clock): (&dyn Http, &dyn Clock),
    until: Timestamp,
    usage: &mut Option<Usage>,
) -> Result<Answered, Failed> {
    let patience = |now: Timestamp| SILENCE.min(until.since(now));
    let request = request(provider, messages)?;
    let sending = http.send(request);
    let answer = match select(sending, clock.sleep(patience(clock.now()))).await {
        Either::Left((Ok(answer), _)) => answer,
        // What the transport says may hold the address, and nothing else of the request.
        Either::Left((Err(error), _)) => {
            return Err(Failed::new(FailureKind::Unavailable, format!("it cannot be reached: {error}")));
        }
        Either::Right(_) => return Err(Failed::new(FailureKind::TimedOut, "it does not answer")),
    };
    if !answer.status().is_success() {
        return Err(refused(answer, clock, patience(clock.now())).await);
    }
    let is_stream = header(&answer, "content-type").is_some_and(|kind| kind.starts_with("text/event-stream"));
    let mut assembly = Assembly::default();
    let mut events = EventStream::default();
    let mut whole = Vec::new();
    let mut read = 0;
    let mut chunks = answer.into_body().into_stream();
    loop {
        let chunk = match select(chunks.next(), clock.sleep(patience(clock.now()))).await {
            Either::Left((None, _)) => break,
            Either::Left((Some(Ok(chunk)), _)) => chunk,
            Either::Left((Some(Err(_)), _)) => return Err(Defect::Cut.into()),
            Either::Right(_) => {
                return Err(Failed::new(FailureKind::TimedOut, "it stopped in the middle of its answer"));
            }
        };
        read += chunk.len();
        if read > WIRE_LIMIT {
            return Err(Defect::TooLong.into());
        }
        if !is_stream {
            whole.extend_from_slice(&chunk);
            continue;
        }
        for event in events.push(&chunk).map_err(|_| Defect::Invalid("an event is no text".to_owned()))? {
            let added = assembly.event(&event)?;
            *usage = assembly.usage;
            if !added.is_empty() {
                listener.text(&added);
            }
        }
    }
    let added = if is_stream {
        let rest = events.end().map_err(|_| Defect::Invalid("an event is no text".to_owned()))?;
        rest.map_or(Ok(String::new()), |event| assembly.event(&event))?
    } else {
        // A server that knows no streams sends all of it at once.
        let whole = std::str::from_utf8(&whole).map_err(|error| Defect::Invalid(error.to_string()))?;
        assembly.whole(whole)?
    };
    *usage = assembly.usage;
    if !added.is_empty() {
        listener.text(&added);
    }
    let is_cut = assembly.end()?;
    Ok(Answered { text: assembly.text, is_cut })
}

fn request(provider: &ProviderConfig, messages: &[Message]) -> Result<http::Request<Bytes>, Failed> {
    let body = Request {
        model: &provider.model,
        messages,
        stream: true,
        stream_options: StreamOptions { include_usage: true },
    };
    // Neither can fail: the settings were checked. The text names no key all the same.
    let wrong = |_| Failed::new(FailureKind::Refused, "the request cannot be written");
    let body =
        serde_json::to_vec(&body).map_err(|_| Failed::new(FailureKind::Refused, "the request cannot be written"))?;
    let mut request = http::Request::post(provider.url())
        .header("content-type", "application/json")
        .header("accept", "text/event-stream, application/json");
    if let Some(key) = &provider.api_key {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    request.body(Bytes::from(body)).map_err(wrong)
}

/// What an answer with an error status means.
async fn refused(answer: http::Response<Body>, clock: &dyn Clock, patience: Duration) -> Failed {
    let status = answer.status();
    let kind = match status.as_u16() {
        401 | 403 => FailureKind::Unauthorized,
        408 => FailureKind::TimedOut,
        429 => FailureKind::RateLimited,
        500..=599 => FailureKind::Unavailable,
        _ => FailureKind::Refused,
    };
    // Seconds; the other form, a date, compares two machines' clocks.
    let retry_after =
        header(&answer, "retry-after").and_then(|value| value.trim().parse().ok()).map(Duration::from_secs);
    let body = Box::pin(answer.into_body().bytes(ERROR_LIMIT));
    let said = match select(body, clock.sleep(patience)).await {
        Either::Left((Ok(body), _)) => error_message(&body),
        _ => None,
    };
    let said = said.map_or_else(String::new, |said| format!(": {said}"));
    Failed { kind, message: format!("it answers {status}{said}"), retry_after }
}

fn header<'a>(answer: &'a http::Response<Body>, name: &str) -> Option<&'a str> {
    answer.headers().get(name)?.to_str().ok()
}
