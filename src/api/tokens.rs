//! `POST` and `GET /api/tokens`, `DELETE /api/tokens/{id}`: the API tokens that a user makes for programs.
//!
//! No token reaches further than who made it: its scope is the maker's at most, it is never an admin's, and what was
//! made in a session that an API token opened ends with that token.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::auth::Credential;
use super::error::ApiError;
use super::reply::Reply;
use super::request::Call;
use super::upload;
use crate::account::{AccountCall, Created, NewToken, TokenView};
use crate::auth::{Scope, TokenKind, TokenText, is_reserved, is_user_id};
use crate::contract::{RequestId, Timestamp};
use crate::object::ObjectName;

/// The most that the body takes: the longest name and user, each character spelled as an escape.
pub(super) const MAX_TOKEN_BYTES: usize = 4 << 10;

/// The longest name, in characters.
const LONGEST_NAME: usize = 64;

/// How long a token lives if nobody says, in days.
const USUAL_DAYS: u32 = 90;

/// The longest life, in days: a year, so that a forgotten token does not live for ever.
const MOST_DAYS: u32 = 366;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// What is wanted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    name: String,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    expires_in_days: Option<u32>,
    #[serde(default)]
    user: Option<String>,
}

/// A new token: the only answer that holds its text.
#[derive(Serialize)]
struct Made<'a> {
    success: bool,
    message: &'static str,
    user: &'a str,
    token: &'a str,
    id: String,
    name: String,
    scope: Scope,
    created_at: Timestamp,
    expires_at: Timestamp,
    parent: Option<String>,
    request_id: &'a RequestId,
}

/// A token as lists show it.
#[derive(Serialize)]
struct Listed {
    id: String,
    name: String,
    scope: Scope,
    created_at: Timestamp,
    expires_at: Timestamp,
    last_used_at: Option<Timestamp>,
    parent: Option<String>,
}

impl From<TokenView> for Listed {
    fn from(view: TokenView) -> Self {
        let TokenView { id, token, created_at, last_used_at } = view;
        let NewToken { kind: _, name, scope, admin: _, parent, expires_at } = token;
        Self { id, name, scope, created_at, expires_at, last_used_at, parent }
    }
}

/// Makes a token and shows its text, this once.
pub(super) async fn create(call: &Call<'_>) -> Result<Reply, ApiError> {
    let session = match &call.identity.credential {
        // What it made would outlive its revocation.
        Credential::ApiToken(_) => return Err(ApiError::token_not_allowed()),
        Credential::Session(id) => Some(id.clone()),
        _ => None,
    };
    let text = std::str::from_utf8(&call.body).map_err(|error| ApiError::not_utf8(error.valid_up_to()))?;
    let Wanted { name, scope, expires_in_days, user } = upload::parse(text)?;
    let name = checked_name(&name)?;
    let scope = scope.map_or(Ok(Scope::Write), |word| checked_scope(&word))?;
    let expires_in_days = expires_in_days.unwrap_or(USUAL_DAYS);
    if !(1..=MOST_DAYS).contains(&expires_in_days) {
        let detail = format!("{expires_in_days}: a token lives for 1 to {MOST_DAYS} days");
        return Err(ApiError::invalid("expires_in_days", detail));
    }
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
        expires_at: call.clock.now().after(DAY * expires_in_days),
    };
    let made = TokenText::random(user).map_err(|error| ApiError::broken(&error.to_string()))?;
    let question = AccountCall::CreateToken { hash: made.hash(), token, session: session.filter(|_| is_own) };
    let created: Created = call.ask_object(&ObjectName::Account(user.to_owned()), &question).await?;
    let TokenView { id, token, created_at, last_used_at: _ } = created.map_err(ApiError::token_refusal)?;
    let NewToken { name, scope, parent, expires_at, .. } = token;
    let answer = Made {
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
    Ok(Reply::json(&json!(answer)).status(http::StatusCode::CREATED))
}

/// The tokens that count, newest first; never their texts.
pub(super) async fn list(call: &Call<'_>) -> Result<Reply, ApiError> {
    let user = whose(call, call.query.user())?;
    let account = ObjectName::Account(user.to_owned());
    let tokens: Vec<TokenView> = call.ask_object(&account, &AccountCall::ListTokens).await?;
    let tokens: Vec<Listed> = tokens.into_iter().map(Listed::from).collect();
    Ok(Reply::json(&json!({"success": true, "user": user, "tokens": tokens, "total_tokens": tokens.len()})))
}

/// Revokes a token, the sessions that it opened, and the tokens made in these.
pub(super) async fn revoke(call: &Call<'_>) -> Result<Reply, ApiError> {
    let user = whose(call, call.query.user())?;
    let id = call.parameter("id");
    let question = AccountCall::RevokeToken { id: id.to_owned() };
    let was_there: bool = call.ask_object(&ObjectName::Account(user.to_owned()), &question).await?;
    if !was_there {
        return Err(ApiError::no_token(id));
    }
    Ok(Reply::json(&json!({
        "success": true,
        "message": "The token is revoked, and with it every session and token that was made from it.",
        "user": user,
        "id": id,
        "request_id": call.request_id,
    })))
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
    Scope::from_word(word).ok_or_else(wrong)
}
