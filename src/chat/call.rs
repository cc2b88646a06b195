//! What the API asks of a `Chat` object, and why it does not do it.

use serde::{Deserialize, Serialize};

use crate::object::SqlError;
use crate::project::{Caller, Idempotency};
use contract::{ProjectId, RequestId, TurnId};

/// One call. Its answer is a body for whoever asked the API, or a [`ChatRefusal`] with the status 409.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChatCall {
    /// The project that is spoken of.
    pub project: ProjectId,
    /// Who asks.
    pub caller: Caller,
    /// The request it belongs to.
    pub request_id: RequestId,
    /// What is asked.
    pub operation: ChatOperation,
}

/// What can be asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatOperation {
    /// Begin a turn. Answers with [`Said`].
    Say {
        /// The person's words; the API has checked their length.
        message: String,
        /// What they added as context.
        context: Option<String>,
        /// How often a script that fails is to be repaired.
        repairs: u32,
        /// So that the same words sent again are no second turn.
        idempotency: Option<Idempotency>,
    },
    /// Where a turn stands: a [`TurnBody`](super::TurnBody).
    Turn {
        /// The turn.
        turn: TurnId,
        /// Answer once its script is uploaded or it has ended, but no later than so many seconds from now.
        seconds: u32,
    },
    /// The events of a turn, from what is so now to its end.
    Listen(TurnId),
    /// Messages before `before`, newest first: a [`MessageList`](super::MessageList).
    Messages {
        /// Only messages with a smaller number.
        before: Option<u64>,
        /// At most so many.
        limit: u32,
    },
    /// Remove the caller's messages but those of the turn that is open: answers [`Forgotten`](super::Forgotten).
    Forget,
}

/// A turn that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Its id.
    pub turn: TurnId,
    /// Whether it was begun before, under the same idempotency key.
    pub replayed: bool,
}

/// Why the object does not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatRefusal {
    /// Somebody else owns the name: the answer to words.
    NameTaken,
    /// There is no such project, or it is somebody else's.
    NotFound,
    /// The caller has begun no such turn here, or it is too old.
    NoTurn(TurnId),
    /// This turn is open.
    Busy(TurnId),
    /// The idempotency key came with other words before.
    KeyReused,
    /// As many listen already as can.
    TooManyListeners,
    /// The object, or one that it asked, is at fault.
    Broken(String),
}

impl From<SqlError> for ChatRefusal {
    fn from(error: SqlError) -> Self {
        Self::Broken(error.to_string())
    }
}
