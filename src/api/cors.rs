//! CORS (Fetch standard): pages of the origins in `ALLOWED_ORIGINS` may send requests and read responses.
//!
//! Cookies do not work across sites: no response has `Access-Control-Allow-Credentials`, so such a page sends a bearer
//! token.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue};

use super::response::ApiResponse;
use platform::{BaseUrl, ConfigError};

/// The request headers that a page may send, besides those that need no preflight.
const ALLOWED_HEADERS: &str = "authorization, content-type, idempotency-key, if-none-match, x-request-id";

/// The response headers that a page may read, besides those that are always readable.
const EXPOSED_HEADERS: &str = "etag, idempotent-replayed, location, retry-after, www-authenticate, x-request-id";

/// How long a browser may cache a preflight response, in seconds.
const PREFLIGHT_MAX_AGE: &str = "3600";

/// The other origins whose pages may use the API.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedOrigins(Vec<String>);

impl AllowedOrigins {
    /// Reads `ALLOWED_ORIGINS`: comma-separated, each exactly `scheme://host[:port]`. `*` and `null` are refused.
    ///
    /// # Errors
    /// Names the setting and the position in its list. It does not repeat the value, which may be a misplaced secret.
    pub(super) fn parse(text: &str) -> Result<Self, ConfigError> {
        let origins = text.split(',').map(str::trim).enumerate().map(|(index, text)| {
            let wrong = || {
                let problem = format!(
                    "entry {} is not an origin; write exactly scheme://host[:port], such as https://app.example.com, \
                     without a path; * and null are not allowed",
                    index + 1
                );
                ConfigError::new("ALLOWED_ORIGINS", problem)
            };
            let host = text.split_once("://").map(|(_, host)| host).ok_or_else(wrong)?;
            if !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte)) {
                return Err(wrong());
            }
            // As browsers send it: in lower case, without the scheme's default port.
            BaseUrl::parse("ALLOWED_ORIGINS", text).map(|url| url.to_string()).map_err(|_| wrong())
        });
        origins.collect::<Result<_, _>>().map(Self)
    }

    /// The origins, as browsers send them.
    pub(super) fn list(&self) -> &[String] {
        &self.0
    }

    /// Sets the response headers with which a listed page may read the response, errors included.
    pub(super) fn mark(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        if self.0.is_empty() {
            return;
        }
        // Caches must not give one page the headers meant for another.
        let others = headers.get(VARY).and_then(|value| value.to_str().ok());
        let vary = others.and_then(|others| format!("{others}, origin").parse().ok());
        headers.insert(VARY, vary.unwrap_or(HeaderValue::from_static("origin")));
        if let Some(origin) = self.lists(origin) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED_HEADERS));
        }
    }

    /// The response to OPTIONS on a path that takes `methods`. Only a listed page gets the CORS headers.
    pub(super) fn options(&self, methods: &[&str], headers: &HeaderMap) -> ApiResponse {
        let methods = methods.join(", ");
        let reply = ApiResponse::empty().header("allow", format!("{methods}, OPTIONS"));
        if self.lists(headers.get(ORIGIN)).is_none() {
            return reply;
        }
        reply
            .header(ACCESS_CONTROL_ALLOW_METHODS.as_str(), methods)
            .header(ACCESS_CONTROL_ALLOW_HEADERS.as_str(), ALLOWED_HEADERS.to_owned())
            .header(ACCESS_CONTROL_MAX_AGE.as_str(), PREFLIGHT_MAX_AGE.to_owned())
    }

    fn lists<'h>(&self, origin: Option<&'h HeaderValue>) -> Option<&'h HeaderValue> {
        origin.filter(|origin| self.0.iter().any(|listed| listed.as_bytes() == origin.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_normalised_as_browsers_do() {
        let parsed =
            AllowedOrigins::parse("https://App.Example.com, http://localhost:3000 ,https://a.test:443,http://[::1]:80");
        let wanted = ["https://app.example.com", "http://localhost:3000", "https://a.test", "http://[::1]"];
        assert_eq!(parsed.unwrap().0, wanted);
    }

    #[test]
    fn other_values_are_refused_by_position() {
        for text in [
            "*",
            "null",
            "https://*",
            "https://*.example.com",
            "app.example.com",
            "//app.example.com",
            "https://app.example.com/",
            "https://app.example.com/path",
            "https://app.example.com?x",
            "ftp://a.test",
            "https://a.test#x",
            "https://user:pw@a.test",
            "https://a.test:99999",
            "https://a.test,",
            "https://ä.test",
            "https://a.test;https://b.test",
            "https://a.test https://b.test",
            "https://",
            "file:///etc/passwd",
        ] {
            let error = AllowedOrigins::parse(text).unwrap_err();
            assert_eq!(error.setting(), "ALLOWED_ORIGINS", "{text}");
            assert!(!error.to_string().contains("pw"), "{error}");
        }
        let second = AllowedOrigins::parse("https://a.test,*").unwrap_err().to_string();
        assert!(second.contains("entry 2"), "{second}");
    }

    #[test]
    fn origins_match_exactly() {
        let origins = AllowedOrigins::parse("https://app.example.com").unwrap();
        let lists = |text: &'static str| origins.lists(Some(&HeaderValue::from_static(text))).is_some();
        assert!(lists("https://app.example.com"));
        for other in [
            "http://app.example.com",
            "https://app.example.com:8443",
            "https://app.example.com.evil.test",
            "https://evil.test/https://app.example.com",
            "https://sub.app.example.com",
            "null",
            "",
        ] {
            assert!(!lists(other), "{other}");
        }
    }
}
