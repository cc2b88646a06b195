//! `POST` and `GET /api/tokens`, `DELETE /api/tokens/{id}`: the API tokens that a user makes for programs.
//!
//! No token reaches further than who made it: its scope is the maker's at most, it is never an admin's, and what was
//! made in a session that an API token opened ends with that token.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::account::{CreateToken, ListTokens, NewToken, RevokeToken, TokenView};
use crate::api::auth::{Credential, stored_hash};
use crate::api::body;
use crate::api::code::Code;
use crate::api::docs::endpoint::{BodySchema, Content, EndpointDoc, HasExample, Link, ResponseDoc, Tag};
use crate::api::docs::parameter::UserName;
use crate::api::error::ApiError;
use crate::api::request::Call;
use crate::api::response::Reply;
use crate::auth::{Scope, TokenKind, TokenText, is_reserved, is_user_id};
use contract::{LenientU64, RequestId, Timestamp};

/// The most that the body takes: the longest name and user, each character spelled as an escape.
const MAX_TOKEN_BYTES: usize = 4 << 10;

/// The longest name, in characters.
const LONGEST_NAME: usize = 64;

/// How long a token lives if nobody says, in days.
const USUAL_DAYS: u32 = 90;

/// The longest life, in days: a year, so that a forgotten token does not live for ever.
const MOST_DAYS: u32 = 366;

const DAY: Duration = Duration::from_secs(24 * 3600);

pub const CREATE: EndpointDoc = EndpointDoc {
    id: "createToken",
    summary: "a new API token, shown this once",
    tag: Tag::Access,
    description: "The answer is the only one that shows the token. It reaches no further than who made it and is never an \
            admin's; made in a session that an API token opened, it ends with that token.",
    request_bodies: &[Content::Json(BodySchema::of::<TokenRequest>())],
    responses: &[ResponseDoc {
        status: 201,
        description: "The token.",
        contents: &[Content::Json(BodySchema::of::<NewApiToken<'_>>())],
        links: &[Link {
            to: "revokeToken",
            parameters: &[("id", "$response.body#/id"), ("user", "$response.body#/user")],
        }],
        ..ResponseDoc::OK
    }],
    errors: &[Code::TokenNotAllowed, Code::AdminOnly, Code::TooManyTokens, Code::InternalUnavailable],
    ..EndpointDoc::NONE
};

pub const LIST: EndpointDoc = EndpointDoc {
    id: "listTokens",
    summary: "my API tokens, newest first",
    tag: Tag::Access,
    description: "Those that have neither expired nor been revoked; never their texts.",
    responses: &[ResponseDoc {
        description: "The tokens.",
        contents: &[Content::Json(BodySchema::of::<TokenList<'_>>())],
        ..ResponseDoc::OK
    }],
    errors: &[Code::AdminOnly, Code::InternalUnavailable],
    ..EndpointDoc::NONE
};

pub const REVOKE: EndpointDoc = EndpointDoc {
    id: "revokeToken",
    summary: "revokes an API token and what was made from it",
    tag: Tag::Access,
    description: "The sessions that it opened end with it, and the tokens that were made in these.",
    responses: &[ResponseDoc {
        description: "It counts no more.",
        contents: &[Content::Json(BodySchema::of::<Revoked<'_>>())],
        ..ResponseDoc::OK
    }],
    errors: &[Code::AdminOnly, Code::TokenNotFound, Code::InternalUnavailable],
    ..EndpointDoc::NONE
};

/// What an API token is to be.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TokenRequest {
    /// What its user calls it: 1 to 64 characters besides white space around it, none of them a control character.
    #[schemars(regex(pattern = NAME))]
    name: String,
    /// What it may do; `write` unless said otherwise, and never more than who makes it.
    #[serde(default)]
    #[schemars(with = "Option<Scope>")]
    scope: Option<String>,
    /// How long it lives; 90 days unless said otherwise.
    #[serde(default)]
    #[schemars(with = "Option<u32>", range(min = 1, max = MOST_DAYS))]
    expires_in_days: Option<LenientU64>,
    /// Whose it is to be; only an admin may name another than oneself.
    #[serde(default)]
    #[schemars(with = "Option<UserName>")]
    user: Option<String>,
}

/// A name's form: white space (Unicode's property) around 1 to 64 characters that are no controls and neither begin nor
/// end with white space.
const NAME: &str = concat!(
    r"^[\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*",
    r"[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]",
    r"([^\u0000-\u001f\u007f-\u009f]{0,62}",
    r"[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000])?",
    r"[\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*$",
);

impl HasExample for TokenRequest {
    fn example() -> Value {
        json!({"name": "build server", "scope": "write", "expires_in_days": 30})
    }
}

/// A new token: the only answer that holds its text.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NewApiToken")]
struct NewApiToken<'a> {
    /// Always true.
    success: bool,
    /// What to mind, for a person.
    message: &'static str,
    /// Whose it is.
    user: &'a str,
    /// The token: `pw_…`.
    token: &'a str,
    id: String,
    name: String,
    scope: Scope,
    created_at: Timestamp,
    /// From when on it is worth nothing.
    expires_at: Timestamp,
    /// The id of the API token that it was made from, with which it ends.
    parent: Option<String>,
    request_id: &'a RequestId,
}

/// An API token as lists show it.
#[derive(Serialize, JsonSchema)]
struct ApiToken {
    /// Random, no secret.
    id: String,
    name: String,
    scope: Scope,
    created_at: Timestamp,
    /// From when on it is worth nothing.
    expires_at: Timestamp,
    /// When it was last shown, to the hour; null before the first time.
    last_used_at: Option<Timestamp>,
    /// The id of the API token that it was made from, with which it ends.
    parent: Option<String>,
}

/// A user's API tokens.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TokenList")]
struct TokenList<'a> {
    /// Always true.
    success: bool,
    /// Whose they are.
    user: &'a str,
    /// Newest first.
    tokens: Vec<ApiToken>,
    total_tokens: usize,
}

/// A token that was revoked.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RevokedToken")]
struct Revoked<'a> {
    /// Always true.
    success: bool,
    /// What happened, for a person.
    message: &'static str,
    /// Whose it was.
    user: &'a str,
    id: &'a str,
    request_id: &'a RequestId,
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

/// Makes a token and shows its text, this once.
pub async fn create(call: &Call<'_>) -> Result<Reply, ApiError> {
    let bytes = body::read_json(&call.headers, call.take_body(), MAX_TOKEN_BYTES).await?;
    let session = match &call.identity.credential {
        // What it made would outlive its revocation.
        Credential::ApiToken(_) => return Err(ApiError::token_not_allowed()),
        Credential::Session(id) => Some(id.clone()),
        _ => None,
    };
    let TokenRequest { name, scope, expires_in_days, user } = body::parse(&bytes)?;
    let name = checked_name(&name)?;
    let scope = scope.map_or(Ok(Scope::Write), |word| checked_scope(&word))?;
    let LenientU64(days) = expires_in_days.unwrap_or(LenientU64(USUAL_DAYS.into()));
    let days = u32::try_from(days).ok().filter(|days| (1..=MOST_DAYS).contains(days)).ok_or_else(|| {
        let detail = format!("{days}: a token lives for 1 to {MOST_DAYS} days");
        ApiError::invalid("expires_in_days", detail)
    })?;
    let user = whose(call, user.as_deref())?;
    let is_own = user == call.identity.caller.user;
    if !is_own && is_reserved(user) {
        let detail = format!("{user:?} is a name of the service's own; nobody else is called so");
        return Err(ApiError::invalid("user", detail));
    }
    let token = NewToken {
        kind: TokenKind::Api,
        name,
        scope: scope.min(call.identity.scope),
        admin: false,
        parent: None,
        expires_at: call.clock.now().after(DAY * days),
    };
    let made = TokenText::random(user).map_err(|error| ApiError::broken(&error.to_string()))?;
    let request = CreateToken {
        hash: stored_hash(&made, call.config),
        token,
        session: session.filter(|_| is_own),
        since: call.config.tokens_since,
    };
    let TokenView { id, token, created_at, last_used_at: _ } = call.ask_account(user, request).await?;
    let NewToken { name, scope, parent, expires_at, .. } = token;
    let answer = NewApiToken {
        success: true,
        message: "This is the only time that the token is shown. Only its hash is kept.",
        user,
        token: made.reveal(),
        id,
        name,
        scope,
        created_at,
        expires_at,
        parent,
        request_id: &call.request_id,
    };
    // Like all JSON that is not said to last, it is `no-store`.
    Ok(Reply::json(&answer)?.status(http::StatusCode::CREATED))
}

/// The tokens that count, newest first; never their texts.
pub async fn list(call: &Call<'_>) -> Result<Reply, ApiError> {
    let user = whose(call, call.query.user())?;
    let tokens = call.ask_account(user, ListTokens { since: call.config.tokens_since }).await?;
    let tokens: Vec<ApiToken> = tokens.into_iter().map(ApiToken::from).collect();
    Reply::json(&TokenList { success: true, user, total_tokens: tokens.len(), tokens })
}

/// Revokes a token, the sessions that it opened, and the tokens made in these.
pub async fn revoke(call: &Call<'_>) -> Result<Reply, ApiError> {
    let user = whose(call, call.query.user())?;
    let id = call.parameter("id");
    if !call.ask_account(user, RevokeToken { id: id.to_owned() }).await? {
        return Err(ApiError::no_token(id));
    }
    Reply::json(&Revoked {
        success: true,
        message: "The token is revoked, and with it every session and token that was made from it.",
        user,
        id,
        request_id: &call.request_id,
    })
}

/// Whose tokens are meant: the caller's own, or those of the user who is named, which only an admin may.
fn whose<'a>(call: &'a Call<'_>, named: Option<&'a str>) -> Result<&'a str, ApiError> {
    let caller = &call.identity.caller;
    match named {
        None => Ok(&caller.user),
        Some(user) if user == caller.user => Ok(user),
        Some(_) if !caller.admin => Err(ApiError::others_tokens()),
        Some(user) if is_user_id(user) => Ok(user),
        Some(user) => {
            let shown: String = user.chars().take(200).collect();
            Err(ApiError::invalid("user", format!("{shown:?}: a user's id is 1 to 128 visible ASCII characters")))
        }
    }
}

/// What a person calls a token, without the white space around it.
fn checked_name(name: &str) -> Result<String, ApiError> {
    let name = name.trim();
    let wrong = |detail: String| Err(ApiError::invalid("name", detail));
    let length = name.chars().count();
    if !(1..=LONGEST_NAME).contains(&length) {
        return wrong(format!("a token's name has 1 to {LONGEST_NAME} characters; this one has {length}"));
    }
    if name.chars().any(char::is_control) {
        return wrong("a token's name has no control characters (line breaks, tabs …)".to_owned());
    }
    Ok(name.to_owned())
}

fn checked_scope(word: &str) -> Result<Scope, ApiError> {
    let shown = || word.chars().take(200).collect::<String>();
    let wrong = || ApiError::invalid("scope", format!("{:?}: a token's scope is read or write", shown()));
    word.parse().map_err(|_| wrong())
}
