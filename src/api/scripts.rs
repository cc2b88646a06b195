//! `GET /api/projects/{project}/scripts` and `…/script/{version}`.

use serde_json::{Value, json};

use super::error::ApiError;
use super::reply::Reply;
use super::request::Call;
use crate::contract::{Key, MAX_SCRIPT_BYTES, ProjectId, Sha256, Version};
use crate::project::{Operation, Reply as ObjectReply, VersionView, message};
use crate::s3::S3Error;

/// The largest script that is shown. No upload is larger than a quarter of it; what others put into the bucket may be.
const MAX_SHOWN: usize = 4 * MAX_SCRIPT_BYTES;

/// Versions, newest first.
pub(super) async fn list(call: &Call<'_>) -> Result<Reply, ApiError> {
    let project = call.project()?;
    let before = call.query.cursor()?.map(Version::try_from).transpose();
    let before = before.map_err(|error| ApiError::invalid("cursor", error.to_string()))?;
    let operation = Operation::Versions { before, limit: call.query.limit(50, 200)? };
    let ObjectReply::Versions { versions, total, more } = call.ask(&project, operation).await? else {
        return Err(ApiError::broken("the project's object answered another question"));
    };
    let next_cursor = versions.last().filter(|_| more).map(|view| view.version);
    let scripts: Vec<Value> = versions.iter().map(|view| describe(call, &project, view)).collect();
    Ok(Reply::json(&json!({
        "success": true,
        "project_name": project,
        "scripts": scripts,
        "total_versions": total,
        "next_cursor": next_cursor,
    })))
}

/// One version's script, as JSON, or raw with `Accept: text/x-python`. It never changes, so it may be kept.
pub(super) async fn content(call: &Call<'_>) -> Result<Reply, ApiError> {
    let project = call.project()?;
    let version = call.version()?;
    let ObjectReply::Script { view, held } = call.ask(&project, Operation::Script(version)).await? else {
        return Err(ApiError::broken("the project's object answered another question"));
    };
    let view = *view.ok_or_else(|| ApiError::no_version(project.as_str(), version))?;
    if let Some(code) = held {
        return Ok(not_in_the_bucket_yet(call, &project, &view, code));
    }
    let key = Key::Script(project.clone(), version).to_string();
    let object = match call.client().get(&key, MAX_SHOWN).await {
        Ok(object) => object,
        Err(S3Error::NotFound) => return Err(ApiError::no_script(version, &key)),
        Err(S3Error::TooLarge { limit }) => return Err(ApiError::too_large_to_show("script", limit, &key)),
        Err(error) => return Err(error.into()),
    };
    let sha256 = Sha256::of(&object.bytes);
    let etag = format!("\"{sha256}-{}\"", if call.wants("text/x-python") { "raw" } else { "json" });
    let reply = if call.knows(&etag) {
        Reply::not_modified()
    } else if call.wants("text/x-python") {
        Reply::text("text/x-python; charset=utf-8", object.bytes)
    } else {
        let mut body = describe(call, &project, &view);
        // It may be kept for ever, so it says nothing that changes.
        for changing in ["phase", "status", "message"] {
            body.as_object_mut().and_then(|fields| fields.shift_remove(changing));
        }
        with_content(&mut body, &project, &String::from_utf8_lossy(&object.bytes));
        body["sha256"] = json!(sha256);
        Reply::json(&body)
    };
    let reply = reply.header("cache-control", "private, max-age=31536000, immutable".to_owned());
    Ok(reply.header("etag", etag).header("vary", "accept".to_owned()))
}

/// A script that only the object has. Its number may change, so nobody keeps the answer.
fn not_in_the_bucket_yet(call: &Call<'_>, project: &ProjectId, view: &VersionView, code: String) -> Reply {
    let reply = if call.wants("text/x-python") {
        Reply::text("text/x-python; charset=utf-8", code).header("cache-control", "no-store".to_owned())
    } else {
        let mut body = describe(call, project, view);
        with_content(&mut body, project, &code);
        Reply::json(&body)
    };
    reply.header("vary", "accept".to_owned())
}

fn with_content(body: &mut Value, project: &ProjectId, code: &str) {
    body["success"] = json!(true);
    body["project_name"] = json!(project);
    body["content"] = json!(code);
    body["content_type"] = json!("text/x-python");
}

/// One version, or 404.
pub(super) async fn find(call: &Call<'_>, project: &ProjectId, version: Version) -> Result<VersionView, ApiError> {
    match call.ask(project, Operation::Version(version)).await? {
        ObjectReply::Version(Some(view)) => Ok(*view),
        ObjectReply::Version(None) => Err(ApiError::no_version(project.as_str(), version)),
        _ => Err(ApiError::broken("the project's object answered another question")),
    }
}

fn describe(call: &Call<'_>, project: &ProjectId, view: &VersionView) -> Value {
    let key = Key::Script(project.clone(), view.version).to_string();
    let file_name = key.rsplit('/').next().unwrap_or_default();
    json!({
        "version": view.version,
        "filename": file_name,
        "key": key,
        "s3_path": format!("s3://{}/{key}", call.config.bucket.name),
        "size": view.size,
        "sha256": view.sha256,
        "upload_time": view.accepted_at,
        "phase": view.phase,
        "status": view.phase.project_status(),
        "message": message(view.phase),
        "origin": view.origin,
        "parent": view.parent,
        "moved_from": view.moved_from,
        "moved_to": view.moved_to,
        "metadata": view.metadata,
        "request_id": view.request_id,
    })
}
