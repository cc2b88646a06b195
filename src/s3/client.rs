//! The client: builds a request, signs it, sends it, sorts the answer, and tries again.

use bytes::Bytes;
use futures::future::{Either, select};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::config::Bucket;
use super::error::S3Error;
use super::retry::Patience;
use super::sign::sign_headers;
use super::url::object_url;
use crate::http::{BodyError, Clock, Http};

/// The most that is read of an answer which is no object: listings (1,000 keys) and errors.
pub(super) const DOCUMENT_LIMIT: usize = 8 << 20;

/// One bucket, ready to be asked.
#[derive(Clone, Copy)]
pub struct Client<'a> {
    http: &'a dyn Http,
    clock: &'a dyn Clock,
    bucket: &'a Bucket,
    patience: Patience,
}

/// A request before it is signed: the same for every try.
pub(super) struct Call<'c> {
    pub method: Method,
    pub key: &'c str,
    pub query: &'c [(&'c str, &'c str)],
    pub headers: HeaderMap,
    pub body: Bytes,
    /// The most that is read of a successful answer.
    pub limit: usize,
}

/// A successful answer, read whole.
pub(super) struct Answer {
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl<'a> Client<'a> {
    /// A client with the default [`Patience`].
    pub fn new(http: &'a dyn Http, clock: &'a dyn Clock, bucket: &'a Bucket) -> Self {
        Self { http, clock, bucket, patience: Patience::default() }
    }

    /// The same client with another patience.
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// The bucket it asks.
    pub fn bucket(&self) -> &'a Bucket {
        self.bucket
    }

    /// Sends `call` until it succeeds, is answered with a definite no, or patience ends.
    pub(super) async fn send(&self, call: Call<'_>) -> Result<Answer, S3Error> {
        let mut failed = 0;
        loop {
            let error = match self.try_once(&call).await {
                Err(error) if error.is_passing() => error,
                settled => return settled,
            };
            failed += 1;
            if failed >= self.patience.tries {
                return Err(error);
            }
            self.clock.sleep(self.patience.pause(failed, random())).await;
        }
    }

    async fn try_once(&self, call: &Call<'_>) -> Result<Answer, S3Error> {
        let uri = object_url(self.bucket, &self.bucket.endpoint, call.key, call.query)?;
        let mut request = http::Request::new(call.body.clone());
        *request.method_mut() = call.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = call.headers.clone();
        sign_headers(&mut request, self.bucket, self.clock.now())?;

        let exchange = Box::pin(self.exchange(request, call));
        let timeout = self.patience.timeout_for(call.body.len().max(call.limit.min(64 << 20)));
        match select(exchange, self.clock.sleep(timeout)).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => Err(S3Error::Unavailable(format!("no answer within {} s", timeout.as_secs()))),
        }
    }

    async fn exchange(&self, request: http::Request<Bytes>, call: &Call<'_>) -> Result<Answer, S3Error> {
        let answer = self.http.send(request).await.map_err(|error| S3Error::Unavailable(error.to_string()))?;
        let (head, body) = answer.into_parts();
        if !head.status.is_success() {
            let body = body.bytes(DOCUMENT_LIMIT).await.unwrap_or_default();
            return Err(S3Error::from_answer(head.status, &body));
        }
        match body.bytes(call.limit).await {
            Ok(body) => Ok(Answer { headers: head.headers, body }),
            Err(BodyError::TooLong { limit }) => Err(S3Error::TooLarge { limit }),
            Err(BodyError::Broken(error)) => Err(S3Error::Unavailable(error.to_string())),
        }
    }
}

/// Adds one header; a value that no header can carry is the caller's mistake, told as such.
pub(super) fn add_header(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), S3Error> {
    let name: HeaderName = name.parse().map_err(|_| S3Error::Unusable(format!("{name:?} is no header's name")))?;
    let value =
        HeaderValue::from_str(value).map_err(|_| S3Error::Unusable(format!("the value of {name} cannot be sent")))?;
    headers.insert(name, value);
    Ok(())
}

/// Spreads retries; that it is uniform matters, that it is secret does not.
fn random() -> u32 {
    getrandom::u32().unwrap_or(u32::MAX)
}
