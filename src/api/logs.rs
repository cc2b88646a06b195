//! `GET /api/projects/{project}/logs` and `…/logs/{name}`.

use serde_json::{Value, json};

use super::error::ApiError;
use super::reply::Reply;
use super::request::Call;
use crate::contract::{Key, ProjectId, Version, prefix};
use crate::project::Operation;
use crate::s3::{Entry, S3Error};

/// The most pages of 1,000 logs that one listing reads. Stores cannot list newest first, so all are read.
const MAX_PAGES: usize = 20;

/// The most that is given of one log. The runner's own are far smaller.
const MAX_LOG_BYTES: usize = 16 << 20;

/// Log files, newest first.
pub(super) async fn list(call: &Call<'_>) -> Result<Reply, ApiError> {
    let project = call.project()?;
    let limit = call.query.limit(50, 200)? as usize;
    let offset = usize::try_from(call.query.cursor()?.unwrap_or(0)).unwrap_or(usize::MAX);
    require_project(call, &project).await?;
    let (mut entries, complete) = call.client().list(&prefix::logs(&project), MAX_PAGES).await?;
    entries.retain(|entry| matches!(entry.key.parse(), Ok(Key::Log(..))));
    // The names begin with the project, so among equal times the later stamp comes first.
    entries.sort_by(|a, b| (b.last_modified, &b.key).cmp(&(a.last_modified, &a.key)));
    let total = entries.len();
    let logs: Vec<Value> = entries.iter().skip(offset).take(limit).map(|entry| describe(&project, entry)).collect();
    let next = offset.saturating_add(logs.len());
    Ok(Reply::json(&json!({
        "success": true,
        "project_name": project,
        "logs": logs,
        "total_logs": total,
        "complete": complete,
        "next_cursor": (next < total).then_some(next),
    })))
}

/// One log's text: JSON, or raw with `Accept: text/plain`.
pub(super) async fn content(call: &Call<'_>) -> Result<Reply, ApiError> {
    let project = call.project()?;
    let name = call.parameter("name");
    let fits = (1..=255).contains(&name.len())
        && !name.contains(['/', '\\'])
        && !name.chars().any(char::is_control)
        && ![".", ".."].contains(&name);
    if !fits {
        return Err(ApiError::invalid("name", "a log's name is one of those that /logs lists"));
    }
    require_project(call, &project).await?;
    let key = Key::Log(project.clone(), name.to_owned()).to_string();
    let object = match call.client().get(&key, MAX_LOG_BYTES).await {
        Ok(object) => object,
        Err(S3Error::NotFound) => {
            let detail = format!("The project {project} has no log {name:?}; /api/projects/{project}/logs lists them.");
            return Err(ApiError::not_found("log_not_found", detail));
        }
        Err(S3Error::TooLarge { limit }) => return Err(ApiError::too_large_to_show("log", limit, &key)),
        Err(error) => return Err(error.into()),
    };
    if call.wants("text/plain") {
        return Ok(Reply::text("text/plain; charset=utf-8", object.bytes));
    }
    Ok(Reply::json(&json!({
        "success": true,
        "project_name": project,
        "filename": name,
        "size": object.bytes.len(),
        "content": String::from_utf8_lossy(&object.bytes),
    })))
}

/// Logs lie in the bucket; whose they are, the object knows.
async fn require_project(call: &Call<'_>, project: &ProjectId) -> Result<(), ApiError> {
    call.ask(project, Operation::Versions { before: None, limit: 1 }).await.map(drop)
}

fn describe(project: &ProjectId, entry: &Entry) -> Value {
    let name = entry.key.rsplit('/').next().unwrap_or_default();
    json!({
        "filename": name,
        "key": entry.key,
        "size": entry.size,
        "last_modified": entry.last_modified,
        "version": version_of(project, name),
        "url": format!("/api/projects/{project}/logs/{}", percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC)),
    })
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
