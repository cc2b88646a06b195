//! Typed calls to Durable Objects.
//!
//! Each object declares one request type per operation with [`operations!`]. A request names its reply, so a caller
//! cannot get another one. On the wire a call is the JSON of an [`ObjectCall`]; the answer is status 200 with the reply,
//! or 409 with the refusal.

use bytes::Bytes;
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use http::StatusCode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{ObjectName, Objects};
use platform::{Body, HttpError};

/// The most bytes of a reply: a page of versions with their reports.
const REPLY_LIMIT: usize = 16 << 20;

/// The object that a call goes to, with what every call to it carries.
pub trait Target: Clone + Serialize + DeserializeOwned {
    /// One variant per request.
    type Operation: Serialize + DeserializeOwned;
    /// Why the object does not do what a request asks.
    type Refusal: Serialize + DeserializeOwned;

    fn object(&self) -> ObjectName;
}

/// One operation of an object.
pub trait ObjectRequest: Into<<Self::Target as Target>::Operation> {
    type Target: Target;
    /// JSON on the wire, or a [`Body`] that the caller relays unread: see [`relay`].
    type Reply;
}

/// A call as the object receives it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct ObjectCall<T: Target> {
    pub target: T,
    pub operation: T::Operation,
}

/// Declares the operations of an object: an enum with one variant per request type, and the reply of each.
macro_rules! operations {
    ($(#[$doc:meta])* $operation:ident of $target:ident { $($request:ident -> $reply:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
        pub enum $operation { $($request($request)),* }

        $(
            impl From<$request> for $operation {
                fn from(request: $request) -> Self {
                    Self::$request(request)
                }
            }

            impl $crate::object::ObjectRequest for $request {
                type Target = $target;
                type Reply = $reply;
            }
        )*
    };
}
pub(crate) use operations;

/// Why a call gave no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError<F> {
    /// The object does not do what was asked.
    #[error("{0}")]
    Refused(F),
    /// The object cannot be reached, breaks, or answers something unintelligible.
    #[error("{0}")]
    Failed(HttpError),
}

impl<F> From<HttpError> for CallError<F> {
    fn from(error: HttpError) -> Self {
        Self::Failed(error)
    }
}

type CallResult<R, T> = Result<T, CallError<<<R as ObjectRequest>::Target as Target>::Refusal>>;

/// Sends `request` to the object and reads the reply.
///
/// # Errors
/// The object's refusal, or the reason why there is no answer.
pub async fn call<R>(objects: &dyn Objects, target: &R::Target, request: R) -> CallResult<R, R::Reply>
where
    R: ObjectRequest<Reply: DeserializeOwned>,
{
    let object = target.object();
    let answer = exchange(objects, &object, encode(target, request)).await?;
    read_answer::<R>(&object, answer).await
}

/// Sends `request` to the object and gives the reply's body unread.
///
/// # Errors
/// As [`call`].
pub async fn relay<R>(objects: &dyn Objects, target: &R::Target, request: R) -> CallResult<R, Body>
where
    R: ObjectRequest<Reply = Body>,
{
    let object = target.object();
    let answer = exchange(objects, &object, encode(target, request)).await?;
    if answer.status() == StatusCode::OK {
        return Ok(answer.into_body());
    }
    Err(CallError::Refused(decode(&object, &read(&object, answer.into_body()).await?)?))
}

/// Reads an object's answer to a request of type `R`.
///
/// # Errors
/// As [`call`].
pub async fn read_answer<R>(object: &ObjectName, answer: http::Response<Body>) -> CallResult<R, R::Reply>
where
    R: ObjectRequest<Reply: DeserializeOwned>,
{
    let is_reply = answer.status() == StatusCode::OK;
    let bytes = read(object, answer.into_body()).await?;
    if is_reply { Ok(decode(object, &bytes)?) } else { Err(CallError::Refused(decode(object, &bytes)?)) }
}

/// Sends `request` to the object without waiting for an answer. For hints only: a failure goes unnoticed.
pub fn post<R: ObjectRequest>(objects: &dyn Objects, target: &R::Target, request: R) {
    if let Ok(request) = encode(target, request) {
        objects.post(target.object(), request);
    }
}

/// The handshake of a WebSocket for the object to hold. A handshake has no body, so the call goes into the URL.
///
/// # Errors
/// When the call cannot be encoded.
pub fn handshake<R: ObjectRequest>(target: &R::Target, request: R) -> Result<http::Request<Bytes>, HttpError> {
    let call = ObjectCall { target: target.clone(), operation: request.into() };
    let call = serde_json::to_string(&call).map_err(|error| HttpError(error.to_string()))?;
    let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("call", &call).finish();
    let request = http::Request::get(format!("https://object/?{query}")).header("upgrade", "websocket");
    request.body(Bytes::new()).map_err(|error| HttpError(error.to_string()))
}

/// The call in the URL of a [`handshake`], if it holds one.
pub fn handshake_call<T: DeserializeOwned>(url: &str) -> Option<T> {
    let (_, query) = url.split_once('?')?;
    let (_, call) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "call")?;
    serde_json::from_str(&call).ok()
}

/// Encodes the reply to a request. Makes the compiler check that the dispatch returns the request's reply type.
pub(crate) fn reply<R, F>(_: &R, reply: Result<R::Reply, F>) -> Result<Body, F>
where
    R: ObjectRequest<Reply: Serialize>,
{
    reply.map(|reply| json(&reply))
}

/// The object's answer as it is sent.
pub(crate) fn respond<F: Serialize>(answer: Result<Body, F>) -> http::Response<Body> {
    let (status, body) = match answer {
        Ok(body) => (StatusCode::OK, body),
        Err(refusal) => (StatusCode::CONFLICT, json(&refusal)),
    };
    let mut response = http::Response::new(body);
    *response.status_mut() = status;
    response
}

/// Replies and refusals are plain data, which JSON can always hold.
pub(crate) fn json(value: &impl Serialize) -> Body {
    Body::full(serde_json::to_vec(value).unwrap_or_default())
}

fn encode<R: ObjectRequest>(target: &R::Target, request: R) -> Result<http::Request<Bytes>, HttpError> {
    posted(serde_json::to_vec(&ObjectCall { target: target.clone(), operation: request.into() }))
}

fn posted(body: serde_json::Result<Vec<u8>>) -> Result<http::Request<Bytes>, HttpError> {
    let body = body.map_err(|error| HttpError(error.to_string()))?;
    let request = http::Request::post("https://object/").header("content-type", "application/json");
    request.body(body.into()).map_err(|error| HttpError(error.to_string()))
}

/// Sends the call; the answer has status 200 or 409. Boxed and free of type parameters, so that the compiled code exists
/// once.
fn exchange<'a>(
    objects: &'a dyn Objects,
    object: &'a ObjectName,
    request: Result<http::Request<Bytes>, HttpError>,
) -> LocalBoxFuture<'a, Result<http::Response<Body>, HttpError>> {
    async move {
        let request = request.map_err(|error| failed(object, &error))?;
        let answer = objects.send(object, request).await?;
        let status = answer.status();
        if matches!(status, StatusCode::OK | StatusCode::CONFLICT) {
            return Ok(answer);
        }
        let body = read(object, answer.into_body()).await?;
        Err(failed(object, &format!("{status} {}", String::from_utf8_lossy(&body))))
    }
    .boxed_local()
}

fn read(object: &ObjectName, body: Body) -> LocalBoxFuture<'_, Result<Bytes, HttpError>> {
    async move { body.bytes(REPLY_LIMIT).await.map_err(|error| failed(object, &error)) }.boxed_local()
}

fn decode<T: DeserializeOwned>(object: &ObjectName, bytes: &[u8]) -> Result<T, HttpError> {
    serde_json::from_slice(bytes).map_err(|error| failed(object, &error))
}

fn failed(object: &ObjectName, error: &dyn std::fmt::Display) -> HttpError {
    HttpError(format!("the {object:?} object: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{AccountCall, AccountTarget, RevokeToken};

    #[test]
    fn handshake_carries_its_call() {
        let (target, id) = (AccountTarget("ü & = ? %".to_owned()), "a+b c".to_owned());
        let request = handshake(&target, RevokeToken { id }).unwrap();
        assert_eq!(request.headers()["upgrade"], "websocket");
        let call: AccountCall = handshake_call(&request.uri().to_string()).unwrap();
        assert_eq!(
            format!("{call:?}"),
            r#"ObjectCall { target: AccountTarget("ü & = ? %"), operation: RevokeToken(RevokeToken { id: "a+b c" }) }"#
        );
        assert!(handshake_call::<AccountCall>("https://object/?x=1").is_none());
    }
}
