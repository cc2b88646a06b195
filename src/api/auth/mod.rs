//! Who the caller is, decided here and nowhere else. Handlers are given an [`Identity`] and never look at a header.
//!
//! - `shown`: the credential that a request carries, as it came
//! - `page`: whose page a browser sends the request for
//! - `admission`: from the two to an [`Identity`], or to the reason why not

mod authenticate;
mod credential;
pub mod permission;
mod request_origin;

use super::config::Config;
use crate::auth::{Scope, TokenHash, TokenText};
use crate::project::Caller;
use contract::Timestamp;

pub(super) use authenticate::Door;
pub(super) use request_origin::Page;

/// Who sends a request, and what it was that said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    /// The user; believed by the objects. The empty name is nobody's.
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

/// The user that open mode knows; the admin of projects without an owner, too.
const LOCAL: &str = "local";

/// The user who shows `ADMIN_TOKEN`.
const ADMIN: &str = "admin";

/// The caller who shows `RUNNER_TOKEN`.
const RUNNER: &str = "runner";

/// What is stored of a new token: for the one who shows `ADMIN_TOKEN` it is bound to that, so that whoever has had it is
/// out as soon as it is changed.
pub(super) fn stored_hash(token: &TokenText, config: &Config) -> TokenHash {
    match &config.admin_token {
        Some(secret) if token.user() == ADMIN => secret.bind(token),
        _ => token.hash(),
    }
}

/// What is stored of a new session that `credential` opens: for a JSON Web Token it is bound to the settings by which
/// that was found sound, so that who could forge one is out as soon as they are changed.
pub(super) fn stored_session(session: &TokenText, credential: &Credential, config: &Config) -> TokenHash {
    match &config.issuer {
        Some(issuer) if *credential == Credential::Jwt => issuer.bind(session),
        _ => stored_hash(session, config),
    }
}

/// All that may be stored of a token that is shown, with the settings as they are.
pub(super) fn stored_hashes(token: &TokenText, config: &Config) -> Vec<TokenHash> {
    let mut hashes = vec![stored_hash(token, config)];
    hashes.extend(config.issuer.as_ref().map(|issuer| issuer.bind(token)));
    hashes
}

impl Identity {
    /// Nobody in particular.
    fn anonymous() -> Self {
        let caller = Caller { user: String::new(), admin: false };
        Self { caller, scope: Scope::Read, credential: Credential::None, expires_at: None }
    }

    /// Open mode's one user.
    fn local() -> Self {
        Self { credential: Credential::None, ..Self::keeper(LOCAL, true) }
    }

    /// Who shows `ADMIN_TOKEN`.
    fn admin() -> Self {
        Self { credential: Credential::AdminToken, ..Self::keeper(ADMIN, true) }
    }

    /// Who shows `RUNNER_TOKEN`.
    fn runner() -> Self {
        Self { credential: Credential::RunnerToken, ..Self::keeper(RUNNER, false) }
    }

    /// One of those that this service names itself.
    fn keeper(user: &str, admin: bool) -> Self {
        let caller = Caller { user: user.to_owned(), admin };
        Self { caller, scope: Scope::Write, ..Self::anonymous() }
    }
}

impl Credential {
    /// Whether it was in a header that a browser adds only where a page's own code says so.
    pub fn is_in_a_header(&self) -> bool {
        match self {
            Self::AdminToken | Self::RunnerToken | Self::Jwt | Self::ApiToken(_) => true,
            Self::None | Self::Session(_) => false,
        }
    }
}
