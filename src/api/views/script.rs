//! Scripts of a project.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::api::docs::endpoint::HasExample;
use crate::project::{VersionView, message};
use contract::{Origin, Phase, ProjectId, ProjectStatus, RequestId, Sha256, Timestamp, Version};

/// A page of versions.
#[derive(Serialize, JsonSchema)]
pub struct ScriptList {
    /// Always `true`.
    pub success: bool,
    pub project_name: ProjectId,
    /// Newest first.
    pub scripts: Vec<ScriptFacts<VersionStatus>>,
    /// The number of versions on all pages.
    pub total_versions: u64,
    /// The `cursor` of the next page; null on the last page.
    pub next_cursor: Option<Version>,
}

/// A version and its script.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ScriptFacts")]
pub struct ScriptFacts<S> {
    pub version: Version,
    /// The file name in the bucket.
    pub filename: String,
    /// The key in the bucket.
    pub key: String,
    /// The key as an `s3://` URL.
    pub s3_path: String,
    /// In bytes.
    pub size: u64,
    /// The SHA-256 digest of the script; null if it is not known.
    pub sha256: Option<Sha256>,
    /// When the script was accepted; the store's time if other software put it into the bucket.
    pub upload_time: Timestamp,
    #[serde(flatten)]
    pub status: S,
    pub origin: Origin,
    /// The version that it was made from; null without one.
    pub parent: Option<Version>,
    /// The number from the upload's response, if other software used it in the bucket for its own script.
    pub moved_from: Option<Version>,
    /// The new number of the upload that first got this number, if other software used this one for its own script.
    pub moved_to: Option<Version>,
    /// The uploader's own data.
    pub metadata: Option<Value>,
    /// The request that uploaded it.
    pub request_id: Option<RequestId>,
}

/// The status of a version.
#[derive(Serialize, JsonSchema)]
pub struct VersionStatus {
    pub phase: Phase,
    pub status: ProjectStatus,
    /// The phase, for people.
    pub message: &'static str,
}

/// The script of a version.
#[derive(Serialize, JsonSchema)]
pub struct Script {
    /// The status is there only while the script is not in the bucket.
    #[serde(flatten)]
    pub facts: ScriptFacts<Option<VersionStatus>>,
    /// Always `true`.
    pub success: bool,
    pub project_name: ProjectId,
    /// The source text.
    pub content: String,
    /// Always `text/x-python`.
    pub content_type: &'static str,
}

fn example() -> Value {
    json!({
        "version": 2,
        "filename": "bracket-2_v2.py",
        "key": "input/bracket-2/bracket-2_v2.py",
        "s3_path": "s3://models/input/bracket-2/bracket-2_v2.py",
        "size": 6,
        "sha256": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
        "upload_time": "2026-01-31T12:00:00.000Z",
        "origin": "upload",
        "parent": null,
        "moved_from": null,
        "moved_to": null,
        "metadata": {"note": "a box, 30 mm long"},
        "request_id": "0123456789abcdef",
    })
}

impl HasExample for ScriptList {
    fn example() -> Value {
        let mut script = example();
        script["phase"] = json!("completed");
        script["status"] = json!("completed");
        script["message"] = json!("Model ready — view or download");
        json!({
            "success": true,
            "project_name": "bracket-2",
            "scripts": [script],
            "total_versions": 2,
            "next_cursor": 2,
        })
    }
}

impl HasExample for Script {
    fn example() -> Value {
        let mut script = example();
        script["success"] = json!(true);
        script["project_name"] = json!("bracket-2");
        script["content"] = json!("x = 1\n");
        script["content_type"] = json!("text/x-python");
        script
    }
}

impl Script {
    pub fn new(project: &ProjectId, facts: ScriptFacts<Option<VersionStatus>>, content: String) -> Self {
        Self { facts, success: true, project_name: project.clone(), content, content_type: "text/x-python" }
    }
}

impl VersionStatus {
    pub fn of(view: &VersionView) -> Self {
        Self { phase: view.phase, status: view.phase.project_status(), message: message(view.phase) }
    }
}
