//! The client: builds, signs, sends and retries requests.

use std::cell::Cell;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{Either, select};
use http::header::{CONTENT_LENGTH, IF_MATCH};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::config::Bucket;
use super::error::S3Error;
use super::error_body::ErrorBody;
use super::retry_policy::RetryPolicy;
use super::sign::sign_headers;
use super::url::object_url;
use platform::{Body, BodyError, Clock, ClockExt, Http};

/// The limit for responses other than objects, in bytes: listings of 1,000 keys, and errors.
pub(crate) const DOCUMENT_LIMIT: usize = 8 << 20;

/// Sends requests to one bucket.
#[derive(Clone, Copy)]
pub struct Client<'a> {
    http: &'a dyn Http,
    clock: &'a dyn Clock,
    bucket: &'a Bucket,
    retry_policy: RetryPolicy,
}

/// A request before it is signed: the same for all tries.
pub(crate) struct Call<'c> {
    pub method: Method,
    pub key: &'c str,
    pub query: &'c [(&'c str, &'c str)],
    pub headers: HeaderMap,
    pub body: Bytes,
    /// The longest response that is read, in bytes.
    pub limit: usize,
}

/// A successful response, read to its end.
pub(crate) struct Response {
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl<'a> Client<'a> {
    /// A client with the default [`RetryPolicy`].
    pub fn new(http: &'a dyn Http, clock: &'a dyn Clock, bucket: &'a Bucket) -> Self {
        Self { http, clock, bucket, retry_policy: RetryPolicy::default() }
    }

    /// The same client with another policy.
    pub fn with_retry_policy(self, retry_policy: RetryPolicy) -> Self {
        Self { retry_policy, ..self }
    }

    pub fn bucket(&self) -> &'a Bucket {
        self.bucket
    }

    /// Sends `call` until it succeeds, the store refuses it, or the [`RetryPolicy`] ends.
    ///
    /// A refused PUT says nothing about an earlier try that got no response. That try may have taken effect, so the
    /// outcome is indeterminate, as it is without any response.
    pub(crate) async fn send(&self, call: Call<'_>) -> Result<Response, S3Error> {
        let earlier = Cell::new(None);
        let trying = Box::pin(self.try_until_settled(&call, &earlier));
        let Some(deadline) = self.retry_policy.deadline else { return trying.await };
        match self.clock.timeout(deadline, trying).await {
            Some(settled) => settled,
            None => Err(earlier.take().unwrap_or_else(|| late(deadline))),
        }
    }

    /// `earlier` holds the newest failure without a response, for a caller that ends this at its deadline.
    async fn try_until_settled(&self, call: &Call<'_>, earlier: &Cell<Option<S3Error>>) -> Result<Response, S3Error> {
        let mut failures = 0;
        loop {
            let error = match self.try_once(call).await {
                Err(error) if error.is_transient() => error,
                settled => {
                    return settled.map_err(|refusal| match earlier.take() {
                        Some(earlier) if is_indeterminate(call, &refusal) => S3Error::Unavailable(format!(
                            "{refusal}; an earlier try, which may have taken effect, ended in: {earlier}"
                        )),
                        _ => refusal,
                    });
                }
            };
            failures += 1;
            if failures >= self.retry_policy.tries {
                return Err(error);
            }
            earlier.set(Some(error));
            self.clock.sleep(self.retry_policy.backoff.delay(failures)).await;
        }
    }

    async fn try_once(&self, call: &Call<'_>) -> Result<Response, S3Error> {
        let uri = object_url(self.bucket, &self.bucket.endpoint, call.key, call.query)?;
        let mut request = http::Request::new(call.body.clone());
        *request.method_mut() = call.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = call.headers.clone();
        sign_headers(&mut request, self.bucket, self.clock.now())?;

        let limit = self.retry_policy.timeout + RetryPolicy::extra_time(call.body.len() as u64);
        let mut end = self.clock.sleep(limit);
        let response = match select(self.http.send(request), &mut end).await {
            Either::Left((response, _)) => response.map_err(|error| S3Error::Unavailable(error.to_string()))?,
            Either::Right(_) => return Err(late(limit)),
        };
        // Only the head says how long the body is. The rest of the first wait counts too.
        let more = RetryPolicy::extra_time(expected_length(response.headers(), call.limit));
        let end = end.then(|()| self.clock.sleep(more));
        match select(Box::pin(read(response, call.limit)), end).await {
            Either::Left((response, _)) => response,
            Either::Right(_) => Err(late(limit + more)),
        }
    }
}

/// Whether `refusal` says nothing about the effect of an earlier try of `call`.
///
/// A failed condition does say something: the caller then checks who wrote the object. At some stores
/// [`S3Error::NotFound`] is a failed condition.
fn is_indeterminate(call: &Call<'_>, refusal: &S3Error) -> bool {
    let is_from_the_store = match refusal {
        S3Error::Refused { .. } => true,
        S3Error::NotFound => !call.headers.contains_key(IF_MATCH),
        _ => false,
    };
    call.method == Method::PUT && is_from_the_store
}

/// Reads a response to its end.
async fn read(response: http::Response<Body>, limit: usize) -> Result<Response, S3Error> {
    let (head, body) = response.into_parts();
    if !head.status.is_success() {
        let body = body.bytes(DOCUMENT_LIMIT).await.unwrap_or_default();
        let ErrorBody { code, message } = ErrorBody::parse(&body);
        return Err(S3Error::from_response(head.status, code, message));
    }
    match body.bytes(limit).await {
        Ok(body) => Ok(Response { headers: head.headers, body }),
        Err(BodyError::TooLong { limit }) => Err(S3Error::TooLarge { limit }),
        Err(BodyError::Broken(error)) => Err(S3Error::Unavailable(error.to_string())),
    }
}

/// The length of the body to wait for: what the head says, at most `limit`. The response to a HEAD names the object's
/// length but has no body; its limit is 0.
fn expected_length(headers: &HeaderMap, limit: usize) -> u64 {
    let stated = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    stated.unwrap_or(u64::MAX).min(limit as u64)
}

fn late(after: Duration) -> S3Error {
    S3Error::Unavailable(format!("no response within {} s", after.as_secs_f64()))
}

/// Adds one header. A name or a value that HTTP does not allow is [`S3Error::Unusable`].
pub(crate) fn add_header(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), S3Error> {
    let name: HeaderName = name.parse().map_err(|_| S3Error::Unusable(format!("{name:?} is not a header name")))?;
    let value =
        HeaderValue::from_str(value).map_err(|_| S3Error::Unusable(format!("the value of {name} cannot be sent")))?;
    headers.insert(name, value);
    Ok(())
}
