//! The cookie that holds a browser's session: how it is read, set and cleared.
//!
//! A browser keeps a `__Host-` cookie only if it is `Secure`, for `Path=/` and without a `Domain` (RFC 6265bis, section
//! 4.1.3.2), so no other host of the same domain can plant or get it. `HttpOnly` hides it from scripts, and
//! `SameSite=Strict` keeps it out of every request that another site's page begins.

use std::time::Duration;

use crate::auth::TokenText;

/// Its name.
pub(super) const NAME: &str = "__Host-partwright";

const ATTRIBUTES: &str = "Path=/; HttpOnly; Secure; SameSite=Strict";

/// What the cookies of that name hold: one, where a browser sent them. A request may have more than one line of cookies,
/// and others among them that are no text.
pub(super) fn sessions(headers: &http::HeaderMap) -> impl Iterator<Item = &[u8]> {
    let lines = headers.get_all(http::header::COOKIE).into_iter();
    let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    pairs.filter_map(|pair| pair.trim_ascii().strip_prefix(NAME.as_bytes())?.strip_prefix(b"="))
}

/// The session to end. None where there is no such cookie, where it holds no token, and where there are several, since
/// it would be a guess which of them the browser means.
pub(super) fn session(headers: &http::HeaderMap) -> Option<TokenText> {
    let mut found = sessions(headers);
    let value = std::str::from_utf8(found.next()?).ok()?;
    if found.next().is_some() { None } else { TokenText::parse(value) }
}

/// The value of `Set-Cookie` that holds a session for so long; whole seconds.
pub(super) fn set(session: &TokenText, life: Duration) -> String {
    format!("{NAME}={}; {ATTRIBUTES}; Max-Age={}", session.reveal(), life.as_secs())
}

/// The value of `Set-Cookie` that makes a browser forget it.
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
    fn what_is_set_is_read() {
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
    fn what_is_no_session_is_none() {
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
