//! Every error response: RFC 9457 `application/problem+json`. Codes and statuses are in `code`.

mod refusal;

use schemars::JsonSchema;
use serde::Serialize;

use crate::api::code::Code;
use contract::{RequestId, Version};
use platform::Body;
use platform::ConfigError;
use s3::KeysEnded;

/// An error as the caller sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    code: Code,
    detail: String,
    field: Option<String>,
    retry_after: Option<u32>,
    allow: Option<String>,
}

/// The body of an error response (RFC 9457, section 3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Problem {
    /// Always `about:blank`; `code` tells the errors apart.
    #[serde(rename = "type")]
    #[schemars(extend("const" = "about:blank"))]
    kind: &'static str,
    /// The name of the HTTP status.
    title: &'static str,
    /// The HTTP status.
    #[schemars(range(min = 400, max = 599))]
    status: u16,
    code: Code,
    /// What happened, to what, and what to do. The wording may change.
    detail: String,
    /// Always false.
    #[schemars(extend("const" = false))]
    success: bool,
    request_id: RequestId,
    /// The parameter, header or field with the wrong value, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
}

/// `Retry-After` in seconds: the bucket cannot be reached.
const BUCKET_RETRY: u32 = 10;

/// `Retry-After` in seconds: a turn is still open.
const CHAT_RETRY: u32 = 5;

/// `Retry-After` in seconds: an issuer's keys cannot be fetched.
const KEYS_RETRY: u32 = 5;

/// `Retry-After` in seconds: a part of the service failed.
const INTERNAL_RETRY: u32 = 5;

/// `Retry-After` in seconds: the operator has to act, or a client has to leave.
const OPERATOR_RETRY: u32 = 60;

impl ApiError {
    fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), field: None, retry_after: None, allow: None }
    }

    /// A parameter, header or field has a wrong value.
    pub(in crate::api) fn invalid(field: &str, detail: impl Into<String>) -> Self {
        Self { field: Some(field.to_owned()), ..Self::new(Code::InvalidParameter, detail) }
    }

    /// The body is not JSON, or not the JSON that the endpoint takes.
    pub(in crate::api) fn json(text: &str, error: &serde_json::Error) -> Self {
        // The parser reports some wrong types as syntax errors.
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
        let code = if is_json { Code::InvalidBody } else { Code::InvalidJson };
        // The parser's message ends in the position already, except at its start.
        let (line, column) = (error.line(), error.column());
        let detail = format!("The body is not the expected JSON: {error} (line {line}, column {column})");
        Self::new(code, detail)
    }

    /// One upload of a batch is not the expected JSON.
    pub(in crate::api) fn invalid_body(problem: &str) -> Self {
        Self::new(Code::InvalidBody, format!("The upload is not the expected JSON: {problem}"))
    }

    pub(in crate::api) fn empty_script() -> Self {
        let detail = "The script is empty. Send the Python source as the body or in \"code\".";
        Self { field: Some("code".to_owned()), ..Self::new(Code::EmptyScript, detail) }
    }

    pub(in crate::api) fn not_utf8(offset: usize) -> Self {
        Self::new(Code::NotUtf8, format!("The body is not UTF-8: the byte at offset {offset} is invalid."))
    }

    /// The request presents no credential.
    pub(in crate::api) fn unauthorized() -> Self {
        let detail = "This endpoint needs a credential. Send Authorization: Bearer <token>, or sign in with a browser.";
        Self::new(Code::Unauthorized, detail)
    }

    /// The request to a runner endpoint presents no credential.
    pub(in crate::api) fn runner_token_needed() -> Self {
        Self::new(Code::Unauthorized, "This endpoint needs the header Authorization: Bearer <RUNNER_TOKEN>.")
    }

    /// The credential is wrong. `why` never repeats it.
    pub(in crate::api) fn invalid_token(why: &str) -> Self {
        Self::new(Code::InvalidToken, format!("The credential is refused: {why}."))
    }

    pub(in crate::api) fn insufficient_scope() -> Self {
        let detail = "This token may only read. Use a token with the scope write.";
        Self::new(Code::InsufficientScope, detail)
    }

    pub(in crate::api) fn admin_only() -> Self {
        let detail = "This endpoint is for admins. Use ADMIN_TOKEN or a token with the role admin.";
        Self::new(Code::AdminOnly, detail)
    }

    pub(in crate::api) fn foreign_origin(origin: &str) -> Self {
        let origin: String = origin.chars().take(200).collect();
        let detail = format!(
            "A page of {origin:?} may not change anything or open a WebSocket here. Use a page of this service; an \
             origin in ALLOWED_ORIGINS may send a bearer token."
        );
        Self::new(Code::ForeignOrigin, detail)
    }

    pub(in crate::api) fn token_not_allowed() -> Self {
        let detail = "An API token cannot create tokens, because they would outlive its revocation. Use a JSON Web \
                      Token or ADMIN_TOKEN, or open a session (POST /api/session): its tokens end with the token that \
                      opened it.";
        Self::new(Code::TokenNotAllowed, detail)
    }

    pub(in crate::api) fn session_not_allowed() -> Self {
        let detail = "A session or a runner's token cannot open a session. Send Authorization: Bearer <JSON Web Token, \
                      API token or ADMIN_TOKEN>.";
        Self::new(Code::SessionNotAllowed, detail)
    }

    /// A user who is not an admin names another user.
    pub(in crate::api) fn others_tokens() -> Self {
        let detail = "Only an admin may list, create or revoke tokens of other users. Leave out user to use your own.";
        Self { field: Some("user".to_owned()), ..Self::new(Code::AdminOnly, detail) }
    }

    pub(in crate::api) fn no_token(id: &str) -> Self {
        let id: String = id.chars().take(200).collect();
        let detail = format!("There is no API token {id:?}. It may have expired. GET /api/tokens lists your tokens.");
        Self::new(Code::TokenNotFound, detail)
    }

    fn idempotency_key_reused() -> Self {
        let detail =
            "This idempotency key was used for another request. Use a new key for each upload and each message.";
        Self::new(Code::IdempotencyKeyReused, detail)
    }

    pub(in crate::api) fn loopback_only() -> Self {
        let detail = "AUTH_MODE=open lets everybody in, so the service answers only on loopback hosts. Use 127.0.0.1, \
                      localhost or [::1].";
        Self::new(Code::LoopbackOnly, detail)
    }

    pub(in crate::api) fn no_route(path: &str) -> Self {
        let path: String = path.chars().take(200).collect();
        Self::new(Code::NoRoute, format!("There is no endpoint {path}. GET /api lists all endpoints."))
    }

    /// The project does not exist or belongs to somebody else.
    pub(in crate::api) fn no_project(name: &str) -> Self {
        Self::new(
            Code::ProjectNotFound,
            format!("There is no project {name:?}. GET /api/projects lists your projects."),
        )
    }

    pub(in crate::api) fn no_version(project: &str, version: Version) -> Self {
        let detail = format!(
            "The project {project} has no version {version}. GET /api/projects/{project}/scripts lists its versions."
        );
        Self::new(Code::VersionNotFound, detail)
    }

    pub(in crate::api) fn no_script(version: Version, key: &str) -> Self {
        let detail = format!("The script of version {version} is no longer in the bucket. Its key was {key}.");
        Self::new(Code::ScriptNotFound, detail)
    }

    /// Something in a project does not exist.
    pub(in crate::api) fn not_found(code: Code, detail: impl Into<String>) -> Self {
        Self::new(code, detail)
    }

    /// `allow` lists the methods that `path` takes.
    pub(in crate::api) fn method(method: &str, path: &str, allow: String) -> Self {
        let path: String = path.chars().take(200).collect();
        let detail = format!("Method {method} is not allowed for {path}. Use {allow}.");
        Self { allow: Some(allow), ..Self::new(Code::MethodNotAllowed, detail) }
    }

    /// The body is larger than the endpoint takes.
    pub(in crate::api) fn too_large(what: &str, limit: usize) -> Self {
        Self::new(Code::TooLarge, format!("The {what} is larger than {limit} bytes, which is the maximum."))
    }

    /// An object in the bucket is larger than a response may be.
    pub(in crate::api) fn too_large_to_show(what: &str, limit: usize, key: &str) -> Self {
        let detail = format!(
            "The {what} is larger than {limit} bytes, the maximum of a response. Read it from the bucket: {key}"
        );
        Self::new(Code::TooLarge, detail)
    }

    pub(in crate::api) fn media_type(given: Option<&str>, wanted: &str) -> Self {
        let given = given.map_or("no Content-Type".to_owned(), |given| format!("Content-Type {given:?}"));
        Self::new(Code::UnsupportedMediaType, format!("The request has {given}. Use {wanted}."))
    }

    pub(in crate::api) fn upgrade_required() -> Self {
        let detail = "This endpoint is a WebSocket. Connect with a WebSocket client, which sends Upgrade: websocket.";
        Self::new(Code::UpgradeRequired, detail)
    }

    pub(in crate::api) fn broken_body(cause: &str) -> Self {
        Self::new(Code::BrokenBody, format!("The request's body ended early: {cause}"))
    }

    pub(in crate::api) fn config(error: &ConfigError) -> Self {
        Self::new(Code::BadConfiguration, format!("The Worker's configuration is wrong. {error}"))
    }

    pub(in crate::api) fn auth_not_configured() -> Self {
        let detail = "No authentication is configured on the Worker, so every caller is refused. Set ADMIN_TOKEN, \
                      AUTH_JWT_SECRET or AUTH_JWKS_URL, or AUTH_MODE=open for use on your own machine; see \
                      docs/authentication.md.";
        Self::new(Code::AuthNotConfigured, detail)
    }

    pub(in crate::api) fn admin_not_configured() -> Self {
        let detail = "Admin endpoints are closed. Set ADMIN_TOKEN, AUTH_JWT_SECRET or AUTH_JWKS_URL on the Worker; see \
                      docs/authentication.md.";
        Self::new(Code::AdminNotConfigured, detail)
    }

    pub(in crate::api) fn runner_not_configured() -> Self {
        let detail = "Runner endpoints are closed, because RUNNER_TOKEN is not set on the Worker. Runners work without \
                      them by polling the bucket.";
        Self::new(Code::RunnerNotConfigured, detail)
    }

    pub(in crate::api) fn ai_not_configured() -> Self {
        let detail = "No language model is configured. Set AI_BASE_URL, AI_API_KEY and AI_MODEL on the Worker; see \
                      docs/configuration.md. Uploads work without a model.";
        Self::new(Code::AiNotConfigured, detail)
    }

    pub(in crate::api) fn keys_unavailable(cause: &str) -> Self {
        let detail = format!("The token cannot be checked at the moment. Try again later. ({cause})");
        Self { retry_after: Some(KEYS_RETRY), ..Self::new(Code::KeysUnavailable, detail) }
    }

    pub(in crate::api) fn bucket_unavailable(cause: &str) -> Self {
        let detail = format!("The bucket cannot be reached at the moment. Try again later. ({cause})");
        Self { retry_after: Some(BUCKET_RETRY), ..Self::new(Code::BucketUnavailable, detail) }
    }

    pub(in crate::api) fn bucket_refuses(cause: &str) -> Self {
        let detail = format!(
            "The bucket refuses the service. The operator has to check the AWS_* settings and the store. ({cause})"
        );
        Self { retry_after: Some(OPERATOR_RETRY), ..Self::new(Code::BucketRefuses, detail) }
    }

    /// The keys that sign links have expired.
    pub(in crate::api) fn keys_ended(error: &KeysEnded) -> Self {
        let detail = format!(
            "No link can be signed: {error}. The operator has to renew AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, \
             AWS_SESSION_TOKEN and AWS_CREDENTIAL_EXPIRATION."
        );
        Self { retry_after: Some(OPERATOR_RETRY), ..Self::new(Code::CredentialsExpired, detail) }
    }

    /// A part of the service failed.
    pub(in crate::api) fn broken(cause: &str) -> Self {
        let detail = format!("A part of the service failed. Try again. ({cause})");
        Self { retry_after: Some(INTERNAL_RETRY), ..Self::new(Code::InternalUnavailable, detail) }
    }

    /// The same for a request that changes something: nothing was changed.
    fn nothing_done(self) -> Self {
        Self { detail: format!("Nothing was accepted or changed. {}", self.detail), ..self }
    }

    pub fn code(&self) -> &'static str {
        self.code.as_str()
    }

    pub(in crate::api) fn status(&self) -> http::StatusCode {
        self.code.status()
    }

    pub(in crate::api) fn problem(&self, request_id: &RequestId) -> Problem {
        Problem {
            kind: "about:blank",
            title: self.status().canonical_reason().unwrap_or("Error"),
            status: self.status().as_u16(),
            code: self.code,
            detail: self.detail.clone(),
            success: false,
            request_id: request_id.clone(),
            field: self.field.clone(),
        }
    }

    /// `WWW-Authenticate` (RFC 6750, section 3). A request without a credential gets no error code.
    fn challenge(&self) -> Option<&'static str> {
        match self.code {
            Code::InvalidToken => Some("Bearer error=\"invalid_token\""),
            Code::InsufficientScope => Some("Bearer error=\"insufficient_scope\", scope=\"write\""),
            code => (code.status() == http::StatusCode::UNAUTHORIZED).then_some("Bearer"),
        }
    }

    pub(in crate::api) fn into_response(self, request_id: &RequestId) -> http::Response<Body> {
        // A `Problem` is always valid JSON.
        let problem = serde_json::to_vec(&self.problem(request_id)).unwrap_or_default();
        let mut response = http::Response::new(Body::full(problem));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert("content-type", http::HeaderValue::from_static("application/problem+json"));
        headers.insert("cache-control", http::HeaderValue::from_static("no-store"));
        if let Some(challenge) = self.challenge() {
            headers.insert("www-authenticate", http::HeaderValue::from_static(challenge));
        }
        if self.code == Code::UpgradeRequired {
            headers.insert("upgrade", http::HeaderValue::from_static("websocket"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert("retry-after", seconds.into());
        }
        if let Some(allow) = self.allow.and_then(|allow| allow.parse().ok()) {
            headers.insert("allow", allow);
        }
        response
    }
}
