//! The codes of all error answers, each with its status and when it comes: one table, which `error` answers from and the
//! OpenAPI document is made from. A code that is not in it cannot be answered.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

macro_rules! codes {
    ($($(#[doc = $when:literal])+ $name:ident = $status:literal $word:literal,)+) => {
        /// The stable code of an error answer. Clients go by it; the words beside it may change.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[doc = $when])+ $name,)+
        }

        impl Code {
            /// Every code, by status.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The word in answers.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            /// The HTTP status that it comes with.
            pub fn status(self) -> http::StatusCode {
                let status: u16 = match self { $(Self::$name => $status,)+ };
                http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::SERVICE_UNAVAILABLE)
            }

            /// When it comes, in a sentence.
            pub fn when(self) -> &'static str {
                match self { $(Self::$name => concat!($($when,)+).trim_ascii(),)+ }
            }
        }
    };
}

codes! {
    /// A parameter, a header or a field has a value that it cannot have; `field` names it.
    InvalidParameter = 400 "invalid_parameter",
    /// The body is no JSON.
    InvalidJson = 400 "invalid_json",
    /// The body is JSON, but not what this call takes.
    InvalidBody = 400 "invalid_body",
    /// The script has nothing in it.
    EmptyScript = 400 "empty_script",
    /// The body is not UTF-8.
    NotUtf8 = 400 "not_utf8",
    /// The body ended before its end.
    BrokenBody = 400 "broken_body",
    /// Nothing came that says who calls.
    Unauthorized = 401 "unauthorized",
    /// The token or session that came opens nothing: it is wrong, expired or revoked.
    InvalidToken = 401 "invalid_token",
    /// The token may read and change nothing.
    InsufficientScope = 403 "insufficient_scope",
    /// The call is for admins, and the caller is none.
    AdminOnly = 403 "admin_only",
    /// A page of another site wants to change something or to open a WebSocket.
    ForeignOrigin = 403 "foreign_origin",
    /// `AUTH_MODE=open` lets everybody in, and so answers under names of loopback only.
    LoopbackOnly = 403 "loopback_only",
    /// An API token makes no tokens.
    TokenNotAllowed = 403 "token_not_allowed",
    /// A session is opened with a token in the header, not with another session.
    SessionNotAllowed = 403 "session_not_allowed",
    /// No call has this path.
    NoRoute = 404 "no_route",
    /// There is no such project, or it is somebody else's.
    ProjectNotFound = 404 "project_not_found",
    /// The project has no such version.
    VersionNotFound = 404 "version_not_found",
    /// The version's script is no longer in the bucket.
    ScriptNotFound = 404 "script_not_found",
    /// The project has no log of this name.
    LogNotFound = 404 "log_not_found",
    /// There is no such file: nothing has completed yet, or not with this format.
    NoOutput = 404 "no_output",
    /// The caller has begun no such turn in this project, or it is more than a day old.
    TurnNotFound = 404 "turn_not_found",
    /// No example has this name.
    ExampleNotFound = 404 "example_not_found",
    /// The user has no API token of this id.
    TokenNotFound = 404 "token_not_found",
    /// The path is a call's, but not with this method; the header `Allow` names those that are.
    MethodNotAllowed = 405 "method_not_allowed",
    /// The project's name belongs to somebody else.
    NameTaken = 409 "name_taken",
    /// A turn of the project's conversation has not ended yet.
    ChatBusy = 409 "chat_busy",
    /// The project's numbers have run out.
    NoMoreVersions = 409 "no_more_versions",
    /// The number is somebody else's script by now, which took it in the bucket.
    Moved = 409 "moved",
    /// The version is finished already.
    AlreadyFinished = 409 "already_finished",
    /// The version is not finished, and only finished ones run again.
    NotFinished = 409 "not_finished",
    /// The script was changed in the bucket, or is no text of at most 1 MiB, and cannot run again.
    NotRepeatable = 409 "not_repeatable",
    /// The user has as many API tokens as there may be.
    TooManyTokens = 409 "too_many_tokens",
    /// The body is larger than the call takes, or what was asked for is larger than an answer holds.
    TooLarge = 413 "too_large",
    /// The body has a media type that the call does not take.
    UnsupportedMediaType = 415 "unsupported_media_type",
    /// The idempotency key came with something else before.
    IdempotencyKeyReused = 422 "idempotency_key_reused",
    /// The call is a WebSocket and was asked for as a page.
    UpgradeRequired = 426 "upgrade_required",
    /// A setting of the service is missing or wrong; `detail` names it.
    BadConfiguration = 503 "bad_configuration",
    /// The service has no setting by which callers are known, so it lets nobody in.
    AuthNotConfigured = 503 "auth_not_configured",
    /// The service has no setting by which admins are known, so their calls are closed.
    AdminNotConfigured = 503 "admin_not_configured",
    /// The service has no `RUNNER_TOKEN`, so calls of runners are closed.
    RunnerNotConfigured = 503 "runner_not_configured",
    /// The service has no `AI_BASE_URL` and `AI_MODEL`, so nobody writes scripts.
    AiNotConfigured = 503 "ai_not_configured",
    /// Whether the token is good cannot be checked just now; `Retry-After` says when to try again.
    KeysUnavailable = 503 "keys_unavailable",
    /// The bucket cannot be reached just now; `Retry-After` says when to try again.
    BucketUnavailable = 503 "bucket_unavailable",
    /// The bucket refuses the service: its keys, its name or the store are wrong.
    BucketRefuses = 503 "bucket_refuses",
    /// The keys by which the service signs links have expired.
    CredentialsExpired = 503 "credentials_expired",
    /// As many watch the project already as can.
    TooManyWatchers = 503 "too_many_watchers",
    /// A part of the service failed; the request may be tried again.
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
        let about = "What went wrong, as a stable word. The words beside it may change.";
        json_schema!({"type": "string", "enum": words, "description": about})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_one_word_of_its_own_and_an_error() {
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
