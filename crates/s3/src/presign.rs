//! Presigned GET: a URL that opens one object for a while.

use std::time::Duration;

use bytes::Bytes;

use super::config::Bucket;
use super::error::S3Error;
use super::sign::sign_url;
use super::url::object_url;
use contract::Timestamp;

/// The longest life of a link in SigV4: seven days.
pub const MAX_EXPIRY: Duration = Duration::from_secs(7 * 24 * 3600);

/// The longest life of a link if the keys are temporary and their end is unknown: an hour, AWS's default for such keys.
const UNKNOWN_END: Duration = Duration::from_secs(3_600);

/// How long a link lives. A link does not open after the keys that signed it have ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkLife {
    pub expires_in: Duration,
    /// Why the life is shorter than the caller wanted.
    pub shortened_because: Option<String>,
}

/// The keys to the bucket have ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the temporary keys to the bucket ended at {0}")]
pub struct KeysEnded(pub Timestamp);

/// The life of a link that the caller wants to live for `wanted`.
///
/// # Errors
/// When the keys have ended or end within a second.
pub fn link_life(bucket: &Bucket, wanted: Duration, now: Timestamp) -> Result<LinkLife, KeysEnded> {
    let keys = &bucket.credentials;
    let (most, because) = match (keys.expires_at, &keys.session_token) {
        (Some(end), _) => {
            let left = Duration::from_secs(end.since(now).as_secs());
            if left.is_zero() {
                return Err(KeysEnded(end));
            }
            (left, format!("this service's temporary keys to the bucket end at {end}"))
        }
        (None, Some(_)) => {
            let because = "this service's keys to the bucket are temporary, and AWS_CREDENTIAL_EXPIRATION does not say \
                           when they end: a link lives for at most an hour, and not longer than the keys";
            (UNKNOWN_END, because.to_owned())
        }
        (None, None) => (MAX_EXPIRY, "no link lives longer".to_owned()),
    };
    if wanted <= most {
        return Ok(LinkLife { expires_in: wanted, shortened_because: None });
    }
    Ok(LinkLife { expires_in: most, shortened_because: Some(because) })
}

/// A URL on the public endpoint that lets anybody GET `key` until `expires_in` after `now`.
///
/// `overrides` are signed query parameters, such as `response-content-disposition`, that replace the object's own
/// headers. Some stores ignore them.
///
/// # Errors
/// [`S3Error::Unusable`] when `expires_in` is not from 1 s to [`MAX_EXPIRY`].
pub fn presign_get(
    bucket: &Bucket,
    key: &str,
    overrides: &[(&str, &str)],
    expires_in: Duration,
    now: Timestamp,
) -> Result<String, S3Error> {
    if !(Duration::from_secs(1)..=MAX_EXPIRY).contains(&expires_in) {
        return Err(S3Error::Unusable("a link lives from 1 second to 7 days".to_owned()));
    }
    let uri = object_url(bucket, &bucket.public_endpoint, key, overrides)?;
    let mut request = http::Request::new(Bytes::new());
    *request.uri_mut() = uri;
    sign_url(&mut request, bucket, expires_in, now)?;
    Ok(request.uri().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-01-31T12:00:00Z";

    fn life(settings: &[(&str, &str)], wanted: u64) -> Result<(u64, Option<String>), KeysEnded> {
        let base = [("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "hush"), ("AWS_BUCKET_NAME", "models")];
        let bucket = Bucket::from_settings(&|name| {
            let found = settings.iter().chain(&base).find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        });
        let life = link_life(&bucket.unwrap(), Duration::from_secs(wanted), NOW.parse().unwrap())?;
        Ok((life.expires_in.as_secs(), life.shortened_because))
    }

    #[test]
    fn permanent_keys_do_not_shorten_a_link() {
        assert_eq!(life(&[], 604_800), Ok((604_800, None)));
    }

    #[test]
    fn a_link_ends_with_its_keys() {
        let token = ("AWS_SESSION_TOKEN", "token");
        // As `aws configure export-credentials` writes it, and in another zone.
        for end in ["2026-01-31T12:10:00+00:00", "2026-01-31T14:10:00.900+02:00"] {
            let (left, because) = life(&[token, ("AWS_CREDENTIAL_EXPIRATION", end)], 3_600).unwrap();
            assert_eq!(left, 600, "{end}");
            assert!(because.unwrap().contains("2026-01-31T12:10:00"), "{end}");
        }
        let ends = ("AWS_CREDENTIAL_EXPIRATION", "2026-01-31T12:10:00Z");
        assert_eq!(life(&[token, ends], 600), Ok((600, None)));
        assert_eq!(life(&[ends], 601).unwrap().0, 600, "keys that end are temporary even without a token");
    }

    #[test]
    fn keys_that_have_ended_do_not_sign() {
        for end in ["2026-01-31T12:00:00.999Z", "2026-01-31T12:00:00Z", "1999-01-01T00:00:00Z"] {
            assert_eq!(life(&[("AWS_CREDENTIAL_EXPIRATION", end)], 1), Err(KeysEnded(end.parse().unwrap())), "{end}");
        }
    }

    #[test]
    fn without_a_known_end_a_link_lives_an_hour() {
        let token = ("AWS_SESSION_TOKEN", "token");
        assert_eq!(life(&[token], 3_600), Ok((3_600, None)));
        let (left, because) = life(&[token], 3_601).unwrap();
        assert_eq!(left, 3_600);
        assert!(because.unwrap().contains("AWS_CREDENTIAL_EXPIRATION"));
    }
}
