//! The seams between Durable Objects and their platform: SQL, the alarm, and calls from one object to another.

use bytes::Bytes;
use futures::future::LocalBoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::contract::{ProjectId, Timestamp};
use crate::http::{Body, HttpError};

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

/// The object's own storage failed, or holds what this program never wrote. A bug or a broken platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the object's storage: {0}")]
pub struct SqlError(pub String);

/// The object's one alarm.
pub trait Alarm {
    /// Sets it to `at`, or clears it. A failure is told when the object wakes next: each wake arms it anew.
    fn set(&self, at: Option<Timestamp>) -> LocalBoxFuture<'_, ()>;
}

/// Which object a call goes to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ObjectName {
    /// The life of one project's versions.
    Project(ProjectId),
    /// One user's index of projects.
    Account(String),
    /// What is known about the store.
    Fleet,
}

/// Reaches the objects.
pub trait Objects {
    /// Sends one request to one object.
    fn send(
        &self,
        object: &ObjectName,
        request: http::Request<Bytes>,
    ) -> LocalBoxFuture<'_, Result<http::Response<Body>, HttpError>>;
}

/// The most that an answer between objects holds: a page of versions with their reports.
const ANSWER_LIMIT: usize = 16 << 20;

/// Calls `object` with `call` as JSON and reads the answer.
///
/// # Errors
/// [`HttpError`] when the object cannot be reached, breaks, or answers what the caller does not understand.
pub async fn call<A: DeserializeOwned>(
    objects: &dyn Objects,
    object: &ObjectName,
    call: &impl Serialize,
) -> Result<A, HttpError> {
    let broken = |error: &dyn std::fmt::Display| HttpError(format!("the {object:?} object: {error}"));
    let body = serde_json::to_vec(call).map_err(|error| broken(&error))?;
    let request = http::Request::post("https://object/")
        .header("content-type", "application/json")
        .body(body.into())
        .map_err(|error| broken(&error))?;
    let answer = objects.send(object, request).await?;
    let status = answer.status();
    let body = answer.into_body().bytes(ANSWER_LIMIT).await.map_err(|error| broken(&error))?;
    if !status.is_success() {
        return Err(broken(&format!("{status} {}", String::from_utf8_lossy(&body))));
    }
    serde_json::from_slice(&body).map_err(|error| broken(&error))
}
