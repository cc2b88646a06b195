//! The seams between Durable Objects and their platform: SQL, the alarm, WebSockets, and calls from one object to
//! another.

use bytes::Bytes;
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;

use contract::{ProjectId, Timestamp};
use platform::{Body, HttpError};

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
    let answer = exchange(objects, object, request(call)).await?;
    serde_json::from_slice(&answer).map_err(|error| broken(object, &error))
}

/// What all calls have alike. Boxed, so that the code of it is there once.
fn exchange<'a>(
    objects: &'a dyn Objects,
    object: &'a ObjectName,
    request: Result<http::Request<Bytes>, HttpError>,
) -> LocalBoxFuture<'a, Result<Bytes, HttpError>> {
    async move {
        let request = request.map_err(|error| broken(object, &error))?;
        let answer = objects.send(object, request).await?;
        let status = answer.status();
        let body = answer.into_body().bytes(ANSWER_LIMIT).await.map_err(|error| broken(object, &error))?;
        if status.is_success() {
            return Ok(body);
        }
        Err(broken(object, &format!("{status} {}", String::from_utf8_lossy(&body))))
    }
    .boxed_local()
}

fn broken(object: &ObjectName, error: &dyn std::fmt::Display) -> HttpError {
    HttpError(format!("the {object:?} object: {error}"))
}

/// Calls `object` and waits for nothing: what is said is a hint.
pub fn post(objects: &dyn Objects, object: ObjectName, call: &impl Serialize) {
    if let Ok(request) = request(call) {
        objects.post(object, request);
    }
}

/// The request that carries `call` to an object.
pub(crate) fn request(call: &impl Serialize) -> Result<http::Request<Bytes>, HttpError> {
    let body = serde_json::to_vec(call).map_err(|error| HttpError(error.to_string()))?;
    posted(body.into())
}

fn posted(body: Bytes) -> Result<http::Request<Bytes>, HttpError> {
    let request = http::Request::post("https://object/").header("content-type", "application/json");
    request.body(body).map_err(|error| HttpError(error.to_string()))
}

/// The handshake of a WebSocket that an object is to hold. It has no body, so `call` goes in the URL.
///
/// # Errors
/// When `call` cannot be written.
pub fn handshake(call: &impl Serialize) -> Result<http::Request<Bytes>, HttpError> {
    let broken = |error: &dyn std::fmt::Display| HttpError(error.to_string());
    let call = serde_json::to_string(call).map_err(|error| broken(&error))?;
    let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("call", &call).finish();
    let request = http::Request::get(format!("https://object/?{query}")).header("upgrade", "websocket");
    request.body(Bytes::new()).map_err(|error| broken(&error))
}

/// The call in the URL of a [`handshake`]; none where it holds none.
pub fn handshake_call<T: DeserializeOwned>(url: &str) -> Option<T> {
    let (_, query) = url.split_once('?')?;
    let (_, call) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "call")?;
    serde_json::from_str(&call).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handshake_carries_its_call() {
        let call = ("ü & = ? %".to_owned(), 7);
        let request = handshake(&call).unwrap();
        assert_eq!(request.headers()["upgrade"], "websocket");
        assert_eq!(handshake_call(&request.uri().to_string()), Some(call));
        assert_eq!(handshake_call::<u32>("https://object/?x=1"), None);
    }
}
