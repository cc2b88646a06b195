//! The headers that every answer carries: what a browser may do with it.

use http::header::{
    CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue};

/// No page of another site embeds an answer as a picture, a script or a frame. Fetches by CORS are not meant by it.
const EMBEDDING: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What an answer may do where a browser shows it as a document: nothing.
const POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// For a year no browser asks this host without TLS (RFC 6797).
const ALWAYS_TLS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Sets what the answer has not set itself.
pub(super) fn guard(headers: &mut HeaderMap, is_https: bool) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(EMBEDDING, HeaderValue::from_static("same-origin"));
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(POLICY);
    if is_https {
        // Over plain HTTP browsers must ignore it (section 8.1).
        headers.insert(STRICT_TRANSPORT_SECURITY, ALWAYS_TLS);
    }
}
