//! `POST`, `GET`, `DELETE /api/session`: a browser signs in with what its person has, and page code needs no header.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::auth::{Credential, Identity, stored_hashes, stored_session};
use super::code::Code;
use super::cookie;
use super::error::ApiError;
use super::parameter::SET_COOKIE;
use super::reply::Reply;
use super::request::Call;
use super::terms::{Answer, Content, Shape, Shown, Tag, Terms};
use crate::account::{CreateToken, EndSession, NewToken, TokenRefusal};
use crate::auth::{Scope, TokenKind, TokenText};
use contract::{RequestId, Timestamp};

/// The longest session: a long working day.
const LONGEST: Duration = Duration::from_secs(12 * 3600);

pub(super) const SIGN_IN: Terms = Terms {
    id: "openSession",
    tag: Tag::Access,
    about: "The session may do what the shown token may, and ends with it, after 12 hours at most. One that the browser \
            has already ends. In open mode there is nothing to sign in to.",
    answers: &[Answer {
        about: "The browser is signed in.",
        contents: &[Content::Json(Shape::of::<Who<'_>>())],
        headers: &[SET_COOKIE],
        ..Answer::OK
    }],
    errors: &[Code::SessionNotAllowed],
    ..Terms::NONE
};

pub(super) const SHOW: Terms = Terms {
    id: "getSession",
    tag: Tag::Access,
    about: "With whatever is shown, be it a session or a token.",
    answers: &[Answer { about: "Who calls.", contents: &[Content::Json(Shape::of::<Who<'_>>())], ..Answer::OK }],
    ..Terms::NONE
};

pub(super) const SIGN_OUT: Terms = Terms {
    id: "endSession",
    tag: Tag::Access,
    about: "For everybody, since a person must get rid of a cookie that has expired, too.",
    answers: &[Answer {
        about: "The browser is signed out.",
        contents: &[Content::Json(Shape::of::<SignedOut<'_>>())],
        headers: &[SET_COOKIE],
        ..Answer::OK
    }],
    errors: &[Code::InternalUnavailable],
    ..Terms::NONE
};

/// Who somebody is.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Who")]
struct Who<'a> {
    /// Always true.
    success: bool,
    /// The user's id.
    user: &'a str,
    scope: Scope,
    /// Whether the calls of admins are open.
    admin: bool,
    /// When the credential will be worth nothing; null where it does not end by itself.
    expires_at: Option<Timestamp>,
    auth: Way,
}

/// What was shown.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Way {
    /// Nothing: everybody on this machine is one user.
    Open,
    /// `ADMIN_TOKEN`.
    AdminToken,
    /// `RUNNER_TOKEN`.
    RunnerToken,
    /// A JSON Web Token.
    Jwt,
    /// An API token.
    ApiToken,
    /// A browser's cookie.
    Session,
}

/// The end of a session.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SignedOut")]
struct SignedOut<'a> {
    /// Always true.
    success: bool,
    /// What happened, for a person.
    message: &'static str,
    request_id: &'a RequestId,
}

impl Shown for Who<'_> {
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

impl Shown for SignedOut<'_> {
    fn example() -> Value {
        json!({"success": true, "message": "Signed out.", "request_id": "0123456789abcdef"})
    }
}

impl<'a> Who<'a> {
    fn of(identity: &'a Identity) -> Self {
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

/// Opens a session and gives its cookie. It may do what the credential may, and ends with it, after 12 hours at most. A
/// session that the browser has already ends. In open mode there is nothing to sign in to.
pub(super) async fn sign_in(call: &Call<'_>) -> Result<Reply, ApiError> {
    require_own_page(call)?;
    let identity = &call.identity;
    let parent = match &identity.credential {
        Credential::None => return Reply::json(&Who::of(identity)),
        // It would last for ever.
        Credential::Session(_) | Credential::RunnerToken => return Err(ApiError::session_not_allowed()),
        Credential::AdminToken | Credential::Jwt => None,
        Credential::ApiToken(id) => Some(id.clone()),
    };
    let now = call.clock.now();
    let longest = now.after(LONGEST);
    let token = NewToken {
        kind: TokenKind::Session,
        name: String::new(),
        scope: identity.scope,
        admin: identity.caller.admin,
        parent,
        expires_at: identity.expires_at.map_or(longest, |end| end.min(longest)),
    };
    // A browser counts in whole seconds; no time at all would mean to forget the cookie.
    if token.expires_at.since(now).as_secs() == 0 {
        return Err(ApiError::token_refusal(TokenRefusal::MakerGone));
    }
    end_session(call).await?;
    let user = &identity.caller.user;
    let text = TokenText::random(user).map_err(|error| ApiError::broken(&error.to_string()))?;
    let hash = stored_session(&text, &identity.credential, call.config);
    let request = CreateToken { hash, token, session: None, since: call.config.tokens_since };
    let NewToken { scope, admin, expires_at, .. } = call.ask_account(user, request).await?.token;
    let who = Who { success: true, user, scope, admin, expires_at: Some(expires_at), auth: Way::Session };
    Ok(Reply::json(&who)?.header("set-cookie", cookie::set(&text, expires_at.since(now))))
}

/// Who am I.
pub(super) async fn show(call: &Call<'_>) -> Result<Reply, ApiError> {
    Reply::json(&Who::of(&call.identity))
}

/// Ends the session of the cookie and has the browser forget it. For everybody, since a person must get rid of a cookie
/// that has expired, too.
pub(super) async fn sign_out(call: &Call<'_>) -> Result<Reply, ApiError> {
    require_own_page(call)?;
    let had_session = end_session(call).await?;
    let message = if had_session { "Signed out." } else { "There was no session; the cookie is cleared." };
    let reply = Reply::json(&SignedOut { success: true, message, request_id: &call.request_id })?;
    // Scripts may be kept by the browser, and the next person at it may be another.
    Ok(reply.header("set-cookie", cookie::clear()).header("clear-site-data", "\"cache\"".to_owned()))
}

/// Cookies are for the pages of this service. One of an allowed origin has a token to send, and no business with whoever
/// signed in here.
fn require_own_page(call: &Call<'_>) -> Result<(), ApiError> {
    call.page.require(&Credential::None)
}

/// Ends the session that the cookie holds, if it holds one: whose text one has, one may end.
async fn end_session(call: &Call<'_>) -> Result<bool, ApiError> {
    let Some(session) = cookie::session(&call.headers) else { return Ok(false) };
    call.ask_account(session.user(), EndSession { hashes: stored_hashes(&session, call.config) }).await
}
