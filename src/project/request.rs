//! The requests to a `Project` object.

use serde::{Deserialize, Serialize};

use super::view::{ScriptView, StatusView, Uploaded, VersionPage, VersionView};
use crate::object::{ObjectCall, ObjectName, SqlError, Target, operations};
use contract::{IdempotencyKey, Origin, Phase, ProjectId, RequestId, RunnerEvent, Sha256, TurnId, Version};

/// The user on whose behalf a request is made. The API has authenticated them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// The user's id.
    pub user: String,
    /// Whether the caller may use projects without an owner.
    pub admin: bool,
}

/// A project, and on whose behalf it is called.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProjectTarget {
    pub project: ProjectId,
    pub caller: Caller,
    /// The request that the call belongs to.
    pub request_id: RequestId,
}

impl Target for ProjectTarget {
    type Operation = Operation;
    type Refusal = Refusal;

    fn object(&self) -> ObjectName {
        ObjectName::Project(self.project.clone())
    }
}

/// A call to a project.
pub type ProjectCall = ObjectCall<ProjectTarget>;

operations! {
    /// The operations of a project.
    Operation of ProjectTarget {
        UploadScript -> Uploaded,
        RetryVersion -> Uploaded,
        CancelVersion -> VersionView,
        ListVersions -> VersionPage,
        GetVersion -> Option<VersionView>,
        GetScript -> Option<ScriptView>,
        GetNewestCompleted -> Option<VersionView>,
        GetStatus -> StatusView,
        WaitForStatus -> StatusView,
        Watch -> StatusView,
        TakeEvents -> (),
        AssignOwner -> Option<String>,
    }
}

/// Takes a script as the next version.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UploadScript {
    pub script: NewScript,
    /// With a key, repeating the upload gives the same version.
    pub idempotency: Option<Idempotency>,
    /// The longest wait for the bucket in all, in milliseconds. Default and maximum: 10,000. With 0 the object keeps the
    /// script without asking the bucket.
    pub timeout_ms: Option<u64>,
}

/// Runs the script of a finished version again, as the next version.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RetryVersion {
    pub version: Version,
    /// As in an [`UploadScript`].
    pub idempotency: Option<Idempotency>,
}

/// Ends a version that has no report yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CancelVersion(pub Version);

/// Gives a page of versions, newest first, without reports.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListVersions {
    /// Only versions with a smaller number.
    pub before: Option<Version>,
    /// The most versions in the page.
    pub limit: u32,
}

/// Gives one version with its report; none if the project does not have it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetVersion(pub Version);

/// Gives one version with its script while the bucket does not have that; none if the project does not have it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetScript(pub Version);

/// Gives the newest completed version with its report.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetNewestCompleted;

/// Gives the project's status.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetStatus;

/// Gives the status once it has changed or is final, or when the time is over.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WaitForStatus {
    /// The longest wait.
    pub seconds: u32,
    /// The turn of the project's conversation that asks. A failure is final for it; other callers may wait for the
    /// repair.
    pub turn: Option<TurnId>,
    /// The version that the turn repairs if it fails; none if it no longer repairs any. A hint.
    pub repairs: Option<Version>,
}

/// Gives the status; with a WebSocket's handshake, also every change from then on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Watch;

/// Takes a runner's events about this project. Not bound to a caller, since events are hints.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TakeEvents(pub Vec<RunnerEvent>);

/// Makes a user the owner, whoever owned the project before. For an admin only. Replies with the previous owner; none
/// for a project that was found in the bucket.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AssignOwner {
    /// The user's id.
    pub owner: String,
}

/// A script to become a version.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewScript {
    /// The script. The API has checked its length and encoding.
    pub code: String,
    /// The caller's own metadata, stored unchanged.
    pub metadata: Option<serde_json::Value>,
    pub origin: Origin,
    /// The version that the script was made from.
    pub parent: Option<Version>,
}

/// A caller's idempotency key with the digest of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idempotency {
    /// Keys are separate for each user and project.
    pub key: IdempotencyKey,
    /// The digest of the request. The same key with another digest is refused.
    pub body: Sha256,
}

impl Idempotency {
    /// The digest covers the script and its metadata.
    pub fn of_upload(key: IdempotencyKey, script: &NewScript) -> Self {
        let metadata = script.metadata.as_ref().map(ToString::to_string).unwrap_or_default();
        let sent = format!("upload {} {metadata}", Sha256::of(script.code.as_bytes()));
        Self { key, body: Sha256::of(sent.as_bytes()) }
    }

    pub fn of_retry(key: IdempotencyKey, version: Version) -> Self {
        Self { key, body: Sha256::of(format!("retry {version}").as_bytes()) }
    }
}

/// Why a project does not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// An upload to a name that belongs to another user.
    NameTaken,
    /// The project does not exist, or belongs to another user.
    NotFound,
    /// The project has no such version.
    NoVersion(Version),
    /// The idempotency key was used for another request.
    KeyReused,
    /// Another writer's script has the number. The version that was given this number has the second one now.
    Moved(Version, Version),
    /// The version already has a report, and is in this phase.
    Finished(Version, Phase),
    /// The version has no report yet, and is in this phase.
    NotFinished(Version, Phase),
    /// The bucket no longer has the version's script under this key.
    ScriptGone(Version, String),
    /// The version cannot be run again, for this reason.
    NotRepeatable(String),
    /// A version with the largest number exists.
    NoMoreVersions,
    /// The limit of watchers is reached.
    TooManyWatchers,
    /// The bucket cannot be reached, and nothing was done.
    BucketUnavailable(String),
    /// The bucket did not answer halfway. The request may have taken effect; the version's phase will show it.
    Indeterminate(String),
    /// The bucket refuses until a person changes a setting.
    BucketRefuses(String),
    /// The object itself failed.
    Broken(String),
}

impl Refusal {
    /// The same, if the request may have taken effect.
    pub(super) fn into_indeterminate(self) -> Self {
        match self {
            Self::BucketUnavailable(why) | Self::BucketRefuses(why) | Self::Broken(why) => Self::Indeterminate(why),
            other => other,
        }
    }
}

impl From<SqlError> for Refusal {
    fn from(error: SqlError) -> Self {
        Self::Broken(error.to_string())
    }
}
