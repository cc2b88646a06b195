//! From what a request shows to who sends it, or to the reason why it is not let in.
//!
//! Closed by default: whoever is not known is refused, a credential that is worth nothing is never passed over in favour
//! of another or of open mode, and what cannot be checked opens nothing.

use super::shown::Shown;
use super::{ADMIN, Credential, Identity, LOCAL, Page, stored_hashes};
use crate::account::{AccountTarget, CheckToken};
use crate::api::AuthMode;
use crate::api::app::Platform;
use crate::api::config::{Config, Secret};
use crate::api::error::ApiError;
use crate::api::route::Permission;
use crate::auth::{Claims, Scope, SharedKeys, TokenKind, TokenText, Unauthentic};
use crate::object::call;
use crate::project::Caller;
use platform::is_loopback;

/// What decides who is let in.
pub(in crate::api) struct Door<'a> {
    pub config: &'a Config,
    pub platform: Platform<'a>,
    pub keys: &'a SharedKeys,
}

impl Door<'_> {
    /// Who sends `request`, if they may call a route with `permission`. `page` is where a browser sends it from.
    ///
    /// For a public call nothing is looked at: what is shown may be a user's whose object would have to be asked.
    ///
    /// # Errors
    /// 401 for no credential or a wrong one, 403 for one that does not reach so far, 503 where nobody can be known.
    pub async fn admit(
        &self,
        permission: Permission,
        request: &http::request::Parts,
        page: &Page,
    ) -> Result<Identity, ApiError> {
        match permission {
            Permission::Public => Ok(Identity::anonymous()),
            Permission::Recognised => Ok(self.known(request, page).await.unwrap_or_else(|_| Identity::anonymous())),
            Permission::Runner => self.runner(request),
            Permission::Read => self.known(request, page).await,
            Permission::Write => require_write(self.known(request, page).await?),
            Permission::Admin if !self.config.knows_users() => Err(ApiError::admin_not_configured()),
            Permission::Admin => {
                let identity = self.known(request, page).await?;
                if identity.caller.admin { require_write(identity) } else { Err(ApiError::admin_only()) }
            }
        }
    }

    /// The user who sends `request`.
    async fn known(&self, request: &http::request::Parts, page: &Page) -> Result<Identity, ApiError> {
        let is_open = self.config.auth == AuthMode::Open;
        if !self.config.knows_users() {
            return Err(ApiError::auth_not_configured());
        }
        if is_open && !is_loopback(request.uri.host().unwrap_or_default()) {
            return Err(ApiError::loopback_only());
        }
        match Shown::read(&request.headers).map_err(ApiError::invalid_token)? {
            Shown::Bearer(text) => self.bearer(text).await,
            Shown::Cookie(text) => {
                // Before the look: another site's page must not learn whether its visitor is signed in.
                page.require_own()?;
                self.own_token(text, TokenKind::Session).await
            }
            Shown::Nothing if is_open => Ok(Identity::local()),
            Shown::Nothing => Err(ApiError::unauthorized()),
        }
    }

    /// Who shows `text` in the header.
    async fn bearer(&self, text: &str) -> Result<Identity, ApiError> {
        let is = |secret: &Option<Secret>| secret.as_ref().is_some_and(|secret| secret.matches(text));
        if is(&self.config.admin_token) {
            return Ok(Identity::admin());
        }
        if is(&self.config.runner_token) {
            return Err(ApiError::invalid_token("RUNNER_TOKEN opens the calls of runners and no others"));
        }
        if TokenText::is_meant(text) {
            return self.own_token(text, TokenKind::Api).await;
        }
        let Some(issuer) = &self.config.issuer else {
            return Err(ApiError::invalid_token("it is not known here"));
        };
        let Platform { http, clock, verifier, .. } = self.platform;
        match self.keys.check(text, issuer, verifier, http, clock).await {
            Ok(claims) => Ok(bearer_of(claims)),
            Err(Unauthentic::Refused(why)) => Err(ApiError::invalid_token(&why.to_string())),
            Err(Unauthentic::Unavailable(cause)) => Err(ApiError::keys_unavailable(&cause)),
        }
    }

    /// Who holds a token that this service made, of the kind that may be shown where it was.
    async fn own_token(&self, text: &str, kind: TokenKind) -> Result<Identity, ApiError> {
        // One text for all: what is wrong with a token that was not made here is nobody's business.
        let unknown = || ApiError::invalid_token("it is not known here, has expired, or was revoked");
        let token = TokenText::parse(text).ok_or_else(unknown)?;
        // Users that settings make are gone with the setting, and so is what they made for themselves.
        let exists = match token.user() {
            ADMIN => self.config.admin_token.is_some(),
            LOCAL => self.config.auth == AuthMode::Open,
            _ => true,
        };
        if !exists {
            return Err(unknown());
        }
        let hashes = stored_hashes(&token, self.config);
        let request = CheckToken { hashes, since: self.config.tokens_since };
        let found = call(self.platform.objects, &AccountTarget(token.user().to_owned()), request).await?;
        let found = found.filter(|found| found.token.kind == kind).ok_or_else(unknown)?;
        let credential = match kind {
            TokenKind::Api => Credential::ApiToken(found.id),
            TokenKind::Session => Credential::Session(found.id),
        };
        // A token for a program is never an admin's, whoever made it.
        let admin = found.token.admin && kind == TokenKind::Session;
        let caller = Caller { user: token.user().to_owned(), admin };
        Ok(Identity { caller, scope: found.token.scope, credential, expires_at: Some(found.token.expires_at) })
    }

    /// A runner: whoever shows `RUNNER_TOKEN`, and nobody else, however mighty.
    fn runner(&self, request: &http::request::Parts) -> Result<Identity, ApiError> {
        let token = self.config.runner_token.as_ref().ok_or_else(ApiError::runner_not_configured)?;
        match Shown::read(&request.headers).map_err(ApiError::invalid_token)? {
            Shown::Bearer(text) if token.matches(text) => Ok(Identity::runner()),
            Shown::Bearer(_) => Err(ApiError::invalid_token("this call takes RUNNER_TOKEN alone")),
            Shown::Cookie(_) | Shown::Nothing => Err(ApiError::runner_token_needed()),
        }
    }
}

/// Who an issuer's token names. What their user may do is the service's own matter, so there is no scope to read.
fn bearer_of(claims: Claims) -> Identity {
    let caller = Caller { user: claims.sub, admin: claims.is_admin };
    Identity { caller, scope: Scope::Write, credential: Credential::Jwt, expires_at: Some(claims.expires_at) }
}

fn require_write(identity: Identity) -> Result<Identity, ApiError> {
    if identity.scope >= Scope::Write { Ok(identity) } else { Err(ApiError::insufficient_scope()) }
}
