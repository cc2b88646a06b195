//! A language model that writes scripts: what it is told, how it is asked, and what of its answer is a script.
//!
//! Reading order:
//! - `prompt`: what the model is told: `prompt.md`, the project as it stands, the conversation
//! - `wire`: the OpenAI-compatible `chat/completions` protocol: request, answer, stream, errors
//! - `sse`: lines of an event stream (WHATWG HTML, section 9.2.6)
//! - `exchange`: one try of one provider
//! - `provider`: asks one provider, tries again, and falls back to another, within one deadline
//! - `extract`: the script in an answer, as it stands there
//! - `python`: whether a text is a script from its first line to its last
//! - `config`: the settings `AI_*`
//!
//! Nothing here knows projects' owners, objects or the bucket: who may ask for what is decided before.

mod config;
mod exchange;
mod extract;
mod prompt;
mod provider;
mod python;
mod sse;
mod wire;

pub use config::{AiConfig, ProviderConfig};
pub use extract::{Extracted, extract};
pub use prompt::{Failure, LONGEST_SCRIPT, Message, Model, Request, Role, compose, repair};
pub use provider::{AiError, Answered, Asked, FailureKind, Listener, ask};
pub use wire::{Ending, Usage};
