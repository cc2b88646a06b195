//! The address of another service, as a setting gives it.

use std::fmt;

use crate::{ConfigError, is_loopback};

/// The root of a service's URLs: scheme, host with port, and a base path that may be empty.
///
/// The host is as a browser or workerd sends it, in lower case and without the scheme's default port, because it goes
/// into signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    /// `http` or `https`.
    pub scheme: String,
    /// The host, and the port unless it is the scheme's default.
    pub authority: String,
    /// Without a slash at its end.
    pub base_path: String,
}

impl BaseUrl {
    /// Reads `http(s)://host[:port][/base/path]`, without a query, fragment or user name.
    ///
    /// # Errors
    /// Names `setting`, and does not repeat the value.
    pub fn parse(setting: &'static str, text: &str) -> Result<Self, ConfigError> {
        let problem =
            "it is not http(s)://host[:port][/path]; the value is not repeated here, because it may hold a secret";
        Self::read(text).ok_or_else(|| ConfigError::new(setting, problem))
    }

    /// Whether requests to it are encrypted, or do not leave this machine.
    pub fn is_private(&self) -> bool {
        self.scheme == "https" || is_loopback(self.host())
    }

    /// The host without its port; brackets stay around an IPv6 address.
    pub fn host(&self) -> &str {
        match self.authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => &self.authority,
        }
    }

    fn read(text: &str) -> Option<Self> {
        if text.contains('#') {
            return None;
        }
        let uri: ::http::Uri = text.parse().ok()?;
        let scheme = uri.scheme_str().filter(|scheme| ["http", "https"].contains(scheme))?;
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
        if uri.query().is_some() || authority.host().is_empty() {
            return None;
        }
        let host = authority.host().to_ascii_lowercase();
        let port = match authority.as_str()[authority.host().len()..].trim_start_matches(':') {
            "" => None,
            port => Some(port.parse::<u16>().ok()?),
        };
        let default_port = if scheme == "https" { 443 } else { 80 };
        Some(Self {
            scheme: scheme.to_owned(),
            authority: match port.filter(|port| *port != default_port) {
                Some(port) => format!("{host}:{port}"),
                None => host,
            },
            base_path: uri.path().trim_end_matches('/').to_owned(),
        })
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.base_path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        BaseUrl::read(text).map(|url| url.to_string())
    }

    #[test]
    fn the_host_is_as_it_will_be_sent() {
        for (given, sent) in [
            ("https://store.test:443", "https://store.test"),
            ("http://store.test:80/base/", "http://store.test/base"),
            ("https://store.test:80", "https://store.test:80"),
            ("https://store.test:0443", "https://store.test"),
            ("https://store.test:", "https://store.test"),
            ("HTTPS://Store.TEST:9000/Base", "https://store.test:9000/Base"),
            ("http://[2001:DB8::1]:80", "http://[2001:db8::1]"),
            ("http://[::1]:9000", "http://[::1]:9000"),
        ] {
            assert_eq!(read(given).as_deref(), Some(sent), "{given}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "/x", "a.b", "ws://a.b", "https://", "https://u:p@a.b", "https://a.b?q=1", "https://a.b#c"] {
            assert_eq!(read(text), None, "{text}");
        }
        let error = BaseUrl::parse("SOME_URL", "http://user:pw@host").unwrap_err().to_string();
        assert!(error.starts_with("SOME_URL: ") && !error.contains("pw"), "{error}");
    }

    #[test]
    fn only_loopback_is_private_without_tls() {
        let is_private = |text| BaseUrl::read(text).unwrap().is_private();
        for text in ["https://a.b", "http://127.0.0.1:8787/x", "http://localhost", "http://[::1]:9000"] {
            assert!(is_private(text), "{text}");
        }
        for text in ["http://a.b", "http://127.evil.example", "http://localhost.evil.example:80", "http://10.0.0.1"] {
            assert!(!is_private(text), "{text}");
        }
    }
}
