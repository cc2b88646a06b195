//! One try of one provider: the request, and its answer as it comes.

use std::time::Duration;

use bytes::Bytes;
use futures::future::{Either, select};
use futures::stream::StreamExt;

use super::config::ProviderConfig;
use super::prompt::Message;
use super::provider::{Answered, FailureKind, Listener};
use super::sse::EventStream;
use super::wire::{Assembly, Defect, LONGEST_ANSWER, Request, StreamOptions, Usage, error_message};
use contract::Timestamp;
use platform::{Body, Clock, Http};

/// How long a provider may take to begin its answer, and how long it may then say nothing before its first words: models
/// are loaded, and some think before they speak. What says that somebody is there and nothing else (a comment) counts as
/// nothing.
pub(super) const BEGINNING: Duration = Duration::from_secs(120);

/// The same after its first words.
const SILENCE: Duration = Duration::from_secs(60);

/// How long an answer may take that comes whole, from which nothing is heard before.
const WHOLE: Duration = Duration::from_secs(240);

/// The most that is read of an error's body, in bytes, and how long it is waited for.
const ERROR_LIMIT: (usize, Duration) = (64 << 10, Duration::from_secs(5));

/// The most that is read of a stream, in bytes: each token comes in an envelope of JSON.
const STREAM_LIMIT: usize = 64 * LONGEST_ANSWER;

/// The most that is read of an answer that comes whole, in bytes: JSON spells one byte in up to six.
const WHOLE_LIMIT: usize = 7 * LONGEST_ANSWER;

/// The most of what is told of a failure, in characters; a provider's own words may be endless.
const LONGEST_MESSAGE: usize = 300;

/// A try that failed.
pub(super) struct Failed {
    pub kind: FailureKind,
    /// What happened, with "it" for the provider. Never holds a key.
    pub message: String,
    /// How long the provider wants to be left alone.
    pub retry_after: Option<Duration>,
    /// The same may be answered where it is asked for whole: there are servers whose streams are broken, or that take no
    /// request for one.
    pub is_of_the_stream: bool,
}

impl Failed {
    fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        let is_of_the_stream = matches!(kind, FailureKind::Cut | FailureKind::Invalid | FailureKind::Empty);
        Self { kind, message: message.into(), retry_after: None, is_of_the_stream }
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
            Defect::Error(status, said) => {
                let kind = status.map_or(FailureKind::Unavailable, kind_of);
                let mut message = "it broke off with an error".to_owned();
                if let Some(status) = status {
                    message = format!("{message} {status}");
                }
                Self::new(kind, with_words(message, kind, Some(said)))
            }
            Defect::Cut => Self::new(FailureKind::Cut, "its answer broke off"),
        }
    }
}

/// One try.
pub(super) struct Exchange<'a> {
    provider: &'a ProviderConfig,
    http: &'a dyn Http,
    clock: &'a dyn Clock,
    until: Timestamp,
    /// Tokens, where told so far.
    pub usage: Option<Usage>,
    /// The listener has heard something.
    pub has_spoken: bool,
}

impl<'a> Exchange<'a> {
    /// One that ends at `until`, whatever it is at.
    pub fn new(provider: &'a ProviderConfig, (http, clock): (&'a dyn Http, &'a dyn Clock), until: Timestamp) -> Self {
        Self { provider, http, clock, until, usage: None, has_spoken: false }
    }

    /// Sends the messages and reads the answer, as a stream where it is asked for so and comes so.
    pub async fn run(
        &mut self,
        messages: &[Message],
        is_stream: bool,
        listener: &dyn Listener,
    ) -> Result<Answered, Failed> {
        let outcome = self.exchange(messages, is_stream, listener).await;
        // In this order: half a key would not be known for one.
        outcome.map_err(|failed| {
            let message = self.without_key(failed.message).chars().take(LONGEST_MESSAGE).collect();
            Failed { message, ..failed }
        })
    }

    async fn exchange(
        &mut self,
        messages: &[Message],
        is_stream: bool,
        listener: &dyn Listener,
    ) -> Result<Answered, Failed> {
        let request = self.request(messages, is_stream)?;
        let (http, clock) = (self.http, self.clock);
        let beginning = if is_stream { BEGINNING } else { WHOLE };
        let answer = match select(http.send(request), clock.sleep(self.patience(beginning))).await {
            Either::Left((Ok(answer), _)) => answer,
            // What the transport says may hold the address, and nothing else of the request.
            Either::Left((Err(error), _)) => {
                return Err(Failed::new(FailureKind::Unavailable, format!("it cannot be reached: {error}")));
            }
            Either::Right(_) => return Err(Failed::new(FailureKind::TimedOut, "it does not answer")),
        };
        if !answer.status().is_success() {
            return Err(refused(answer, clock).await);
        }
        // A server that knows no streams sends all of it at once.
        if header(&answer, "content-type").is_some_and(|kind| kind.starts_with("text/event-stream")) {
            self.read_stream(answer.into_body(), listener).await
        } else {
            self.read_whole(answer.into_body(), listener).await
        }
    }

    async fn read_stream(&mut self, body: Body, listener: &dyn Listener) -> Result<Answered, Failed> {
        let unreadable = |_| Defect::Invalid("an event is too long or no text".to_owned());
        let (mut assembly, mut events) = (Assembly::default(), EventStream::default());
        let (mut chunks, mut read, mut heard_at) = (body.into_stream(), 0, self.clock.now());
        while !assembly.is_done() {
            let longest = if self.has_spoken { SILENCE } else { BEGINNING };
            let silent = self.clock.now().since(heard_at);
            let patience = self.patience(longest.saturating_sub(silent));
            let next = match select(chunks.next(), self.clock.sleep(patience)).await {
                // Where there is always another chunk, no timer is ever looked at.
                Either::Left((next, _)) if !patience.is_zero() => Some(next),
                _ => None,
            };
            let chunk = match next {
                Some(Some(Ok(chunk))) => chunk,
                // It may have said all that it had to say.
                Some(Some(Err(_)) | None) => break,
                None if assembly.is_finished() => break,
                None => {
                    let what = if self.has_spoken {
                        "it stopped in the middle of its answer"
                    } else {
                        "it does not begin to speak"
                    };
                    return Err(Failed::new(FailureKind::TimedOut, what));
                }
            };
            read += chunk.len();
            if read > STREAM_LIMIT {
                return Err(Defect::TooLong.into());
            }
            for event in events.push(&chunk).map_err(unreadable)? {
                self.take(assembly.event(&event), &assembly, listener)?;
                if !event.trim().is_empty() {
                    heard_at = self.clock.now();
                }
            }
        }
        // The last event may want its end: whole, if the server ends so, or a piece, if it broke off. A piece says nothing.
        if let Ok(Some(event)) = events.end() {
            match assembly.event(&event) {
                Err(Defect::Invalid(_)) => {}
                added => self.take(added, &assembly, listener)?,
            }
        }
        let ending = assembly.end()?;
        Ok(Answered { text: assembly.text, ending })
    }

    async fn read_whole(&mut self, body: Body, listener: &dyn Listener) -> Result<Answered, Failed> {
        let reading = Box::pin(body.bytes(WHOLE_LIMIT));
        let body = match select(reading, self.clock.sleep(self.patience(WHOLE))).await {
            Either::Left((Ok(body), _)) => body,
            Either::Left((Err(platform::BodyError::TooLong { .. }), _)) => return Err(Defect::TooLong.into()),
            Either::Left((Err(platform::BodyError::Broken(_)), _)) => return Err(Defect::Cut.into()),
            Either::Right(_) => return Err(Failed::new(FailureKind::TimedOut, "its answer does not end")),
        };
        let body = std::str::from_utf8(&body).map_err(|error| Defect::Invalid(error.to_string()))?;
        let mut assembly = Assembly::default();
        self.take(assembly.whole(body), &assembly, listener)?;
        let ending = assembly.end()?;
        Ok(Answered { text: assembly.text, ending })
    }

    /// Passes on what was added, and what the answer has cost so far.
    fn take(
        &mut self,
        added: Result<String, Defect>,
        assembly: &Assembly,
        listener: &dyn Listener,
    ) -> Result<(), Failed> {
        self.usage = assembly.usage;
        let added = added?;
        if !added.is_empty() {
            self.has_spoken = true;
            listener.text(&added);
        }
        Ok(())
    }

    /// So long, and not beyond the deadline.
    fn patience(&self, longest: Duration) -> Duration {
        longest.min(self.until.since(self.clock.now()))
    }

    fn request(&self, messages: &[Message], is_stream: bool) -> Result<http::Request<Bytes>, Failed> {
        let stream_options = is_stream.then_some(StreamOptions { include_usage: true });
        let ProviderConfig { model, max_tokens, .. } = self.provider;
        let body = Request { model, messages, stream: is_stream, max_tokens: *max_tokens, stream_options };
        // Neither can fail: the settings were checked. The text names no key all the same.
        let wrong = || Failed::new(FailureKind::Refused, "the request cannot be written");
        let body = serde_json::to_vec(&body).map_err(|_| wrong())?;
        let mut request = http::Request::post(self.provider.url()).header("content-type", "application/json");
        if let Some(key) = &self.provider.api_key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        request.body(Bytes::from(body)).map_err(|_| wrong())
    }

    /// A provider's own words may repeat what it was sent.
    fn without_key(&self, message: String) -> String {
        match &self.provider.api_key {
            Some(key) => message.replace(key.as_str(), "***"),
            None => message,
        }
    }
}

/// What an answer with an error status means.
async fn refused(answer: http::Response<Body>, clock: &dyn Clock) -> Failed {
    let status = answer.status();
    let kind = kind_of(status.as_u16());
    // Seconds; the other form, a date, compares two machines' clocks.
    let retry_after = header(&answer, "retry-after").and_then(|value| value.trim().parse().ok());
    let mut said = None;
    if kind == FailureKind::Refused {
        let (limit, patience) = ERROR_LIMIT;
        let body = Box::pin(answer.into_body().bytes(limit));
        if let Either::Left((Ok(body), _)) = select(body, clock.sleep(patience)).await {
            said = error_message(&body);
        }
    }
    Failed {
        kind,
        message: with_words(format!("it answers {status}"), kind, said),
        retry_after: retry_after.map(Duration::from_secs),
        is_of_the_stream: matches!(status.as_u16(), 400 | 422),
    }
}

/// What a status means that says that there is no answer.
fn kind_of(status: u16) -> FailureKind {
    match status {
        401..=403 => FailureKind::Unauthorized,
        408 => FailureKind::TimedOut,
        429 => FailureKind::RateLimited,
        500..=599 => FailureKind::Unavailable,
        _ => FailureKind::Refused,
    }
}

/// The message with the provider's own words. What it says of keys, accounts and loads is not for those who chat; what it
/// says of the request is.
fn with_words(message: String, kind: FailureKind, said: Option<String>) -> String {
    match said.filter(|said| kind == FailureKind::Refused && !said.is_empty()) {
        Some(said) => format!("{message}: {said}"),
        None => message,
    }
}

fn header<'a>(answer: &'a http::Response<Body>, name: &str) -> Option<&'a str> {
    answer.headers().get(name)?.to_str().ok()
}
