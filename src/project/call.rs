//! What the API asks of a `Project` object, and what it answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fleet::QueuePlace;
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

/// One call.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProjectCall {
    /// Which project the object is.
    pub project: ProjectId,
    /// Who asks.
    pub caller: Caller,
    /// The request it belongs to.
    pub request_id: RequestId,
    /// What is asked.
    pub operation: Operation,
}

/// What can be asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Take this script as the next version.
    Upload {
        /// The script.
        script: NewScript,
        /// So that the same upload sent again is no second version.
        idempotency: Option<Idempotency>,
        /// How long to wait for the bucket in all, in milliseconds, where that is less than the 10 s that an upload
        /// waits otherwise. With 0 the bucket is not asked: the script is kept for it.
        patience_ms: Option<u64>,
    },
    /// Run the script of a finished version again, as the next version.
    Retry {
        /// The finished version.
        version: Version,
        /// As with an upload.
        idempotency: Option<Idempotency>,
    },
    /// End a version that has no report yet.
    Cancel(Version),
    /// Versions below `before`, newest first.
    Versions {
        /// Only versions with a smaller number.
        before: Option<Version>,
        /// At most this many.
        limit: u32,
    },
    /// One version with its report.
    Version(Version),
    /// The same, with its script while the bucket does not have it.
    Script(Version),
    /// The newest completed version with its report.
    NewestCompleted,
    /// The status of the project.
    Status,
    /// The same, once it is another than now, or final, or so many seconds have passed.
    Wait {
        /// At most this long.
        seconds: u32,
        /// The turn of the project's conversation that asks. For it a failure is final; anybody else may wait for the
        /// repair.
        turn: Option<TurnId>,
        /// The version that the turn repairs, should that fail; none where it repairs none any more. Decides nothing.
        repairs: Option<Version>,
    },
    /// The same; with a WebSocket's handshake, also each change from then on.
    Watch,
    /// What a runner says of this project. Not bound to a caller, since it decides nothing.
    Hint(Vec<RunnerEvent>),
    /// From now on the project is this user's, whoever had it. For the admin alone.
    AssignOwner {
        /// The user's id.
        owner: String,
    },
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

/// The answer to one call.
pub type Answer = Result<Reply, Refusal>;

/// What was asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The script is a version, in the bucket or kept for it.
    Uploaded(Uploaded),
    /// A page of versions, without reports.
    Versions {
        /// The versions, newest first.
        versions: Vec<VersionView>,
        /// How many there are in all.
        total: u64,
        /// Whether older ones follow.
        more: bool,
    },
    /// A version; none if there is no such one.
    Version(Option<Box<VersionView>>),
    /// A version, and its script while the bucket does not have it.
    Script {
        /// The version; none if there is no such one.
        view: Option<Box<VersionView>>,
        /// The script.
        held: Option<String>,
    },
    /// The version that is cancelled now.
    Cancelled(Box<VersionView>),
    /// The status.
    Status(Box<StatusView>),
    /// Nothing: a hint was taken.
    Taken,
    /// The project is somebody's now.
    Assigned {
        /// Whose it was; none for one that was found in the bucket.
        before: Option<String>,
    },
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
