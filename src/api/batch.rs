//! `POST /api/batch`: many uploads in one request, each on its own.

use std::collections::HashMap;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ApiError;
use super::reply::Reply;
use super::request::Call;
use super::upload::{self, Upload};
use crate::contract::{IdError, IdempotencyKey, ProjectId, Timestamp};
use crate::http::Body;
use crate::project::Uploaded;

/// The most uploads in one request.
const MOST: usize = 100;

/// The most that they take together: 8 MiB.
const MAX_BYTES: usize = 8 << 20;

/// How many projects are asked at once.
const AT_ONCE: usize = 6;

/// How long all of them together wait for the bucket: what comes later is kept for it without asking.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
struct Batch {
    uploads: Vec<Value>,
}

/// One upload. What is wrong with it fails it alone.
#[derive(Deserialize)]
struct Item {
    project_name: String,
    #[serde(default)]
    idempotency_key: Option<String>,
    #[serde(flatten)]
    upload: Upload,
}

/// Reads the body.
pub(super) async fn read_body(headers: &http::HeaderMap, body: Body) -> Result<Bytes, ApiError> {
    upload::read_json(headers, body, "batch", MAX_BYTES).await
}

/// Uploads each script to its project: those of one project in their order, several projects at a time.
pub(super) async fn upload(call: &Call<'_>) -> Result<Reply, ApiError> {
    if call.headers.contains_key("idempotency-key") {
        let detail = "each upload of a batch takes a key of its own, as its field idempotency_key";
        return Err(ApiError::invalid("Idempotency-Key", detail));
    }
    let text = std::str::from_utf8(&call.body).map_err(|error| ApiError::not_utf8(error.valid_up_to()))?;
    let Batch { uploads } = upload::parse(text)?;
    if uploads.is_empty() || uploads.len() > MOST {
        let detail = format!("a batch holds 1 to {MOST} uploads; this one has {}", uploads.len());
        return Err(ApiError::invalid("uploads", detail));
    }
    let until = call.clock.now().after(PATIENCE);
    let mut results: Vec<(usize, Value)> = stream::iter(by_project(uploads))
        .map(async |items| {
            let mut done = Vec::new();
            for (index, item) in items {
                done.push((index, result(call, until, index, item).await));
            }
            done
        })
        .buffer_unordered(AT_ONCE)
        .map(stream::iter)
        .flatten()
        .collect()
        .await;
    results.sort_by_key(|(index, _)| *index);
    let results: Vec<Value> = results.into_iter().map(|(_, result)| result).collect();
    let failed = results.iter().filter(|result| result.get("error").is_some()).count();
    Ok(Reply::json(&json!({
        "success": failed == 0,
        "succeeded": results.len() - failed,
        "failed": failed,
        "results": results,
        "request_id": call.request_id,
    })))
}

/// The uploads with their places, those of one project together and in their order.
fn by_project(uploads: Vec<Value>) -> Vec<Vec<(usize, Value)>> {
    let mut groups: Vec<Vec<(usize, Value)>> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for (index, item) in uploads.into_iter().enumerate() {
        let name = item["project_name"].as_str().unwrap_or_default().to_owned();
        let place = *places.entry(name).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Vec::new());
        }
        groups[place].push((index, item));
    }
    groups
}

/// Uploads one and tells what became of it.
async fn result(call: &Call<'_>, until: Timestamp, index: usize, item: Value) -> Value {
    let name = item["project_name"].clone();
    match send(call, until, item).await {
        Ok(uploaded) => json!({
            "index": index,
            "project_name": name,
            "status": upload::status(&uploaded).as_u16(),
            "version": uploaded.version,
            "key": uploaded.key,
            "phase": uploaded.phase,
            "idempotent_replayed": uploaded.replayed,
        }),
        Err(error) => json!({
            "index": index,
            "project_name": name,
            "status": error.status().as_u16(),
            "error": error.problem(&call.request_id),
        }),
    }
}

async fn send(call: &Call<'_>, until: Timestamp, item: Value) -> Result<Uploaded, ApiError> {
    let Item { project_name, idempotency_key, upload } =
        serde_json::from_value(item).map_err(|error| ApiError::invalid_body(&error.to_string()))?;
    let project: ProjectId = parse("project_name", &project_name)?;
    let key = idempotency_key.map(|key| parse::<IdempotencyKey>("idempotency_key", &key)).transpose()?;
    let patience = until.since(call.clock.now());
    upload::send(call, &project, upload.into_operation(key, Some(patience))?).await
}

fn parse<T: FromStr<Err = IdError>>(field: &str, text: &str) -> Result<T, ApiError> {
    text.parse().map_err(|error: IdError| ApiError::invalid(field, format!("{text:?}: {error}")))
}
