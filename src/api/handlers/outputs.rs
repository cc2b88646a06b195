//! `GET /api/projects/{project}/outputs` and `…/download/{format}`: files of a version.

use std::time::Duration;

use super::scripts::find;
use crate::api::code::Code;
use crate::api::docs::endpoint::{BodySchema, Content, EndpointDoc, ResponseDoc, Tag};
use crate::api::docs::parameter::EXPIRES_IN;
use crate::api::error::ApiError;
use crate::api::request::ApiRequest;
use crate::api::response::ApiResponse;
use crate::api::views::output::{DownloadLink, OutputEntry, Outputs};
use crate::metrics::Metric;
use crate::project::{GetNewestCompleted, VersionView};
use contract::{Format, OutputFile, ProjectId, Report};
use s3::{LinkLife, link_life, presign_get};

pub const LIST: EndpointDoc = EndpointDoc {
    id: "listOutputs",
    summary: "list the files of a version, with size, digest and geometry",
    tag: Tag::Models,
    description: "Without `version`, those of the newest completed version. If no version has completed, the list is \
                  empty.",
    responses: &[ResponseDoc {
        description: "The files, and the geometry of the model.",
        contents: &[Content::Json(BodySchema::of::<Outputs>())],
        ..ResponseDoc::OK
    }],
    errors: &[Code::ProjectNotFound, Code::VersionNotFound, Code::InternalUnavailable],
    ..EndpointDoc::NONE
};

pub const DOWNLOAD: EndpointDoc = EndpointDoc {
    id: "getDownloadLink",
    summary: "get a presigned link to a file",
    tag: Tag::Models,
    description: "The link leads to the bucket and needs no token. Anybody who has the link can use it until it \
                  expires.",
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

/// The files of a version, by default of the newest completed one.
pub async fn list(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    let project = request.project()?;
    let view = version_of(request, &project).await?;
    let files = view.as_ref().and_then(|view| view.report.as_ref()).map_or(&[][..], |report| &report.files);
    let output_files: Vec<OutputEntry<'_>> = files.iter().map(|file| describe(request, view.as_ref(), file)).collect();
    let formats: Vec<Format> = files.iter().map(|file| file.format).collect();
    let report = view.as_ref().and_then(|view| view.report.as_ref());
    ApiResponse::json(&Outputs {
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
pub async fn download(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    let project = request.project()?;
    let name = request.parameter("format");
    let format: Format = name.parse().map_err(|error| ApiError::invalid("format", format!("{name:?}: {error}")))?;
    let expires_in = request.query.number(&EXPIRES_IN)?.unwrap_or(1);
    let view = version_of(request, &project).await?;
    let Some(view) = view else {
        let detail = format!("No version of {project} has completed. See /api/projects/{project}/status.");
        return Err(ApiError::not_found(Code::NoOutput, detail));
    };
    let Some(file) = view.report.as_ref().and_then(|report| report.file(format)) else {
        return Err(missing(&project, &view, format));
    };
    let file_name = format!("{project}_v{}.{format}", view.version);
    // The name needs no encoding (RFC 6266, appendix D): it has only letters, digits, `_`, `-` and a dot.
    let disposition = format!("attachment; filename=\"{file_name}\"");
    // Other software may have stored the file with another media type, or with none.
    let overrides = [("response-content-disposition", &*disposition), ("response-content-type", format.content_type())];
    let (bucket, now) = (&request.config.bucket, request.clock.now());
    let lifetime = link_life(bucket, Duration::from_secs(expires_in), now);
    let LinkLife { expires_in, shortened_because } = lifetime.map_err(|error| ApiError::keys_ended(&error))?;
    let url = presign_get(bucket, &file.key, &overrides, expires_in, now)?;
    request.count(Metric::Link, format.as_str());
    ApiResponse::json(&DownloadLink {
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

/// The version in the query, or the newest completed one, if any.
async fn version_of(request: &ApiRequest<'_>, project: &ProjectId) -> Result<Option<VersionView>, ApiError> {
    if let Some(version) = request.query.version()? {
        return find(request, project, version).await.map(Some);
    }
    request.call_project(project, GetNewestCompleted).await
}

fn missing(project: &ProjectId, view: &VersionView, format: Format) -> ApiError {
    let version = view.version;
    let formats = |report: &Report| report.files.iter().map(|file| file.format.as_str()).collect::<Vec<_>>().join(", ");
    let detail = match &view.report {
        Some(report) if !report.files.is_empty() => {
            format!("Version {version} of {project} has no {format} file. It has {}.", formats(report))
        }
        _ => format!("Version {version} of {project} has no files: it is {}.", view.phase),
    };
    ApiError::not_found(Code::NoOutput, detail)
}

fn describe<'a>(request: &ApiRequest<'_>, view: Option<&VersionView>, file: &'a OutputFile) -> OutputEntry<'a> {
    OutputEntry {
        filename: file.format.file_name(),
        format: file.format,
        key: &file.key,
        s3_path: format!("s3://{}/{}", request.config.bucket.name, file.key),
        size: file.size,
        sha256: file.sha256.as_ref(),
        made_by: file.made_by.as_deref(),
        version: view.map(|view| view.version),
        last_modified: view.and_then(|view| view.report.as_ref()).map(|report| report.finished_at),
    }
}
