//! HTTP requests and responses.

use std::fmt;

use bytes::{Bytes, BytesMut};
use futures::future::LocalBoxFuture;
use futures::stream::{LocalBoxStream, StreamExt};

/// Sends one request and returns one response.
///
/// A response with any status is `Ok`. `Err` means that no complete response head arrived: the request may or may not
/// have taken effect. Implementations do not follow redirects, do not retry, do not add headers that a signature would
/// miss, and send the body with a `Content-Length`.
pub trait Http {
    fn send(&self, request: http::Request<Bytes>) -> LocalBoxFuture<'_, Result<http::Response<Body>, HttpError>>;
}

/// No response arrived, or it broke off. The text is the transport's own message and never holds a header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct HttpError(pub String);

/// Why a body could not be read to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The body is longer than the caller's limit.
    #[error("the body is longer than {limit} bytes")]
    TooLong {
        /// In bytes.
        limit: usize,
    },
    /// The body broke off.
    #[error("the body broke off: {0}")]
    Broken(#[from] HttpError),
}

/// A body as a stream of chunks.
pub struct Body(LocalBoxStream<'static, Result<Bytes, HttpError>>);

impl Body {
    /// A body that is already in memory.
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self(futures::stream::iter((!bytes.is_empty()).then_some(Ok(bytes))).boxed_local())
    }

    pub fn empty() -> Self {
        Self::full(Bytes::new())
    }

    pub fn from_stream(stream: impl futures::Stream<Item = Result<Bytes, HttpError>> + 'static) -> Self {
        Self(stream.boxed_local())
    }

    pub fn into_stream(self) -> LocalBoxStream<'static, Result<Bytes, HttpError>> {
        self.0
    }

    /// Reads the body to its end, up to `limit` bytes. The rest of a longer body stays unread.
    pub async fn bytes(mut self, limit: usize) -> Result<Bytes, BodyError> {
        let Some(first) = self.0.next().await.transpose()? else { return Ok(Bytes::new()) };
        let mut whole = BytesMut::from(first);
        while whole.len() <= limit {
            match self.0.next().await.transpose()? {
                Some(chunk) => whole.extend_from_slice(&chunk),
                None => return Ok(whole.freeze()),
            }
        }
        Err(BodyError::TooLong { limit })
    }
}

/// Whether `host`, without its port, is this machine.
pub fn is_loopback(host: &str) -> bool {
    let is_v4 = host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback());
    is_v4 || host.eq_ignore_ascii_case("localhost") || host == "[::1]"
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;

    fn chunks(sizes: &[usize]) -> Body {
        let chunks: Vec<_> = sizes.iter().map(|size| Ok(Bytes::from(vec![7; *size]))).collect();
        Body::from_stream(futures::stream::iter(chunks))
    }

    #[test]
    fn a_body_is_read_up_to_the_limit() {
        assert_eq!(block_on(chunks(&[3, 4, 3]).bytes(10)).unwrap().len(), 10);
        assert_eq!(block_on(chunks(&[3, 4, 4]).bytes(10)), Err(BodyError::TooLong { limit: 10 }));
        assert_eq!(block_on(chunks(&[11]).bytes(10)), Err(BodyError::TooLong { limit: 10 }));
        assert_eq!(block_on(Body::empty().bytes(0)).unwrap().len(), 0);
    }

    #[test]
    fn loopback_hosts() {
        for host in ["127.0.0.1", "127.9.9.9", "localhost", "LOCALHOST", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["", "10.0.0.1", "127.0.0.1.example.com", "localhost.example.com", "[::2]", "example.com"] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn a_broken_body_is_an_error() {
        let broken = HttpError("reset".to_owned());
        let parts = vec![Ok(Bytes::from_static(b"half")), Err(broken.clone())];
        let body = Body::from_stream(futures::stream::iter(parts));
        assert_eq!(block_on(body.bytes(100)), Err(BodyError::Broken(broken)));
    }
}
