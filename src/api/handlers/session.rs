//! `POST`, `GET`, `DELETE /api/session`: a browser signs in with a token and then uses a cookie.

use std::time::Duration;

use crate::account::{CreateToken, EndSession, NewToken, TokenRefusal};
use crate::api::auth::{Credential, stored_hashes, stored_session};
use crate::api::code::Code;
use crate::api::cookie;
use crate::api::docs::endpoint::{BodySchema, Content, EndpointDoc, ResponseDoc, Tag};
use crate::api::docs::parameter::SET_COOKIE;
use crate::api::error::ApiError;
use crate::api::request::ApiRequest;
use crate::api::response::ApiResponse;
use crate::api::views::session::{SignedOut, Way, Who};
use crate::auth::{TokenKind, TokenText};

/// The maximum lifetime of a session.
const MAX_LIFETIME: Duration = Duration::from_secs(12 * 3600);

pub const SIGN_IN: EndpointDoc = EndpointDoc {
    id: "openSession",
    summary: "open a session: the presented token becomes a browser's cookie",
    tag: Tag::Access,
    description: "The session has the rights of the token and ends with it, at most after 12 hours. It replaces the \
                  browser's previous session. In open mode there is nothing to sign in to.",
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
    summary: "get the caller",
    tag: Tag::Access,
    description: "Works with every kind of credential.",
    responses: &[ResponseDoc {
        description: "The caller.",
        contents: &[Content::Json(BodySchema::of::<Who<'_>>())],
        ..ResponseDoc::OK
    }],
    ..EndpointDoc::NONE
};

pub const SIGN_OUT: EndpointDoc = EndpointDoc {
    id: "endSession",
    summary: "end the session of the cookie and clear the cookie",
    tag: Tag::Access,
    description: "Needs no valid credential, so that an expired cookie can be cleared too.",
    responses: &[ResponseDoc {
        description: "The browser is signed out.",
        contents: &[Content::Json(BodySchema::of::<SignedOut<'_>>())],
        headers: &[SET_COOKIE],
        ..ResponseDoc::OK
    }],
    errors: &[Code::InternalUnavailable],
    ..EndpointDoc::NONE
};

/// Opens a session and sets its cookie.
pub async fn sign_in(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    require_own_page(request)?;
    let identity = &request.identity;
    let parent = match &identity.credential {
        Credential::None => return ApiResponse::json(&Who::of(identity)),
        // Sessions that open sessions would never end.
        Credential::Session(_) | Credential::RunnerToken => return Err(ApiError::session_not_allowed()),
        Credential::AdminToken | Credential::Jwt => None,
        Credential::ApiToken(id) => Some(id.clone()),
    };
    let now = request.clock.now();
    let latest = now.after(MAX_LIFETIME);
    let token = NewToken {
        kind: TokenKind::Session,
        name: String::new(),
        scope: identity.scope,
        admin: identity.caller.admin,
        parent,
        expires_at: identity.expires_at.map_or(latest, |end| end.min(latest)),
    };
    // Browsers count whole seconds, and a lifetime of 0 deletes the cookie.
    if token.expires_at.since(now).as_secs() == 0 {
        return Err(ApiError::token_refusal(TokenRefusal::MakerGone));
    }
    end_session(request).await?;
    let user = &identity.caller.user;
    let text = TokenText::random(user).map_err(|error| ApiError::broken(&error.to_string()))?;
    let hash = stored_session(&text, &identity.credential, request.config);
    let operation = CreateToken { hash, token, session: None, since: request.config.tokens_since };
    let NewToken { scope, admin, expires_at, .. } = request.call_account(user, operation).await?.token;
    let who = Who { success: true, user, scope, admin, expires_at: Some(expires_at), auth: Way::Session };
    Ok(ApiResponse::json(&who)?.header("set-cookie", cookie::set(&text, expires_at.since(now))))
}

/// Returns the caller.
pub async fn show(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    ApiResponse::json(&Who::of(&request.identity))
}

/// Ends the session of the cookie, and clears the cookie.
pub async fn sign_out(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    require_own_page(request)?;
    let had_session = end_session(request).await?;
    let message = if had_session { "Signed out." } else { "There was no session. The cookie is cleared." };
    let response = ApiResponse::json(&SignedOut { success: true, message, request_id: &request.request_id })?;
    // The browser may have cached scripts, and somebody else may use it next.
    Ok(response.header("set-cookie", cookie::clear()).header("clear-site-data", "\"cache\"".to_owned()))
}

/// Requires a page of this service. A page of an allowed origin sends a token and must not touch the session.
fn require_own_page(request: &ApiRequest<'_>) -> Result<(), ApiError> {
    request.origin.require_trusted(&Credential::None)
}

/// Ends the session in the cookie, if there is one. Its text is enough to end it.
async fn end_session(request: &ApiRequest<'_>) -> Result<bool, ApiError> {
    let Some(session) = cookie::session(&request.headers) else { return Ok(false) };
    request.call_account(session.user(), EndSession { hashes: stored_hashes(&session, request.config) }).await
}
