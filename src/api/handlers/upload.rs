//! `POST /api/projects/{project}/upload-script`: a script becomes the next version.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::body::{self, MediaType, SCRIPT_TYPES};
use crate::api::code::Code;
use crate::api::docs::endpoint::{BodySchema, Content, EndpointDoc, HasExample, Link, ResponseDoc, Tag};
use crate::api::docs::parameter::{IDEMPOTENCY_KEY, IDEMPOTENT_REPLAYED, LOCATION};
use crate::api::error::ApiError;
use crate::api::request::ApiRequest;
use crate::api::response::ApiResponse;
use crate::api::views::version::{NewVersion, NewVersionData, Taken};
use crate::metrics::Metric;
use crate::project::{Idempotency, NewScript, UploadScript, Uploaded, message as phase_message};
use contract::{IdempotencyKey, MAX_SCRIPT_BYTES, Origin, Phase, ProjectId};

/// The maximum size of the caller's metadata as JSON.
const MAX_METADATA_BYTES: usize = 2_048;

/// The maximum nesting of the caller's metadata. Responses add more levels, and parsers have a limit.
const MAX_METADATA_DEPTH: usize = 32;

/// JSON may write one byte of a script in six (`\u0007`).
const MAX_JSON_BYTES: usize = 6 * MAX_SCRIPT_BYTES + 4 * MAX_METADATA_BYTES;

pub const UPLOAD: EndpointDoc = EndpointDoc {
    id: "uploadScript",
    summary: "upload a script as the next version",
    tag: Tag::Scripts,
    description: "The first upload to an unused name creates the project and makes the caller its owner. A script has \
                  at most 1 MiB of UTF-8.",
    headers: &[IDEMPOTENCY_KEY],
    request_bodies: &[
        Content::Json(BodySchema::of::<Upload>()),
        Content::TextOf("text/x-python", BodySchema::of::<ScriptText>()),
    ],
    responses: NEW_VERSION,
    errors: &[
        Code::EmptyScript,
        Code::NotUtf8,
        Code::NameTaken,
        Code::NoMoreVersions,
        Code::IdempotencyKeyReused,
        Code::BucketUnavailable,
        Code::BucketRefuses,
        Code::InternalUnavailable,
    ],
};

/// The responses of an endpoint that creates a version.
pub const NEW_VERSION: &[ResponseDoc] = &[
    ResponseDoc {
        status: 201,
        description: "The script is in the bucket and queued as the next version.",
        contents: &[Content::Json(BodySchema::of::<NewVersion>())],
        headers: &[LOCATION, IDEMPOTENT_REPLAYED],
        links: NEXT,
    },
    ResponseDoc {
        status: 202,
        description: "The service keeps the script until the bucket answers. The number may still change; the status \
                      of this number then has `moved_to`.",
        contents: &[Content::Json(BodySchema::of::<NewVersion>())],
        headers: &[LOCATION, IDEMPOTENT_REPLAYED],
        links: NEXT,
    },
];

/// The requests that follow a new version.
const NEXT: &[Link] = &[
    Link { to: "getScript", parameters: VERSION_OF_ANSWER },
    Link { to: "cancelVersion", parameters: VERSION_OF_ANSWER },
    Link { to: "retryVersion", parameters: VERSION_OF_ANSWER },
    Link { to: "listOutputs", parameters: VERSION_OF_ANSWER },
    Link { to: "getStatus", parameters: &[("project", "$response.body#/project_name")] },
];

const VERSION_OF_ANSWER: &[(&str, &str)] =
    &[("project", "$response.body#/project_name"), ("version", "$response.body#/version")];

const EXAMPLE: &str = "import FreeCAD as App\n\
    doc = App.newDocument()\n\
    doc.addObject(\"Part::Box\", \"Box\").Length = 30\n\
    doc.recompute()\n";

/// A script as JSON.
#[derive(Deserialize, JsonSchema)]
pub struct Upload {
    /// The source text: at most 1 MiB of UTF-8, not only white space.
    #[schemars(length(max = MAX_SCRIPT_BYTES), regex(pattern = NOT_BLANK))]
    code: String,
    /// The caller's own data, returned with the version: at most 2,048 bytes as JSON and 32 levels deep.
    #[serde(default)]
    metadata: Option<Value>,
}

/// Matches a character that is not white space (Unicode), independent of the reader's `\s`.
pub const NOT_BLANK: &str = r"[^\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]";

/// A script as the whole body.
struct ScriptText;

impl JsonSchema for ScriptText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ScriptText".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let description = "The source text: at most 1 MiB of UTF-8, not only white space.";
        json_schema!({
            "type": "string",
            "description": description,
            "maxLength": MAX_SCRIPT_BYTES,
            "pattern": NOT_BLANK,
        })
    }
}

impl HasExample for ScriptText {
    fn example() -> Value {
        json!(EXAMPLE)
    }
}

impl HasExample for Upload {
    fn example() -> Value {
        json!({"code": EXAMPLE, "metadata": {"note": "a box, 30 mm long"}})
    }
}

/// Stores a script as the next version, and counts a failure.
pub async fn upload(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    let outcome = store(request).await;
    if let Err(error) = &outcome {
        request.count(Metric::UploadFailed, error.code());
    }
    outcome
}

async fn store(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    let bytes = body::read_script(&request.headers, request.take_body(), MAX_JSON_BYTES).await?;
    let project = request.project()?;
    let upload = match MediaType::of(&request.headers, SCRIPT_TYPES)? {
        MediaType::Python => Upload { code: body::text(&bytes)?.to_owned(), metadata: None },
        MediaType::Json => body::parse(&bytes)?,
    };
    let operation = upload.into_request(request.idempotency_key()?, None)?;
    response(request, &project, request.call_project(&project, operation).await?)
}

impl Upload {
    /// Checks script and metadata. `timeout` limits how long the Project object waits for the bucket.
    pub fn into_request(
        self,
        key: Option<IdempotencyKey>,
        timeout: Option<Duration>,
    ) -> Result<UploadScript, ApiError> {
        let Self { code, metadata } = self;
        if code.len() > MAX_SCRIPT_BYTES {
            return Err(too_large());
        }
        if code.trim().is_empty() {
            return Err(ApiError::empty_script());
        }
        if metadata.as_ref().is_some_and(|value| value.to_string().len() > MAX_METADATA_BYTES) {
            let detail = format!("metadata has at most {MAX_METADATA_BYTES} bytes as JSON");
            return Err(ApiError::invalid("metadata", detail));
        }
        if metadata.as_ref().is_some_and(|value| depth(value) > MAX_METADATA_DEPTH) {
            let detail = format!("metadata is nested at most {MAX_METADATA_DEPTH} levels deep");
            return Err(ApiError::invalid("metadata", detail));
        }
        let script = NewScript { code, metadata, origin: Origin::Upload, parent: None };
        let idempotency = key.map(|key| Idempotency::of_upload(key, &script));
        let timeout_ms = timeout.map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
        Ok(UploadScript { script, idempotency, timeout_ms })
    }
}

/// 201 for a script in the bucket, 202 for a kept one.
pub fn status(uploaded: &Uploaded) -> http::StatusCode {
    if uploaded.phase == Phase::Stored { http::StatusCode::ACCEPTED } else { http::StatusCode::CREATED }
}

/// The response to a request that created a version.
pub fn response(request: &ApiRequest<'_>, project: &ProjectId, uploaded: Uploaded) -> Result<ApiResponse, ApiError> {
    let code = status(&uploaded);
    let (status, message) = match code {
        http::StatusCode::ACCEPTED => {
            (Taken::Accepted, "Script accepted; the service uploads it as soon as the bucket answers")
        }
        _ => (Taken::Uploaded, "Script uploaded successfully"),
    };
    let Uploaded { version, key, sha256, time, phase, request_id, replayed } = uploaded;
    let data = NewVersionData {
        project_name: project.clone(),
        version,
        s3_path: format!("s3://{}/{key}", request.config.bucket.name),
        key,
        sha256,
        upload_time: time,
        phase,
        status,
        next_step: "freecad_processing",
        status_message: phase_message(phase),
        status_url: format!("/api/projects/{project}/status"),
        request_id,
    };
    let location = format!("/api/projects/{project}/script/{version}");
    // Clients read these two most often, so they are also at the top.
    let body = NewVersion { success: true, message, data, project_name: project.clone(), version };
    let response = ApiResponse::json(&body)?.status(code).header("location", location);
    Ok(if replayed { response.header("idempotent-replayed", "true".to_owned()) } else { response })
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
