//! Sessions, and who the caller is.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::api::auth::{Credential, Identity};
use crate::api::docs::endpoint::HasExample;
use crate::auth::Scope;
use contract::{RequestId, Timestamp};

/// The caller.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Who")]
pub struct Who<'a> {
    /// Always `true`.
    pub success: bool,
    /// The user's id.
    pub user: &'a str,
    pub scope: Scope,
    /// Whether the caller is an admin.
    pub admin: bool,
    /// When the credential expires; null if it does not.
    pub expires_at: Option<Timestamp>,
    pub auth: Way,
}

/// The kind of credential.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// None: in open mode everybody on this machine is one user.
    Open,
    /// `ADMIN_TOKEN`.
    AdminToken,
    /// `RUNNER_TOKEN`.
    RunnerToken,
    /// A JSON Web Token.
    Jwt,
    /// An API token.
    ApiToken,
    /// A session cookie.
    Session,
}

/// The end of a session.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SignedOut")]
pub struct SignedOut<'a> {
    /// Always `true`.
    pub success: bool,
    /// The outcome, for people.
    pub message: &'static str,
    pub request_id: &'a RequestId,
}

impl HasExample for Who<'_> {
    fn example() -> Value {
        json!({
            "success": true,
            "user": "anna@example.com",
            "scope": "write",
            "admin": false,
            "expires_at": "2026-01-31T23:00:00.000Z",
            "auth": "session",
        })
    }
}

impl HasExample for SignedOut<'_> {
    fn example() -> Value {
        json!({"success": true, "message": "Signed out.", "request_id": "0123456789abcdef"})
    }
}

impl<'a> Who<'a> {
    pub fn of(identity: &'a Identity) -> Self {
        Self {
            success: true,
            user: &identity.caller.user,
            scope: identity.scope,
            admin: identity.caller.admin,
            expires_at: identity.expires_at,
            auth: match identity.credential {
                Credential::None => Way::Open,
                Credential::AdminToken => Way::AdminToken,
                Credential::RunnerToken => Way::RunnerToken,
                Credential::Jwt => Way::Jwt,
                Credential::ApiToken(_) => Way::ApiToken,
                Credential::Session(_) => Way::Session,
            },
        }
    }
}
