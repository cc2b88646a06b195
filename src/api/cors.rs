//! Which pages of other sites may call and read answers: `ALLOWED_ORIGINS`, by the Fetch standard's CORS protocol.
//!
//! Cookies never count across sites: no answer carries `Access-Control-Allow-Credentials`, so such a page sends a
//! bearer token.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue};

use super::response::Reply;
use platform::{BaseUrl, ConfigError};

/// The request headers that calls take, beyond those that need no question.
const TAKEN: &str = "authorization, content-type, idempotency-key, if-none-match, x-request-id";

/// The answer headers that a page may read, beyond those that it may always.
const EXPOSED: &str = "etag, idempotent-replayed, location, retry-after, www-authenticate, x-request-id";

/// How long a browser may keep the answer to its question, in seconds: an hour.
const MAX_AGE: &str = "3600";

/// The origins whose pages may call this service from elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedOrigins(Vec<String>);

impl AllowedOrigins {
    /// Reads `ALLOWED_ORIGINS`: origins with commas between them, each exactly `scheme://host[:port]`. There is no word
    /// for "everybody": `*` and `null` are no origins.
    ///
    /// # Errors
    /// Names the setting and the place in its list. The value is not repeated, it may be a secret in the wrong place.
    pub(super) fn parse(text: &str) -> Result<Self, ConfigError> {
        let origins = text.split(',').map(str::trim).enumerate().map(|(index, text)| {
            let wrong = || {
                let problem = format!(
                    "entry {} is not an origin; write exactly scheme://host[:port], such as https://app.example.com, \
                     without a path, and no * or null",
                    index + 1
                );
                ConfigError::new("ALLOWED_ORIGINS", problem)
            };
            let host = text.split_once("://").map(|(_, host)| host).ok_or_else(wrong)?;
            if !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte)) {
                return Err(wrong());
            }
            // In the form in which browsers send it: in lower case, without the scheme's own port.
            BaseUrl::parse("ALLOWED_ORIGINS", text).map(|endpoint| endpoint.to_string()).map_err(|_| wrong())
        });
        origins.collect::<Result<_, _>>().map(Self)
    }

    /// The origins, as browsers send them.
    pub(super) fn list(&self) -> &[String] {
        &self.0
    }

    /// Lets a page on the list read the answer, whatever it says. Any other page gets nothing.
    pub(super) fn mark(&self, origin: Option<&HeaderValue>, answer: &mut HeaderMap) {
        if self.0.is_empty() {
            return;
        }
        // For caches: to another page the same answer has other headers.
        let others = answer.get(VARY).and_then(|value| value.to_str().ok());
        let vary = others.and_then(|others| format!("{others}, origin").parse().ok());
        answer.insert(VARY, vary.unwrap_or(HeaderValue::from_static("origin")));
        if let Some(origin) = self.lists(origin) {
            answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        }
    }

    /// The answer to OPTIONS on a path that takes `methods`: what may be sent there, and, to a page on the list, that it
    /// may send it.
    pub(super) fn options(&self, methods: &[&str], headers: &HeaderMap) -> Reply {
        let methods = methods.join(", ");
        let reply = Reply::empty().header("allow", format!("{methods}, OPTIONS"));
        if self.lists(headers.get(ORIGIN)).is_none() {
            return reply;
        }
        reply
            .header(ACCESS_CONTROL_ALLOW_METHODS.as_str(), methods)
            .header(ACCESS_CONTROL_ALLOW_HEADERS.as_str(), TAKEN.to_owned())
            .header(ACCESS_CONTROL_MAX_AGE.as_str(), MAX_AGE.to_owned())
    }

    fn lists<'h>(&self, origin: Option<&'h HeaderValue>) -> Option<&'h HeaderValue> {
        origin.filter(|origin| self.0.iter().any(|listed| listed.as_bytes() == origin.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_kept_as_browsers_send_them() {
        let parsed =
            AllowedOrigins::parse("https://App.Example.com, http://localhost:3000 ,https://a.test:443,http://[::1]:80");
        let wanted = ["https://app.example.com", "http://localhost:3000", "https://a.test", "http://[::1]"];
        assert_eq!(parsed.unwrap().0, wanted);
    }

    #[test]
    fn whatever_is_no_origin_is_named() {
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
    fn only_exactly_the_same_origin_is_listed() {
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
