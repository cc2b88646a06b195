//! The seams between Durable Objects and their platform: SQL, the alarm, WebSockets, and calls from one object to
//! another.

mod call;

use bytes::Bytes;
use futures::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};

use contract::{ProjectId, Timestamp};
use platform::{Body, HttpError};

pub use call::{
    CallError, ObjectCall, ObjectRequest, Target, call, handshake, handshake_call, post, read_answer, relay,
};
pub(crate) use call::{json, operations, reply, respond};

/// A value in the object's SQLite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// NULL.
    Null,
    /// An integer; safe up to 2^53 - 1.
    Integer(i64),
    /// Text.
    Text(String),
}

/// The object's SQLite. Synchronous: a stretch of calls without an await between them is one transaction.
pub trait Sql {
    /// Runs one statement with `?` placeholders (100 at most) and gives its rows, each a list of columns.
    fn exec(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Vec<Value>>, SqlError>;
}

/// The object's own storage failed, or holds something that this program never wrote: a bug or a broken platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("the object's storage: {0}")]
pub struct SqlError(pub String);

/// The object's one alarm.
pub trait Alarm {
    /// Sets it to `at`, or clears it. A failure is told when the object wakes next: each wake arms it anew.
    fn set(&self, at: Option<Timestamp>) -> LocalBoxFuture<'_, ()>;
}

/// The WebSockets that an object holds. They outlive its memory: the platform keeps them while it sleeps.
pub trait Sockets {
    /// Sends one text message to every one. One that cannot take it is about to be closed, and nothing is lost: who
    /// connects again is told what is so then.
    fn send_all(&self, text: &str);

    /// How many are connected.
    fn count(&self) -> usize;

    /// Closes every one, for `reason`. Who connects again is admitted anew.
    fn close_all(&self, reason: &str);

    /// Closes those whose time is over at `now`. Gives when that of the next one is.
    fn close_due(&self, now: Timestamp) -> Option<Timestamp>;
}

/// Which object a call goes to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ObjectName {
    /// The life of one project's versions.
    Project(ProjectId),
    /// One user's projects, tokens and sessions.
    Account(String),
    /// What is known about the store.
    Fleet,
    /// The conversation about one project.
    Chat(ProjectId),
    /// One of those that add figures up, by its number.
    Figures(u8),
}

/// Reaches the objects.
pub trait Objects {
    /// Sends one request to one object.
    fn send(
        &self,
        object: &ObjectName,
        request: http::Request<Bytes>,
    ) -> LocalBoxFuture<'_, Result<http::Response<Body>, HttpError>>;

    /// Sends one request whose answer nobody waits for and whose failure nobody hears of. For objects alone: what a
    /// Worker began ends with its request.
    fn post(&self, object: ObjectName, request: http::Request<Bytes>);
}
