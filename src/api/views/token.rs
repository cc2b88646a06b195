//! API tokens.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::account::{NewToken, TokenView};
use crate::api::docs::endpoint::HasExample;
use crate::auth::Scope;
use contract::{RequestId, Timestamp};

/// A new API token. No other response contains its text.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NewApiToken")]
pub struct NewApiToken<'a> {
    /// Always `true`.
    pub success: bool,
    /// A note for people.
    pub message: &'static str,
    /// The user's id.
    pub user: &'a str,
    /// The token: `pw_…`.
    pub token: &'a str,
    pub id: String,
    pub name: String,
    pub scope: Scope,
    pub created_at: Timestamp,
    /// When the token expires.
    pub expires_at: Timestamp,
    /// The id of the API token that it was created from. It ends with that token.
    pub parent: Option<String>,
    pub request_id: &'a RequestId,
}

/// An API token in a list.
#[derive(Serialize, JsonSchema)]
pub struct ApiToken {
    /// A random id, not secret.
    pub id: String,
    pub name: String,
    pub scope: Scope,
    pub created_at: Timestamp,
    /// When the token expires.
    pub expires_at: Timestamp,
    /// When the token was last used, to the hour; null if never.
    pub last_used_at: Option<Timestamp>,
    /// The id of the API token that it was created from. It ends with that token.
    pub parent: Option<String>,
}

/// A user's API tokens.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TokenList")]
pub struct TokenList<'a> {
    /// Always `true`.
    pub success: bool,
    /// The user's id.
    pub user: &'a str,
    /// Newest first.
    pub tokens: Vec<ApiToken>,
    pub total_tokens: usize,
}

/// A revoked token.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RevokedToken")]
pub struct Revoked<'a> {
    /// Always `true`.
    pub success: bool,
    /// The outcome, for people.
    pub message: &'static str,
    /// The user's id.
    pub user: &'a str,
    pub id: &'a str,
    pub request_id: &'a RequestId,
}

fn example() -> Value {
    json!({
        "id": "0123456789abcdef",
        "name": "build server",
        "scope": "write",
        "created_at": "2026-01-31T12:00:00.000Z",
        "expires_at": "2026-03-02T12:00:00.000Z",
        "last_used_at": null,
        "parent": null,
    })
}

impl HasExample for NewApiToken<'_> {
    fn example() -> Value {
        let mut token = example();
        token.as_object_mut().and_then(|fields| fields.remove("last_used_at"));
        token["success"] = json!(true);
        token["message"] = json!("This is the only time that the token is shown. Only its hash is kept.");
        token["user"] = json!("anna@example.com");
        token["token"] = json!("pw_…");
        token["request_id"] = json!("0123456789abcdef");
        token
    }
}

impl HasExample for TokenList<'_> {
    fn example() -> Value {
        json!({"success": true, "user": "anna@example.com", "tokens": [example()], "total_tokens": 1})
    }
}

impl HasExample for Revoked<'_> {
    fn example() -> Value {
        json!({
            "success": true,
            "message": "The token is revoked, and with it every session and token that was made from it.",
            "user": "anna@example.com",
            "id": "0123456789abcdef",
            "request_id": "0123456789abcdef",
        })
    }
}

impl From<TokenView> for ApiToken {
    fn from(view: TokenView) -> Self {
        let TokenView { id, token, created_at, last_used_at } = view;
        let NewToken { kind: _, name, scope, admin: _, parent, expires_at } = token;
        Self { id, name, scope, created_at, expires_at, last_used_at, parent }
    }
}
