//! Reads, sets and clears the session cookie.
//!
//! A browser accepts a `__Host-` cookie only with `Secure`, `Path=/` and without `Domain` (RFC 6265bis, section
//! 4.1.3.2), so no other host of the domain can set or read it. `HttpOnly` hides it from scripts. `SameSite=Strict`
//! keeps it out of every request that a page of another site starts.

use std::time::Duration;

use crate::auth::TokenText;

/// The cookie's name.
pub(super) const NAME: &str = "__Host-partwright";

const ATTRIBUTES: &str = "Path=/; HttpOnly; Secure; SameSite=Strict";

/// The values of all session cookies. A browser sends at most one; a request may have several `Cookie` headers, and
/// other cookies that are not UTF-8.
pub(super) fn sessions(headers: &http::HeaderMap) -> impl Iterator<Item = &[u8]> {
    let lines = headers.get_all(http::header::COOKIE).into_iter();
    let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    pairs.filter_map(|pair| pair.trim_ascii().strip_prefix(NAME.as_bytes())?.strip_prefix(b"="))
}

/// The session of the request. `None` without a cookie, if its value is not a token, and if there are several cookies:
/// choosing one would be a guess.
pub(super) fn session(headers: &http::HeaderMap) -> Option<TokenText> {
    let mut found = sessions(headers);
    let value = std::str::from_utf8(found.next()?).ok()?;
    if found.next().is_some() { None } else { TokenText::parse(value) }
}

/// The `Set-Cookie` value that sets a session for `lifetime`, in whole seconds.
pub(super) fn set(session: &TokenText, lifetime: Duration) -> String {
    format!("{NAME}={}; {ATTRIBUTES}; Max-Age={}", session.reveal(), lifetime.as_secs())
}

/// The `Set-Cookie` value that deletes the cookie.
pub(super) fn clear() -> String {
    format!("{NAME}=; {ATTRIBUTES}; Max-Age=0")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&str]) -> http::HeaderMap {
        lines.iter().map(|line| (http::header::COOKIE, line.parse().unwrap())).collect()
    }

    #[test]
    fn a_set_cookie_can_be_read() {
        let token = TokenText::random("anna").unwrap();
        let line = set(&token, Duration::from_millis(43_200_999));
        let text = token.reveal();
        let wanted = format!("__Host-partwright={text}; Path=/; HttpOnly; Secure; SameSite=Strict; Max-Age=43200");
        assert_eq!(line, wanted);
        let pair = line.split_once(';').unwrap().0;
        for lines in [&[pair][..], &[&format!("a=b; {pair};c=d")], &["x=y", pair]] {
            assert_eq!(session(&headers(lines)).map(|found| found.hash()), Some(token.hash()), "{lines:?}");
        }
        assert_eq!(clear(), "__Host-partwright=; Path=/; HttpOnly; Secure; SameSite=Strict; Max-Age=0");
        assert!(session(&headers(&[&clear()])).is_none());
    }

    #[test]
    fn other_cookies_are_not_sessions() {
        let text = TokenText::random("anna").unwrap().reveal().to_owned();
        let (good, other) = (format!("__Host-partwright={text}"), format!("partwright={text}"));
        let quoted = format!("__Host-partwright=\"{text}\"");
        let low = format!("__host-partwright={text}");
        for lines in
            [vec![], vec![&*other], vec![&*quoted], vec!["__Host-partwright"], vec![&*good, &*good], vec![&*low]]
        {
            assert!(session(&headers(&lines)).is_none(), "{lines:?}");
        }
    }
}
