//! Every error answer, as RFC 9457 `application/problem+json`. The codes and their statuses are in `code`.

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

/// An error answer's body (RFC 9457, section 3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Problem {
    /// Always `about:blank`: `code` says more than an address could.
    #[serde(rename = "type")]
    #[schemars(extend("const" = "about:blank"))]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The HTTP status again.
    #[schemars(range(min = 400, max = 599))]
    status: u16,
    code: Code,
    /// What happened, to what, and what to do, for a person.
    detail: String,
    /// Always false.
    #[schemars(extend("const" = false))]
    success: bool,
    request_id: RequestId,
    /// The parameter, header or field at fault, where one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
}

/// How long a caller should wait when the bucket is away, in seconds.
const BUCKET_RETRY: u32 = 10;

/// The same when a turn is open.
const CHAT_RETRY: u32 = 5;

/// The same when an issuer's keys are away.
const KEYS_RETRY: u32 = 5;

impl ApiError {
    fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), field: None, retry_after: None, allow: None }
    }

    /// 400: a parameter or field has a wrong value.
    pub(super) fn invalid(field: &str, detail: impl Into<String>) -> Self {
        Self { field: Some(field.to_owned()), ..Self::new(Code::InvalidParameter, detail) }
    }

    /// 400: the body is no JSON, or not the JSON that is wanted.
    pub(super) fn json(text: &str, error: &serde_json::Error) -> Self {
        // What the parser met where it wanted something else, it may call a fault of the syntax.
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
        let code = if is_json { Code::InvalidBody } else { Code::InvalidJson };
        // The parser's message ends in the position already, except at its start.
        let (line, column) = (error.line(), error.column());
        let detail = format!("The body is not the JSON that this call takes: {error} (line {line}, column {column})");
        Self::new(code, detail)
    }

    /// 400: JSON, but not what is wanted; `problem` says why.
    pub(super) fn invalid_body(problem: &str) -> Self {
        Self::new(Code::InvalidBody, format!("This is not the JSON that this call takes: {problem}"))
    }

    /// 400: a script with nothing in it.
    pub(super) fn empty_script() -> Self {
        let detail = "The script is empty. Send the Python source as the body or in \"code\".";
        Self { field: Some("code".to_owned()), ..Self::new(Code::EmptyScript, detail) }
    }

    /// 400: bytes that are not UTF-8.
    pub(super) fn not_utf8(offset: usize) -> Self {
        Self::new(Code::NotUtf8, format!("The body is not UTF-8: the byte at offset {offset} is out of place."))
    }

    /// 401: nothing was shown.
    pub(super) fn unauthorized() -> Self {
        let detail =
            "This call needs to know who you are: send Authorization: Bearer <token>, or sign in with a browser.";
        Self::new(Code::Unauthorized, detail)
    }

    /// 401: nothing was shown on a runner's call.
    pub(super) fn runner_token_needed() -> Self {
        Self::new(Code::Unauthorized, "This call needs the header Authorization: Bearer <RUNNER_TOKEN>.")
    }

    /// 401: what was shown opens nothing; `why` never repeats it.
    pub(super) fn invalid_token(why: &str) -> Self {
        Self::new(Code::InvalidToken, format!("The credential is refused: {why}."))
    }

    /// 403: a token that may read, on a call that changes something.
    pub(super) fn insufficient_scope() -> Self {
        let detail = "This token may read and change nothing; make one with the scope write.";
        Self::new(Code::InsufficientScope, detail)
    }

    /// 403: a user who is no admin, on an admin's call.
    pub(super) fn admin_only() -> Self {
        let detail = "This call is for admins: those who have ADMIN_TOKEN, or whose token has the role admin.";
        Self::new(Code::AdminOnly, detail)
    }

    /// 403: a change or a WebSocket at the wish of another site's page. Browsers send those without asking, and cookies
    /// or loopback let them in.
    pub(super) fn foreign_origin(origin: &str) -> Self {
        let shown: String = origin.chars().take(200).collect();
        Self::new(Code::ForeignOrigin, format!("A page of {shown:?} may change nothing and open no WebSocket here."))
    }

    /// 403: an API token asks for another.
    pub(super) fn token_not_allowed() -> Self {
        let detail = "An API token makes no tokens, since they would outlive its revocation. Show a JWT or ADMIN_TOKEN, \
                      or sign in (POST /api/session): what is made in a session ends with the token that opened it.";
        Self::new(Code::TokenNotAllowed, detail)
    }

    /// 403: a session asks for another.
    pub(super) fn session_not_allowed() -> Self {
        let detail = "A session is opened with the header Authorization: Bearer <JWT, API token or ADMIN_TOKEN>. \
                      Another session, or a runner's token, opens none.";
        Self::new(Code::SessionNotAllowed, detail)
    }

    /// 403: a user who is no admin names another.
    pub(super) fn others_tokens() -> Self {
        let detail = "Only an admin may see, make or revoke the tokens of other users. Leave user out for your own.";
        Self { field: Some("user".to_owned()), ..Self::new(Code::AdminOnly, detail) }
    }

    /// 404: no such API token of that user.
    pub(super) fn no_token(id: &str) -> Self {
        let shown: String = id.chars().take(200).collect();
        Self::new(Code::TokenNotFound, format!("There is no API token {shown:?}; it may have expired."))
    }

    /// What the account's refusal of a new token means to the caller.
    pub(super) fn token_refusal(refusal: TokenRefusal) -> Self {
        match refusal {
            TokenRefusal::TooMany { most } => {
                let detail =
                    format!("There are {most} API tokens already, the most that a user has. Revoke one first.");
                Self::new(Code::TooManyTokens, detail)
            }
            TokenRefusal::MakerGone => {
                Self::invalid_token("it has been revoked, or has expired, just now, and nothing was made from it")
            }
        }
    }

    /// 422: the key of an earlier upload with something else in it.
    fn idempotency_key_reused() -> Self {
        let detail =
            "This idempotency key came with something else before. Take a new key for each upload and each message.";
        Self::new(Code::IdempotencyKeyReused, detail)
    }

    /// 403: open mode reached under another name than loopback's.
    pub(super) fn loopback_only() -> Self {
        let detail = "AUTH_MODE=open lets everybody in, so it answers on loopback only (127.0.0.1, localhost, [::1]).";
        Self::new(Code::LoopbackOnly, detail)
    }

    /// 404: no such path.
    pub(super) fn no_route(path: &str) -> Self {
        let shown: String = path.chars().take(200).collect();
        Self::new(Code::NoRoute, format!("There is nothing at {shown}. GET /api lists the calls."))
    }

    /// 404: no such project, or somebody else's.
    pub(super) fn no_project(name: &str) -> Self {
        Self::new(Code::ProjectNotFound, format!("There is no project {name:?}."))
    }

    /// 404: no such version.
    pub(super) fn no_version(project: &str, version: Version) -> Self {
        Self::new(Code::VersionNotFound, format!("The project {project} has no version {version}."))
    }

    /// 404: the bucket has lost a script.
    pub(super) fn no_script(version: Version, key: &str) -> Self {
        let detail = format!("The script of version {version} is no longer in the bucket ({key}).");
        Self::new(Code::ScriptNotFound, detail)
    }

    /// 404: something of a project is not there.
    pub(super) fn not_found(code: Code, detail: impl Into<String>) -> Self {
        Self::new(code, detail)
    }

    /// 405: the path exists, the method does not.
    pub(super) fn method(method: &str, allow: String) -> Self {
        let detail = format!("{method} is not possible here; {allow} is.");
        Self { allow: Some(allow), ..Self::new(Code::MethodNotAllowed, detail) }
    }

    /// 413: more than the call takes.
    pub(super) fn too_large(what: &str, limit: usize) -> Self {
        Self::new(Code::TooLarge, format!("The {what} is larger than {limit} bytes, the most that is taken."))
    }

    /// 413: something in the bucket is more than an answer holds. It can be fetched from its key.
    pub(super) fn too_large_to_show(what: &str, limit: usize, key: &str) -> Self {
        let detail = format!("The {what} is larger than {limit} bytes, the most that is shown. Its key is {key}.");
        Self::new(Code::TooLarge, detail)
    }

    /// 415: a body of another kind.
    pub(super) fn media_type(given: Option<&str>, wanted: &str) -> Self {
        let given = given.map_or("no Content-Type".to_owned(), |given| format!("Content-Type {given:?}"));
        Self::new(Code::UnsupportedMediaType, format!("The request has {given}; this call takes {wanted}."))
    }

    /// 426: a call that is a WebSocket, asked for as a page.
    pub(super) fn upgrade_required() -> Self {
        let detail = "This call is a WebSocket: connect with a WebSocket client, which sends Upgrade: websocket.";
        Self::new(Code::UpgradeRequired, detail)
    }

    /// 400: the body broke off before its end.
    pub(super) fn broken_body(cause: &str) -> Self {
        Self::new(Code::BrokenBody, format!("The request's body broke off: {cause}"))
    }

    /// 503: a setting is missing or wrong.
    pub(super) fn config(error: &ConfigError) -> Self {
        Self::new(Code::BadConfiguration, format!("The Worker's configuration is wrong. {error}"))
    }

    /// 503: nobody can be known.
    pub(super) fn auth_not_configured() -> Self {
        let detail = "No way to know callers is configured, so nobody is let in. Set ADMIN_TOKEN, AUTH_JWT_SECRET or \
                      AUTH_JWKS_URL on the Worker; or AUTH_MODE=open for use on one's own machine.";
        Self::new(Code::AuthNotConfigured, detail)
    }

    /// 503: admin calls where no admin can be known.
    pub(super) fn admin_not_configured() -> Self {
        let detail = "Admin calls are closed because neither ADMIN_TOKEN nor AUTH_JWT_SECRET or AUTH_JWKS_URL is set on \
                      the Worker.";
        Self::new(Code::AdminNotConfigured, detail)
    }

    /// 503: runners' calls without a configured token.
    pub(super) fn runner_not_configured() -> Self {
        let detail = "Calls of runners are closed because RUNNER_TOKEN is not set on the Worker. Runners work without \
                      them, by looking at the bucket.";
        Self::new(Code::RunnerNotConfigured, detail)
    }

    /// 503: there is no model to ask.
    pub(super) fn ai_not_configured() -> Self {
        let detail = "No language model is configured: set AI_BASE_URL, AI_API_KEY and AI_MODEL on the Worker. Scripts of \
                      your own are taken all the same.";
        Self::new(Code::AiNotConfigured, detail)
    }

    /// 503: the keys that tokens are checked with cannot be had.
    pub(super) fn keys_unavailable(cause: &str) -> Self {
        let detail = format!("Whether the token is good cannot be checked just now. Try again later. ({cause})");
        Self { retry_after: Some(KEYS_RETRY), ..Self::new(Code::KeysUnavailable, detail) }
    }

    /// 503: no answer from the bucket.
    pub(super) fn bucket_unavailable(cause: &str) -> Self {
        let detail = format!("The bucket cannot be reached just now. Try again later. ({cause})");
        Self { retry_after: Some(BUCKET_RETRY), ..Self::new(Code::BucketUnavailable, detail) }
    }

    /// 503: the bucket says no.
    pub(super) fn bucket_refuses(cause: &str) -> Self {
        let detail = format!(
            "The bucket refuses this service. Somebody has to look at the AWS_* settings or at the store. ({cause})"
        );
        Self { retry_after: Some(60), ..Self::new(Code::BucketRefuses, detail) }
    }

    /// 503: no link can be signed.
    pub(super) fn keys_ended(error: &KeysEnded) -> Self {
        let detail = format!(
            "No link can be made: {error}. Somebody has to renew AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, \
             AWS_SESSION_TOKEN and AWS_CREDENTIAL_EXPIRATION."
        );
        Self { retry_after: Some(60), ..Self::new(Code::CredentialsExpired, detail) }
    }

    /// 503: a part of the service is at fault.
    pub(super) fn broken(cause: &str) -> Self {
        let detail = format!("A part of the service failed; the request may be tried again. ({cause})");
        Self { retry_after: Some(5), ..Self::new(Code::InternalUnavailable, detail) }
    }

    /// The same for a call that would have changed something, whose sender wants to know.
    fn nothing_done(self) -> Self {
        Self { detail: format!("Nothing was accepted or changed. {}", self.detail), ..self }
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.code.as_str()
    }

    /// The status.
    pub(super) fn status(&self) -> http::StatusCode {
        self.code.status()
    }

    /// The problem document.
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

    /// What to show instead (RFC 6750, section 3): without a credential there is no error to tell.
    fn challenge(&self) -> Option<&'static str> {
        match self.code {
            Code::InvalidToken => Some("Bearer error=\"invalid_token\""),
            Code::InsufficientScope => Some("Bearer error=\"insufficient_scope\", scope=\"write\""),
            code => (code.status() == http::StatusCode::UNAUTHORIZED).then_some("Bearer"),
        }
    }

    /// The answer.
    pub(super) fn into_response(self, request_id: &RequestId) -> http::Response<Body> {
        // It holds nothing that JSON cannot say.
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
    /// What the object's refusal means to the caller.
    pub(super) fn refusal(refusal: Refusal, project: &str) -> Self {
        match refusal {
            Refusal::NameTaken => {
                Self::new(Code::NameTaken, format!("The project name {project:?} belongs to somebody else."))
            }
            Refusal::NotFound => Self::no_project(project),
            Refusal::NoMoreVersions => {
                let detail = format!(
                    "The project {project:?} holds a version with the largest number there is, {}, so no other can \
                     follow. Upload to another project.",
                    Version::MAX
                );
                Self::new(Code::NoMoreVersions, detail)
            }
            Refusal::TooManyWatchers => {
                let detail = "As many watch this already as can. Ask for its state from time to time instead.";
                Self { retry_after: Some(60), ..Self::new(Code::TooManyWatchers, detail) }
            }
            Refusal::NoVersion(version) => Self::no_version(project, version),
            Refusal::ScriptGone(version, key) => Self::no_script(version, &key),
            Refusal::KeyReused => Self::idempotency_key_reused(),
            Refusal::Moved(version, to) => {
                let detail = format!(
                    "Version {version} of {project} is somebody else's script, which took the number in the bucket. \
                     The version that was told to have it is {to}."
                );
                Self::new(Code::Moved, detail)
            }
            Refusal::Finished(version, phase) => {
                let detail = format!("Version {version} of {project} is finished: it is {phase}.");
                Self::new(Code::AlreadyFinished, detail)
            }
            Refusal::NotFinished(version, phase) => {
                let detail = format!("Version {version} of {project} is {phase}; only a finished one runs again.");
                Self::new(Code::NotFinished, detail)
            }
            Refusal::NotRepeatable(why) => {
                Self::new(Code::NotRepeatable, format!("The version cannot be run again: {why}."))
            }
            // No read is refused for the bucket's sake.
            Refusal::BucketUnavailable(cause) => Self::bucket_unavailable(&cause).nothing_done(),
            Refusal::BucketRefuses(cause) => Self::bucket_refuses(&cause).nothing_done(),
            Refusal::Unclear(cause) => {
                let detail = "It is not known whether it was done; the version's phase will show it.";
                let unavailable = Self::bucket_unavailable(&cause);
                Self { detail: format!("{} {detail}", unavailable.detail), ..unavailable }
            }
            Refusal::Broken(cause) => Self::broken(&cause),
        }
    }
}

impl ApiError {
    /// What the refusal of a conversation's object means to the caller.
    pub(super) fn chat_refusal(refusal: ChatRefusal, project: &str) -> Self {
        match refusal {
            ChatRefusal::NameTaken => Self::refusal(Refusal::NameTaken, project),
            ChatRefusal::NotFound => Self::no_project(project),
            ChatRefusal::NoTurn(turn) => {
                let detail = format!("You have begun no turn {turn} in the project {project:?}, or it is too old.");
                Self::new(Code::TurnNotFound, detail)
            }
            ChatRefusal::Busy(turn) => {
                let detail = format!(
                    "The turn {turn} of {project} has not ended yet; /api/projects/{project}/chat/{turn} tells how it \
                     goes on."
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
