//! `POST /api/batch`: many uploads in one request, each on its own.

use std::collections::HashMap;
use std::str::FromStr;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::upload::{self, Upload};
use crate::api::body;
use crate::api::code::Code;
use crate::api::docs::endpoint::{BodySchema, Content, EndpointDoc, HasExample, ResponseDoc, Tag};
use crate::api::error::{ApiError, Problem};
use crate::api::request::Call;
use crate::api::response::Reply;
use crate::metrics::Metric;
use crate::object::WORKER_CONNECTIONS;
use crate::project::Uploaded;
use contract::{IdError, IdempotencyKey, Phase, ProjectId, RequestId, Timestamp, Version};

/// The most uploads in one request.
const MOST: usize = 100;

/// The most that they take together: 8 MiB.
const MAX_BYTES: usize = 8 << 20;

/// How long all of them together wait for the bucket: what comes later is kept for it without asking.
const PATIENCE: Duration = Duration::from_secs(10);

pub const UPLOAD: EndpointDoc = EndpointDoc {
    id: "uploadBatch",
    summary: "many scripts, each the next version of its project",
    tag: Tag::Scripts,
    description: "1 to 100 uploads, 8 MiB together. What is wrong with one fails it alone. Those of one project keep their \
            order. All together wait for the bucket 10 s; what comes later is kept for it.",
    request_bodies: &[Content::Json(BodySchema::of::<Batch>())],
    responses: &[ResponseDoc {
        description: "A result each, in their order.",
        contents: &[Content::Json(BodySchema::of::<BatchResults>())],
        ..ResponseDoc::OK
    }],
    errors: &[Code::NotUtf8, Code::InternalUnavailable],
    ..EndpointDoc::NONE
};

/// Many uploads.
#[derive(Deserialize, JsonSchema)]
struct Batch {
    #[schemars(length(min = 1, max = MOST), schema_with = "uploads")]
    uploads: Vec<Value>,
}

/// Anything may stand for an upload: what is none fails alone.
fn uploads(generator: &mut SchemaGenerator) -> Schema {
    let upload = generator.subschema_for::<BatchUpload>();
    json_schema!({
        "type": "array",
        "items": {"anyOf": [upload, {"description": "Anything else fails, alone, with `invalid_body`."}]},
    })
}

/// One upload of a batch.
#[derive(Deserialize, JsonSchema)]
struct BatchUpload {
    #[schemars(with = "ProjectId")]
    project_name: String,
    /// As the header `Idempotency-Key` of a single upload.
    #[serde(default)]
    #[schemars(with = "Option<IdempotencyKey>")]
    idempotency_key: Option<String>,
    #[serde(flatten)]
    upload: Upload,
}

impl HasExample for Batch {
    fn example() -> Value {
        let mut first = json!({"project_name": "bracket-2", "idempotency_key": "3f0c8f6e-upload-1"});
        let mut second = json!({"project_name": "lid"});
        for upload in [&mut first, &mut second] {
            upload["code"] = Upload::example()["code"].clone();
        }
        json!({"uploads": [first, second]})
    }
}

/// What became of a batch.
#[derive(Serialize, JsonSchema)]
struct BatchResults {
    /// Whether all of them were taken.
    success: bool,
    /// How many were taken.
    succeeded: usize,
    /// How many were not.
    failed: usize,
    /// One each, in the order of the uploads.
    results: Vec<BatchResult>,
    request_id: RequestId,
}

/// What became of one upload of a batch.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
enum BatchResult {
    /// It was taken.
    Taken {
        /// Its place among the uploads, from 0.
        index: usize,
        /// The name as it was given.
        project_name: Value,
        /// The status that a single upload would have had: 201, or 202 for one that is kept for the bucket.
        #[schemars(extend("enum" = [201, 202]))]
        status: u16,
        version: Version,
        /// The script's key in the bucket.
        key: String,
        phase: Phase,
        /// Whether it was taken before, under the same key.
        idempotent_replayed: bool,
    },
    /// It was not.
    Failed {
        /// Its place among the uploads, from 0.
        index: usize,
        /// The name as it was given, null where none was.
        project_name: Value,
        /// The status that a single upload would have had.
        #[schemars(range(min = 400, max = 599))]
        status: u16,
        error: Problem,
    },
}

impl HasExample for BatchResults {
    fn example() -> Value {
        json!({
            "success": false,
            "succeeded": 1,
            "failed": 1,
            "results": [
                {
                    "index": 0,
                    "project_name": "bracket-2",
                    "status": 201,
                    "version": 2,
                    "key": "input/bracket-2/bracket-2_v2.py",
                    "phase": "queued",
                    "idempotent_replayed": false,
                },
                {
                    "index": 1,
                    "project_name": "lid",
                    "status": 409,
                    "error": {
                        "type": "about:blank",
                        "title": "Conflict",
                        "status": 409,
                        "code": "name_taken",
                        "detail": "The project name \"lid\" belongs to somebody else.",
                        "success": false,
                        "request_id": "0123456789abcdef",
                    },
                },
            ],
            "request_id": "0123456789abcdef",
        })
    }
}

/// Uploads each script to its project: those of one project in their order, several projects at a time.
pub async fn upload(call: &Call<'_>) -> Result<Reply, ApiError> {
    let bytes = body::read_batch(&call.headers, call.take_body(), MAX_BYTES).await?;
    if call.headers.contains_key("idempotency-key") {
        let detail = "each upload of a batch takes a key of its own, as its field idempotency_key";
        return Err(ApiError::invalid("Idempotency-Key", detail));
    }
    let Batch { uploads } = body::parse(&bytes)?;
    if uploads.is_empty() || uploads.len() > MOST {
        let detail = format!("a batch holds 1 to {MOST} uploads; this one has {}", uploads.len());
        return Err(ApiError::invalid("uploads", detail));
    }
    let until = call.clock.now().after(PATIENCE);
    let mut results: Vec<(usize, BatchResult)> = stream::iter(by_project(uploads))
        .map(async |items| {
            let mut done = Vec::new();
            for (index, item) in items {
                done.push((index, result(call, until, index, item).await));
            }
            done
        })
        .buffer_unordered(WORKER_CONNECTIONS)
        .map(stream::iter)
        .flatten()
        .collect()
        .await;
    results.sort_by_key(|(index, _)| *index);
    let results: Vec<BatchResult> = results.into_iter().map(|(_, result)| result).collect();
    let failed = results.iter().filter(|result| matches!(result, BatchResult::Failed { .. })).count();
    let succeeded = results.len() - failed;
    Reply::json(&BatchResults { success: failed == 0, succeeded, failed, results, request_id: call.request_id.clone() })
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
async fn result(call: &Call<'_>, until: Timestamp, index: usize, item: Value) -> BatchResult {
    let project_name = item["project_name"].clone();
    match send(call, until, item).await {
        Ok(uploaded) => BatchResult::Taken {
            index,
            project_name,
            status: upload::status(&uploaded).as_u16(),
            version: uploaded.version,
            key: uploaded.key,
            phase: uploaded.phase,
            idempotent_replayed: uploaded.replayed,
        },
        Err(error) => {
            call.count(Metric::UploadFailed, error.code());
            let status = error.status().as_u16();
            BatchResult::Failed { index, project_name, status, error: error.problem(&call.request_id) }
        }
    }
}

async fn send(call: &Call<'_>, until: Timestamp, item: Value) -> Result<Uploaded, ApiError> {
    let BatchUpload { project_name, idempotency_key, upload } =
        serde_json::from_value(item).map_err(|error| ApiError::invalid_body(&error.to_string()))?;
    let project: ProjectId = parse("project_name", &project_name)?;
    let key = idempotency_key.map(|key| parse::<IdempotencyKey>("idempotency_key", &key)).transpose()?;
    let patience = until.since(call.clock.now());
    call.ask(&project, upload.into_request(key, Some(patience))?).await
}

fn parse<T: FromStr<Err = IdError>>(field: &str, text: &str) -> Result<T, ApiError> {
    text.parse().map_err(|error: IdError| ApiError::invalid(field, format!("{text:?}: {error}")))
}
