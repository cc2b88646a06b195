//! The refusals and failures of Durable Objects and of the store, as errors for the caller.

use super::{ApiError, CHAT_RETRY, OPERATOR_RETRY};
use crate::account::{AccountRefusal, TokenRefusal};
use crate::api::code::Code;
use crate::chat::ChatRefusal;
use crate::object::{CallError, SqlError};
use crate::project::Refusal;
use contract::Version;
use platform::HttpError;
use s3::S3Error;

impl ApiError {
    /// The account refuses a new token.
    pub(in crate::api) fn token_refusal(refusal: TokenRefusal) -> Self {
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

    /// The Project object refuses a request.
    pub(in crate::api) fn refusal(refusal: Refusal, project: &str) -> Self {
        match refusal {
            Refusal::NameTaken => Self::new(
                Code::NameTaken,
                format!("The project name {project:?} belongs to somebody else. Choose another."),
            ),
            Refusal::NotFound => Self::no_project(project),
            Refusal::NoMoreVersions => {
                let detail = format!(
                    "The project {project:?} has a version with the largest possible number, {}. Upload to another \
                     project.",
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
                    "Other software used the number {version} of {project} in the bucket for its own script. The \
                     uploaded version is {to}."
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

    /// The Chat object refuses a request.
    pub(in crate::api) fn chat_refusal(refusal: ChatRefusal, project: &str) -> Self {
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
        match error {
            S3Error::Unavailable(_) => Self::bucket_unavailable(&error.to_string()),
            S3Error::Refused { .. } => Self::bucket_refuses(&error.to_string()),
            _ => Self::broken(&error.to_string()),
        }
    }
}
