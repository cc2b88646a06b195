//! `GET /api/projects/{project}/logs` and `…/logs/{name}`: logs in the bucket.

use crate::api::code::Code;
use crate::api::docs::endpoint::{BodySchema, Content, EndpointDoc, ResponseDoc, Tag};
use crate::api::docs::parameter::LogName;
use crate::api::error::ApiError;
use crate::api::request::ApiRequest;
use crate::api::response::ApiResponse;
use crate::api::views::log::{Log, LogFacts, LogList};
use crate::project::ListVersions;
use contract::{Key, LONGEST_KEY, ProjectId, Version, prefix};
use s3::{Entry, S3Error};

/// The maximum number of pages of 1,000 logs that a request reads. Stores cannot list newest first, so it reads all.
const MAX_PAGES: usize = 20;

/// The maximum size of a log in a response. The runner's logs are far smaller.
const MAX_LOG_BYTES: usize = 16 << 20;

pub const LIST: EndpointDoc = EndpointDoc {
    id: "listLogs",
    summary: "list the logs, newest first",
    tag: Tag::Models,
    description: "Includes logs of other software.",
    responses: &[ResponseDoc {
        description: "A page of logs.",
        contents: &[Content::Json(BodySchema::of::<LogList>())],
        ..ResponseDoc::OK
    }],
    errors: &[Code::ProjectNotFound, Code::BucketUnavailable, Code::BucketRefuses, Code::InternalUnavailable],
    ..EndpointDoc::NONE
};

pub const CONTENT: EndpointDoc = EndpointDoc {
    id: "getLog",
    summary: "get the text of a log",
    tag: Tag::Models,
    description: "`Accept: text/plain` gives the text itself.",
    responses: &[ResponseDoc {
        description: "The log.",
        contents: &[
            Content::Json(BodySchema::of::<Log>()),
            Content::Text {
                media_type: "text/plain",
                description: "The text of the log.",
                example: "[runner] started\n",
            },
        ],
        ..ResponseDoc::OK
    }],
    errors: &[
        Code::ProjectNotFound,
        Code::LogNotFound,
        Code::TooLarge,
        Code::BucketUnavailable,
        Code::BucketRefuses,
        Code::InternalUnavailable,
    ],
    ..EndpointDoc::NONE
};

pub async fn list(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    let project = request.project()?;
    let limit = request.query.limit()? as usize;
    let offset = usize::try_from(request.query.cursor()?.unwrap_or(0)).unwrap_or(usize::MAX);
    require_project(request, &project).await?;
    let (mut entries, complete) = request.client().list(&prefix::logs(&project), MAX_PAGES).await?;
    entries.retain(|entry| matches!(entry.key.parse(), Ok(Key::Log(_, name)) if LogName::is(&name)));
    // Names begin with project and time, so among equal times the later name comes first.
    entries.sort_by(|a, b| (b.last_modified, &b.key).cmp(&(a.last_modified, &a.key)));
    let total = entries.len();
    let logs: Vec<LogFacts> = entries.iter().skip(offset).take(limit).map(|entry| describe(&project, entry)).collect();
    let next = offset.saturating_add(logs.len());
    let next_cursor = (next < total).then_some(next);
    ApiResponse::json(&LogList { success: true, project_name: project, logs, total_logs: total, complete, next_cursor })
}

/// The text of a log, as JSON or as it is.
pub async fn content(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    let project = request.project()?;
    let name = request.parameter("name");
    if !LogName::is(name) {
        return Err(ApiError::invalid("name", "a log's name is one of those in the list of logs"));
    }
    require_project(request, &project).await?;
    let key = Key::Log(project.clone(), name.to_owned()).to_string();
    // No bucket has a longer key, and stores differ in their response to one.
    let found = match key.len() {
        0..=LONGEST_KEY => request.client().get(&key, MAX_LOG_BYTES).await,
        _ => Err(S3Error::NotFound),
    };
    let object = match found {
        Ok(object) => object,
        Err(S3Error::NotFound) => {
            let detail =
                format!("The project {project} has no log {name:?}. GET /api/projects/{project}/logs lists its logs.");
            return Err(ApiError::not_found(Code::LogNotFound, detail));
        }
        Err(S3Error::TooLarge { limit }) => return Err(ApiError::too_large_to_show("log", limit, &key)),
        Err(error) => return Err(error.into()),
    };
    if request.accepts("text/plain") {
        return Ok(ApiResponse::text("text/plain; charset=utf-8", object.bytes));
    }
    ApiResponse::json(&Log {
        success: true,
        project_name: &project,
        filename: name,
        size: object.bytes.len(),
        content: &String::from_utf8_lossy(&object.bytes),
    })
}

/// Requires that the caller owns the project. The logs are in the bucket; the Project object knows the owner.
async fn require_project(request: &ApiRequest<'_>, project: &ProjectId) -> Result<(), ApiError> {
    request.call_project(project, ListVersions { before: None, limit: 1 }).await.map(drop)
}

fn describe(project: &ProjectId, entry: &Entry) -> LogFacts {
    let name = entry.key.rsplit('/').next().unwrap_or_default();
    let escaped = percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
    LogFacts {
        filename: name.to_owned(),
        key: entry.key.clone(),
        size: entry.size,
        last_modified: entry.last_modified,
        version: version_of(project, name),
        url: format!("/api/projects/{project}/logs/{escaped}"),
    }
}

/// The version in the name of a log:
/// `{p}_info_{timestamp}_v{n}_{run}.log` or `{p}_v{n}_(info|error)_{timestamp}.log`.
fn version_of(project: &ProjectId, name: &str) -> Option<Version> {
    let rest = name.strip_prefix(project.as_str())?.strip_suffix(".log")?;
    let part = match rest.strip_prefix("_v") {
        Some(rest) => rest.split('_').next()?,
        None => rest.rsplit_once("_v")?.1.split('_').next()?,
    };
    part.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_and_without_a_version() {
        let project: ProjectId = "a_v9".parse().unwrap();
        let check = |name: &str, version: Option<u64>| {
            assert_eq!(version_of(&project, name).map(Version::get), version, "{name}");
        };
        check("a_v9_info_20231114_221320_v2_0123456789abcdef.log", Some(2));
        check("a_v9_v3_error_20231114.log", Some(3));
        check("a_v9_info_20231114_221320.log", None);
        check("other.log", None);
    }
}
