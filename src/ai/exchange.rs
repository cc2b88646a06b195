//! One call of one provider: the request, and its answer as it arrives.

use std::time::Duration;

use bytes::Bytes;
use futures::stream::StreamExt;

use super::answer::{Completion, FailureKind, Listener, Usage};
use super::config::ProviderConfig;
use super::prompt::Message;
use super::sse::EventStream;
use super::wire::{AnswerError, Assembly, MAX_ANSWER, RequestBody, StreamOptions, error_message};
use contract::Timestamp;
use platform::{Body, BodyError, Clock, ClockExt, Http};

/// The longest wait for the response of a streamed request, and then for its first text: models are loaded, and some
/// think before they write. Comments in the stream do not count as text.
pub(super) const START_TIMEOUT: Duration = Duration::from_secs(120);

/// The longest silence after the first text.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(60);

/// The longest wait for an answer that is not streamed.
const WHOLE_TIMEOUT: Duration = Duration::from_secs(240);

/// The longest wait for the body of an error.
const ERROR_BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// The most bytes that are read of an error's body.
const MAX_ERROR_BODY: usize = 64 << 10;

/// The most bytes that are read of a stream: each token comes in an envelope of JSON.
const MAX_STREAM: usize = 64 * MAX_ANSWER;

/// The most bytes that are read of an answer that is not streamed: JSON spells one byte in up to six.
const MAX_WHOLE: usize = 7 * MAX_ANSWER;

/// The most characters of a failure's message, because a provider's text may have any length.
const MAX_MESSAGE: usize = 300;

/// A call that failed.
pub(super) struct Failed {
    pub kind: FailureKind,
    /// Describes the failure, with "it" for the provider. Never holds a key.
    pub message: String,
    /// The pause that the provider asks for.
    pub retry_after: Option<Duration>,
    /// The same request may succeed without streaming: some servers break their streams or reject requests for one.
    pub is_of_the_stream: bool,
}

impl Failed {
    fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        let is_of_the_stream = matches!(kind, FailureKind::Cut | FailureKind::Invalid | FailureKind::Empty);
        Self { kind, message: message.into(), retry_after: None, is_of_the_stream }
    }
}

impl From<AnswerError> for Failed {
    fn from(error: AnswerError) -> Self {
        match error {
            AnswerError::Invalid(why) => Self::new(FailureKind::Invalid, format!("its answer cannot be read: {why}")),
            AnswerError::Empty => Self::new(FailureKind::Empty, "its answer is empty"),
            AnswerError::TooLong => {
                Self::new(FailureKind::TooLong, format!("its answer is longer than {MAX_ANSWER} bytes"))
            }
            AnswerError::Provider { status, message } => {
                let kind = status.map_or(FailureKind::Unavailable, kind_of);
                let status = status.map(|status| format!(" {status}")).unwrap_or_default();
                let text = format!("it broke off with an error{status}");
                Self::new(kind, with_provider_text(text, kind, Some(message)))
            }
            AnswerError::Cut => Self::new(FailureKind::Cut, "its answer broke off"),
        }
    }
}

/// One call.
pub(super) struct Exchange<'a> {
    provider: &'a ProviderConfig,
    http: &'a dyn Http,
    clock: &'a dyn Clock,
    deadline: Timestamp,
    /// The tokens, as far as the provider has reported them.
    pub usage: Option<Usage>,
    /// The listener has received text.
    pub has_text: bool,
}

impl<'a> Exchange<'a> {
    /// Ends at `deadline` in any state.
    pub fn new(provider: &'a ProviderConfig, http: &'a dyn Http, clock: &'a dyn Clock, deadline: Timestamp) -> Self {
        Self { provider, http, clock, deadline, usage: None, has_text: false }
    }

    /// Sends the messages and reads the answer.
    pub async fn run(
        &mut self,
        messages: &[Message],
        is_stream: bool,
        listener: &dyn Listener,
    ) -> Result<Completion, Failed> {
        let outcome = self.exchange(messages, is_stream, listener).await;
        // The key goes first: half a key, left by the cut, would not be recognised.
        outcome.map_err(|failed| {
            let message = self.without_key(failed.message).chars().take(MAX_MESSAGE).collect();
            Failed { message, ..failed }
        })
    }

    async fn exchange(
        &mut self,
        messages: &[Message],
        is_stream: bool,
        listener: &dyn Listener,
    ) -> Result<Completion, Failed> {
        let request = self.request(messages, is_stream)?;
        let (http, clock) = (self.http, self.clock);
        let limit = self.time_left(if is_stream { START_TIMEOUT } else { WHOLE_TIMEOUT });
        let response = match clock.timeout(limit, http.send(request)).await {
            Some(Ok(response)) => response,
            // The transport's message may hold the address, and nothing else of the request.
            Some(Err(error)) => {
                return Err(Failed::new(FailureKind::Unavailable, format!("it cannot be reached: {error}")));
            }
            None => return Err(Failed::new(FailureKind::TimedOut, "it does not answer")),
        };
        if !response.status().is_success() {
            return Err(refused(response, clock).await);
        }
        // A server without streams sends the whole answer at once.
        if header(&response, "content-type").is_some_and(|kind| kind.starts_with("text/event-stream")) {
            self.read_stream(response.into_body(), listener).await
        } else {
            self.read_whole(response.into_body(), listener).await
        }
    }

    async fn read_stream(&mut self, body: Body, listener: &dyn Listener) -> Result<Completion, Failed> {
        let unreadable = |_| AnswerError::Invalid("an event is too long or not UTF-8".to_owned());
        let (mut assembly, mut events) = (Assembly::default(), EventStream::default());
        let (mut chunks, mut read, mut last_event_at) = (body.into_stream(), 0, self.clock.now());
        while !assembly.is_done() {
            let silence = self.clock.now().since(last_event_at);
            let longest = if self.has_text { SILENCE_TIMEOUT } else { START_TIMEOUT };
            let limit = self.time_left(longest.saturating_sub(silence));
            // A timeout polls the stream first, so one that always has another chunk would never time out.
            let next = if limit.is_zero() { None } else { self.clock.timeout(limit, chunks.next()).await };
            let chunk = match next {
                Some(Some(Ok(chunk))) => chunk,
                // The answer may be complete.
                Some(Some(Err(_)) | None) => break,
                None if assembly.is_finished() => break,
                None if self.has_text => {
                    return Err(Failed::new(FailureKind::TimedOut, "it stopped in the middle of its answer"));
                }
                None => return Err(Failed::new(FailureKind::TimedOut, "it sent no text in time")),
            };
            read += chunk.len();
            if read > MAX_STREAM {
                return Err(AnswerError::TooLong.into());
            }
            for event in events.push(&chunk).map_err(unreadable)? {
                self.take(assembly.event(&event), &assembly, listener)?;
                if !event.trim().is_empty() {
                    last_event_at = self.clock.now();
                }
            }
        }
        // The stream may end without the empty line after its last event. If it broke off, that event is a fragment.
        if let Ok(Some(event)) = events.end() {
            match assembly.event(&event) {
                Err(AnswerError::Invalid(_)) => {}
                added => self.take(added, &assembly, listener)?,
            }
        }
        let ending = assembly.end()?;
        Ok(Completion { text: assembly.text, ending })
    }

    async fn read_whole(&mut self, body: Body, listener: &dyn Listener) -> Result<Completion, Failed> {
        let body = match self.clock.timeout(self.time_left(WHOLE_TIMEOUT), body.bytes(MAX_WHOLE)).await {
            Some(Ok(body)) => body,
            Some(Err(BodyError::TooLong { .. })) => return Err(AnswerError::TooLong.into()),
            Some(Err(BodyError::Broken(_))) => return Err(AnswerError::Cut.into()),
            None => return Err(Failed::new(FailureKind::TimedOut, "its answer does not end")),
        };
        let body = std::str::from_utf8(&body).map_err(|error| AnswerError::Invalid(error.to_string()))?;
        let mut assembly = Assembly::default();
        self.take(assembly.whole(body), &assembly, listener)?;
        let ending = assembly.end()?;
        Ok(Completion { text: assembly.text, ending })
    }

    /// Passes on the added text, and keeps the usage also if the answer is invalid.
    fn take(
        &mut self,
        added: Result<String, AnswerError>,
        assembly: &Assembly,
        listener: &dyn Listener,
    ) -> Result<(), Failed> {
        self.usage = assembly.usage;
        let added = added?;
        if !added.is_empty() {
            self.has_text = true;
            listener.text(&added);
        }
        Ok(())
    }

    /// `limit`, or the time until the deadline if that is shorter.
    fn time_left(&self, limit: Duration) -> Duration {
        limit.min(self.deadline.since(self.clock.now()))
    }

    fn request(&self, messages: &[Message], is_stream: bool) -> Result<http::Request<Bytes>, Failed> {
        let stream_options = is_stream.then_some(StreamOptions { include_usage: true });
        let ProviderConfig { model, max_tokens, .. } = self.provider;
        let body = RequestBody { model, messages, stream: is_stream, max_tokens: *max_tokens, stream_options };
        // Neither can fail, because the settings were checked. The message holds no key all the same.
        let wrong = || Failed::new(FailureKind::Refused, "the request cannot be written");
        let body = serde_json::to_vec(&body).map_err(|_| wrong())?;
        let mut request = http::Request::post(self.provider.url()).header("content-type", "application/json");
        if let Some(key) = &self.provider.api_key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        request.body(Bytes::from(body)).map_err(|_| wrong())
    }

    /// A provider's message may repeat the key that it received.
    fn without_key(&self, message: String) -> String {
        match &self.provider.api_key {
            Some(key) => message.replace(key.as_str(), "***"),
            None => message,
        }
    }
}

/// The failure that a response with an error status means.
async fn refused(response: http::Response<Body>, clock: &dyn Clock) -> Failed {
    let status = response.status();
    let kind = kind_of(status.as_u16());
    // In seconds. The other form, a date, is ignored: it would compare the clocks of two machines.
    let retry_after = header(&response, "retry-after").and_then(|value| value.trim().parse().ok());
    let mut text = None;
    if kind == FailureKind::Refused
        && let Some(Ok(body)) = clock.timeout(ERROR_BODY_TIMEOUT, response.into_body().bytes(MAX_ERROR_BODY)).await
    {
        text = error_message(&body);
    }
    Failed {
        kind,
        message: with_provider_text(format!("it answers {status}"), kind, text),
        retry_after: retry_after.map(Duration::from_secs),
        is_of_the_stream: matches!(status.as_u16(), 400 | 422),
    }
}

fn kind_of(status: u16) -> FailureKind {
    match status {
        401..=403 => FailureKind::Unauthorized,
        408 => FailureKind::TimedOut,
        429 => FailureKind::RateLimited,
        500..=599 => FailureKind::Unavailable,
        _ => FailureKind::Refused,
    }
}

/// The message, followed by the provider's text if that is about the request. Text about keys, accounts and load is not
/// for the people who chat.
fn with_provider_text(message: String, kind: FailureKind, text: Option<String>) -> String {
    match text.filter(|text| kind == FailureKind::Refused && !text.is_empty()) {
        Some(text) => format!("{message}: {text}"),
        None => message,
    }
}

fn header<'a>(response: &'a http::Response<Body>, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}
