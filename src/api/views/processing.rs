//! The versions of a project, as its object and the bucket have them.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::api::docs::endpoint::HasExample;
use contract::{Phase, ProjectId, Timestamp, Version};

/// A page of versions, as object and bucket have them.
#[derive(Serialize, JsonSchema)]
pub struct ProcessingStatus {
    /// Always `true`.
    pub success: bool,
    pub project_name: ProjectId,
    /// Newest first.
    pub versions: Vec<Sides>,
    /// The number of versions on all pages.
    pub total_versions: u64,
    /// Versions that are in the bucket and not known to the object. Only on the first page.
    pub unknown_versions: Vec<Version>,
    /// False if the bucket has more keys than are listed. Then `differences` is empty.
    pub complete: bool,
    /// The `cursor` of the next page; null on the last page.
    pub next_cursor: Option<Version>,
}

/// One version in object and bucket.
#[derive(Serialize, JsonSchema)]
pub struct Sides {
    pub version: Version,
    pub object: Known,
    pub bucket: Seen,
    /// Differences between the two, for people.
    pub differences: Vec<&'static str>,
}

/// A version as the object has it.
#[derive(Serialize, JsonSchema)]
pub struct Known {
    pub phase: Phase,
    /// The number of the newest attempt.
    pub attempt: Option<u32>,
    pub upload_time: Timestamp,
}

/// A version as the bucket has it.
#[derive(Default, Serialize, JsonSchema)]
pub struct Seen {
    /// Whether the script exists.
    pub script: bool,
    /// Whether the ticket exists, so that the version is waiting or running.
    pub ticket: bool,
    pub attempts: Vec<SeenAttempt>,
    /// Whether the report exists, so that the version is final.
    pub report: bool,
    /// The keys of the version's files.
    pub files: Vec<String>,
}

/// An attempt as the bucket has it.
#[derive(Serialize, JsonSchema)]
pub struct SeenAttempt {
    pub number: u32,
    /// Whether the runner released it.
    pub released: bool,
    pub last_heartbeat: Option<Timestamp>,
}

impl HasExample for ProcessingStatus {
    fn example() -> Value {
        json!({
            "success": true,
            "project_name": "bracket-2",
            "versions": [{
                "version": 2,
                "object": {"phase": "running", "attempt": 1, "upload_time": "2026-01-31T12:00:00.000Z"},
                "bucket": {
                    "script": true,
                    "ticket": true,
                    "attempts": [{"number": 1, "released": false, "last_heartbeat": "2026-01-31T12:00:01.000Z"}],
                    "report": false,
                    "files": [],
                },
                "differences": [],
            }],
            "total_versions": 2,
            "unknown_versions": [],
            "complete": true,
            "next_cursor": 2,
        })
    }
}
