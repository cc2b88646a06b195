//! HTTP and time by hyper and tokio. Only this file reads a clock.

use std::io;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use contract::Timestamp;
use futures::future::LocalBoxFuture;
use futures::{FutureExt, StreamExt};
use http_body_util::{BodyStream, Full};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use platform::{Body, Clock, Http, HttpError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tower_service::Service;

/// HTTP/1.1 over TCP and TLS, with pooled connections; also connections without HTTP.
pub struct Transport {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    connector: HttpsConnector<HttpConnector>,
}

impl Transport {
    /// Trusts the operating system's certificates.
    ///
    /// # Errors
    /// When the certificates cannot be read.
    pub fn new() -> io::Result<Self> {
        let mut tcp = HttpConnector::new();
        tcp.set_connect_timeout(Some(Duration::from_secs(5)));
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_native_roots()?
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        // A request fails if the store closes its idle connection, so the pool closes idle connections earlier.
        let client =
            Client::builder(TokioExecutor::new()).pool_idle_timeout(Duration::from_secs(4)).build(connector.clone());
        Ok(Self { client, connector })
    }

    /// Opens a new connection to the host of `to`, with TLS for `https`.
    ///
    /// # Errors
    /// When the host cannot be reached, or its certificate is not valid.
    pub async fn connect(&self, to: http::Uri) -> io::Result<impl AsyncRead + AsyncWrite + Unpin + use<>> {
        let mut connector = self.connector.clone();
        std::future::poll_fn(|context| connector.poll_ready(context)).await.map_err(io::Error::other)?;
        connector.call(to).await.map(TokioIo::new).map_err(|error| io::Error::other(with_causes(&*error)))
    }
}

impl Http for Transport {
    fn send(&self, request: http::Request<Bytes>) -> LocalBoxFuture<'_, Result<http::Response<Body>, HttpError>> {
        let sent = self.client.request(request.map(Full::new));
        async move {
            let response = sent.await.map_err(|error| HttpError(with_causes(&error)))?;
            Ok(response.map(|body| {
                let chunks = BodyStream::new(body).filter_map(|frame| async move {
                    match frame {
                        Ok(frame) => frame.into_data().ok().map(Ok),
                        Err(error) => Some(Err(HttpError(with_causes(&error)))),
                    }
                });
                Body::from_stream(chunks.boxed_local())
            }))
        }
        .boxed_local()
    }
}

/// The message with its causes. hyper's own message says little, for example "client error (Connect)".
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// The system's clocks.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    /// Tokio's clock, which tests can stop together with the waits.
    started: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl SystemClock {
    /// Starts to count monotonic time.
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }

    /// Monotonic time since [`SystemClock::new`].
    pub fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "only this file reads the clock")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'_, ()> {
        tokio::time::sleep(duration).boxed_local()
    }
}
