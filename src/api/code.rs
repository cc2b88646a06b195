//! The codes of all error responses, each with its status and its meaning. The OpenAPI document is made from this
//! table.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

macro_rules! codes {
    ($($(#[doc = $when:literal])+ $name:ident = $status:literal $word:literal,)+) => {
        /// The stable code of an error response.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[doc = $when])+ $name,)+
        }

        impl Code {
            /// Every code, by status.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            pub fn status(self) -> http::StatusCode {
                let status: u16 = match self { $(Self::$name => $status,)+ };
                http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::SERVICE_UNAVAILABLE)
            }

            /// Its meaning, in a sentence.
            pub fn when(self) -> &'static str {
                match self { $(Self::$name => concat!($($when,)+).trim_ascii(),)+ }
            }
        }
    };
}

codes! {
    /// A parameter, header or field has a wrong value; `field` names it.
    InvalidParameter = 400 "invalid_parameter",
    /// The body is not JSON.
    InvalidJson = 400 "invalid_json",
    /// The body is JSON, but not what the endpoint takes.
    InvalidBody = 400 "invalid_body",
    /// The script is empty or only white space.
    EmptyScript = 400 "empty_script",
    /// The body is not UTF-8.
    NotUtf8 = 400 "not_utf8",
    /// The body ended early.
    BrokenBody = 400 "broken_body",
    /// The request has no credential.
    Unauthorized = 401 "unauthorized",
    /// The token or session is wrong, expired or revoked.
    InvalidToken = 401 "invalid_token",
    /// The token may only read.
    InsufficientScope = 403 "insufficient_scope",
    /// The endpoint is for admins, and the caller is not one.
    AdminOnly = 403 "admin_only",
    /// A page of another site tried to change something or to open a WebSocket.
    ForeignOrigin = 403 "foreign_origin",
    /// `AUTH_MODE=open` lets everybody in, so the service answers on loopback hosts only.
    LoopbackOnly = 403 "loopback_only",
    /// An API token cannot create tokens.
    TokenNotAllowed = 403 "token_not_allowed",
    /// A session can only be opened with a token in the header.
    SessionNotAllowed = 403 "session_not_allowed",
    /// No endpoint has this path.
    NoRoute = 404 "no_route",
    /// The project does not exist, or it belongs to somebody else.
    ProjectNotFound = 404 "project_not_found",
    /// The project has no such version.
    VersionNotFound = 404 "version_not_found",
    /// The version's script is no longer in the bucket.
    ScriptNotFound = 404 "script_not_found",
    /// The project has no log of this name.
    LogNotFound = 404 "log_not_found",
    /// The file does not exist: no version has completed, or it has no file of this format.
    NoOutput = 404 "no_output",
    /// The caller has no such turn in this project, or it is more than a day old.
    TurnNotFound = 404 "turn_not_found",
    /// No example has this name.
    ExampleNotFound = 404 "example_not_found",
    /// The user has no API token with this id.
    TokenNotFound = 404 "token_not_found",
    /// The path does not take this method; the header `Allow` lists those that it takes.
    MethodNotAllowed = 405 "method_not_allowed",
    /// The project name belongs to somebody else.
    NameTaken = 409 "name_taken",
    /// The previous turn of the conversation has not ended.
    ChatBusy = 409 "chat_busy",
    /// The project has a version with the largest possible number.
    NoMoreVersions = 409 "no_more_versions",
    /// Other software used this version number in the bucket for its own script; the upload got another number.
    Moved = 409 "moved",
    /// The version has already finished.
    AlreadyFinished = 409 "already_finished",
    /// The version has not finished. Only finished versions can run again.
    NotFinished = 409 "not_finished",
    /// The version cannot run again: its script was changed in the bucket, or is not UTF-8 text of at most 1 MiB.
    NotRepeatable = 409 "not_repeatable",
    /// The user has the maximum number of API tokens.
    TooManyTokens = 409 "too_many_tokens",
    /// The body is larger than the endpoint takes, or the requested object is larger than a response may be.
    TooLarge = 413 "too_large",
    /// The endpoint does not take a body of this media type.
    UnsupportedMediaType = 415 "unsupported_media_type",
    /// The idempotency key was used for another request.
    IdempotencyKeyReused = 422 "idempotency_key_reused",
    /// The endpoint is a WebSocket, and the request is not a WebSocket handshake.
    UpgradeRequired = 426 "upgrade_required",
    /// A setting of the service is missing or wrong; `detail` names it.
    BadConfiguration = 503 "bad_configuration",
    /// The service has no authentication configured, so every caller is refused.
    AuthNotConfigured = 503 "auth_not_configured",
    /// The service has no authentication of admins configured, so admin endpoints are closed.
    AdminNotConfigured = 503 "admin_not_configured",
    /// The service has no `RUNNER_TOKEN`, so runner endpoints are closed.
    RunnerNotConfigured = 503 "runner_not_configured",
    /// The service has no language model: `AI_BASE_URL` and `AI_MODEL` are not set.
    AiNotConfigured = 503 "ai_not_configured",
    /// The token cannot be checked at the moment; `Retry-After` says when to try again.
    KeysUnavailable = 503 "keys_unavailable",
    /// The bucket cannot be reached at the moment; `Retry-After` says when to try again.
    BucketUnavailable = 503 "bucket_unavailable",
    /// The bucket refuses the service: the keys, the bucket's name or the store is wrong.
    BucketRefuses = 503 "bucket_refuses",
    /// The keys with which the service signs links have expired.
    CredentialsExpired = 503 "credentials_expired",
    /// Too many clients are watching the project.
    TooManyWatchers = 503 "too_many_watchers",
    /// A part of the service failed. The request can be repeated.
    InternalUnavailable = 503 "internal_unavailable",
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl JsonSchema for Code {
    fn schema_name() -> Cow<'static, str> {
        "Code".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words: Vec<&str> = Self::ALL.iter().map(|code| code.as_str()).collect();
        let description = "The error as a stable word. The wording of `detail` may change.";
        json_schema!({"type": "string", "enum": words, "description": description})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_words_of_errors() {
        for (index, code) in Code::ALL.iter().enumerate() {
            assert!(Code::ALL[..index].iter().all(|other| other.as_str() != code.as_str()), "{code:?}");
            assert!(
                code.as_str().bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
            );
            assert!(code.status().is_client_error() || code.status().is_server_error(), "{code:?}");
            assert!(code.when().ends_with('.') && !code.when().starts_with(' '), "{code:?}");
        }
        assert!(Code::ALL.is_sorted_by_key(|code| code.status()));
    }
}
