//! Versions that a request has changed.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::api::docs::endpoint::HasExample;
use contract::{Phase, ProjectId, ProjectStatus, RequestId, Sha256, Timestamp, Version};

/// The new version of a project.
#[derive(Serialize, JsonSchema)]
pub struct NewVersion {
    /// Always `true`.
    pub success: bool,
    /// The outcome, for people.
    pub message: &'static str,
    pub data: NewVersionData,
    /// As in `data`.
    pub project_name: ProjectId,
    /// As in `data`.
    pub version: Version,
}

/// The details of a new version.
#[derive(Serialize, JsonSchema)]
pub struct NewVersionData {
    pub project_name: ProjectId,
    pub version: Version,
    /// The script's key in the bucket.
    pub key: String,
    /// The key as an `s3://` URL.
    pub s3_path: String,
    /// The SHA-256 digest of the script.
    pub sha256: Sha256,
    /// When the script was accepted.
    pub upload_time: Timestamp,
    pub phase: Phase,
    pub status: Taken,
    /// Always `freecad_processing`.
    pub next_step: &'static str,
    /// The phase, for people.
    pub status_message: &'static str,
    /// The path of the project's status.
    pub status_url: String,
    /// The request that uploaded the script; for a repeated upload, the first one.
    pub request_id: Option<RequestId>,
}

/// Where the script is.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Taken {
    /// In the bucket.
    Uploaded,
    /// Kept by the service until the bucket answers.
    Accepted,
}

impl HasExample for NewVersion {
    fn example() -> Value {
        json!({
            "success": true,
            "message": "Script uploaded successfully",
            "data": {
                "project_name": "bracket-2",
                "version": 2,
                "key": "input/bracket-2/bracket-2_v2.py",
                "s3_path": "s3://models/input/bracket-2/bracket-2_v2.py",
                "sha256": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
                "upload_time": "2026-01-31T12:00:00.000Z",
                "phase": "queued",
                "status": "uploaded",
                "next_step": "freecad_processing",
                "status_message": "FreeCAD processing…",
                "status_url": "/api/projects/bracket-2/status",
                "request_id": "0123456789abcdef",
            },
            "project_name": "bracket-2",
            "version": 2,
        })
    }
}

/// A cancelled version.
#[derive(Serialize, JsonSchema)]
pub struct Cancelled {
    /// Always `true`.
    pub success: bool,
    pub project_name: ProjectId,
    pub version: Version,
    /// The number from the upload's response, if other software used it in the bucket for its own script.
    pub moved_from: Option<Version>,
    pub phase: Phase,
    pub status: ProjectStatus,
    /// The phase, for people.
    pub message: &'static str,
    /// When the report was written.
    pub finished_at: Option<Timestamp>,
    /// The path of the project's status.
    pub status_url: String,
    pub request_id: RequestId,
}

impl HasExample for Cancelled {
    fn example() -> Value {
        json!({
            "success": true,
            "project_name": "bracket-2",
            "version": 2,
            "moved_from": null,
            "phase": "cancelled",
            "status": "error",
            "message": "Cancelled",
            "finished_at": "2026-01-31T12:00:00.000Z",
            "status_url": "/api/projects/bracket-2/status",
            "request_id": "0123456789abcdef",
        })
    }
}
