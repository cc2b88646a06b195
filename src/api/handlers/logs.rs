//! `GET /api/projects/{project}/logs` and `…/logs/{name}`.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::api::code::Code;
use crate::api::docs::endpoint::{BodySchema, Content, EndpointDoc, HasExample, ResponseDoc, Tag};
use crate::api::docs::parameter::LogName;
use crate::api::error::ApiError;
use crate::api::request::Call;
use crate::api::response::Reply;
use crate::project::ListVersions;
use contract::{Key, LONGEST_KEY, ProjectId, Timestamp, Version, prefix};
use s3::{Entry, S3Error};

/// The most pages of 1,000 logs that one listing reads. Stores cannot list newest first, so all are read.
const MAX_PAGES: usize = 20;

/// The most that is given of one log. The runner's own are far smaller.
const MAX_LOG_BYTES: usize = 16 << 20;

pub const LIST: EndpointDoc = EndpointDoc {
    id: "listLogs",
    summary: "log files, newest first",
    tag: Tag::Models,
    description: "Those of other software are listed too.",
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
    summary: "one log's text",
    tag: Tag::Models,
    description: "`Accept: text/plain` gives the bare text.",
    responses: &[ResponseDoc {
        description: "The log.",
        contents: &[
            Content::Json(BodySchema::of::<Log>()),
            Content::Text { media_type: "text/plain", description: "The log's text.", example: "[runner] started\n" },
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

/// Logs of a project.
#[derive(Serialize, JsonSchema)]
struct LogList {
    /// Always true.
    success: bool,
    project_name: ProjectId,
    /// Newest first.
    logs: Vec<LogFacts>,
    /// How many there are on all pages.
    total_logs: usize,
    /// False where the bucket holds more than are looked at, which are 20,000.
    complete: bool,
    /// The next page's `cursor`; null on the last.
    next_cursor: Option<usize>,
}

/// A log.
#[derive(Serialize, JsonSchema)]
struct LogFacts {
    filename: String,
    /// Its key in the bucket.
    key: String,
    /// Bytes.
    size: u64,
    last_modified: Option<Timestamp>,
    /// The version that it belongs to, where its name says so.
    version: Option<Version>,
    /// Where its text is.
    url: String,
}

/// A log's text.
#[derive(Serialize, JsonSchema)]
struct Log<'a> {
    /// Always true.
    success: bool,
    project_name: &'a ProjectId,
    filename: &'a str,
    /// Bytes.
    size: usize,
    content: &'a str,
}

impl HasExample for LogList {
    fn example() -> Value {
        json!({
            "success": true,
            "project_name": "bracket-2",
            "logs": [{
                "filename": "bracket-2_info_20260131_120000_v2_0123456789abcdef.log",
                "key": "logs/bracket-2/bracket-2_info_20260131_120000_v2_0123456789abcdef.log",
                "size": 17,
                "last_modified": "2026-01-31T12:00:01.000Z",
                "version": 2,
                "url": "/api/projects/bracket-2/logs/bracket%2D2%5Finfo%5F20260131%5F120000%5Fv2%5F0123456789abcdef%2Elog",
            }],
            "total_logs": 1,
            "complete": true,
            "next_cursor": null,
        })
    }
}

impl HasExample for Log<'_> {
    fn example() -> Value {
        json!({
            "success": true,
            "project_name": "bracket-2",
            "filename": "bracket-2_info_20260131_120000_v2_0123456789abcdef.log",
            "size": 17,
            "content": "[runner] started\n",
        })
    }
}

/// Log files, newest first.
pub async fn list(call: &Call<'_>) -> Result<Reply, ApiError> {
    let project = call.project()?;
    let limit = call.query.limit()? as usize;
    let offset = usize::try_from(call.query.cursor()?.unwrap_or(0)).unwrap_or(usize::MAX);
    require_project(call, &project).await?;
    let (mut entries, complete) = call.client().list(&prefix::logs(&project), MAX_PAGES).await?;
    entries.retain(|entry| matches!(entry.key.parse(), Ok(Key::Log(_, name)) if LogName::is(&name)));
    // The names begin with the project, so among equal times the later stamp comes first.
    entries.sort_by(|a, b| (b.last_modified, &b.key).cmp(&(a.last_modified, &a.key)));
    let total = entries.len();
    let logs: Vec<LogFacts> = entries.iter().skip(offset).take(limit).map(|entry| describe(&project, entry)).collect();
    let next = offset.saturating_add(logs.len());
    let next_cursor = (next < total).then_some(next);
    Reply::json(&LogList { success: true, project_name: project, logs, total_logs: total, complete, next_cursor })
}

/// One log's text: JSON, or raw with `Accept: text/plain`.
pub async fn content(call: &Call<'_>) -> Result<Reply, ApiError> {
    let project = call.project()?;
    let name = call.parameter("name");
    if !LogName::is(name) {
        return Err(ApiError::invalid("name", "a log's name is one of those that /logs lists"));
    }
    require_project(call, &project).await?;
    let key = Key::Log(project.clone(), name.to_owned()).to_string();
    // A longer key no bucket has, and stores differ in how they say so.
    let found = match key.len() {
        0..=LONGEST_KEY => call.client().get(&key, MAX_LOG_BYTES).await,
        _ => Err(S3Error::NotFound),
    };
    let object = match found {
        Ok(object) => object,
        Err(S3Error::NotFound) => {
            let detail = format!("The project {project} has no log {name:?}; /api/projects/{project}/logs lists them.");
            return Err(ApiError::not_found(Code::LogNotFound, detail));
        }
        Err(S3Error::TooLarge { limit }) => return Err(ApiError::too_large_to_show("log", limit, &key)),
        Err(error) => return Err(error.into()),
    };
    if call.wants("text/plain") {
        return Ok(Reply::text("text/plain; charset=utf-8", object.bytes));
    }
    Reply::json(&Log {
        success: true,
        project_name: &project,
        filename: name,
        size: object.bytes.len(),
        content: &String::from_utf8_lossy(&object.bytes),
    })
}

/// Logs lie in the bucket; whose they are, the object knows.
async fn require_project(call: &Call<'_>, project: &ProjectId) -> Result<(), ApiError> {
    call.ask(project, ListVersions { before: None, limit: 1 }).await.map(drop)
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

/// The version that a log belongs to, where its name says so:
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
    fn the_version_in_a_name() {
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
