//! `GET /api/projects/{project}/scripts` and `…/script/{version}`: versions and their scripts.

use crate::api::code::Code;
use crate::api::docs::endpoint::{BodySchema, Content, EndpointDoc, ResponseDoc, Tag};
use crate::api::docs::parameter::{ETAG, IF_NONE_MATCH};
use crate::api::error::ApiError;
use crate::api::request::ApiRequest;
use crate::api::response::ApiResponse;
use crate::api::views::script::{Script, ScriptFacts, ScriptList, VersionStatus};
use crate::project::{GetScript, GetVersion, ListVersions, ScriptView, VersionPage, VersionView};
use contract::{Key, MAX_SCRIPT_BYTES, ProjectId, Sha256, Version};
use s3::S3Error;

/// The maximum size of a script in a response. Uploads are at most a quarter of it; scripts of other software may be
/// larger.
const MAX_RESPONSE_SCRIPT: usize = 4 * MAX_SCRIPT_BYTES;

pub const LIST: EndpointDoc = EndpointDoc {
    id: "listScripts",
    summary: "list the versions, newest first",
    tag: Tag::Scripts,
    description: "All versions of the project with their status.",
    responses: &[ResponseDoc {
        description: "A page of versions.",
        contents: &[Content::Json(BodySchema::of::<ScriptList>())],
        ..ResponseDoc::OK
    }],
    errors: &[Code::ProjectNotFound, Code::InternalUnavailable],
    ..EndpointDoc::NONE
};

pub const CONTENT: EndpointDoc = EndpointDoc {
    id: "getScript",
    summary: "get the script of a version",
    tag: Tag::Scripts,
    description: "`Accept: text/x-python` gives the file itself. A script never changes, so the response may be \
                  cached. A script that is not in the bucket yet also has `phase`, `status` and `message`, and must \
                  not be cached.",
    headers: &[IF_NONE_MATCH],
    responses: &[
        ResponseDoc {
            description: "The script.",
            contents: &[
                Content::Json(BodySchema::of::<Script>()),
                Content::Text { media_type: "text/x-python", description: "The source text.", example: "x = 1\n" },
            ],
            headers: &[ETAG],
            ..ResponseDoc::OK
        },
        ResponseDoc {
            status: 304,
            description: "The client has the current script.",
            headers: &[ETAG],
            ..ResponseDoc::OK
        },
    ],
    errors: &[
        Code::ProjectNotFound,
        Code::VersionNotFound,
        Code::ScriptNotFound,
        Code::TooLarge,
        Code::BucketUnavailable,
        Code::BucketRefuses,
        Code::InternalUnavailable,
    ],
    ..EndpointDoc::NONE
};

pub async fn list(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    let project = request.project()?;
    let before = request.query.cursor()?.map(Version::try_from).transpose();
    let before = before.map_err(|error| ApiError::invalid("cursor", error.to_string()))?;
    let operation = ListVersions { before, limit: request.query.limit()? };
    let VersionPage { versions, total, more } = request.call_project(&project, operation).await?;
    let next_cursor = versions.last().filter(|_| more).map(|view| view.version);
    let with_status = |view| describe(request, &project, view, VersionStatus::of(view));
    let scripts = versions.iter().map(with_status).collect();
    ApiResponse::json(&ScriptList {
        success: true,
        project_name: project.clone(),
        scripts,
        total_versions: total,
        next_cursor,
    })
}

/// The script of a version, as JSON or as the file itself.
pub async fn content(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    let project = request.project()?;
    let version = request.version()?;
    let found = request.call_project(&project, GetScript(version)).await?;
    let ScriptView { view, held } = found.ok_or_else(|| ApiError::no_version(project.as_str(), version))?;
    if let Some(code) = held {
        return not_in_the_bucket_yet(request, &project, &view, code);
    }
    let key = Key::Script(project.clone(), version).to_string();
    let object = match request.client().get(&key, MAX_RESPONSE_SCRIPT).await {
        Ok(object) => object,
        Err(S3Error::NotFound) => return Err(ApiError::no_script(version, &key)),
        Err(S3Error::TooLarge { limit }) => return Err(ApiError::too_large_to_show("script", limit, &key)),
        Err(error) => return Err(error.into()),
    };
    let sha256 = Sha256::of(&object.bytes);
    let etag = format!("\"{sha256}-{}\"", if request.accepts("text/x-python") { "raw" } else { "json" });
    let response = if request.has_etag(&etag) {
        ApiResponse::not_modified()
    } else if request.accepts("text/x-python") {
        ApiResponse::text("text/x-python; charset=utf-8", object.bytes)
    } else {
        // The response may be cached for ever, so it has no fields that change.
        let facts = ScriptFacts { sha256: Some(sha256), ..describe(request, &project, &view, None) };
        ApiResponse::json(&Script::new(&project, facts, String::from_utf8_lossy(&object.bytes).into_owned()))?
    };
    let response = response.header("cache-control", "private, max-age=31536000, immutable".to_owned());
    Ok(response.header("etag", etag).header("vary", "accept".to_owned()))
}

/// A script that only the object has. Its number may change, so the response must not be cached.
fn not_in_the_bucket_yet(
    request: &ApiRequest<'_>,
    project: &ProjectId,
    view: &VersionView,
    code: String,
) -> Result<ApiResponse, ApiError> {
    let response = if request.accepts("text/x-python") {
        ApiResponse::text("text/x-python; charset=utf-8", code).header("cache-control", "no-store".to_owned())
    } else {
        ApiResponse::json(&Script::new(project, describe(request, project, view, Some(VersionStatus::of(view))), code))?
    };
    Ok(response.header("vary", "accept".to_owned()))
}

/// The version, or 404.
pub async fn find(request: &ApiRequest<'_>, project: &ProjectId, version: Version) -> Result<VersionView, ApiError> {
    let view = request.call_project(project, GetVersion(version)).await?;
    view.ok_or_else(|| ApiError::no_version(project.as_str(), version))
}

fn describe<S>(request: &ApiRequest<'_>, project: &ProjectId, view: &VersionView, status: S) -> ScriptFacts<S> {
    let key = Key::Script(project.clone(), view.version).to_string();
    ScriptFacts {
        version: view.version,
        filename: key.rsplit('/').next().unwrap_or_default().to_owned(),
        s3_path: format!("s3://{}/{key}", request.config.bucket.name),
        key,
        size: view.size,
        sha256: view.sha256.clone(),
        upload_time: view.accepted_at,
        status,
        origin: view.origin,
        parent: view.parent,
        moved_from: view.moved_from,
        moved_to: view.moved_to,
        metadata: view.metadata.clone(),
        request_id: view.request_id.clone(),
    }
}
