//! Plain HTTP, as a browser or `curl` speaks it: no signature, and no credentials except those that a test gives.

use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, Request, Response};
use platform::{Body, Http};
use serde_json::Value;

use crate::transport::Transport;

/// The largest body, in bytes.
const LIMIT: usize = 64 << 20;

/// The time limit of one response. A Worker whose bucket is unavailable retries for a while.
const TIMEOUT: Duration = Duration::from_secs(60);

/// One complete response.
#[derive(Debug)]
pub struct ApiResponse {
    /// Method and URL of the request, for messages.
    pub request: String,
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl ApiResponse {
    /// One header, or an empty text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{self}: not JSON: {error}"))
    }

    /// Fails the test unless the response has this status.
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

/// Sends a request and reads the response.
pub async fn try_send(transport: &Transport, request: Request<Bytes>) -> Result<ApiResponse, String> {
    let request_line = format!("{} {}", request.method(), request.uri());
    let exchange = async {
        let answer = transport.send(request).await.map_err(|error| error.to_string())?;
        let (head, body) = answer.into_parts();
        let body = body.bytes(LIMIT).await.map_err(|error| error.to_string())?;
        Ok(ApiResponse { request: request_line.clone(), status: head.status.as_u16(), headers: head.headers, body })
    };
    let answer = tokio::time::timeout(TIMEOUT, exchange).await;
    answer
        .unwrap_or_else(|_| Err("timed out waiting for the response".to_owned()))
        .map_err(|error| format!("{request_line}: {error}"))
}

/// Sends a request and fails the test if no response comes.
pub async fn send(transport: &Transport, request: Request<Bytes>) -> ApiResponse {
    try_send(transport, request).await.unwrap_or_else(|error| panic!("{error}"))
}

#[derive(Clone, Copy)]
pub struct Api<'a> {
    pub transport: &'a Transport,
    /// Its address, without a slash at the end.
    pub base: &'a str,
    /// The token of requests that have no `Authorization` header.
    token: Option<&'a str>,
}

impl<'a> Api<'a> {
    /// The API at this address, without a token.
    pub fn new(transport: &'a Transport, base: &'a str) -> Self {
        Self { transport, base, token: None }
    }

    /// The same API with a token.
    pub fn with_token(self, token: &'a str) -> Self {
        Self { token: Some(token), ..self }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub async fn send(&self, request: Request<Bytes>) -> ApiResponse {
        send(self.transport, self.signed(request)).await
    }

    /// Sends a request and returns the response before its body is read.
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

    pub async fn get(&self, path: &str) -> ApiResponse {
        self.send(request(Method::GET, &self.url(path))).await
    }

    pub async fn post(&self, path: &str, content_type: &str, body: impl Into<Bytes>) -> ApiResponse {
        let request = Request::post(self.url(path)).header("content-type", content_type).body(body.into());
        self.send(request.unwrap()).await
    }
}

/// Opens a URL without credentials.
pub async fn open(transport: &Transport, url: &str) -> ApiResponse {
    send(transport, request(Method::GET, url)).await
}

pub fn request(method: Method, url: &str) -> Request<Bytes> {
    Request::builder().method(method).uri(url).body(Bytes::new()).unwrap_or_else(|error| panic!("{url}: {error}"))
}
