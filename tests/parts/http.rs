//! Plain HTTP, as a browser or `curl` speaks it: no signature, no credentials but those that a test gives.

use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, Request, Response};
use platform::{Body, Http};
use serde_json::Value;

use crate::transport::Transport;

/// The most that is read of an answer.
const LIMIT: usize = 64 << 20;

/// How long one answer may take; a Worker that asks a bucket in vain tries for a while.
const TIMEOUT: Duration = Duration::from_secs(60);

/// One answer, read whole.
#[derive(Debug)]
pub struct ApiResponse {
    /// What was request_line, for messages.
    pub request: String,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl ApiResponse {
    /// One header; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{self}: no JSON: {error}"))
    }

    /// The same answer if it has the status; else the test fails with all of it.
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self}");
        self
    }
}

impl std::fmt::Display for ApiResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text: String = self.text().chars().take(2_000).collect();
        write!(f, "{}: {} {text}", self.request, self.status)
    }
}

/// Sends a request and reads the answer. The error says why none came.
pub async fn try_send(transport: &Transport, request: Request<Bytes>) -> Result<ApiResponse, String> {
    let request_line = format!("{} {}", request.method(), request.uri());
    let exchange = async {
        let answer = transport.send(request).await.map_err(|error| error.to_string())?;
        let (head, body) = answer.into_parts();
        let body = body.bytes(LIMIT).await.map_err(|error| error.to_string())?;
        Ok(ApiResponse { request: request_line.clone(), status: head.status.as_u16(), headers: head.headers, body })
    };
    let answer = tokio::time::timeout(TIMEOUT, exchange).await;
    answer.unwrap_or_else(|_| Err("no answer in time".to_owned())).map_err(|error| format!("{request_line}: {error}"))
}

/// The same; no answer fails the test.
pub async fn send(transport: &Transport, request: Request<Bytes>) -> ApiResponse {
    try_send(transport, request).await.unwrap_or_else(|error| panic!("{error}"))
}

/// One Worker's API.
#[derive(Clone, Copy)]
pub struct Api<'a> {
    /// What to send through.
    pub transport: &'a Transport,
    /// Its address, without a slash at the end.
    pub base: &'a str,
    /// What requests show that show nothing else.
    token: Option<&'a str>,
}

impl<'a> Api<'a> {
    /// The API at this address, to which nothing is shown.
    pub fn new(transport: &'a Transport, base: &'a str) -> Self {
        Self { transport, base, token: None }
    }

    /// The same for whoever has this token.
    pub fn with_token(self, token: &'a str) -> Self {
        Self { token: Some(token), ..self }
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Sends a request to it.
    pub async fn send(&self, request: Request<Bytes>) -> ApiResponse {
        send(self.transport, self.signed(request)).await
    }

    /// The same; the body as it comes.
    pub async fn stream(&self, request: Request<Bytes>) -> Response<Body> {
        self.transport.send(self.signed(request)).await.unwrap()
    }

    fn signed(&self, mut request: Request<Bytes>) -> Request<Bytes> {
        if let Some(token) = self.token
            && !request.headers().contains_key(AUTHORIZATION)
        {
            request.headers_mut().insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
        }
        request
    }

    /// GETs a path.
    pub async fn get(&self, path: &str) -> ApiResponse {
        self.send(request(Method::GET, &self.url(path))).await
    }

    /// POSTs a body to a path.
    pub async fn post(&self, path: &str, content_type: &str, body: impl Into<Bytes>) -> ApiResponse {
        let request = Request::post(self.url(path)).header("content-type", content_type).body(body.into());
        self.send(request.unwrap()).await
    }
}

/// Opens a URL as anybody could.
pub async fn open(transport: &Transport, url: &str) -> ApiResponse {
    send(transport, request(Method::GET, url)).await
}

/// A request without headers or body.
pub fn request(method: Method, url: &str) -> Request<Bytes> {
    Request::builder().method(method).uri(url).body(Bytes::new()).unwrap_or_else(|error| panic!("{url}: {error}"))
}
