//! `POST /api/projects/{project}/upload-script`.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::ApiError;
use super::reply::Reply;
use super::request::Call;
use crate::contract::{MAX_SCRIPT_BYTES, Origin};
use crate::http::{Body, BodyError};
use crate::project::{NewScript, Operation, Reply as ObjectReply, Uploaded, message};

/// The most that the caller's own metadata takes, as JSON.
const MAX_METADATA_BYTES: usize = 2_048;

/// How deep the caller's own metadata may be nested: answers wrap it in more levels, and parsers have a limit.
const MAX_METADATA_DEPTH: usize = 32;

/// JSON may spell one byte of a script in six (`\u0007`).
const MAX_JSON_BYTES: usize = 6 * MAX_SCRIPT_BYTES + 4 * MAX_METADATA_BYTES;

const KINDS: &str = "application/json ({\"code\": \"…\"}) or text/x-python (the script itself)";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Json,
    Python,
}

#[derive(Deserialize)]
struct Upload {
    code: String,
    #[serde(default)]
    metadata: Option<Value>,
}

/// Reads the body if it is of a kind that an upload takes.
pub(super) async fn read_body(headers: &http::HeaderMap, body: Body) -> Result<Bytes, ApiError> {
    let limit = match kind(headers)? {
        Kind::Json => MAX_JSON_BYTES,
        Kind::Python => MAX_SCRIPT_BYTES,
    };
    body.bytes(limit).await.map_err(|error| match error {
        BodyError::TooLong { .. } => too_large(),
        BodyError::Broken(cause) => ApiError::broken_body(&cause.to_string()),
    })
}

/// Takes a script as the next version.
pub(super) async fn upload(call: &Call<'_>) -> Result<Reply, ApiError> {
    let project = call.project()?;
    let text = std::str::from_utf8(&call.body).map_err(|error| ApiError::not_utf8(error.valid_up_to()))?;
    let (code, metadata) = match kind(&call.headers)? {
        Kind::Python => (text.to_owned(), None),
        Kind::Json => {
            // serde would take an array, too, as the fields in their order.
            if !text.trim_start().starts_with('{') {
                serde_json::from_str::<Map<String, Value>>(text).map_err(|error| ApiError::json(&error))?;
            }
            let upload: Upload = serde_json::from_str(text).map_err(|error| ApiError::json(&error))?;
            (upload.code, upload.metadata)
        }
    };
    if code.len() > MAX_SCRIPT_BYTES {
        return Err(too_large());
    }
    if code.trim().is_empty() {
        return Err(ApiError::empty_script());
    }
    if metadata.as_ref().is_some_and(|value| value.to_string().len() > MAX_METADATA_BYTES) {
        return Err(ApiError::invalid(
            "metadata",
            format!("metadata takes at most {MAX_METADATA_BYTES} bytes as JSON"),
        ));
    }
    if metadata.as_ref().is_some_and(|value| depth(value) > MAX_METADATA_DEPTH) {
        let detail = format!("metadata is nested deeper than {MAX_METADATA_DEPTH} levels");
        return Err(ApiError::invalid("metadata", detail));
    }
    let script = NewScript { code, metadata, origin: Origin::Upload, parent: None };
    let ObjectReply::Uploaded(uploaded) = call.ask(&project, Operation::Upload(script)).await? else {
        return Err(ApiError::broken("the project's object answered another question"));
    };
    let Uploaded { version, key, sha256, time, phase } = uploaded;
    let data = json!({
        "project_name": project,
        "version": version,
        "key": key,
        "s3_path": format!("s3://{}/{key}", call.config.bucket.name),
        "sha256": sha256,
        "upload_time": time,
        "phase": phase,
        "status": "uploaded",
        "next_step": "freecad_processing",
        "status_message": message(phase),
        "status_url": format!("/api/projects/{project}/status"),
        "request_id": call.request_id,
    });
    let location = format!("/api/projects/{project}/script/{version}");
    let mut answer = json!({"success": true, "message": "Script uploaded successfully", "data": data});
    // The most wanted ones again at the top, so that nobody has to dig.
    answer["project_name"] = json!(project);
    answer["version"] = json!(version);
    Ok(Reply::json(&answer).status(http::StatusCode::CREATED).header("location", location))
}

fn kind(headers: &http::HeaderMap) -> Result<Kind, ApiError> {
    let given = headers.get("content-type").and_then(|value| value.to_str().ok());
    let wrong = || ApiError::media_type(given, KINDS);
    let mut parts = given.ok_or_else(wrong)?.split(';').map(str::trim);
    let kind = match parts.next().map(str::to_ascii_lowercase).as_deref() {
        Some("application/json") => Kind::Json,
        Some("text/x-python") => Kind::Python,
        _ => return Err(wrong()),
    };
    let utf8 = |part: &str| {
        part.to_ascii_lowercase().strip_prefix("charset=").is_none_or(|set| set.trim_matches('"') == "utf-8")
    };
    if parts.all(utf8) { Ok(kind) } else { Err(ApiError::media_type(given, "UTF-8 only")) }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn too_large() -> ApiError {
    ApiError::too_large("script", MAX_SCRIPT_BYTES)
}
