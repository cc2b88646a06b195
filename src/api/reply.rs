//! What a handler gives.

use bytes::Bytes;
use serde_json::Value;

use crate::http::Body;

/// A successful answer.
pub(super) struct Reply {
    status: http::StatusCode,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

impl Reply {
    /// 200 with JSON; answers that change are not kept by anybody.
    pub fn json(value: &Value) -> Self {
        Self::text("application/json", value.to_string()).header("cache-control", "no-store".to_owned())
    }

    /// 200 with text of a media type.
    pub fn text(media_type: &'static str, text: impl Into<Bytes>) -> Self {
        let headers = vec![("content-type", media_type.to_owned())];
        Self { status: http::StatusCode::OK, headers, body: text.into() }
    }

    /// 304 without a body.
    pub fn not_modified() -> Self {
        Self { status: http::StatusCode::NOT_MODIFIED, headers: Vec::new(), body: Bytes::new() }
    }

    /// The same with another status.
    pub fn status(self, status: http::StatusCode) -> Self {
        Self { status, ..self }
    }

    /// The same with one header set.
    pub fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value));
        self
    }

    pub fn into_response(self) -> http::Response<Body> {
        let mut response = http::Response::new(Body::full(self.body));
        *response.status_mut() = self.status;
        for (name, value) in self.headers {
            if let Ok(value) = value.parse() {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}
