//! URLs of objects: percent-encoding and the two forms of addressing.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use platform::BaseUrl;

use super::config::{Addressing, Bucket};
use super::error::S3Error;

/// All but RFC 3986's unreserved characters (section 2.3), as SigV4 requires in query values.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The same, but a slash in a key stays.
const PATH: &AsciiSet = &QUERY.remove(b'/');

/// Encodes `key` for a URL's path and for `x-amz-copy-source`.
pub(crate) fn encode_key(key: &str) -> String {
    utf8_percent_encode(key, PATH).to_string()
}

/// The URL of `key` under `endpoint`. An empty key means the bucket.
pub(crate) fn object_url(
    bucket: &Bucket,
    endpoint: &BaseUrl,
    key: &str,
    query: &[(&str, &str)],
) -> Result<http::Uri, S3Error> {
    let (origin, base_path) = (bucket.origin(endpoint), &endpoint.base_path);
    let (name, key) = (&bucket.name, encode_key(key));
    let mut url = match bucket.addressing {
        Addressing::Path if key.is_empty() => format!("{origin}{base_path}/{name}"),
        Addressing::Path => format!("{origin}{base_path}/{name}/{key}"),
        Addressing::Virtual => format!("{origin}{base_path}/{key}"),
    };
    for (index, (name, value)) in query.iter().enumerate() {
        url.push(if index == 0 { '?' } else { '&' });
        url.push_str(&format!("{}={}", utf8_percent_encode(name, QUERY), utf8_percent_encode(value, QUERY)));
    }
    url.parse().map_err(|_| S3Error::Unusable(format!("the key makes a URL of {} bytes, which is too long", url.len())))
}
