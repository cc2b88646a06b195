//! URLs of objects: percent-encoding and the two forms of addressing.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use platform::BaseUrl;

use super::config::{Addressing, Bucket};
use super::error::S3Error;

/// RFC 3986's unreserved characters stay; everything else is encoded, as SigV4 wants it in query values.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// In a key, the slash stays too.
const PATH: &AsciiSet = &QUERY.remove(b'/');

/// `key` as it stands in a URL's path or in `x-amz-copy-source`.
pub(crate) fn encode_key(key: &str) -> String {
    utf8_percent_encode(key, PATH).to_string()
}

/// The origin (`scheme://host[:port]`) of the bucket's URLs under `endpoint`.
pub(crate) fn origin(bucket: &Bucket, endpoint: &BaseUrl) -> String {
    let BaseUrl { scheme, authority, .. } = endpoint;
    match bucket.addressing {
        Addressing::Path => format!("{scheme}://{authority}"),
        Addressing::Virtual => format!("{scheme}://{}.{authority}", bucket.name),
    }
}

/// The URL of `key` (of the bucket itself when empty) under `endpoint`.
pub(crate) fn object_url(
    bucket: &Bucket,
    endpoint: &BaseUrl,
    key: &str,
    query: &[(&str, &str)],
) -> Result<http::Uri, S3Error> {
    let (origin, base_path) = (origin(bucket, endpoint), &endpoint.base_path);
    let (name, key) = (&bucket.name, encode_key(key));
    let mut url = match bucket.addressing {
        Addressing::Path if key.is_empty() => format!("{origin}{base_path}/{name}"),
        Addressing::Path => format!("{origin}{base_path}/{name}/{key}"),
        Addressing::Virtual => format!("{origin}{base_path}/{key}"),
    };
    for (index, (name, value)) in query.iter().enumerate() {
        let joint = if index == 0 { '?' } else { '&' };
        url.push(joint);
        url.push_str(&format!("{}={}", utf8_percent_encode(name, QUERY), utf8_percent_encode(value, QUERY)));
    }
    url.parse().map_err(|_| S3Error::Unusable(format!("the key makes a URL of {} bytes, too long to send", url.len())))
}
