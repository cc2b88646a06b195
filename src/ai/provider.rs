//! Asks a provider, tries again where that may help, and falls back to another, all within one deadline.

use std::time::Duration;

use super::config::AiConfig;
use super::exchange::{BEGINNING, Exchange, Failed};
use super::prompt::Message;
use super::wire::{Ending, Usage};
use contract::word_enum;
use platform::{Clock, Http};

/// How long all of it may take: every try of every provider, and the pauses between. One that is not the last has to
/// leave the next the time to begin.
pub(super) const DEADLINE: Duration = Duration::from_secs(480);

/// How often one provider is tried whose failure may pass.
const TRIES: u32 = 3;

/// The pause before the second try, and half as much again at random, so that many who were refused together do not
/// come again together; twice as long before the third.
const PAUSE: Duration = Duration::from_secs(1);

/// The longest pause that a provider may ask for (`Retry-After`); beyond it the next provider is asked.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// The same where there is no other. Quotas are often counted by the minute.
const LONGEST_LAST_PAUSE: Duration = Duration::from_secs(120);

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
    /// Whether that is all that it wanted to say.
    pub ending: Ending,
}

/// One try, for the figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The provider's host.
    pub provider: String,
    /// The model.
    pub model: String,
    /// Whether another provider had failed before.
    pub is_fallback: bool,
    /// How long it took.
    pub took: Duration,
    /// Tokens, where told.
    pub usage: Option<Usage>,
    /// Why it failed, if it did.
    pub failure: Option<FailureKind>,
}

word_enum! {
    /// How a try fails.
    #[derive(Hash, PartialOrd, Ord)]
    pub enum FailureKind {
        /// 401, 402, 403: the key or the account is wrong. A person has to mend it.
        Unauthorized = "unauthorized",
        /// 400, 404 and others: the provider does not take the request, perhaps for the model's name.
        Refused = "refused",
        /// 429: too much was asked.
        RateLimited = "rate_limited",
        /// 5xx, or no connection.
        Unavailable = "unavailable",
        /// Nothing was heard for too long.
        TimedOut = "timed_out",
        /// The answer broke off.
        Cut = "cut",
        /// The answer is not of the protocol.
        Invalid = "invalid",
        /// The answer says nothing.
        Empty = "empty",
        /// The answer is longer than what is taken.
        TooLong = "too_long",
    }
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
    /// How often a provider is tried that fails so, where it is not for the stream; `is_last` says that there is no other.
    /// One that says nothing has taken its time already.
    fn tries(self, is_last: bool) -> u32 {
        match self {
            Self::Unauthorized | Self::Refused | Self::TooLong => 1,
            Self::TimedOut if is_last => 2,
            Self::TimedOut => 1,
            Self::RateLimited | Self::Unavailable | Self::Cut | Self::Invalid | Self::Empty => TRIES,
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
    let started = clock.now();
    let mut last = AiError { kind: FailureKind::TimedOut, message: "no provider was asked in time".to_owned() };
    let (mut is_listened_to, mut is_fallback) = (false, false);
    let mut providers = config.providers().peekable();
    while let Some(provider) = providers.next() {
        let is_last = providers.peek().is_none();
        let (until, longest_pause) = if is_last {
            (started.after(DEADLINE), LONGEST_LAST_PAUSE)
        } else {
            (started.after(DEADLINE.saturating_sub(BEGINNING)), LONGEST_PAUSE)
        };
        let (mut pause, mut is_stream) = (PAUSE, true);
        for number in 1.. {
            let began = clock.now();
            if began >= until {
                break;
            }
            if std::mem::take(&mut is_listened_to) {
                listener.again();
            }
            let mut exchange = Exchange::new(provider, (http, clock), until);
            let outcome = exchange.run(messages, is_stream, listener).await;
            is_listened_to = exchange.has_spoken;
            tries.push(Asked {
                provider: provider.host().to_owned(),
                model: provider.model.clone(),
                is_fallback,
                took: clock.now().since(began),
                usage: exchange.usage,
                failure: outcome.as_ref().err().map(|failed| failed.kind),
            });
            let Failed { kind, message, retry_after, is_of_the_stream } = match outcome {
                Ok(answered) => return Ok(answered),
                Err(failed) => failed,
            };
            last = AiError { kind, message: format!("{} ({}): {message}", provider.host(), provider.model) };
            let wait = retry_after.unwrap_or_default().max(pause.mul_f64(1.0 + random() / 2.0));
            let most = if is_stream && is_of_the_stream { TRIES } else { kind.tries(is_last) };
            if number >= most || wait > longest_pause || clock.now().after(wait) >= until {
                break;
            }
            clock.sleep(wait).await;
            pause *= 2;
            is_stream &= !is_of_the_stream;
        }
        is_fallback = true;
    }
    Err(last)
}

/// From 0 to 1. That it is uniform matters, that it is secret does not.
fn random() -> f64 {
    f64::from(getrandom::u32().unwrap_or(u32::MAX)) / f64::from(u32::MAX)
}
