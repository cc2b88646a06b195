//! `POST`, `GET`, `DELETE /api/session`: a browser signs in with what its person has, and page code needs no header.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::account::{CreateToken, EndSession, NewToken, TokenRefusal};
use crate::api::auth::{Credential, Identity, stored_hashes, stored_session};
use crate::api::code::Code;
use crate::api::cookie;
use crate::api::docs::endpoint::{BodySchema, Content, EndpointDoc, HasExample, ResponseDoc, Tag};
use crate::api::docs::parameter::SET_COOKIE;
use crate::api::error::ApiError;
use crate::api::request::Call;
use crate::api::response::Reply;
use crate::auth::{Scope, TokenKind, TokenText};
use contract::{RequestId, Timestamp};

/// The longest session: a long working day.
const LONGEST: Duration = Duration::from_secs(12 * 3600);

pub const SIGN_IN: EndpointDoc = EndpointDoc {
    id: "openSession",
    summary: "opens a session: what was shown becomes a browser's cookie",
    tag: Tag::Access,
    description: "The session may do what the shown token may, and ends with it, after 12 hours at most. One that the browser \
            has already ends. In open mode there is nothing to sign in to.",
    responses: &[ResponseDoc {
        description: "The browser is signed in.",
        contents: &[Content::Json(BodySchema::of::<Who<'_>>())],
        headers: &[SET_COOKIE],
        ..ResponseDoc::OK
    }],
    errors: &[Code::SessionNotAllowed],
    ..EndpointDoc::NONE
};

pub const SHOW: EndpointDoc = EndpointDoc {
    id: "getSession",
    summary: "who am I",
    tag: Tag::Access,
    description: "With whatever is shown, be it a session or a token.",
    responses: &[ResponseDoc {
        description: "Who calls.",
        contents: &[Content::Json(BodySchema::of::<Who<'_>>())],
        ..ResponseDoc::OK
    }],
    ..EndpointDoc::NONE
};

pub const SIGN_OUT: EndpointDoc = EndpointDoc {
    id: "endSession",
    summary: "ends the cookie's session and clears the cookie",
    tag: Tag::Access,
    description: "For everybody, since a person must get rid of a cookie that has expired, too.",
    responses: &[ResponseDoc {
        description: "The browser is signed out.",
        contents: &[Content::Json(BodySchema::of::<SignedOut<'_>>())],
        headers: &[SET_COOKIE],
        ..ResponseDoc::OK
    }],
    errors: &[Code::InternalUnavailable],
    ..EndpointDoc::NONE
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
pub async fn sign_in(call: &Call<'_>) -> Result<Reply, ApiError> {
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
pub async fn show(call: &Call<'_>) -> Result<Reply, ApiError> {
    Reply::json(&Who::of(&call.identity))
}

/// Ends the session of the cookie and has the browser forget it. For everybody, since a person must get rid of a cookie
/// that has expired, too.
pub async fn sign_out(call: &Call<'_>) -> Result<Reply, ApiError> {
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
    call.origin.require_trusted(&Credential::None)
}

/// Ends the session that the cookie holds, if it holds one: whose text one has, one may end.
async fn end_session(call: &Call<'_>) -> Result<bool, ApiError> {
    let Some(session) = cookie::session(&call.headers) else { return Ok(false) };
    call.ask_account(session.user(), EndSession { hashes: stored_hashes(&session, call.config) }).await
}
