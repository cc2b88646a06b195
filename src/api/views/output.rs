//! Files of a version.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::api::docs::endpoint::HasExample;
use contract::{Format, Geometry, JobError, Phase, ProjectId, Sha256, Timestamp, Version};

/// The files of a version.
#[derive(Serialize, JsonSchema)]
pub struct Outputs<'a> {
    /// Always `true`.
    pub success: bool,
    pub project_name: &'a ProjectId,
    /// Null if no version has completed. Then the other fields about the version are null too.
    pub version: Option<Version>,
    pub phase: Option<Phase>,
    /// The number from the upload's response, if other software used it in the bucket for its own script.
    pub moved_from: Option<Version>,
    /// The new number of the upload that first got this number, if other software used this one for its own script.
    pub moved_to: Option<Version>,
    pub output_files: Vec<OutputEntry<'a>>,
    pub total_files: usize,
    pub available_formats: Vec<Format>,
    pub geometry: Option<&'a Geometry>,
    /// Warnings of the script's run.
    pub warnings: Option<&'a [String]>,
    /// Why the version did not complete.
    pub error: Option<&'a JobError>,
    /// The key of the log in the bucket.
    pub log: Option<&'a str>,
}

/// A file of a version.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OutputEntry")]
pub struct OutputEntry<'a> {
    /// The file name in the bucket.
    pub filename: String,
    pub format: Format,
    /// The key in the bucket.
    pub key: &'a str,
    /// The key as an `s3://` URL.
    pub s3_path: String,
    /// In bytes.
    pub size: u64,
    /// The SHA-256 digest; null for a file of other software.
    pub sha256: Option<&'a Sha256>,
    /// `script` if the script exported the file itself, otherwise `runner`.
    pub made_by: Option<&'a str>,
    pub version: Option<Version>,
    /// When the version's report was written.
    pub last_modified: Option<Timestamp>,
}

impl HasExample for Outputs<'_> {
    fn example() -> Value {
        json!({
            "success": true,
            "project_name": "bracket-2",
            "version": 2,
            "phase": "completed",
            "moved_from": null,
            "moved_to": null,
            "output_files": [{
                "filename": "MyHeadlessModel.STEP",
                "format": "STEP",
                "key": "output/bracket-2/v2/0123456789abcdef/MyHeadlessModel.STEP",
                "s3_path": "s3://models/output/bracket-2/v2/0123456789abcdef/MyHeadlessModel.STEP",
                "size": 15_871,
                "sha256": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
                "made_by": "runner",
                "version": 2,
                "last_modified": "2026-01-31T12:00:01.000Z",
            }],
            "total_files": 1,
            "available_formats": ["STEP"],
            "geometry": {
                "volume_mm3": 3000.0,
                "area_mm2": 1400.0,
                "center_of_mass": [15.0, 5.0, 5.0],
                "bounding_box": {"min": [0.0, 0.0, 0.0], "max": [30.0, 10.0, 10.0]},
                "solids": 1,
                "faces": 6,
                "facets": 12,
                "watertight": true,
                "valid": true,
                "objects": [{"name": "Box", "label": "Box", "type": "Part::Box"}],
            },
            "warnings": [],
            "error": null,
            "log": "logs/bracket-2/bracket-2_info_20260131_120000_v2_0123456789abcdef.log",
        })
    }
}

/// A presigned link to one file.
#[derive(Serialize, JsonSchema)]
pub struct DownloadLink {
    /// Always `true`.
    pub success: bool,
    pub project_name: ProjectId,
    pub version: Version,
    pub format: Format,
    /// The name under which browsers save the file.
    pub filename: String,
    pub download_url: String,
    /// How long the link works, in seconds.
    pub expires_in: u64,
    /// When the link expires.
    pub expires_at: Timestamp,
    /// Why the link expires earlier than requested; null if it does not.
    pub shortened_because: Option<String>,
    /// In bytes.
    pub size: u64,
    /// The SHA-256 digest; null for a file of other software.
    pub sha256: Option<Sha256>,
    /// The media type of the file.
    pub content_type: &'static str,
}

impl HasExample for DownloadLink {
    fn example() -> Value {
        json!({
            "success": true,
            "project_name": "bracket-2",
            "version": 2,
            "format": "STEP",
            "filename": "bracket-2_v2.STEP",
            "download_url": "https://models.s3.eu-west-1.amazonaws.com/output/bracket-2/v2/0123456789abcdef/\
                             MyHeadlessModel.STEP?X-Amz-Expires=3600&X-Amz-Signature=…",
            "expires_in": 3600,
            "expires_at": "2026-01-31T13:00:00.000Z",
            "shortened_because": null,
            "size": 15_871,
            "sha256": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
            "content_type": "model/step",
        })
    }
}
