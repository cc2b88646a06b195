//! Authenticates a request.
//!
//! Closed by default: without a valid credential a request is refused. A wrong credential never falls back to another
//! credential or to open mode, and a credential that cannot be checked is refused.

use super::credential::PresentedCredential;
use super::permission::Permission;
use super::{ADMIN, Credential, Identity, LOCAL, RequestOrigin, stored_hashes};
use crate::account::{AccountTarget, CheckToken};
use crate::api::config::{AuthMode, Config, Secret};
use crate::api::error::ApiError;
use crate::api::platform::Platform;
use crate::auth::{Claims, Scope, SharedKeys, TokenKind, TokenText, Unauthentic};
use crate::object::call;
use crate::project::Caller;
use platform::is_loopback;

pub(in crate::api) struct Authenticator<'a> {
    pub config: &'a Config,
    pub platform: Platform<'a>,
    pub keys: &'a SharedKeys,
}

impl Authenticator<'_> {
    /// The caller of a route with `permission`. `origin` is the page that sends the request.
    ///
    /// On a public route credentials are not looked at, because checking one may take a request to its user's object.
    ///
    /// # Errors
    /// 401 without a credential or with a wrong one, 403 if its rights do not suffice, 503 if none can be checked.
    pub async fn authenticate(
        &self,
        permission: Permission,
        request: &http::request::Parts,
        origin: &RequestOrigin,
    ) -> Result<Identity, ApiError> {
        match permission {
            Permission::Public => Ok(Identity::anonymous()),
            Permission::Recognised => Ok(self.user(request, origin).await.unwrap_or_else(|_| Identity::anonymous())),
            Permission::Runner => self.runner(request),
            Permission::Read => self.user(request, origin).await,
            Permission::Write => require_write(self.user(request, origin).await?),
            Permission::Admin if !self.config.knows_users() => Err(ApiError::admin_not_configured()),
            Permission::Admin => {
                let identity = self.user(request, origin).await?;
                if identity.caller.admin { require_write(identity) } else { Err(ApiError::admin_only()) }
            }
        }
    }

    async fn user(&self, request: &http::request::Parts, origin: &RequestOrigin) -> Result<Identity, ApiError> {
        let is_open = self.config.auth == AuthMode::Open;
        if !self.config.knows_users() {
            return Err(ApiError::auth_not_configured());
        }
        if is_open && !is_loopback(request.uri.host().unwrap_or_default()) {
            return Err(ApiError::loopback_only());
        }
        match PresentedCredential::read(&request.headers).map_err(ApiError::invalid_token)? {
            PresentedCredential::Bearer(text) => self.bearer(text).await,
            PresentedCredential::Cookie(text) => {
                // Checked first: a page of another site must not learn whether its visitor is signed in.
                origin.require_own()?;
                self.own_token(text, TokenKind::Session).await
            }
            PresentedCredential::Missing if is_open => Ok(Identity::local()),
            PresentedCredential::Missing => Err(ApiError::unauthorized()),
        }
    }

    /// The user with this token in the header.
    async fn bearer(&self, text: &str) -> Result<Identity, ApiError> {
        let is = |secret: &Option<Secret>| secret.as_ref().is_some_and(|secret| secret.matches(text));
        if is(&self.config.admin_token) {
            return Ok(Identity::admin());
        }
        if is(&self.config.runner_token) {
            return Err(ApiError::invalid_token("RUNNER_TOKEN works on runner endpoints only"));
        }
        if TokenText::has_prefix(text) {
            return self.own_token(text, TokenKind::Api).await;
        }
        let Some(issuer) = &self.config.issuer else {
            return Err(ApiError::invalid_token("it is not known to this service"));
        };
        let Platform { http, clock, verifier, .. } = self.platform;
        match self.keys.check(text, issuer, verifier, http, clock).await {
            Ok(claims) => Ok(identity_of(claims)),
            Err(Unauthentic::Refused(why)) => Err(ApiError::invalid_token(&why.to_string())),
            Err(Unauthentic::Unavailable(cause)) => Err(ApiError::keys_unavailable(&cause)),
        }
    }

    /// The user of a token that this service created, if it is of the kind expected in this place.
    async fn own_token(&self, text: &str, kind: TokenKind) -> Result<Identity, ApiError> {
        // One message for all cases, so that it reveals nothing about existing tokens.
        let unknown = || ApiError::invalid_token("it is not known, has expired, or was revoked");
        let token = TokenText::parse(text).ok_or_else(unknown)?;
        // A user that a setting defines ends with the setting, and so do the user's tokens.
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
        // An API token never has admin rights, not even an admin's.
        let admin = found.token.admin && kind == TokenKind::Session;
        let caller = Caller { user: token.user().to_owned(), admin };
        Ok(Identity { caller, scope: found.token.scope, credential, expires_at: Some(found.token.expires_at) })
    }

    /// A runner, by `RUNNER_TOKEN`. Nobody else may use runner endpoints, not even an admin.
    fn runner(&self, request: &http::request::Parts) -> Result<Identity, ApiError> {
        let token = self.config.runner_token.as_ref().ok_or_else(ApiError::runner_not_configured)?;
        match PresentedCredential::read(&request.headers).map_err(ApiError::invalid_token)? {
            PresentedCredential::Bearer(text) if token.matches(text) => Ok(Identity::runner()),
            PresentedCredential::Bearer(_) => Err(ApiError::invalid_token("this endpoint accepts only RUNNER_TOKEN")),
            PresentedCredential::Cookie(_) | PresentedCredential::Missing => Err(ApiError::runner_token_needed()),
        }
    }
}

/// The user of a JSON Web Token. Tokens of an issuer carry no scope, so the user may write.
fn identity_of(claims: Claims) -> Identity {
    let caller = Caller { user: claims.sub, admin: claims.is_admin };
    Identity { caller, scope: Scope::Write, credential: Credential::Jwt, expires_at: Some(claims.expires_at) }
}

fn require_write(identity: Identity) -> Result<Identity, ApiError> {
    if identity.scope >= Scope::Write { Ok(identity) } else { Err(ApiError::insufficient_scope()) }
}
