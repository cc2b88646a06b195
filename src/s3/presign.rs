//! Presigned GET: a URL that opens one object for a while, for people and browsers.

use std::time::Duration;

use bytes::Bytes;

use super::config::Bucket;
use super::error::S3Error;
use super::sign::sign_url;
use super::url::object_url;
use crate::contract::Timestamp;

/// The longest life that SigV4 allows: seven days.
pub const MAX_EXPIRY: Duration = Duration::from_secs(7 * 24 * 3600);

/// The URL under which anybody can GET `key` until `expires_in` after `now`, on the bucket's public endpoint.
///
/// `disposition` asks the store to answer with this `Content-Disposition`; a store may ignore it.
///
/// # Errors
/// [`S3Error::Unusable`] when `expires_in` is not from 1 s to [`MAX_EXPIRY`].
pub fn presign_get(
    bucket: &Bucket,
    key: &str,
    disposition: Option<&str>,
    expires_in: Duration,
    now: Timestamp,
) -> Result<String, S3Error> {
    if !(Duration::from_secs(1)..=MAX_EXPIRY).contains(&expires_in) {
        return Err(S3Error::Unusable("a link lives from 1 second to 7 days".to_owned()));
    }
    let query: Vec<(&str, &str)> =
        disposition.into_iter().map(|value| ("response-content-disposition", value)).collect();
    let uri = object_url(bucket, &bucket.public_endpoint, key, &query)?;
    let mut request = http::Request::new(Bytes::new());
    *request.uri_mut() = uri;
    sign_url(&mut request, bucket, expires_in, now)?;
    Ok(request.uri().to_string())
}
