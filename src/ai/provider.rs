//! Asks a provider, retries where that may help, and falls back to another, all within one deadline.

use std::time::Duration;

use super::answer::{Completion, FailureKind, Listener, Usage};
use super::config::AiConfig;
use super::exchange::{Exchange, Failed, START_TIMEOUT};
use super::prompt::Message;
use platform::{Backoff, Clock, Http, Jitter};

/// The limit for all calls of all providers, pauses included. A provider that is not the last must leave the next one
/// the time to start.
const DEADLINE: Duration = Duration::from_secs(480);

/// The most calls of one provider whose failure is transient.
const MAX_CALLS: u32 = 3;

/// The pause before a retry: 1 to 2 s, then 2 to 4 s.
const BACKOFF: Backoff = Backoff::new(Duration::from_secs(2), Duration::from_secs(4)).with_jitter(Jitter::Equal);

/// The longest pause that a provider may ask for (`Retry-After`). If it asks for more, the next provider is asked.
const MAX_PAUSE: Duration = Duration::from_secs(20);

/// The same for the last provider. Quotas are often counted by the minute.
const MAX_LAST_PAUSE: Duration = Duration::from_secs(120);

/// One call of a provider, for metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderCall {
    /// The provider's host.
    pub provider: String,
    pub model: String,
    /// Whether another provider had failed before.
    pub is_fallback: bool,
    pub took: Duration,
    /// The tokens, if the provider reported them.
    pub usage: Option<Usage>,
    /// Why it failed, if it did.
    pub failure: Option<FailureKind>,
}

/// All providers failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct AiError {
    /// How the last call failed.
    pub kind: FailureKind,
    /// Names the provider and what happened, for a person. Never holds a key or any part of the request.
    pub message: String,
}

/// Asks the providers in their order until one answers. Adds each call to `calls`, whether it succeeds or fails.
///
/// # Errors
/// The failure of the last call, if no provider answered in time.
pub async fn ask(
    config: &AiConfig,
    messages: &[Message],
    listener: &dyn Listener,
    http: &dyn Http,
    clock: &dyn Clock,
    calls: &mut Vec<ProviderCall>,
) -> Result<Completion, AiError> {
    let started = clock.now();
    let mut last = AiError { kind: FailureKind::TimedOut, message: "no provider was asked in time".to_owned() };
    let (mut listener_has_text, mut is_fallback) = (false, false);
    let mut providers = config.providers().peekable();
    while let Some(provider) = providers.next() {
        let is_last = providers.peek().is_none();
        let (deadline, max_pause) = if is_last {
            (started.after(DEADLINE), MAX_LAST_PAUSE)
        } else {
            (started.after(DEADLINE.saturating_sub(START_TIMEOUT)), MAX_PAUSE)
        };
        let mut is_stream = true;
        for number in 1.. {
            let began = clock.now();
            if began >= deadline {
                break;
            }
            if std::mem::take(&mut listener_has_text) {
                listener.restart();
            }
            let mut exchange = Exchange::new(provider, http, clock, deadline);
            let outcome = exchange.run(messages, is_stream, listener).await;
            listener_has_text = exchange.has_text;
            calls.push(ProviderCall {
                provider: provider.host().to_owned(),
                model: provider.model.clone(),
                is_fallback,
                took: clock.now().since(began),
                usage: exchange.usage,
                failure: outcome.as_ref().err().map(|failed| failed.kind),
            });
            let Failed { kind, message, retry_after, is_of_the_stream } = match outcome {
                Ok(completion) => return Ok(completion),
                Err(failed) => failed,
            };
            last = AiError { kind, message: format!("{} ({}): {message}", provider.host(), provider.model) };
            let pause = retry_after.unwrap_or_default().max(BACKOFF.delay(number));
            let most = if is_stream && is_of_the_stream { MAX_CALLS } else { max_calls(kind, is_last) };
            if number >= most || pause > max_pause || clock.now().after(pause) >= deadline {
                break;
            }
            clock.sleep(pause).await;
            is_stream &= !is_of_the_stream;
        }
        is_fallback = true;
    }
    Err(last)
}

/// How often a provider is called that fails in this way, unless streaming is to blame. A timeout has cost its time
/// already, so another provider is asked before the same one again.
fn max_calls(kind: FailureKind, is_last: bool) -> u32 {
    match kind {
        FailureKind::Unauthorized | FailureKind::Refused | FailureKind::TooLong => 1,
        FailureKind::TimedOut if is_last => 2,
        FailureKind::TimedOut => 1,
        FailureKind::RateLimited
        | FailureKind::Unavailable
        | FailureKind::Cut
        | FailureKind::Invalid
        | FailureKind::Empty => MAX_CALLS,
    }
}
