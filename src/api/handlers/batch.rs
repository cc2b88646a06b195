//! `POST /api/batch`: many independent uploads in one request.

use std::collections::HashMap;
use std::str::FromStr;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Value, json};

use super::upload::{self, Upload};
use crate::api::body;
use crate::api::code::Code;
use crate::api::docs::endpoint::{BodySchema, Content, EndpointDoc, HasExample, ResponseDoc, Tag};
use crate::api::error::ApiError;
use crate::api::request::ApiRequest;
use crate::api::response::ApiResponse;
use crate::api::views::batch::{BatchResult, BatchResults};
use crate::metrics::Metric;
use crate::object::WORKER_CONNECTIONS;
use crate::project::Uploaded;
use contract::{IdError, IdempotencyKey, ProjectId, Timestamp};

/// The maximum number of uploads in one request.
const MAX_UPLOADS: usize = 100;

/// The maximum size of the body.
const MAX_BYTES: usize = 8 << 20;

/// How long the whole batch waits for the bucket. Later uploads are kept without asking it.
const BUCKET_TIMEOUT: Duration = Duration::from_secs(10);

pub const UPLOAD: EndpointDoc = EndpointDoc {
    id: "uploadBatch",
    summary: "upload many scripts",
    tag: Tag::Scripts,
    description: "1 to 100 uploads with at most 8 MiB in total. A wrong upload fails alone. Uploads to one project \
                  keep their order. The whole batch waits at most 10 s for the bucket; the service keeps later uploads \
                  and delivers them afterwards.",
    request_bodies: &[Content::Json(BodySchema::of::<Batch>())],
    responses: &[ResponseDoc {
        description: "One result per upload, in the order of the uploads.",
        contents: &[Content::Json(BodySchema::of::<BatchResults>())],
        ..ResponseDoc::OK
    }],
    errors: &[Code::NotUtf8, Code::InternalUnavailable],
    ..EndpointDoc::NONE
};

/// Many uploads.
#[derive(Deserialize, JsonSchema)]
struct Batch {
    #[schemars(length(min = 1, max = MAX_UPLOADS), schema_with = "uploads")]
    uploads: Vec<Value>,
}

/// Any JSON is accepted in the list; an entry that is not an upload fails alone.
fn uploads(generator: &mut SchemaGenerator) -> Schema {
    let upload = generator.subschema_for::<BatchUpload>();
    json_schema!({
        "type": "array",
        "items": {"anyOf": [upload, {"description": "Any other value fails alone with `invalid_body`."}]},
    })
}

/// One upload of a batch.
#[derive(Deserialize, JsonSchema)]
struct BatchUpload {
    #[schemars(with = "ProjectId")]
    project_name: String,
    /// The same as the header `Idempotency-Key` of a single upload.
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

/// Uploads each script to its project: in order within a project, several projects at a time.
pub async fn upload(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    let bytes = body::read_batch(&request.headers, request.take_body(), MAX_BYTES).await?;
    if request.headers.contains_key("idempotency-key") {
        let detail = "the header cannot be used for a batch; give each upload its own key in the field idempotency_key";
        return Err(ApiError::invalid("Idempotency-Key", detail));
    }
    let Batch { uploads } = body::parse(&bytes)?;
    if uploads.is_empty() || uploads.len() > MAX_UPLOADS {
        let detail = format!("a batch has 1 to {MAX_UPLOADS} uploads; this one has {}", uploads.len());
        return Err(ApiError::invalid("uploads", detail));
    }
    let until = request.clock.now().after(BUCKET_TIMEOUT);
    let mut results: Vec<(usize, BatchResult)> = stream::iter(by_project(uploads))
        .map(async |items| {
            let mut done = Vec::new();
            for (index, item) in items {
                done.push((index, result(request, until, index, item).await));
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
    ApiResponse::json(&BatchResults {
        success: failed == 0,
        succeeded,
        failed,
        results,
        request_id: request.request_id.clone(),
    })
}

/// The uploads with their positions, grouped by project and in order.
fn by_project(uploads: Vec<Value>) -> Vec<Vec<(usize, Value)>> {
    let mut groups: Vec<Vec<(usize, Value)>> = Vec::new();
    let mut positions: HashMap<String, usize> = HashMap::new();
    for (index, item) in uploads.into_iter().enumerate() {
        let name = item["project_name"].as_str().unwrap_or_default().to_owned();
        let position = *positions.entry(name).or_insert(groups.len());
        if position == groups.len() {
            groups.push(Vec::new());
        }
        groups[position].push((index, item));
    }
    groups
}

/// Uploads one script.
async fn result(request: &ApiRequest<'_>, until: Timestamp, index: usize, item: Value) -> BatchResult {
    let project_name = item["project_name"].clone();
    match send(request, until, item).await {
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
            request.count(Metric::UploadFailed, error.code());
            let status = error.status().as_u16();
            BatchResult::Failed { index, project_name, status, error: error.problem(&request.request_id) }
        }
    }
}

async fn send(request: &ApiRequest<'_>, until: Timestamp, item: Value) -> Result<Uploaded, ApiError> {
    let BatchUpload { project_name, idempotency_key, upload } =
        serde_json::from_value(item).map_err(|error| ApiError::invalid_body(&error.to_string()))?;
    let project: ProjectId = parse("project_name", &project_name)?;
    let key = idempotency_key.map(|key| parse::<IdempotencyKey>("idempotency_key", &key)).transpose()?;
    let timeout = until.since(request.clock.now());
    request.call_project(&project, upload.into_request(key, Some(timeout))?).await
}

fn parse<T: FromStr<Err = IdError>>(field: &str, text: &str) -> Result<T, ApiError> {
    text.parse().map_err(|error: IdError| ApiError::invalid(field, format!("{text:?}: {error}")))
}
