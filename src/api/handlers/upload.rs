//! `POST /api/projects/{project}/upload-script`.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::body::{self, MediaType, SCRIPT_TYPES};
use crate::api::code::Code;
use crate::api::docs::endpoint::{BodySchema, Content, EndpointDoc, HasExample, Link, ResponseDoc, Tag};
use crate::api::docs::parameter::{IDEMPOTENCY_KEY, IDEMPOTENT_REPLAYED, LOCATION};
use crate::api::error::ApiError;
use crate::api::request::Call;
use crate::api::response::Reply;
use crate::metrics::Metric;
use crate::project::{Idempotency, NewScript, UploadScript, Uploaded, message};
use contract::{IdempotencyKey, MAX_SCRIPT_BYTES, Origin, Phase, ProjectId, RequestId, Sha256, Timestamp, Version};

/// The most that the caller's own metadata takes, as JSON.
const MAX_METADATA_BYTES: usize = 2_048;

/// How deep the caller's own metadata may be nested: answers wrap it in more levels, and parsers have a limit.
const MAX_METADATA_DEPTH: usize = 32;

/// JSON may spell one byte of a script in six (`\u0007`).
const MAX_JSON_BYTES: usize = 6 * MAX_SCRIPT_BYTES + 4 * MAX_METADATA_BYTES;

pub const UPLOAD: EndpointDoc = EndpointDoc {
    id: "uploadScript",
    summary: "a script becomes the next version",
    tag: Tag::Scripts,
    description: "The first upload to a free name makes the project the caller's. A script has at most 1 MiB of UTF-8.",
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

/// What a call answers that makes a new version.
pub const NEW_VERSION: &[ResponseDoc] = &[
    ResponseDoc {
        status: 201,
        description: "The script is the next version, in the bucket and queued.",
        contents: &[Content::Json(BodySchema::of::<NewVersion>())],
        headers: &[LOCATION, IDEMPOTENT_REPLAYED],
        links: NEXT,
    },
    ResponseDoc {
        status: 202,
        description: "The script is kept here and goes to the bucket when that answers again. Its number may still change; the \
                number tells `moved_to` then.",
        contents: &[Content::Json(BodySchema::of::<NewVersion>())],
        headers: &[LOCATION, IDEMPOTENT_REPLAYED],
        links: NEXT,
    },
];

/// Where to go from a new version.
const NEXT: &[Link] = &[
    Link { to: "getScript", parameters: VERSION_OF_ANSWER },
    Link { to: "cancelVersion", parameters: VERSION_OF_ANSWER },
    Link { to: "retryVersion", parameters: VERSION_OF_ANSWER },
    Link { to: "listOutputs", parameters: VERSION_OF_ANSWER },
    Link { to: "getStatus", parameters: &[("project", "$response.body#/project_name")] },
];

const VERSION_OF_ANSWER: &[(&str, &str)] =
    &[("project", "$response.body#/project_name"), ("version", "$response.body#/version")];

/// The script of the examples.
const EXAMPLE: &str = "import FreeCAD as App\n\
    doc = App.newDocument()\n\
    doc.addObject(\"Part::Box\", \"Box\").Length = 30\n\
    doc.recompute()\n";

/// A script as JSON.
#[derive(Deserialize, JsonSchema)]
pub struct Upload {
    /// The script: at most 1 MiB of UTF-8, and more than white space.
    #[schemars(length(max = MAX_SCRIPT_BYTES), regex(pattern = SAYS_SOMETHING))]
    code: String,
    /// Anything of the caller's own, given back with the version: at most 2,048 bytes as JSON, at most 32 levels deep.
    #[serde(default)]
    metadata: Option<Value>,
}

/// A character that is no white space, by Unicode's property of that name, whatever the reader's `\s` means.
pub const SAYS_SOMETHING: &str = r"[^\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]";

/// A script as it is.
struct ScriptText;

impl JsonSchema for ScriptText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ScriptText".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let about = "The script: at most 1 MiB of UTF-8, and more than white space.";
        json_schema!({
            "type": "string",
            "description": about,
            "maxLength": MAX_SCRIPT_BYTES,
            "pattern": SAYS_SOMETHING,
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

/// A script that was taken.
#[derive(Serialize, JsonSchema)]
struct NewVersion {
    /// Always true.
    success: bool,
    /// What happened, for a person.
    message: &'static str,
    data: NewVersionData,
    /// As in `data`.
    project_name: ProjectId,
    /// As in `data`.
    version: Version,
}

/// What is known of a script that was just taken.
#[derive(Serialize, JsonSchema)]
struct NewVersionData {
    project_name: ProjectId,
    version: Version,
    /// The script's key in the bucket.
    key: String,
    /// The same with the bucket's name.
    s3_path: String,
    /// The sum of the script.
    sha256: Sha256,
    /// When it was taken.
    upload_time: Timestamp,
    phase: Phase,
    status: Taken,
    /// Always `freecad_processing`.
    next_step: &'static str,
    /// The phase, for a person.
    status_message: &'static str,
    /// Where to ask how it goes on.
    status_url: String,
    /// The request that brought it; of a repetition, the first one.
    request_id: Option<RequestId>,
}

/// How a script was taken.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Taken {
    /// It is in the bucket.
    Uploaded,
    /// It is kept until the bucket answers.
    Accepted,
}

impl HasExample for NewVersion {
    fn example() -> Value {
        json!({
            "success": true,
            "message": "Script uploaded successfully",
            "data": {
                "project_name": "bracket-2",
                "version": 2,
                "key": "input/bracket-2/bracket-2_v2.py",
                "s3_path": "s3://models/input/bracket-2/bracket-2_v2.py",
                "sha256": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
                "upload_time": "2026-01-31T12:00:00.000Z",
                "phase": "queued",
                "status": "uploaded",
                "next_step": "freecad_processing",
                "status_message": "FreeCAD processing…",
                "status_url": "/api/projects/bracket-2/status",
                "request_id": "0123456789abcdef",
            },
            "project_name": "bracket-2",
            "version": 2,
        })
    }
}

/// Takes a script as the next version, and counts a failure.
pub async fn upload(call: &Call<'_>) -> Result<Reply, ApiError> {
    let outcome = take(call).await;
    if let Err(error) = &outcome {
        call.count(Metric::UploadFailed, error.code());
    }
    outcome
}

async fn take(call: &Call<'_>) -> Result<Reply, ApiError> {
    let bytes = body::read_script(&call.headers, call.take_body(), MAX_JSON_BYTES).await?;
    let project = call.project()?;
    let upload = match MediaType::of(&call.headers, SCRIPT_TYPES)? {
        MediaType::Python => Upload { code: body::text(&bytes)?.to_owned(), metadata: None },
        MediaType::Json => body::parse(&bytes)?,
    };
    let request = upload.into_request(call.idempotency_key()?, None)?;
    reply(call, &project, call.ask(&project, request).await?)
}

impl Upload {
    /// The request to the project's object, if a script and its metadata may be taken. With `patience` it waits for the
    /// bucket no longer than that.
    pub fn into_request(
        self,
        key: Option<IdempotencyKey>,
        patience: Option<Duration>,
    ) -> Result<UploadScript, ApiError> {
        let Self { code, metadata } = self;
        if code.len() > MAX_SCRIPT_BYTES {
            return Err(too_large());
        }
        if code.trim().is_empty() {
            return Err(ApiError::empty_script());
        }
        if metadata.as_ref().is_some_and(|value| value.to_string().len() > MAX_METADATA_BYTES) {
            let detail = format!("metadata takes at most {MAX_METADATA_BYTES} bytes as JSON");
            return Err(ApiError::invalid("metadata", detail));
        }
        if metadata.as_ref().is_some_and(|value| depth(value) > MAX_METADATA_DEPTH) {
            let detail = format!("metadata is nested deeper than {MAX_METADATA_DEPTH} levels");
            return Err(ApiError::invalid("metadata", detail));
        }
        let script = NewScript { code, metadata, origin: Origin::Upload, parent: None };
        let idempotency = key.map(|key| Idempotency::of_upload(key, &script));
        let timeout_ms = patience.map(|patience| u64::try_from(patience.as_millis()).unwrap_or(u64::MAX));
        Ok(UploadScript { script, idempotency, timeout_ms })
    }
}

/// 201 for a script that the bucket has, 202 for one that is kept for it.
pub fn status(uploaded: &Uploaded) -> http::StatusCode {
    if uploaded.phase == Phase::Stored { http::StatusCode::ACCEPTED } else { http::StatusCode::CREATED }
}

/// The answer to what made a new version.
pub fn reply(call: &Call<'_>, project: &ProjectId, uploaded: Uploaded) -> Result<Reply, ApiError> {
    let code = status(&uploaded);
    let (word, said) = match code {
        http::StatusCode::ACCEPTED => {
            (Taken::Accepted, "Script accepted; it is kept here and uploaded as soon as the bucket answers")
        }
        _ => (Taken::Uploaded, "Script uploaded successfully"),
    };
    let Uploaded { version, key, sha256, time, phase, request_id, replayed } = uploaded;
    let data = NewVersionData {
        project_name: project.clone(),
        version,
        s3_path: format!("s3://{}/{key}", call.config.bucket.name),
        key,
        sha256,
        upload_time: time,
        phase,
        status: word,
        next_step: "freecad_processing",
        status_message: message(phase),
        status_url: format!("/api/projects/{project}/status"),
        request_id,
    };
    let location = format!("/api/projects/{project}/script/{version}");
    // The most wanted ones again at the top, so that nobody has to dig.
    let answer = NewVersion { success: true, message: said, data, project_name: project.clone(), version };
    let reply = Reply::json(&answer)?.status(code).header("location", location);
    Ok(if replayed { reply.header("idempotent-replayed", "true".to_owned()) } else { reply })
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
