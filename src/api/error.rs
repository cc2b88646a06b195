//! Every error response: RFC 9457 `application/problem+json`. Codes and statuses are in `code`.

use schemars::JsonSchema;
use serde::Serialize;

use super::code::Code;
use crate::account::{AccountRefusal, TokenRefusal};
use crate::chat::ChatRefusal;
use crate::object::{CallError, SqlError};
use crate::project::Refusal;
use contract::{RequestId, Version};
use platform::ConfigError;
use platform::{Body, HttpError};
use s3::{KeysEnded, S3Error, S3ErrorKind};

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
    pub(super) fn invalid(field: &str, detail: impl Into<String>) -> Self {
        Self { field: Some(field.to_owned()), ..Self::new(Code::InvalidParameter, detail) }
    }

    /// The body is not JSON, or not the JSON that the endpoint takes.
    pub(super) fn json(text: &str, error: &serde_json::Error) -> Self {
        // The parser reports some wrong types as syntax errors.
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
        let code = if is_json { Code::InvalidBody } else { Code::InvalidJson };
        // The parser's message ends in the position already, except at its start.
        let (line, column) = (error.line(), error.column());
        let detail = format!("The body is not the expected JSON: {error} (line {line}, column {column})");
        Self::new(code, detail)
    }

    /// One upload of a batch is not the expected JSON.
    pub(super) fn invalid_body(problem: &str) -> Self {
        Self::new(Code::InvalidBody, format!("The upload is not the expected JSON: {problem}"))
    }

    pub(super) fn empty_script() -> Self {
        let detail = "The script is empty. Send the Python source as the body or in \"code\".";
        Self { field: Some("code".to_owned()), ..Self::new(Code::EmptyScript, detail) }
    }

    pub(super) fn not_utf8(offset: usize) -> Self {
        Self::new(Code::NotUtf8, format!("The body is not UTF-8: the byte at offset {offset} is invalid."))
    }

    /// The request presents no credential.
    pub(super) fn unauthorized() -> Self {
        let detail = "This endpoint needs a credential. Send Authorization: Bearer <token>, or sign in with a browser.";
        Self::new(Code::Unauthorized, detail)
    }

    /// The request to a runner endpoint presents no credential.
    pub(super) fn runner_token_needed() -> Self {
        Self::new(Code::Unauthorized, "This endpoint needs the header Authorization: Bearer <RUNNER_TOKEN>.")
    }

    /// The credential is wrong. `why` never repeats it.
    pub(super) fn invalid_token(why: &str) -> Self {
        Self::new(Code::InvalidToken, format!("The credential is refused: {why}."))
    }

    pub(super) fn insufficient_scope() -> Self {
        let detail = "This token may only read. Use a token with the scope write.";
        Self::new(Code::InsufficientScope, detail)
    }

    pub(super) fn admin_only() -> Self {
        let detail = "This endpoint is for admins. Use ADMIN_TOKEN or a token with the role admin.";
        Self::new(Code::AdminOnly, detail)
    }

    pub(super) fn foreign_origin(origin: &str) -> Self {
        let origin: String = origin.chars().take(200).collect();
        let detail = format!(
            "A page of {origin:?} may not change anything or open a WebSocket here. Use a page of this service; an \
             origin in ALLOWED_ORIGINS may send a bearer token."
        );
        Self::new(Code::ForeignOrigin, detail)
    }

    pub(super) fn token_not_allowed() -> Self {
        let detail = "An API token cannot create tokens, because they would outlive its revocation. Use a JSON Web Token \
                      or ADMIN_TOKEN, or open a session (POST /api/session): its tokens end with the token that opened it.";
        Self::new(Code::TokenNotAllowed, detail)
    }

    pub(super) fn session_not_allowed() -> Self {
        let detail = "A session or a runner's token cannot open a session. Send Authorization: Bearer <JSON Web Token, \
                      API token or ADMIN_TOKEN>.";
        Self::new(Code::SessionNotAllowed, detail)
    }

    /// A user who is not an admin names another user.
    pub(super) fn others_tokens() -> Self {
        let detail = "Only an admin may list, create or revoke tokens of other users. Leave out user to use your own.";
        Self { field: Some("user".to_owned()), ..Self::new(Code::AdminOnly, detail) }
    }

    pub(super) fn no_token(id: &str) -> Self {
        let id: String = id.chars().take(200).collect();
        let detail = format!("There is no API token {id:?}. It may have expired. GET /api/tokens lists your tokens.");
        Self::new(Code::TokenNotFound, detail)
    }

    /// The account refuses a new token.
    pub(super) fn token_refusal(refusal: TokenRefusal) -> Self {
        match refusal {
            TokenRefusal::TooMany { most } => {
                let detail = format!("The user has {most} API tokens, which is the maximum. Revoke one first.");
                Self::new(Code::TooManyTokens, detail)
            }
            TokenRefusal::MakerGone => {
                Self::invalid_token("it has just expired or been revoked, so nothing was created with it")
            }
        }
    }

    fn idempotency_key_reused() -> Self {
        let detail =
            "This idempotency key was used for another request. Use a new key for each upload and each message.";
        Self::new(Code::IdempotencyKeyReused, detail)
    }

    pub(super) fn loopback_only() -> Self {
        let detail = "AUTH_MODE=open lets everybody in, so the service answers only on loopback hosts. Use 127.0.0.1, \
                      localhost or [::1].";
        Self::new(Code::LoopbackOnly, detail)
    }

    pub(super) fn no_route(path: &str) -> Self {
        let path: String = path.chars().take(200).collect();
        Self::new(Code::NoRoute, format!("There is no endpoint {path}. GET /api lists all endpoints."))
    }

    /// The project does not exist or belongs to somebody else.
    pub(super) fn no_project(name: &str) -> Self {
        Self::new(
            Code::ProjectNotFound,
            format!("There is no project {name:?}. GET /api/projects lists your projects."),
        )
    }

    pub(super) fn no_version(project: &str, version: Version) -> Self {
        let detail = format!(
            "The project {project} has no version {version}. GET /api/projects/{project}/scripts lists its versions."
        );
        Self::new(Code::VersionNotFound, detail)
    }

    pub(super) fn no_script(version: Version, key: &str) -> Self {
        let detail = format!("The script of version {version} is no longer in the bucket. Its key was {key}.");
        Self::new(Code::ScriptNotFound, detail)
    }

    /// Something in a project does not exist.
    pub(super) fn not_found(code: Code, detail: impl Into<String>) -> Self {
        Self::new(code, detail)
    }

    /// `allow` lists the methods that `path` takes.
    pub(super) fn method(method: &str, path: &str, allow: String) -> Self {
        let path: String = path.chars().take(200).collect();
        let detail = format!("Method {method} is not allowed for {path}. Use {allow}.");
        Self { allow: Some(allow), ..Self::new(Code::MethodNotAllowed, detail) }
    }

    /// The body is larger than the endpoint takes.
    pub(super) fn too_large(what: &str, limit: usize) -> Self {
        Self::new(Code::TooLarge, format!("The {what} is larger than {limit} bytes, which is the maximum."))
    }

    /// An object in the bucket is larger than a response may be.
    pub(super) fn too_large_to_show(what: &str, limit: usize, key: &str) -> Self {
        let detail = format!(
            "The {what} is larger than {limit} bytes, the maximum of a response. Read it from the bucket: {key}"
        );
        Self::new(Code::TooLarge, detail)
    }

    pub(super) fn media_type(given: Option<&str>, wanted: &str) -> Self {
        let given = given.map_or("no Content-Type".to_owned(), |given| format!("Content-Type {given:?}"));
        Self::new(Code::UnsupportedMediaType, format!("The request has {given}. Use {wanted}."))
    }

    pub(super) fn upgrade_required() -> Self {
        let detail = "This endpoint is a WebSocket. Connect with a WebSocket client, which sends Upgrade: websocket.";
        Self::new(Code::UpgradeRequired, detail)
    }

    pub(super) fn broken_body(cause: &str) -> Self {
        Self::new(Code::BrokenBody, format!("The request's body ended early: {cause}"))
    }

    pub(super) fn config(error: &ConfigError) -> Self {
        Self::new(Code::BadConfiguration, format!("The Worker's configuration is wrong. {error}"))
    }

    pub(super) fn auth_not_configured() -> Self {
        let detail = "No authentication is configured on the Worker, so every caller is refused. Set ADMIN_TOKEN, \
                      AUTH_JWT_SECRET or AUTH_JWKS_URL, or AUTH_MODE=open for use on your own machine; see \
                      docs/authentication.md.";
        Self::new(Code::AuthNotConfigured, detail)
    }

    pub(super) fn admin_not_configured() -> Self {
        let detail = "Admin endpoints are closed. Set ADMIN_TOKEN, AUTH_JWT_SECRET or AUTH_JWKS_URL on the Worker; see \
                      docs/authentication.md.";
        Self::new(Code::AdminNotConfigured, detail)
    }

    pub(super) fn runner_not_configured() -> Self {
        let detail = "Runner endpoints are closed, because RUNNER_TOKEN is not set on the Worker. Runners work without \
                      them by polling the bucket.";
        Self::new(Code::RunnerNotConfigured, detail)
    }

    pub(super) fn ai_not_configured() -> Self {
        let detail = "No language model is configured. Set AI_BASE_URL, AI_API_KEY and AI_MODEL on the Worker; see \
                      docs/configuration.md. Uploads work without a model.";
        Self::new(Code::AiNotConfigured, detail)
    }

    pub(super) fn keys_unavailable(cause: &str) -> Self {
        let detail = format!("The token cannot be checked at the moment. Try again later. ({cause})");
        Self { retry_after: Some(KEYS_RETRY), ..Self::new(Code::KeysUnavailable, detail) }
    }

    pub(super) fn bucket_unavailable(cause: &str) -> Self {
        let detail = format!("The bucket cannot be reached at the moment. Try again later. ({cause})");
        Self { retry_after: Some(BUCKET_RETRY), ..Self::new(Code::BucketUnavailable, detail) }
    }

    pub(super) fn bucket_refuses(cause: &str) -> Self {
        let detail = format!(
            "The bucket refuses the service. The operator has to check the AWS_* settings and the store. ({cause})"
        );
        Self { retry_after: Some(OPERATOR_RETRY), ..Self::new(Code::BucketRefuses, detail) }
    }

    /// The keys that sign links have expired.
    pub(super) fn keys_ended(error: &KeysEnded) -> Self {
        let detail = format!(
            "No link can be signed: {error}. The operator has to renew AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, \
             AWS_SESSION_TOKEN and AWS_CREDENTIAL_EXPIRATION."
        );
        Self { retry_after: Some(OPERATOR_RETRY), ..Self::new(Code::CredentialsExpired, detail) }
    }

    /// A part of the service failed.
    pub(super) fn broken(cause: &str) -> Self {
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

    pub(super) fn status(&self) -> http::StatusCode {
        self.code.status()
    }

    pub(super) fn problem(&self, request_id: &RequestId) -> Problem {
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

    pub(super) fn into_response(self, request_id: &RequestId) -> http::Response<Body> {
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

impl ApiError {
    /// The Project object refuses a request.
    pub(super) fn refusal(refusal: Refusal, project: &str) -> Self {
        match refusal {
            Refusal::NameTaken => Self::new(
                Code::NameTaken,
                format!("The project name {project:?} belongs to somebody else. Choose another."),
            ),
            Refusal::NotFound => Self::no_project(project),
            Refusal::NoMoreVersions => {
                let detail = format!(
                    "The project {project:?} has a version with the largest possible number, {}. Upload to another project.",
                    Version::MAX
                );
                Self::new(Code::NoMoreVersions, detail)
            }
            Refusal::TooManyWatchers => {
                let detail =
                    "Too many clients are watching this project. Request its status from time to time instead.";
                Self { retry_after: Some(OPERATOR_RETRY), ..Self::new(Code::TooManyWatchers, detail) }
            }
            Refusal::NoVersion(version) => Self::no_version(project, version),
            Refusal::ScriptGone(version, key) => Self::no_script(version, &key),
            Refusal::KeyReused => Self::idempotency_key_reused(),
            Refusal::Moved(version, to) => {
                let detail = format!(
                    "Other software used the number {version} of {project} in the bucket for its own script. The uploaded \
                     version is {to}."
                );
                Self::new(Code::Moved, detail)
            }
            Refusal::Finished(version, phase) => {
                let detail = format!(
                    "Version {version} of {project} has finished: it is {phase}. A finished version cannot change."
                );
                Self::new(Code::AlreadyFinished, detail)
            }
            Refusal::NotFinished(version, phase) => {
                let detail =
                    format!("Version {version} of {project} is {phase}. Only a finished version can run again.");
                Self::new(Code::NotFinished, detail)
            }
            Refusal::NotRepeatable(why) => {
                Self::new(Code::NotRepeatable, format!("The version cannot run again: {why}."))
            }
            // Only requests that change something are refused because of the bucket.
            Refusal::BucketUnavailable(cause) => Self::bucket_unavailable(&cause).nothing_done(),
            Refusal::BucketRefuses(cause) => Self::bucket_refuses(&cause).nothing_done(),
            Refusal::Indeterminate(cause) => {
                let detail = "It is not known if the request took effect. The version's phase will show it.";
                let unavailable = Self::bucket_unavailable(&cause);
                Self { detail: format!("{} {detail}", unavailable.detail), ..unavailable }
            }
            Refusal::Broken(cause) => Self::broken(&cause),
        }
    }
}

impl ApiError {
    /// The Chat object refuses a request.
    pub(super) fn chat_refusal(refusal: ChatRefusal, project: &str) -> Self {
        match refusal {
            ChatRefusal::NameTaken => Self::refusal(Refusal::NameTaken, project),
            ChatRefusal::NotFound => Self::no_project(project),
            ChatRefusal::NoTurn(turn) => {
                let detail =
                    format!("You have no turn {turn} in the project {project:?}. Turns are deleted after a day.");
                Self::new(Code::TurnNotFound, detail)
            }
            ChatRefusal::Busy(turn) => {
                let detail = format!(
                    "The turn {turn} of {project} has not ended. Follow it at /api/projects/{project}/chat/{turn}."
                );
                Self { retry_after: Some(CHAT_RETRY), ..Self::new(Code::ChatBusy, detail) }
            }
            ChatRefusal::KeyReused => Self::idempotency_key_reused(),
            ChatRefusal::TooManyListeners => Self::refusal(Refusal::TooManyWatchers, project),
            ChatRefusal::Broken(cause) => Self::broken(&cause),
        }
    }
}

impl From<HttpError> for ApiError {
    fn from(error: HttpError) -> Self {
        Self::broken(&error.to_string())
    }
}

impl From<CallError<AccountRefusal>> for ApiError {
    fn from(error: CallError<AccountRefusal>) -> Self {
        match error {
            CallError::Refused(AccountRefusal::Token(refusal)) => Self::token_refusal(refusal),
            CallError::Refused(AccountRefusal::Storage(error)) => Self::broken(&error.to_string()),
            CallError::Failed(error) => error.into(),
        }
    }
}

impl From<CallError<SqlError>> for ApiError {
    fn from(error: CallError<SqlError>) -> Self {
        Self::broken(&error.to_string())
    }
}

impl From<S3Error> for ApiError {
    fn from(error: S3Error) -> Self {
        match error.kind() {
            S3ErrorKind::Retry => Self::bucket_unavailable(&error.to_string()),
            S3ErrorKind::Refused => Self::bucket_refuses(&error.to_string()),
            S3ErrorKind::Object => Self::broken(&error.to_string()),
        }
    }
}
