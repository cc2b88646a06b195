//! The page from which a browser sends a request.
//!
//! Pages of other sites cannot read responses. They can send requests that need no preflight (a POST without a body, a
//! form) and open WebSockets. If loopback or a cookie authenticates the browser, such a request would act for its user.

use super::Credential;
use crate::api::error::ApiError;

/// The origin of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::api) enum RequestOrigin {
    /// A page of this service, no page at all (a typed address), or a client that is not a browser.
    Own,
    /// A page of an origin in `ALLOWED_ORIGINS`.
    Allowed(String),
    /// A page of another origin, or of one that the browser hides.
    Foreign(String),
}

impl RequestOrigin {
    /// Reads the headers of browsers (`Origin`: Fetch, section 3.2; `Sec-Fetch-Site`: Fetch Metadata, section 2.4).
    /// `uri` is the request's and absolute; `allowed` comes from `ALLOWED_ORIGINS`.
    pub fn of(headers: &http::HeaderMap, uri: &http::Uri, allowed: &[String]) -> Self {
        if let Some(origin) = headers.get(http::header::ORIGIN) {
            let origin = String::from_utf8_lossy(origin.as_bytes()).into_owned();
            return if is_own(&origin, uri) {
                Self::Own
            } else if allowed.contains(&origin) {
                Self::Allowed(origin)
            } else {
                Self::Foreign(origin)
            };
        }
        let Some(site) = headers.get("sec-fetch-site") else { return Self::Own };
        // `none`: a person typed the address or opened a bookmark.
        if site == "same-origin" || site == "none" { Self::Own } else { Self::Foreign("another site".to_owned()) }
    }

    /// Requires that no page of another site misuses `credential`. Pages of this service may use everything; pages of
    /// an allowed origin only a token in a header, which browsers do not add by themselves.
    ///
    /// # Errors
    /// 403 `foreign_origin`.
    pub fn require_trusted(&self, credential: &Credential) -> Result<(), ApiError> {
        match self {
            Self::Allowed(_) if credential.is_in_a_header() => Ok(()),
            _ => self.require_own(),
        }
    }

    /// Requires [`RequestOrigin::Own`].
    ///
    /// # Errors
    /// 403 `foreign_origin`.
    pub(super) fn require_own(&self) -> Result<(), ApiError> {
        match self {
            Self::Own => Ok(()),
            Self::Allowed(origin) | Self::Foreign(origin) => Err(ApiError::foreign_origin(origin)),
        }
    }
}

/// Whether `origin` is this service's own, reached under `uri`.
///
/// Anybody on the network path can forge a page without TLS, so an `http` page is foreign to an `https` service. The
/// reverse is allowed: a proxy may terminate TLS.
fn is_own(origin: &str, uri: &http::Uri) -> bool {
    let Some((scheme, host)) = origin.split_once("://") else { return false };
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let scheme_fits = scheme == "https" || (scheme == "http" && uri.scheme() == Some(&http::uri::Scheme::HTTP));
    scheme_fits && host.eq_ignore_ascii_case(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(url: &str, header: (&'static str, &str)) -> RequestOrigin {
        let mut headers = http::HeaderMap::new();
        headers.insert(header.0, header.1.parse().unwrap());
        RequestOrigin::of(&headers, &url.parse().unwrap(), &["https://app.example.com".to_owned()])
    }

    #[test]
    fn only_the_same_origin_is_own() {
        let url = "https://cad.example.com/api/batch";
        for header in [
            ("origin", "https://cad.example.com"),
            ("origin", "https://CAD.example.com"),
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-site", "none"),
            ("accept", "*/*"),
        ] {
            assert_eq!(origin(url, header), RequestOrigin::Own, "{header:?}");
        }
        assert_eq!(origin("http://127.0.0.1:8787/", ("origin", "http://127.0.0.1:8787")), RequestOrigin::Own);
        assert_eq!(origin("http://inside.example.com/", ("origin", "https://inside.example.com")), RequestOrigin::Own);
        for header in [
            ("origin", "http://cad.example.com"),
            ("origin", "https://cad.example.com:8443"),
            ("origin", "https://cad.example.com.evil.example"),
            ("origin", "https://example.com"),
            ("origin", "null"),
            ("origin", ""),
            ("origin", "app://cad.example.com"),
            ("sec-fetch-site", "same-site"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", ""),
        ] {
            assert!(matches!(origin(url, header), RequestOrigin::Foreign(_)), "{header:?}");
        }
        assert!(matches!(
            origin("http://127.0.0.1:8787/", ("origin", "http://127.0.0.1:8788")),
            RequestOrigin::Foreign(_)
        ));
    }

    #[test]
    fn allowed_pages_may_only_send_tokens() {
        let allowed = origin("https://cad.example.com/", ("origin", "https://app.example.com"));
        let foreign = origin("https://cad.example.com/", ("origin", "https://app.example.com:8443"));
        let token = Credential::ApiToken("id".to_owned());
        for credential in [&token, &Credential::Jwt, &Credential::AdminToken, &Credential::RunnerToken] {
            assert!(
                allowed.require_trusted(credential).is_ok() && foreign.require_trusted(credential).is_err(),
                "{credential:?}"
            );
        }
        for credential in [&Credential::None, &Credential::Session("id".to_owned())] {
            assert_eq!(allowed.require_trusted(credential).unwrap_err().code(), "foreign_origin", "{credential:?}");
            assert!(RequestOrigin::Own.require_trusted(credential).is_ok());
        }
    }
}
