//! `POST` and `GET /api/tokens`, `DELETE /api/tokens/{id}`: the API tokens that a user creates for programs.
//!
//! A token never has more rights than its creator: its scope is at most the creator's, it never has admin rights, and a
//! token created in a session that an API token opened ends with that API token.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::account::{CreateToken, ListTokens, NewToken, RevokeToken, TokenView};
use crate::api::auth::{Credential, stored_hash};
use crate::api::body;
use crate::api::code::Code;
use crate::api::docs::endpoint::{BodySchema, Content, EndpointDoc, HasExample, Link, ResponseDoc, Tag};
use crate::api::docs::parameter::UserName;
use crate::api::error::ApiError;
use crate::api::request::ApiRequest;
use crate::api::response::ApiResponse;
use crate::api::views::token::{ApiToken, NewApiToken, Revoked, TokenList};
use crate::auth::{Scope, TokenKind, TokenText, is_reserved, is_user_id};
use contract::LenientU64;

/// The maximum size of the body: the longest name and user, with every character escaped.
const MAX_TOKEN_BYTES: usize = 4 << 10;

/// The maximum length of a name, in characters.
const MAX_NAME_LENGTH: usize = 64;

/// The default lifetime, in days.
const DEFAULT_DAYS: u32 = 90;

/// The maximum lifetime, in days, so that a forgotten token ends.
const MAX_DAYS: u32 = 366;

const DAY: Duration = Duration::from_secs(24 * 3600);

pub const CREATE: EndpointDoc = EndpointDoc {
    id: "createToken",
    summary: "create an API token; its text is shown only once",
    tag: Tag::Access,
    description: "No other response shows the token. Its scope is at most that of its creator, and it never has admin \
                  rights. A token created in a session that an API token opened ends with that API token.",
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
    summary: "list API tokens, newest first",
    tag: Tag::Access,
    description: "Tokens that have neither expired nor been revoked, without their texts.",
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
    summary: "revoke an API token and everything created from it",
    tag: Tag::Access,
    description: "The sessions that it opened end with it, and so do the tokens created in these sessions.",
    responses: &[ResponseDoc {
        description: "The token is revoked.",
        contents: &[Content::Json(BodySchema::of::<Revoked<'_>>())],
        ..ResponseDoc::OK
    }],
    errors: &[Code::AdminOnly, Code::TokenNotFound, Code::InternalUnavailable],
    ..EndpointDoc::NONE
};

/// The properties of a new API token.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TokenRequest {
    /// The name: 1 to 64 characters, without control characters. White space around it is removed.
    #[schemars(regex(pattern = NAME))]
    name: String,
    /// Default: `write`. It is limited to the creator's scope.
    #[serde(default)]
    #[schemars(with = "Option<Scope>")]
    scope: Option<String>,
    /// The lifetime. Default: 90 days.
    #[serde(default)]
    #[schemars(with = "Option<u32>", range(min = 1, max = MAX_DAYS))]
    expires_in_days: Option<LenientU64>,
    /// The user of the token. Default: the caller. Only an admin may name another user.
    #[serde(default)]
    #[schemars(with = "Option<UserName>")]
    user: Option<String>,
}

/// The form of a name: 1 to 64 characters that are not control characters and neither begin nor end with white space
/// (Unicode), surrounded by any white space.
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

/// Creates a token. This is the only response with its text.
pub async fn create(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    let bytes = body::read_json(&request.headers, request.take_body(), MAX_TOKEN_BYTES).await?;
    let session = match &request.identity.credential {
        // The new token would outlive its revocation.
        Credential::ApiToken(_) => return Err(ApiError::token_not_allowed()),
        Credential::Session(id) => Some(id.clone()),
        _ => None,
    };
    let TokenRequest { name, scope, expires_in_days, user } = body::parse(&bytes)?;
    let name = checked_name(&name)?;
    let scope = scope.map_or(Ok(Scope::Write), |word| checked_scope(&word))?;
    let LenientU64(days) = expires_in_days.unwrap_or(LenientU64(DEFAULT_DAYS.into()));
    let days = u32::try_from(days).ok().filter(|days| (1..=MAX_DAYS).contains(days)).ok_or_else(|| {
        let detail = format!("{days}: the lifetime of a token is 1 to {MAX_DAYS} days");
        ApiError::invalid("expires_in_days", detail)
    })?;
    let user = user_of(request, user.as_deref())?;
    let is_own = user == request.identity.caller.user;
    if !is_own && is_reserved(user) {
        let detail = format!("{user:?} is reserved for a built-in user");
        return Err(ApiError::invalid("user", detail));
    }
    let token = NewToken {
        kind: TokenKind::Api,
        name,
        scope: scope.min(request.identity.scope),
        admin: false,
        parent: None,
        expires_at: request.clock.now().after(DAY * days),
    };
    let text = TokenText::random(user).map_err(|error| ApiError::broken(&error.to_string()))?;
    let operation = CreateToken {
        hash: stored_hash(&text, request.config),
        token,
        session: session.filter(|_| is_own),
        since: request.config.tokens_since,
    };
    let TokenView { id, token, created_at, last_used_at: _ } = request.call_account(user, operation).await?;
    let NewToken { name, scope, parent, expires_at, .. } = token;
    let body = NewApiToken {
        success: true,
        message: "This is the only time that the token is shown. Only its hash is kept.",
        user,
        token: text.reveal(),
        id,
        name,
        scope,
        created_at,
        expires_at,
        parent,
        request_id: &request.request_id,
    };
    // JSON is sent with `no-store`, so no cache keeps the token.
    Ok(ApiResponse::json(&body)?.status(http::StatusCode::CREATED))
}

/// The valid tokens, newest first, without their texts.
pub async fn list(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    let user = user_of(request, request.query.user())?;
    let tokens = request.call_account(user, ListTokens { since: request.config.tokens_since }).await?;
    let tokens: Vec<ApiToken> = tokens.into_iter().map(ApiToken::from).collect();
    ApiResponse::json(&TokenList { success: true, user, total_tokens: tokens.len(), tokens })
}

/// Revokes a token, the sessions that it opened, and the tokens created in these sessions.
pub async fn revoke(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    let user = user_of(request, request.query.user())?;
    let id = request.parameter("id");
    if !request.call_account(user, RevokeToken { id: id.to_owned() }).await? {
        return Err(ApiError::no_token(id));
    }
    ApiResponse::json(&Revoked {
        success: true,
        message: "The token is revoked, and with it every session and token that was made from it.",
        user,
        id,
        request_id: &request.request_id,
    })
}

/// The user whose tokens are meant: the caller, or the named user if the caller is an admin.
fn user_of<'a>(request: &'a ApiRequest<'_>, named: Option<&'a str>) -> Result<&'a str, ApiError> {
    let caller = &request.identity.caller;
    match named {
        None => Ok(&caller.user),
        Some(user) if user == caller.user => Ok(user),
        Some(_) if !caller.admin => Err(ApiError::others_tokens()),
        Some(user) if is_user_id(user) => Ok(user),
        Some(user) => {
            let user: String = user.chars().take(200).collect();
            Err(ApiError::invalid("user", format!("{user:?}: a user's id is 1 to 128 visible ASCII characters")))
        }
    }
}

/// Checks a name and removes the white space around it.
fn checked_name(name: &str) -> Result<String, ApiError> {
    let name = name.trim();
    let wrong = |detail: String| Err(ApiError::invalid("name", detail));
    let length = name.chars().count();
    if !(1..=MAX_NAME_LENGTH).contains(&length) {
        return wrong(format!("a token's name has 1 to {MAX_NAME_LENGTH} characters; this one has {length}"));
    }
    if name.chars().any(char::is_control) {
        return wrong("a token's name must not contain control characters such as line breaks and tabs".to_owned());
    }
    Ok(name.to_owned())
}

fn checked_scope(word: &str) -> Result<Scope, ApiError> {
    let given = || word.chars().take(200).collect::<String>();
    let wrong = || ApiError::invalid("scope", format!("{:?}: a token's scope is read or write", given()));
    word.parse().map_err(|_| wrong())
}
