//! Decides who the caller is. Handlers get an [`Identity`] and never look at a credential.
//!
//! - `permission`: which callers a route accepts
//! - `credential`: the credential that a request presents, not yet checked
//! - `request_origin`: the page from which a browser sends the request
//! - `authenticate`: from the three to an [`Identity`] or an error

mod authenticate;
mod credential;
pub mod permission;
mod request_origin;

use super::config::Config;
use crate::auth::{Scope, TokenHash, TokenText};
use crate::project::Caller;
use contract::Timestamp;

pub(super) use authenticate::Authenticator;
pub(super) use request_origin::RequestOrigin;

/// An authenticated caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    /// The user. Durable Objects trust it. The empty name is not a user.
    pub caller: Caller,
    /// The rights of the credential.
    pub scope: Scope,
    pub credential: Credential,
    /// When the credential expires; `None` if it does not.
    pub expires_at: Option<Timestamp>,
}

/// The kind of a checked credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Credential {
    /// A public route, or open mode.
    None,
    /// `ADMIN_TOKEN`.
    AdminToken,
    /// `RUNNER_TOKEN`.
    RunnerToken,
    /// A JSON Web Token.
    Jwt,
    /// An API token with this id.
    ApiToken(String),
    /// A session with this id, in a cookie.
    Session(String),
}

/// The user in open mode, and the admin of projects without an owner.
const LOCAL: &str = "local";

/// The user with `ADMIN_TOKEN`.
const ADMIN: &str = "admin";

/// The caller with `RUNNER_TOKEN`.
const RUNNER: &str = "runner";

/// The hash to store for a new token. A token of the user `admin` is bound to `ADMIN_TOKEN`, so that a changed
/// `ADMIN_TOKEN` ends it.
pub(super) fn stored_hash(token: &TokenText, config: &Config) -> TokenHash {
    match &config.admin_token {
        Some(secret) if token.user() == ADMIN => secret.bind(token),
        _ => token.hash(),
    }
}

/// The hash to store for a new session. A session opened with a JSON Web Token is bound to the settings that verified
/// it: changing them ends the sessions of forged tokens.
pub(super) fn stored_session(session: &TokenText, credential: &Credential, config: &Config) -> TokenHash {
    match &config.issuer {
        Some(issuer) if *credential == Credential::Jwt => issuer.bind(session),
        _ => stored_hash(session, config),
    }
}

/// All hashes under which a presented token may be stored, with the current settings.
pub(super) fn stored_hashes(token: &TokenText, config: &Config) -> Vec<TokenHash> {
    let mut hashes = vec![stored_hash(token, config)];
    hashes.extend(config.issuer.as_ref().map(|issuer| issuer.bind(token)));
    hashes
}

impl Identity {
    /// Not a user.
    fn anonymous() -> Self {
        let caller = Caller { user: String::new(), admin: false };
        Self { caller, scope: Scope::Read, credential: Credential::None, expires_at: None }
    }

    /// The user in open mode.
    fn local() -> Self {
        Self { credential: Credential::None, ..Self::built_in(LOCAL, true) }
    }

    /// The user with `ADMIN_TOKEN`.
    fn admin() -> Self {
        Self { credential: Credential::AdminToken, ..Self::built_in(ADMIN, true) }
    }

    /// The caller with `RUNNER_TOKEN`.
    fn runner() -> Self {
        Self { credential: Credential::RunnerToken, ..Self::built_in(RUNNER, false) }
    }

    /// A user that the service itself names.
    fn built_in(user: &str, admin: bool) -> Self {
        let caller = Caller { user: user.to_owned(), admin };
        Self { caller, scope: Scope::Write, ..Self::anonymous() }
    }
}

impl Credential {
    /// Whether it came in a header. Browsers never add that header by themselves.
    pub fn is_in_a_header(&self) -> bool {
        match self {
            Self::AdminToken | Self::RunnerToken | Self::Jwt | Self::ApiToken(_) => true,
            Self::None | Self::Session(_) => false,
        }
    }
}
