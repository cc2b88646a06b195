//! The client: builds a request, signs it, sends it, sorts the answer, and tries again.

use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{Either, select};
use http::header::{CONTENT_LENGTH, IF_MATCH};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::config::Bucket;
use super::error::S3Error;
use super::retry::Patience;
use super::sign::sign_headers;
use super::url::object_url;
use crate::http::{Body, BodyError, Clock, Http};

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

    /// The same client with another patience; [`Patience::within`] is for short waits.
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// The bucket it asks.
    pub fn bucket(&self) -> &'a Bucket {
        self.bucket
    }

    /// Sends `call` until it succeeds, is answered with a definite no, or patience ends.
    ///
    /// A no to a PUT says nothing of an earlier try that got no answer: that one may have been done, so the outcome is
    /// as open as without any answer.
    pub(super) async fn send(&self, call: Call<'_>) -> Result<Answer, S3Error> {
        let mut end = match self.patience.total {
            Some(total) => self.clock.sleep(total),
            None => futures::future::pending().boxed_local(),
        };
        let mut unclear = None;
        for failed in 1.. {
            let error = match select(Box::pin(self.try_once(&call)), &mut end).await {
                Either::Left((Err(error), _)) if error.is_passing() => error,
                Either::Left((settled, _)) => {
                    return settled.map_err(|no| match &unclear {
                        Some(earlier) if leaves_open(&call, &no) => S3Error::Unavailable(format!(
                            "{no}; but an earlier try, which may have been done, ended in: {earlier}"
                        )),
                        _ => no,
                    });
                }
                Either::Right(_) => break,
            };
            unclear = Some(error);
            if failed >= self.patience.tries {
                break;
            }
            let pause = self.clock.sleep(self.patience.pause(failed, random()));
            if let Either::Right(_) = select(pause, &mut end).await {
                break;
            }
        }
        Err(unclear.unwrap_or_else(|| late(self.patience.total.unwrap_or_default())))
    }

    async fn try_once(&self, call: &Call<'_>) -> Result<Answer, S3Error> {
        let uri = object_url(self.bucket, &self.bucket.endpoint, call.key, call.query)?;
        let mut request = http::Request::new(call.body.clone());
        *request.method_mut() = call.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = call.headers.clone();
        sign_headers(&mut request, self.bucket, self.clock.now())?;

        let patience = self.patience.timeout + Patience::for_length(call.body.len() as u64);
        let mut end = self.clock.sleep(patience);
        let answer = match select(self.http.send(request), &mut end).await {
            Either::Left((answer, _)) => answer.map_err(|error| S3Error::Unavailable(error.to_string()))?,
            Either::Right(_) => return Err(late(patience)),
        };
        // Only now is it known how much there is to wait for; what is left of the first wait counts too.
        let more = Patience::for_length(length_to_come(answer.headers(), call.limit));
        let end = end.then(|()| self.clock.sleep(more));
        match select(Box::pin(read(answer, call.limit)), end).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => Err(late(patience + more)),
        }
    }
}

/// Whether `no` says nothing of what became of an earlier try of `call`. A failed condition does say something, and
/// callers look whose the object is; at some stores [`S3Error::NotFound`] is one.
fn leaves_open(call: &Call<'_>, no: &S3Error) -> bool {
    let of_the_store = match no {
        S3Error::Refused { .. } => true,
        S3Error::NotFound => !call.headers.contains_key(IF_MATCH),
        _ => false,
    };
    call.method == Method::PUT && of_the_store
}

/// Reads an answer whole and sorts it.
async fn read(answer: http::Response<Body>, limit: usize) -> Result<Answer, S3Error> {
    let (head, body) = answer.into_parts();
    if !head.status.is_success() {
        let body = body.bytes(DOCUMENT_LIMIT).await.unwrap_or_default();
        return Err(S3Error::from_answer(head.status, &body));
    }
    match body.bytes(limit).await {
        Ok(body) => Ok(Answer { headers: head.headers, body }),
        Err(BodyError::TooLong { limit }) => Err(S3Error::TooLarge { limit }),
        Err(BodyError::Broken(error)) => Err(S3Error::Unavailable(error.to_string())),
    }
}

/// How much of a body is to be waited for: what the head says, or all that is taken where it says nothing. A HEAD's
/// answer names the object's length and has no body, which its limit of 0 says.
fn length_to_come(headers: &HeaderMap, limit: usize) -> u64 {
    let stated = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    stated.unwrap_or(u64::MAX).min(limit as u64)
}

fn late(after: Duration) -> S3Error {
    S3Error::Unavailable(format!("no answer within {} s", after.as_secs_f64()))
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
