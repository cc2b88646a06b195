//! The language model that writes scripts: its prompt, the calls, and the script in its answer.
//!
//! Reading order:
//! - `answer`: a provider's answer, its tokens, and how a call can fail
//! - `prompt`: the messages for the model: the rules of `prompt.md`, the project's newest version, the conversation
//! - `wire`: OpenAI's `chat/completions` protocol: request, answer, stream, errors
//! - `sse`: the event stream (WHATWG HTML, section 9.2.6)
//! - `exchange`: one call of one provider
//! - `provider`: retries, and the fallback to another provider, within one deadline
//! - `code_block`: fenced code blocks of a text
//! - `extract`: the script of an answer
//! - `config`: the settings `AI_*`
//!
//! This module does not know owners, objects or the bucket. Permissions are checked before it is called.

mod answer;
mod code_block;
mod config;
mod exchange;
mod extract;
mod prompt;
mod provider;
mod sse;
mod wire;

pub use answer::{Completion, Ending, FailureKind, Listener, Usage};
pub use config::{AiConfig, ProviderConfig};
pub use extract::{Extracted, extract};
pub use prompt::{CurrentVersion, FailedVersion, MAX_SCRIPT, Message, Role, UserRequest, compose, remind, repair};
pub use provider::{AiError, ProviderCall, ask};
