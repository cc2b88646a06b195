//! A provider's answer, and how a call of a provider can fail.

use serde::{Deserialize, Serialize};

/// The complete answer of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    pub text: String,
    pub ending: Ending,
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The model finished.
    Complete,
    /// The model reached its token limit, or a filter stopped it.
    Limited,
    /// The provider gave no reason. Some providers never give one, and some hide in this way that the model broke off.
    Unknown,
}

/// The tokens of one call, as the provider counts them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the request.
    pub input: u64,
    /// Tokens of the answer.
    pub output: u64,
}

/// Receives an answer while it arrives.
pub trait Listener {
    /// The next piece of the answer.
    fn text(&self, added: &str);

    /// The answer starts again: all text so far is to be discarded.
    fn restart(&self);
}

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FailureKind {
    /// 401, 402, 403: the key or the account is wrong. A person has to fix it.
    Unauthorized,
    /// 400, 404 and others: the provider rejects the request, for example because it does not know the model.
    Refused,
    /// 429: too many requests.
    RateLimited,
    /// 5xx, or no connection.
    Unavailable,
    /// A timeout.
    TimedOut,
    /// The answer broke off.
    Cut,
    /// The answer does not follow the protocol.
    Invalid,
    /// The answer has no text.
    Empty,
    /// The answer is longer than the limit.
    TooLong,
}

impl FailureKind {
    /// The name in error codes and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::Refused => "refused",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::TimedOut => "timed_out",
            Self::Cut => "cut",
            Self::Invalid => "invalid",
            Self::Empty => "empty",
            Self::TooLong => "too_long",
        }
    }
}

/// The answer without the model's thoughts before it. `None` if the thoughts do not end. If the model's own prompt
/// opens them, only their end is in the answer.
pub(super) fn after_thoughts(answer: &str) -> Option<&str> {
    match answer.rsplit_once("</think>") {
        Some((_, text)) => Some(text),
        None if answer.trim_start().starts_with("<think>") => None,
        None => Some(answer),
    }
}
