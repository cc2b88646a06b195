//! Who the caller is, decided here and nowhere else. Handlers are given a [`Caller`] and never look at a header.

use super::config::Config;
use super::error::ApiError;
use super::route::Permission;
use crate::project::Caller;

/// How callers are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMode {
    /// Not at all: nobody is let in.
    Closed,
    /// Everybody is the one user `local`, on loopback hosts only.
    Open,
}

/// The user that open mode knows; the admin of projects without an owner, too.
const LOCAL: &str = "local";

/// Who sends a request, and what it was that said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    /// The user; believed by the objects.
    pub caller: Caller,
    /// What the credential may do.
    pub scope: Scope,
    /// What was shown.
    pub credential: Credential,
    /// When it will be worth nothing; none where it does not end by itself.
    pub expires_at: Option<Timestamp>,
}

/// What somebody shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Credential {
    /// Nothing: a public call, or open mode.
    None,
    /// `ADMIN_TOKEN`.
    AdminToken,
    /// `RUNNER_TOKEN`.
    RunnerToken,
    /// A JSON Web Token.
    Jwt,
    /// An API token of this id.
    ApiToken(String),
    /// A session of this id, in a cookie.
    Session(String),
}

/// Lets the caller of a route in, or says why not.
pub(super) fn admit(
    config: &Config,
    permission: Permission,
    host: &str,
    headers: &http::HeaderMap,
) -> Result<Caller, ApiError> {
    match permission {
        Permission::Public => Ok(Caller { user: String::new(), admin: false }),
        Permission::Admin => {
            let token = config.admin_token.as_ref().ok_or_else(ApiError::admin_not_configured)?;
            if !bearer(headers).is_some_and(|given| token.matches(given)) {
                return Err(ApiError::wrong_token("ADMIN_TOKEN"));
            }
            Ok(Caller { user: "admin".to_owned(), admin: true })
        }
        Permission::Runner => {
            let token = config.runner_token.as_ref().ok_or_else(ApiError::runner_not_configured)?;
            if !bearer(headers).is_some_and(|given| token.matches(given)) {
                return Err(ApiError::wrong_token("RUNNER_TOKEN"));
            }
            Ok(Caller { user: "runner".to_owned(), admin: false })
        }
        Permission::User => match config.auth {
            AuthMode::Closed => Err(ApiError::auth_not_configured()),
            AuthMode::Open if !is_loopback(host) => Err(ApiError::loopback_only()),
            AuthMode::Open => Ok(Caller { user: LOCAL.to_owned(), admin: true }),
        },
    }
}

/// Whether a browser may send this at its page's wish: it comes from a page of this very service, or of none. Pages of
/// others cannot read answers, but they can send what needs no question first (a POST without a body) and open
/// WebSockets, and where loopback or a cookie lets the browser in it would count as its user's.
///
/// # Errors
/// 403 for another site's page. Programs that are no browsers send neither header.
pub(super) fn require_own_page(headers: &http::HeaderMap, authority: &str) -> Result<(), ApiError> {
    if let Some(origin) = headers.get("origin") {
        let origin = String::from_utf8_lossy(origin.as_bytes());
        let is_own = origin.split_once("://").is_some_and(|(_, host)| host.eq_ignore_ascii_case(authority));
        return if is_own { Ok(()) } else { Err(ApiError::foreign_origin(&origin)) };
    }
    let Some(site) = headers.get("sec-fetch-site") else { return Ok(()) };
    // `none` is a person's own doing.
    if site == "same-origin" || site == "none" { Ok(()) } else { Err(ApiError::foreign_origin("another site")) }
}

fn bearer(headers: &http::HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get("authorization")?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Whether a request's host, without its port, is this machine's own.
fn is_loopback(host: &str) -> bool {
    let is_v4 = host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback());
    is_v4 || host.eq_ignore_ascii_case("localhost") || host == "[::1]"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_hosts() {
        for host in ["127.0.0.1", "127.9.9.9", "localhost", "LOCALHOST", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["", "10.0.0.1", "127.0.0.1.example.com", "localhost.example.com", "[::2]", "example.com"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
