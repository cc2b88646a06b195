//! The replies of a `Project` object.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fleet::QueuePlace;
use contract::{
    Origin, Phase, ProjectStatus, Report, RequestId, Sha256, StatusCode, Timestamp, TurnId, UploadId, Version,
};

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

/// A script that was accepted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Uploaded {
    pub version: Version,
    /// The script's key in the bucket.
    pub key: String,
    /// The script's digest.
    pub sha256: Sha256,
    /// When the script was accepted.
    pub time: Timestamp,
    /// `stored` while the bucket does not have the script.
    pub phase: Phase,
    /// The request that sent the script.
    pub request_id: Option<RequestId>,
    /// Whether an earlier upload under the same idempotency key was accepted.
    pub replayed: bool,
}

/// One version as the object knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VersionView {
    pub version: Version,
    pub phase: Phase,
    pub origin: Origin,
    /// The version that this one was made from.
    pub parent: Option<Version>,
    /// The uploader; none for a script that appeared in the bucket.
    pub user: Option<String>,
    /// Distinguishes this upload's script in the bucket from another writer's.
    pub upload_id: Option<UploadId>,
    /// The request that sent the script.
    pub request_id: Option<RequestId>,
    /// The script's digest, if known.
    pub sha256: Option<Sha256>,
    /// Bytes of the script.
    pub size: u64,
    /// When the script was accepted; the store's time for a script that appeared in the bucket.
    pub accepted_at: Timestamp,
    /// Since when the version waits for a runner: when the bucket got its script, or when its last attempt was released.
    /// None while the bucket does not have the script. A claim does not change it.
    pub queued_at: Option<Timestamp>,
    /// The highest attempt that was seen.
    pub attempt: Option<u32>,
    /// When that attempt was first seen.
    pub claimed_at: Option<Timestamp>,
    /// When the report was read.
    pub finished_at: Option<Timestamp>,
    /// The caller's own metadata.
    pub metadata: Option<serde_json::Value>,
    /// The number that the uploader was given, if another writer's script took that number in the bucket.
    pub moved_from: Option<Version>,
    /// If this is the other writer's script: the number that the uploader's version has now.
    pub moved_to: Option<Version>,
    /// The report, if requested and present.
    pub report: Option<Report>,
}

impl VersionView {
    /// A version with all other fields empty.
    pub(super) fn new(version: Version, phase: Phase, origin: Origin, size: u64, accepted_at: Timestamp) -> Self {
        Self {
            version,
            phase,
            origin,
            parent: None,
            user: None,
            upload_id: None,
            request_id: None,
            sha256: None,
            size,
            accepted_at,
            queued_at: None,
            attempt: None,
            claimed_at: None,
            finished_at: None,
            metadata: None,
            moved_from: None,
            moved_to: None,
            report: None,
        }
    }

    /// Whether the bucket has the script and no report was read.
    pub(super) fn is_in_flight(&self) -> bool {
        matches!(self.phase, Phase::Queued | Phase::Running)
    }
}

/// The status of a project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StatusView {
    pub status: ProjectStatus,
    /// Why the status is `timeout`, if it is.
    pub code: Option<StatusCode>,
    /// The newest version; none for `no_scripts`.
    pub newest: Option<VersionView>,
    /// Its place in the queue, if it waits for a runner and the place is known.
    pub queue: Option<QueuePlace>,
    /// The progress of its run, if its runner reports any.
    pub progress: Option<Progress>,
    /// The turn that repairs it, if it failed and the conversation reports a repair.
    pub repair: Option<TurnId>,
}

/// The progress of a run, as its runner reports it. This is a hint: nothing is decided by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Progress {
    /// The present step: `script`, `export`, `drawing`, `publishing`.
    pub phase: String,
    /// The last lines that the script printed.
    pub lines: Vec<String>,
}
