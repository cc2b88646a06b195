//! `GET /api/projects/{project}/outputs` and `…/download/{format}`.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::scripts::find;
use crate::api::code::Code;
use crate::api::docs::endpoint::{BodySchema, Content, EndpointDoc, HasExample, ResponseDoc, Tag};
use crate::api::docs::parameter::EXPIRES_IN;
use crate::api::error::ApiError;
use crate::api::request::Call;
use crate::api::response::Reply;
use crate::metrics::Metric;
use crate::project::{GetNewestCompleted, VersionView};
use contract::{Format, Geometry, JobError, OutputFile, Phase, ProjectId, Report, Sha256, Timestamp, Version};
use s3::{LinkLife, link_life, presign_get};

pub const LIST: EndpointDoc = EndpointDoc {
    id: "listOutputs",
    summary: "committed files with size, sum and geometry",
    tag: Tag::Models,
    description: "Without `version`, of the newest completed one; where nothing has completed, nothing is listed.",
    responses: &[ResponseDoc {
        description: "The files, and what the model measures.",
        contents: &[Content::Json(BodySchema::of::<Outputs>())],
        ..ResponseDoc::OK
    }],
    errors: &[Code::ProjectNotFound, Code::VersionNotFound, Code::InternalUnavailable],
    ..EndpointDoc::NONE
};

pub const DOWNLOAD: EndpointDoc = EndpointDoc {
    id: "getDownloadLink",
    summary: "a presigned URL to one file",
    tag: Tag::Models,
    description: "The link leads to the bucket itself, needs no token, and works until it expires, for whoever has it.",
    responses: &[ResponseDoc {
        description: "The link.",
        contents: &[Content::Json(BodySchema::of::<DownloadLink>())],
        ..ResponseDoc::OK
    }],
    errors: &[
        Code::ProjectNotFound,
        Code::VersionNotFound,
        Code::NoOutput,
        Code::CredentialsExpired,
        Code::InternalUnavailable,
    ],
    ..EndpointDoc::NONE
};

/// The files of a version.
#[derive(Serialize, JsonSchema)]
struct Outputs<'a> {
    /// Always true.
    success: bool,
    project_name: &'a ProjectId,
    /// The version; null where nothing has completed. So are all that tell of it.
    version: Option<Version>,
    phase: Option<Phase>,
    /// The number that its uploader was told, where somebody else's script took that one.
    moved_from: Option<Version>,
    /// What became of the version that an uploader was told to have this number, where this is somebody else's script.
    moved_to: Option<Version>,
    output_files: Vec<OutputEntry<'a>>,
    total_files: usize,
    available_formats: Vec<Format>,
    geometry: Option<&'a Geometry>,
    /// What was worth knowing and stopped nothing.
    warnings: Option<&'a [String]>,
    /// Why it did not complete.
    error: Option<&'a JobError>,
    /// The log's key in the bucket.
    log: Option<&'a str>,
}

/// One file.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OutputEntry")]
struct OutputEntry<'a> {
    /// Its name in the bucket.
    filename: String,
    format: Format,
    /// Its key in the bucket.
    key: &'a str,
    /// The same with the bucket's name.
    s3_path: String,
    /// Bytes.
    size: u64,
    /// The sum of its bytes; null for a file that other software left.
    sha256: Option<&'a Sha256>,
    /// `script` where the script exported it itself, `runner` otherwise.
    made_by: Option<&'a str>,
    version: Option<Version>,
    /// When its version's report was written.
    last_modified: Option<Timestamp>,
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

/// A link to one file.
#[derive(Serialize, JsonSchema)]
struct DownloadLink {
    /// Always true.
    success: bool,
    project_name: ProjectId,
    version: Version,
    format: Format,
    /// The name under which a browser saves the file.
    filename: String,
    /// The presigned link.
    download_url: String,
    /// Seconds that it works.
    expires_in: u64,
    /// Until when it works.
    expires_at: Timestamp,
    /// Why that is less than was asked for, where it is.
    shortened_because: Option<String>,
    /// Bytes of the file.
    size: u64,
    /// The sum of its bytes; null for a file that other software left.
    sha256: Option<Sha256>,
    /// The file's media type.
    content_type: &'static str,
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

/// The files of a version; of the newest completed one unless the caller says otherwise.
pub async fn list(call: &Call<'_>) -> Result<Reply, ApiError> {
    let project = call.project()?;
    let view = wanted(call, &project).await?;
    let files = view.as_ref().and_then(|view| view.report.as_ref()).map_or(&[][..], |report| &report.files);
    let output_files: Vec<OutputEntry<'_>> = files.iter().map(|file| describe(call, view.as_ref(), file)).collect();
    let formats: Vec<Format> = files.iter().map(|file| file.format).collect();
    let report = view.as_ref().and_then(|view| view.report.as_ref());
    Reply::json(&Outputs {
        success: true,
        project_name: &project,
        version: view.as_ref().map(|view| view.version),
        phase: view.as_ref().map(|view| view.phase),
        moved_from: view.as_ref().and_then(|view| view.moved_from),
        moved_to: view.as_ref().and_then(|view| view.moved_to),
        total_files: output_files.len(),
        output_files,
        available_formats: formats,
        geometry: report.and_then(|report| report.geometry.as_ref()),
        warnings: report.map(|report| &report.warnings[..]),
        error: report.and_then(|report| report.error.as_ref()),
        log: report.and_then(|report| report.log.as_deref()),
    })
}

/// A presigned URL to one file.
pub async fn download(call: &Call<'_>) -> Result<Reply, ApiError> {
    let project = call.project()?;
    let name = call.parameter("format");
    let format: Format = name.parse().map_err(|error| ApiError::invalid("format", format!("{name:?}: {error}")))?;
    let expires_in = call.query.number(&EXPIRES_IN)?.unwrap_or(1);
    let view = wanted(call, &project).await?;
    let Some(view) = view else {
        let detail = format!("No version of {project} has completed yet; see /api/projects/{project}/status.");
        return Err(ApiError::not_found(Code::NoOutput, detail));
    };
    let Some(file) = view.report.as_ref().and_then(|report| report.file(format)) else {
        return Err(missing(&project, &view, format));
    };
    let file_name = format!("{project}_v{}.{format}", view.version);
    // The name needs no encoding (RFC 6266, appendix D): a project's name is of letters, digits, `_` and `-`.
    let disposition = format!("attachment; filename=\"{file_name}\"");
    // What other software left may lie there as another type, or as none.
    let overrides = [("response-content-disposition", &*disposition), ("response-content-type", format.content_type())];
    let (bucket, now) = (&call.config.bucket, call.clock.now());
    let life = link_life(bucket, Duration::from_secs(expires_in), now);
    let LinkLife { expires_in, shortened_because } = life.map_err(|error| ApiError::keys_ended(&error))?;
    let url = presign_get(bucket, &file.key, &overrides, expires_in, now)?;
    call.count(Metric::Link, format.as_str());
    Reply::json(&DownloadLink {
        success: true,
        project_name: project,
        version: view.version,
        format,
        filename: file_name,
        download_url: url,
        expires_in: expires_in.as_secs(),
        expires_at: now.after(expires_in),
        shortened_because,
        size: file.size,
        sha256: file.sha256.clone(),
        content_type: format.content_type(),
    })
}

/// The version in the query, or the newest completed one; none where nothing has completed.
async fn wanted(call: &Call<'_>, project: &ProjectId) -> Result<Option<VersionView>, ApiError> {
    if let Some(version) = call.query.version()? {
        return find(call, project, version).await.map(Some);
    }
    call.ask(project, GetNewestCompleted).await
}

fn missing(project: &ProjectId, view: &VersionView, format: Format) -> ApiError {
    let version = view.version;
    let there = |report: &Report| report.files.iter().map(|file| file.format.as_str()).collect::<Vec<_>>().join(", ");
    let detail = match &view.report {
        Some(report) if !report.files.is_empty() => {
            format!("Version {version} of {project} has no {format} file; it has {}.", there(report))
        }
        _ => format!("Version {version} of {project} has no files: it is {}.", view.phase),
    };
    ApiError::not_found(Code::NoOutput, detail)
}

fn describe<'a>(call: &Call<'_>, view: Option<&VersionView>, file: &'a OutputFile) -> OutputEntry<'a> {
    OutputEntry {
        filename: file.format.file_name(),
        format: file.format,
        key: &file.key,
        s3_path: format!("s3://{}/{}", call.config.bucket.name, file.key),
        size: file.size,
        sha256: file.sha256.as_ref(),
        made_by: file.made_by.as_deref(),
        version: view.map(|view| view.version),
        last_modified: view.and_then(|view| view.report.as_ref()).map(|report| report.finished_at),
    }
}
