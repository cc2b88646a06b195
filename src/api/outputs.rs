//! `GET /api/projects/{project}/outputs` and `…/download/{format}`.

use std::time::Duration;

use serde_json::{Value, json};

use super::error::ApiError;
use super::reply::Reply;
use super::request::Call;
use super::scripts::find;
use crate::contract::{Format, OutputFile, ProjectId, Report};
use crate::project::{Operation, Reply as ObjectReply, VersionView};
use crate::s3::{LinkLife, MAX_EXPIRY, link_life, presign_get};

/// How long a link lives unless the caller says otherwise.
const DEFAULT_EXPIRY: u64 = 3_600;

/// The files of a version; of the newest completed one unless the caller says otherwise.
pub(super) async fn list(call: &Call<'_>) -> Result<Reply, ApiError> {
    let project = call.project()?;
    let view = wanted(call, &project).await?;
    let files = view.as_ref().and_then(|view| view.report.as_ref()).map_or(&[][..], |report| &report.files);
    let described: Vec<Value> = files.iter().map(|file| describe(call, view.as_ref(), file)).collect();
    let formats: Vec<Format> = files.iter().map(|file| file.format).collect();
    let report = view.as_ref().and_then(|view| view.report.as_ref());
    Ok(Reply::json(&json!({
        "success": true,
        "project_name": project,
        "version": view.as_ref().map(|view| view.version),
        "phase": view.as_ref().map(|view| view.phase),
        "moved_from": view.as_ref().map(|view| view.moved_from),
        "moved_to": view.as_ref().map(|view| view.moved_to),
        "output_files": described,
        "total_files": described.len(),
        "available_formats": formats,
        "geometry": report.map(|report| &report.geometry),
        "warnings": report.map(|report| &report.warnings),
        "error": report.map(|report| &report.error),
        "log": report.map(|report| &report.log),
    })))
}

/// A presigned URL to one file.
pub(super) async fn download(call: &Call<'_>) -> Result<Reply, ApiError> {
    let project = call.project()?;
    let name = call.parameter("format");
    let format: Format = name.parse().map_err(|error| ApiError::invalid("format", format!("{name:?}: {error}")))?;
    let expires_in = call.query.number("expires_in", 1, MAX_EXPIRY.as_secs())?.unwrap_or(DEFAULT_EXPIRY);
    let view = wanted(call, &project).await?;
    let Some(view) = view else {
        let detail = format!("No version of {project} has completed yet; see /api/projects/{project}/status.");
        return Err(ApiError::not_found("no_output", detail));
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
    Ok(Reply::json(&json!({
        "success": true,
        "project_name": project,
        "version": view.version,
        "format": format,
        "filename": file_name,
        "download_url": url,
        "expires_in": expires_in.as_secs(),
        "expires_at": now.after(expires_in),
        "shortened_because": shortened_because,
        "size": file.size,
        "sha256": file.sha256,
        "content_type": format.content_type(),
    })))
}

/// The version in the query, or the newest completed one; none where nothing has completed.
async fn wanted(call: &Call<'_>, project: &ProjectId) -> Result<Option<VersionView>, ApiError> {
    if let Some(version) = call.query.version()? {
        return find(call, project, version).await.map(Some);
    }
    match call.ask(project, Operation::NewestCompleted).await? {
        ObjectReply::Version(view) => Ok(view.map(|view| *view)),
        _ => Err(ApiError::broken("the project's object answered another question")),
    }
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
    ApiError::not_found("no_output", detail)
}

fn describe(call: &Call<'_>, view: Option<&VersionView>, file: &OutputFile) -> Value {
    json!({
        "filename": file.format.file_name(),
        "format": file.format,
        "key": file.key,
        "s3_path": format!("s3://{}/{}", call.config.bucket.name, file.key),
        "size": file.size,
        "sha256": file.sha256,
        "made_by": file.made_by,
        "version": view.map(|view| view.version),
        "last_modified": view.and_then(|view| view.report.as_ref()).map(|report| report.finished_at),
    })
}
