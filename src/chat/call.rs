//! The calls to a `Chat` object, and its refusals.

use serde::{Deserialize, Serialize};

use crate::object::{ObjectCall, ObjectName, SqlError, Target, operations};
use crate::project::{Caller, Idempotency};
use contract::{ProjectId, RequestId, TurnId};
use platform::Body;

/// A conversation, and on whose behalf it is called.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChatTarget {
    /// The project that the conversation is about.
    pub project: ProjectId,
    pub caller: Caller,
    /// The request that the call belongs to.
    pub request_id: RequestId,
}

impl Target for ChatTarget {
    type Operation = ChatOperation;
    type Refusal = ChatRefusal;

    fn object(&self) -> ObjectName {
        ObjectName::Chat(self.project.clone())
    }
}

/// A call to a conversation.
pub type ChatCall = ObjectCall<ChatTarget>;

operations! {
    /// The operations of a conversation. A [`Body`] is the body of the API's own response.
    ChatOperation of ChatTarget {
        StartTurn -> StartedTurn,
        GetTurn -> Body,
        Listen -> Body,
        ListMessages -> Body,
        Forget -> Body,
    }
}

/// Starts a turn.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StartTurn {
    /// The user's message; the API has checked its length.
    pub message: String,
    /// The context that the user added.
    pub context: Option<String>,
    /// The most repairs of a script that fails.
    pub repairs: u32,
    /// With a key, repeating the message gives the same turn.
    pub idempotency: Option<Idempotency>,
}

/// Gives the state of a turn as a [`TurnBody`](super::TurnBody).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetTurn {
    pub turn: TurnId,
    /// The answer comes once the script is uploaded or the turn has ended, after at most this many seconds.
    pub seconds: u32,
}

/// Streams the events of a turn, from its present state to its end.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Listen(pub TurnId);

/// Gives a page of messages, newest first, as a [`MessageList`](super::MessageList).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListMessages {
    /// Only messages with a smaller number.
    pub before: Option<u64>,
    /// The most messages in the page.
    pub limit: u32,
}

/// Removes the caller's messages, except those of the open turn. Replies with [`Forgotten`](super::Forgotten).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Forget;

/// A turn that was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartedTurn {
    pub turn: TurnId,
    /// The turn was started before, with the same idempotency key.
    pub replayed: bool,
}

/// Why the object rejects a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatRefusal {
    /// Another user owns the project. The answer to [`StartTurn`].
    NameTaken,
    /// The project does not exist, or belongs to another user.
    NotFound,
    /// The caller has no such turn here, or it is too old.
    NoTurn(TurnId),
    /// This turn is open.
    Busy(TurnId),
    /// The idempotency key was used with another request.
    KeyReused,
    /// The project has too many event streams.
    TooManyListeners,
    /// A fault of this object or of one that it called.
    Broken(String),
}

impl From<SqlError> for ChatRefusal {
    fn from(error: SqlError) -> Self {
        Self::Broken(error.to_string())
    }
}
