//! What the API asks of a `Project` object, and what it answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fleet::QueuePlace;
use crate::object::{ObjectCall, ObjectName, Target, operations};
use contract::{
    IdempotencyKey, Origin, Phase, ProjectId, ProjectStatus, Report, RequestId, RunnerEvent, Sha256, StatusCode,
    Timestamp, TurnId, UploadId, Version,
};

/// Who asks. Decided by the API, believed by the object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// The user's id.
    pub user: String,
    /// Whether projects without an owner are theirs to use.
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
    /// What a project can be asked.
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
    /// The longest wait for the bucket in all, in milliseconds, if shorter than the usual 10 s. With 0 the bucket is
    /// not asked: the object keeps the script for it.
    pub patience_ms: Option<u64>,
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
    /// The script; the API has checked length and encoding.
    pub code: String,
    /// The caller's own metadata, kept by the object as it is.
    pub metadata: Option<serde_json::Value>,
    /// How it came to be.
    pub origin: Origin,
    /// What it was made from.
    pub parent: Option<Version>,
}

/// A caller's key for one upload, and what was sent with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idempotency {
    /// The key; each user has their own in each project.
    pub key: IdempotencyKey,
    /// The sum of what was sent: with another one the key is refused.
    pub body: Sha256,
}

impl Idempotency {
    /// For an upload: its script and metadata count.
    pub fn of_upload(key: IdempotencyKey, script: &NewScript) -> Self {
        let metadata = script.metadata.as_ref().map(ToString::to_string).unwrap_or_default();
        let sent = format!("upload {} {metadata}", Sha256::of(script.code.as_bytes()));
        Self { key, body: Sha256::of(sent.as_bytes()) }
    }

    /// For a retry of `version`.
    pub fn of_retry(key: IdempotencyKey, version: Version) -> Self {
        Self { key, body: Sha256::of(format!("retry {version}").as_bytes()) }
    }
}

/// A page of versions.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VersionPage {
    /// Newest first, without reports.
    pub versions: Vec<VersionView>,
    /// The number of versions on all pages.
    pub total: u64,
    /// Whether older versions follow.
    pub more: bool,
}

/// A version with its script.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ScriptView {
    pub view: VersionView,
    /// The script, while the bucket does not have it.
    pub held: Option<String>,
}

/// A script that was taken.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Uploaded {
    /// The number it got.
    pub version: Version,
    /// The key it lies under.
    pub key: String,
    /// The sum of its bytes.
    pub sha256: Sha256,
    /// When it was taken.
    pub time: Timestamp,
    /// The phase it is in: `stored` while the bucket does not have the script.
    pub phase: Phase,
    /// The request that brought it.
    pub request_id: Option<RequestId>,
    /// Whether it was taken before, under the same idempotency key.
    pub replayed: bool,
}

/// One version as the object knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VersionView {
    /// Its number.
    pub version: Version,
    /// Where it stands.
    pub phase: Phase,
    /// How it came to be.
    pub origin: Origin,
    /// What it was made from.
    pub parent: Option<Version>,
    /// Who sent it; none for a script that somebody put into the bucket.
    pub user: Option<String>,
    /// Tells one's own script in the bucket from somebody else's.
    pub upload_id: Option<UploadId>,
    /// The request that brought it.
    pub request_id: Option<RequestId>,
    /// The sum of the script, where known.
    pub sha256: Option<Sha256>,
    /// Bytes of the script.
    pub size: u64,
    /// When it was taken; the store's time for a script that somebody put into the bucket.
    pub accepted_at: Timestamp,
    /// Since when it waits for a runner: the bucket has its script since then, or its last attempt was given back; none
    /// while the bucket does not have it. Stays when a runner takes it.
    pub queued_at: Option<Timestamp>,
    /// The highest attempt that was seen.
    pub attempt: Option<u32>,
    /// When that attempt was first seen.
    pub claimed_at: Option<Timestamp>,
    /// When its report was read.
    pub finished_at: Option<Timestamp>,
    /// The caller's own metadata.
    pub metadata: Option<serde_json::Value>,
    /// The number that the uploader was told, where somebody else's script took it in the bucket meanwhile.
    pub moved_from: Option<Version>,
    /// The version that an uploader was told to have this number became, where this is somebody else's script.
    pub moved_to: Option<Version>,
    /// The report, where asked for and there.
    pub report: Option<Report>,
}

/// The status of a project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StatusView {
    /// One of the five words.
    pub status: ProjectStatus,
    /// Why it is `timeout`, while that is a view.
    pub code: Option<StatusCode>,
    /// The newest version; none for `no_scripts`.
    pub newest: Option<VersionView>,
    /// Its place in the queue, while it waits for a runner and that is known.
    pub queue: Option<QueuePlace>,
    /// How far its run is, while it runs and its runner says so.
    pub progress: Option<Progress>,
    /// The turn that repairs it, where it failed and the conversation says so.
    pub repair: Option<TurnId>,
}

/// What a runner says of a run. Nothing is decided by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Progress {
    /// What it does: `script`, `export`, `drawing`, `publishing`.
    pub phase: String,
    /// The last lines that the script printed.
    pub lines: Vec<String>,
}

/// Why the object does not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// Somebody else owns the name: the answer to an upload.
    NameTaken,
    /// There is no such project, or it is somebody else's.
    NotFound,
    /// The project has no such version.
    NoVersion(Version),
    /// The idempotency key came with something else before.
    KeyReused,
    /// The number is somebody else's by now; the version that was told to have it has the second one.
    Moved(Version, Version),
    /// The version has a report already, and stands so.
    Finished(Version, Phase),
    /// The version has no report yet, and stands so.
    NotFinished(Version, Phase),
    /// The script of the version is no longer in the bucket, under this key.
    ScriptGone(Version, String),
    /// The version cannot be run again, for this reason.
    NotRepeatable(String),
    /// The project's numbers have run out.
    NoMoreVersions,
    /// As many watch already as can.
    TooManyWatchers,
    /// The bucket cannot be reached now, so nothing was done.
    BucketUnavailable(String),
    /// The bucket did not answer in the middle: what was asked may have been done, and will show.
    Unclear(String),
    /// The bucket says no until a person changes something.
    BucketRefuses(String),
    /// The object itself is at fault.
    Broken(String),
}

impl Refusal {
    /// The same where something may have been done all the same.
    pub(super) fn into_unclear(self) -> Self {
        match self {
            Self::BucketUnavailable(why) | Self::BucketRefuses(why) | Self::Broken(why) => Self::Unclear(why),
            other => other,
        }
    }
}
