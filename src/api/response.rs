//! The response that a handler gives.

use bytes::Bytes;
use serde::Serialize;

use super::error::ApiError;
use crate::object::{ObjectName, ObjectRequest, Target, handshake};
use platform::Body;

/// A response that is not an error.
pub(super) struct ApiResponse {
    status: http::StatusCode,
    headers: Vec<(&'static str, String)>,
    body: Body,
    upgrade: Option<Upgrade>,
}

/// The object that takes a WebSocket, and the handshake for it.
pub(super) type Upgrade = (ObjectName, http::Request<Bytes>);

impl ApiResponse {
    /// 200 with JSON that must not be cached.
    ///
    /// # Errors
    /// If the body cannot be written as JSON.
    pub fn json(body: &impl Serialize) -> Result<Self, ApiError> {
        let text = serde_json::to_vec(body).map_err(|error| ApiError::broken(&error.to_string()))?;
        Ok(Self::text("application/json", text).header("cache-control", "no-store".to_owned()))
    }

    pub fn text(media_type: &'static str, text: impl Into<Bytes>) -> Self {
        let headers = vec![("content-type", media_type.to_owned())];
        Self { status: http::StatusCode::OK, headers, body: Body::full(text), upgrade: None }
    }

    /// 200 with server-sent events (WHATWG HTML, section 9.2). Proxies must not buffer them.
    pub fn events(body: Body) -> Self {
        let headers =
            [("content-type", "text/event-stream"), ("cache-control", "no-store"), ("x-accel-buffering", "no")];
        let headers = headers.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
        Self { status: http::StatusCode::OK, headers, body, upgrade: None }
    }

    pub fn not_modified() -> Self {
        Self::empty().status(http::StatusCode::NOT_MODIFIED)
    }

    /// 204.
    pub fn empty() -> Self {
        Self { status: http::StatusCode::NO_CONTENT, headers: Vec::new(), body: Body::empty(), upgrade: None }
    }

    /// Passes the handshake of a WebSocket to an object, which answers it.
    pub fn upgrade<R: ObjectRequest>(target: &R::Target, request: R) -> Result<Self, ApiError> {
        Ok(Self { upgrade: Some((target.object(), handshake(target, request)?)), ..Self::empty() })
    }

    pub fn status(self, status: http::StatusCode) -> Self {
        Self { status, ..self }
    }

    pub fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value));
        self
    }

    /// The handshake, if the response is one.
    pub fn take_upgrade(&mut self) -> Option<Upgrade> {
        self.upgrade.take()
    }

    pub fn into_response(self) -> http::Response<Body> {
        let mut response = http::Response::new(self.body);
        *response.status_mut() = self.status;
        for (name, value) in self.headers {
            if let Ok(value) = value.parse() {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}
