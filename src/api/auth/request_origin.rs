//! Whose page a browser sends a request for. Pages of others cannot read answers, but they can send what needs no
//! question first (a POST without a body, a form) and open WebSockets, and where loopback or a cookie lets the browser
//! in, that would count as its user's.

use super::Credential;
use crate::api::error::ApiError;

/// Where the page is from that makes a browser send a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::api) enum Page {
    /// From this service; or there is none: a person's own doing, or a program that is no browser.
    Own,
    /// From an origin that the settings allow.
    Allowed(String),
    /// From another origin, or from one that the browser does not tell.
    Foreign(String),
}

impl Page {
    /// Reads it from what browsers say of it (`Origin`: Fetch, section 3.2; `Sec-Fetch-Site`: Fetch Metadata, section
    /// 2.4). `uri` is the request's, absolute; `allowed` are origins that the settings allow.
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
        // `none` is a person's own doing.
        if site == "same-origin" || site == "none" { Self::Own } else { Self::Foreign("another site".to_owned()) }
    }

    /// Requires that whoever shows `credential` is not made to by another site's page: only a page of this service may
    /// use what a browser adds by itself; one of an allowed origin may send a token that it has.
    ///
    /// # Errors
    /// 403 `foreign_origin`.
    pub fn require(&self, credential: &Credential) -> Result<(), ApiError> {
        match self {
            Self::Allowed(_) if credential.is_in_a_header() => Ok(()),
            _ => self.require_own(),
        }
    }

    /// Requires a page of this service, or none.
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

/// Whether `origin` is this service's own, reached under `uri`. A page that came without TLS may be anybody's who is on
/// the way, so it is no page of a service reached by TLS; the other way round a proxy in front has ended the TLS.
fn is_own(origin: &str, uri: &http::Uri) -> bool {
    let Some((scheme, host)) = origin.split_once("://") else { return false };
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let scheme_fits = scheme == "https" || (scheme == "http" && uri.scheme() == Some(&http::uri::Scheme::HTTP));
    scheme_fits && host.eq_ignore_ascii_case(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(url: &str, header: (&'static str, &str)) -> Page {
        let mut headers = http::HeaderMap::new();
        headers.insert(header.0, header.1.parse().unwrap());
        Page::of(&headers, &url.parse().unwrap(), &["https://app.example.com".to_owned()])
    }

    #[test]
    fn whose_page_it_is() {
        let url = "https://cad.example.com/api/batch";
        for header in [
            ("origin", "https://cad.example.com"),
            ("origin", "https://CAD.example.com"),
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-site", "none"),
            ("accept", "*/*"),
        ] {
            assert_eq!(page(url, header), Page::Own, "{header:?}");
        }
        assert_eq!(page("http://127.0.0.1:8787/", ("origin", "http://127.0.0.1:8787")), Page::Own);
        assert_eq!(page("http://inside.example.com/", ("origin", "https://inside.example.com")), Page::Own);
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
            assert!(matches!(page(url, header), Page::Foreign(_)), "{header:?}");
        }
        assert!(matches!(page("http://127.0.0.1:8787/", ("origin", "http://127.0.0.1:8788")), Page::Foreign(_)));
    }

    #[test]
    fn an_allowed_page_may_send_a_token_and_nothing_else() {
        let allowed = page("https://cad.example.com/", ("origin", "https://app.example.com"));
        let foreign = page("https://cad.example.com/", ("origin", "https://app.example.com:8443"));
        let token = Credential::ApiToken("id".to_owned());
        for credential in [&token, &Credential::Jwt, &Credential::AdminToken, &Credential::RunnerToken] {
            assert!(allowed.require(credential).is_ok() && foreign.require(credential).is_err(), "{credential:?}");
        }
        for credential in [&Credential::None, &Credential::Session("id".to_owned())] {
            assert_eq!(allowed.require(credential).unwrap_err().code(), "foreign_origin", "{credential:?}");
            assert!(Page::Own.require(credential).is_ok());
        }
    }
}
