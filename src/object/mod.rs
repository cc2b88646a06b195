//! The seams between Durable Objects and their platform.
//!
//! - this file: SQL, the alarm, WebSockets, and the way to other objects
//! - `call`: typed requests on top of that way
//! - `sql_row`: between rows and the types of this program

mod call;
mod sql_row;

use bytes::Bytes;
use futures::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};

use contract::{ProjectId, Timestamp};
use platform::{Body, HttpError};

pub use call::{
    CallError, ObjectCall, ObjectRequest, Target, call, handshake, handshake_call, post, read_answer, relay,
};
pub(crate) use call::{json, operations, reply, respond};
pub(crate) use sql_row::{RowReader, ToValue, json_value, row};

/// A value in the object's SQLite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Null,
    /// At most 2^53 - 1: larger numbers lose precision.
    Integer(i64),
    Text(String),
}

/// The object's SQLite. It is synchronous: statements without an await between them are one transaction.
pub trait Sql {
    /// Runs one statement with at most 100 `?` placeholders. Returns its rows, each a list of columns.
    fn exec(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Vec<Value>>, SqlError>;
}

/// The object's own storage failed, or holds something that this program never wrote: a bug or a broken platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("the object's storage: {0}")]
pub struct SqlError(pub String);

/// The object's one alarm.
pub trait Alarm {
    /// Sets the alarm, or clears it. A failure is not reported: each new instance of the object sets it again.
    fn set(&self, at: Option<Timestamp>) -> LocalBoxFuture<'_, ()>;
}

/// The WebSockets of an object. The platform keeps them while the object sleeps.
pub trait Sockets {
    /// Sends one text message to every WebSocket. One that cannot take it is about to close; its client gets the present
    /// state when it connects again.
    fn send_all(&self, text: &str);

    fn count(&self) -> usize;

    /// Closes every WebSocket with a reason. A client that connects again is authenticated again.
    fn close_all(&self, reason: &str);

    /// Closes those whose time is over at `now`. Returns when the next one is due.
    fn close_due(&self, now: Timestamp) -> Option<Timestamp>;
}

/// The address of an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ObjectName {
    Project(ProjectId),
    /// By user id.
    Account(String),
    Fleet,
    Chat(ProjectId),
    /// By number.
    Figures(u8),
}

/// The most requests that one invocation of a Worker has in flight: the platform delays further ones.
pub(crate) const WORKER_CONNECTIONS: usize = 6;

/// The way to the objects.
pub trait Objects {
    fn send(
        &self,
        object: &ObjectName,
        request: http::Request<Bytes>,
    ) -> LocalBoxFuture<'_, Result<http::Response<Body>, HttpError>>;

    /// Sends one request without waiting for the answer; a failure goes unnoticed. Only for objects: a Worker's own work
    /// ends with its request.
    fn post(&self, object: ObjectName, request: http::Request<Bytes>);
}
