//! The credential that a request presents. Nothing is checked yet.

use crate::api::cookie;

/// A credential as the request presents it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PresentedCredential<'a> {
    /// Neither header nor cookie.
    Missing,
    /// The token of `Authorization: Bearer`.
    Bearer(&'a str),
    /// The value of the session cookie.
    Cookie(&'a str),
}

impl<'a> PresentedCredential<'a> {
    /// Reads the credential. A header takes precedence over a cookie, which browsers add by themselves.
    ///
    /// # Errors
    /// The problem, in words for the caller. A malformed credential is never ignored.
    pub fn read(headers: &'a http::HeaderMap) -> Result<Self, &'static str> {
        let mut given = headers.get_all(http::header::AUTHORIZATION).iter();
        if let Some(value) = given.next() {
            if given.next().is_some() {
                return Err("the request has more than one Authorization header");
            }
            return bearer(value)
                .map(Self::Bearer)
                .ok_or("the header is not of the form Authorization: Bearer <token>");
        }
        let mut sessions = cookie::sessions(headers);
        let Some(session) = sessions.next() else { return Ok(Self::Missing) };
        if sessions.next().is_some() {
            return Err("the request has more than one session cookie");
        }
        std::str::from_utf8(session).map(Self::Cookie).map_err(|_| "this service did not create the session cookie")
    }
}

/// The token of a bearer header (RFC 6750, section 2.1).
fn bearer(value: &http::HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(given: Given) -> http::HeaderMap {
        let mut headers = http::HeaderMap::new();
        for (name, value) in given {
            headers.append(*name, http::HeaderValue::from_bytes(value).unwrap());
        }
        headers
    }

    /// Header names and values.
    type Given = &'static [(&'static str, &'static [u8])];

    #[test]
    fn headers_count_before_cookies() {
        const COOKIE: &[u8] = b"a=\xff; __Host-partwright=pw_x.y;b=2";
        let cases: [(Given, PresentedCredential<'_>); 8] = [
            (&[], PresentedCredential::Missing),
            (&[("authorization", b"Bearer x.y")], PresentedCredential::Bearer("x.y")),
            (&[("authorization", b"bEARER   two words ")], PresentedCredential::Bearer("two words")),
            (&[("cookie", COOKIE)], PresentedCredential::Cookie("pw_x.y")),
            (&[("cookie", b"a=1"), ("cookie", b"__Host-partwright=z")], PresentedCredential::Cookie("z")),
            (&[("cookie", b"__Host-partwright=")], PresentedCredential::Cookie("")),
            (&[("cookie", b"__host-partwright=x; __Host-partwright2=y; partwright=z")], PresentedCredential::Missing),
            (&[("cookie", COOKIE), ("authorization", b"Bearer x")], PresentedCredential::Bearer("x")),
        ];
        for (given, presented) in cases {
            assert_eq!(PresentedCredential::read(&headers(given)), Ok(presented), "{given:?}");
        }
    }

    #[test]
    fn malformed_credentials_are_errors() {
        let cases: [Given; 12] = [
            &[("authorization", b"")],
            &[("authorization", b"Bearer")],
            &[("authorization", b"Bearer ")],
            &[("authorization", b"Bearerx y")],
            &[("authorization", b"Basic YTpi")],
            &[("authorization", b"x.y")],
            &[("authorization", b"Bearer \xff")],
            &[("authorization", b"Bearer x"), ("authorization", b"Bearer x")],
            &[("authorization", b"Basic x"), ("cookie", b"__Host-partwright=good")],
            &[("cookie", b"__Host-partwright=x; __Host-partwright=x")],
            &[("cookie", b"__Host-partwright=x"), ("cookie", b"__Host-partwright=y")],
            &[("cookie", b"__Host-partwright=\xff")],
        ];
        for given in cases {
            assert!(PresentedCredential::read(&headers(given)).is_err(), "{given:?}");
        }
    }
}
