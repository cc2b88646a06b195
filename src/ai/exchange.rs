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
use crate::contract::Timestamp;
use crate::http::{Body, Clock, Http};

/// How long a provider may take to begin its answer, and then to its first words: models are loaded, and some think
/// before they speak.
pub(super) const BEGINNING: Duration = Duration::from_secs(120);

/// How long it may say nothing in the middle of it. A comment, which keeps the connection, says nothing.
const SILENCE: Duration = Duration::from_secs(60);

/// How long an answer may take that comes whole, from which nothing is heard before.
const WHOLE: Duration = Duration::from_secs(240);

/// The most that is read of an error's body, in bytes, and how long it is waited for.
const ERROR_LIMIT: (usize, Duration) = (64 << 10, Duration::from_secs(5));

/// The most that is read of a stream, in bytes: each token comes in an envelope of JSON.
const STREAM_LIMIT: usize = 64 * LONGEST_ANSWER;

/// The most that is read of an answer that comes whole, in bytes: JSON spells one byte in up to six.
const WHOLE_LIMIT: usize = 7 * LONGEST_ANSWER;

/// The most of a failure's description that is passed on, in characters: a provider's words may be long.
const LONGEST_MESSAGE: usize = 400;

/// A try that failed.
pub(super) struct Failed {
    pub kind: FailureKind,
    /// The answer's status, where that is why.
    pub status: Option<u16>,
    /// What happened, with "it" for the provider. Never holds a key.
    pub message: String,
    /// How long the provider wants to be left alone.
    pub retry_after: Option<Duration>,
}

impl Failed {
    fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, status: None, message: message.into(), retry_after: None }
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
            Defect::Error(status, why) => {
                let kind = status.map_or(FailureKind::Unavailable, FailureKind::of_status);
                let status = status.map_or(String::new(), |status| format!(" {status}"));
                let said = if is_for_those_who_chat(kind) { format!(": {why}") } else { String::new() };
                Self::new(kind, format!("it broke off with the error{status}{said}"))
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
        outcome.map_err(|failed| Failed { message: self.fit_to_tell(&failed.message), ..failed })
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
            let patience = self.patience(longest.saturating_sub(self.clock.now().since(heard_at)));
            if patience.is_zero() {
                return Err(Failed::new(FailureKind::TimedOut, "it says nothing more"));
            }
            let chunk = match select(chunks.next(), self.clock.sleep(patience)).await {
                Either::Left((Some(Ok(chunk)), _)) => chunk,
                // It may have said all that it had to say.
                Either::Left((Some(Err(_)) | None, _)) => break,
                Either::Right(_) => continue,
            };
            read += chunk.len();
            if read > STREAM_LIMIT {
                return Err(Defect::TooLong.into());
            }
            let events = events.push(&chunk).map_err(unreadable)?;
            if !events.is_empty() {
                heard_at = self.clock.now();
                self.take(&events, &mut assembly, listener)?;
            }
        }
        // Some end without an empty line. What breaks off in the middle of an event leaves half of one, which is none.
        if let Ok(Some(event)) = events.end() {
            match self.take(&[event], &mut assembly, listener) {
                Ok(()) | Err(Defect::Invalid(_)) => {}
                Err(defect) => return Err(defect.into()),
            }
        }
        let ending = assembly.end()?;
        Ok(Answered { text: assembly.text, ending })
    }

    async fn read_whole(&mut self, body: Body, listener: &dyn Listener) -> Result<Answered, Failed> {
        let reading = Box::pin(body.bytes(WHOLE_LIMIT));
        let body = match select(reading, self.clock.sleep(self.patience(WHOLE))).await {
            Either::Left((Ok(body), _)) => body,
            Either::Left((Err(crate::http::BodyError::TooLong { .. }), _)) => return Err(Defect::TooLong.into()),
            Either::Left((Err(crate::http::BodyError::Broken(_)), _)) => return Err(Defect::Cut.into()),
            Either::Right(_) => return Err(Failed::new(FailureKind::TimedOut, "its answer does not end")),
        };
        let body = std::str::from_utf8(&body).map_err(|error| Defect::Invalid(error.to_string()))?;
        let mut assembly = Assembly::default();
        let added = assembly.whole(body);
        self.usage = assembly.usage;
        self.say(&added?, listener);
        let ending = assembly.end()?;
        Ok(Answered { text: assembly.text, ending })
    }

    /// Passes on what these events add, all at once, and what the answer has cost so far.
    fn take(&mut self, events: &[String], assembly: &mut Assembly, listener: &dyn Listener) -> Result<(), Defect> {
        let mut added = String::new();
        let outcome = events.iter().try_for_each(|event| assembly.event(event).map(|text| added.push_str(&text)));
        self.usage = assembly.usage;
        self.say(&added, listener);
        outcome
    }

    fn say(&mut self, added: &str, listener: &dyn Listener) {
        if !added.is_empty() {
            self.has_spoken = true;
            listener.text(added);
        }
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

    /// A provider's own words may repeat what it was sent, and go on for long.
    fn fit_to_tell(&self, message: &str) -> String {
        let without_key = match &self.provider.api_key {
            Some(key) => message.replace(key.as_str(), "***"),
            None => message.to_owned(),
        };
        without_key.chars().take(LONGEST_MESSAGE).collect()
    }
}

/// What an answer with an error status means.
async fn refused(answer: http::Response<Body>, clock: &dyn Clock) -> Failed {
    let status = answer.status();
    let kind = FailureKind::of_status(status.as_u16());
    // Seconds; the other form, a date, compares two machines' clocks.
    let retry_after = header(&answer, "retry-after").and_then(|value| value.trim().parse().ok());
    let mut message = format!("it answers {status}");
    if is_for_those_who_chat(kind) {
        let (limit, patience) = ERROR_LIMIT;
        let body = Box::pin(answer.into_body().bytes(limit));
        if let Either::Left((Ok(body), _)) = select(body, clock.sleep(patience)).await
            && let Some(said) = error_message(&body)
        {
            message = format!("{message}: {said}");
        }
    }
    let retry_after = retry_after.map(Duration::from_secs);
    Failed { kind, status: Some(status.as_u16()), message, retry_after }
}

/// Whether the provider's words are passed on: what it says of the request is, what it says of keys, accounts and loads
/// is not.
fn is_for_those_who_chat(kind: FailureKind) -> bool {
    kind == FailureKind::Refused
}

fn header<'a>(answer: &'a http::Response<Body>, name: &str) -> Option<&'a str> {
    answer.headers().get(name)?.to_str().ok()
}
