//! The credential that a request carries, as it came: nothing is believed yet.

use crate::api::cookie;

/// What a request shows.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shown<'a> {
    /// Neither header nor cookie.
    Nothing,
    /// `Authorization: Bearer`, and this.
    Bearer(&'a str),
    /// The session's cookie, with this in it.
    Cookie(&'a str),
}

impl<'a> Shown<'a> {
    /// Reads what `headers` show. A header counts before a cookie, which a browser adds by itself.
    ///
    /// # Errors
    /// What is wrong with it, in words for the caller. A credential that cannot be read is not passed over.
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
        let Some(session) = sessions.next() else { return Ok(Self::Nothing) };
        if sessions.next().is_some() {
            return Err("the request has more than one session's cookie");
        }
        std::str::from_utf8(session).map(Self::Cookie).map_err(|_| "the session's cookie is not one of this service")
    }
}

/// The token of a bearer's header (RFC 6750, section 2.1).
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
    fn what_is_shown() {
        const COOKIE: &[u8] = b"a=\xff; __Host-partwright=pw_x.y;b=2";
        let cases: [(Given, Shown<'_>); 8] = [
            (&[], Shown::Nothing),
            (&[("authorization", b"Bearer x.y")], Shown::Bearer("x.y")),
            (&[("authorization", b"bEARER   two words ")], Shown::Bearer("two words")),
            (&[("cookie", COOKIE)], Shown::Cookie("pw_x.y")),
            (&[("cookie", b"a=1"), ("cookie", b"__Host-partwright=z")], Shown::Cookie("z")),
            (&[("cookie", b"__Host-partwright=")], Shown::Cookie("")),
            (&[("cookie", b"__host-partwright=x; __Host-partwright2=y; partwright=z")], Shown::Nothing),
            (&[("cookie", COOKIE), ("authorization", b"Bearer x")], Shown::Bearer("x")),
        ];
        for (given, shown) in cases {
            assert_eq!(Shown::read(&headers(given)), Ok(shown), "{given:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_no_nothing() {
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
            assert!(Shown::read(&headers(given)).is_err(), "{given:?}");
        }
    }
}
