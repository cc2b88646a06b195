//! `GET /api/projects/{project}/scripts` and `…/script/{version}`.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::api::code::Code;
use crate::api::docs::endpoint::{BodySchema, Content, EndpointDoc, HasExample, ResponseDoc, Tag};
use crate::api::docs::parameter::{ETAG, IF_NONE_MATCH};
use crate::api::error::ApiError;
use crate::api::request::Call;
use crate::api::response::Reply;
use crate::project::{GetScript, GetVersion, ListVersions, ScriptView, VersionPage, VersionView, message};
use contract::{Key, MAX_SCRIPT_BYTES, Origin, Phase, ProjectId, ProjectStatus, RequestId, Sha256, Timestamp, Version};
use s3::S3Error;

/// The largest script that is shown. No upload is larger than a quarter of it; what others put into the bucket may be.
const MAX_SHOWN: usize = 4 * MAX_SCRIPT_BYTES;

pub const LIST: EndpointDoc = EndpointDoc {
    id: "listScripts",
    summary: "versions, newest first",
    tag: Tag::Scripts,
    description: "Every version that the project has, with where it stands.",
    responses: &[ResponseDoc {
        description: "A page of versions.",
        contents: &[Content::Json(BodySchema::of::<ScriptList>())],
        ..ResponseDoc::OK
    }],
    errors: &[Code::ProjectNotFound, Code::InternalUnavailable],
    ..EndpointDoc::NONE
};

pub const CONTENT: EndpointDoc = EndpointDoc {
    id: "getScript",
    summary: "one version's script",
    tag: Tag::Scripts,
    description: "`Accept: text/x-python` gives the bare file. A script never changes, so the answer may be kept; only one that \
            the bucket does not have yet tells `phase`, `status` and `message`, and is not to be kept.",
    headers: &[IF_NONE_MATCH],
    responses: &[
        ResponseDoc {
            description: "The script.",
            contents: &[
                Content::Json(BodySchema::of::<Script>()),
                Content::Text { media_type: "text/x-python", description: "The script itself.", example: "x = 1\n" },
            ],
            headers: &[ETAG],
            ..ResponseDoc::OK
        },
        ResponseDoc {
            status: 304,
            description: "It is the one that the caller has.",
            headers: &[ETAG],
            ..ResponseDoc::OK
        },
    ],
    errors: &[
        Code::ProjectNotFound,
        Code::VersionNotFound,
        Code::ScriptNotFound,
        Code::TooLarge,
        Code::BucketUnavailable,
        Code::BucketRefuses,
        Code::InternalUnavailable,
    ],
    ..EndpointDoc::NONE
};

/// Versions of a project.
#[derive(Serialize, JsonSchema)]
struct ScriptList {
    /// Always true.
    success: bool,
    project_name: ProjectId,
    /// Newest first.
    scripts: Vec<ScriptFacts<Standing>>,
    /// How many there are on all pages.
    total_versions: u64,
    /// The next page's `cursor`; null on the last.
    next_cursor: Option<Version>,
}

/// A version and its script.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ScriptFacts")]
struct ScriptFacts<S> {
    version: Version,
    /// The script's file name in the bucket.
    filename: String,
    /// Its key in the bucket.
    key: String,
    /// The same with the bucket's name.
    s3_path: String,
    /// Bytes.
    size: u64,
    /// The sum of the script, where known.
    sha256: Option<Sha256>,
    /// When it was taken; the store's time for a script that somebody put into the bucket.
    upload_time: Timestamp,
    #[serde(flatten)]
    standing: S,
    origin: Origin,
    /// The version that it was made from.
    parent: Option<Version>,
    /// The number that its uploader was told, where somebody else's script took that one.
    moved_from: Option<Version>,
    /// What became of the version that an uploader was told to have this number, where this is somebody else's script.
    moved_to: Option<Version>,
    /// What its uploader sent along.
    metadata: Option<Value>,
    /// The request that brought it.
    request_id: Option<RequestId>,
}

/// Where a version stands.
#[derive(Serialize, JsonSchema)]
struct Standing {
    phase: Phase,
    status: ProjectStatus,
    /// The phase, for a person.
    message: &'static str,
}

/// One version's script.
#[derive(Serialize, JsonSchema)]
struct Script {
    /// Where it stands is told only while the bucket does not have it.
    #[serde(flatten)]
    facts: ScriptFacts<Option<Standing>>,
    /// Always true.
    success: bool,
    project_name: ProjectId,
    /// The script itself.
    content: String,
    /// Always `text/x-python`.
    content_type: &'static str,
}

fn example() -> Value {
    json!({
        "version": 2,
        "filename": "bracket-2_v2.py",
        "key": "input/bracket-2/bracket-2_v2.py",
        "s3_path": "s3://models/input/bracket-2/bracket-2_v2.py",
        "size": 6,
        "sha256": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
        "upload_time": "2026-01-31T12:00:00.000Z",
        "origin": "upload",
        "parent": null,
        "moved_from": null,
        "moved_to": null,
        "metadata": {"note": "a box, 30 mm long"},
        "request_id": "0123456789abcdef",
    })
}

impl HasExample for ScriptList {
    fn example() -> Value {
        let mut script = example();
        script["phase"] = json!("completed");
        script["status"] = json!("completed");
        script["message"] = json!("Model ready — view or download");
        json!({
            "success": true,
            "project_name": "bracket-2",
            "scripts": [script],
            "total_versions": 2,
            "next_cursor": 2,
        })
    }
}

impl HasExample for Script {
    fn example() -> Value {
        let mut script = example();
        script["success"] = json!(true);
        script["project_name"] = json!("bracket-2");
        script["content"] = json!("x = 1\n");
        script["content_type"] = json!("text/x-python");
        script
    }
}

/// Versions, newest first.
pub async fn list(call: &Call<'_>) -> Result<Reply, ApiError> {
    let project = call.project()?;
    let before = call.query.cursor()?.map(Version::try_from).transpose();
    let before = before.map_err(|error| ApiError::invalid("cursor", error.to_string()))?;
    let request = ListVersions { before, limit: call.query.limit()? };
    let VersionPage { versions, total, more } = call.ask(&project, request).await?;
    let next_cursor = versions.last().filter(|_| more).map(|view| view.version);
    let with_standing = |view| describe(call, &project, view, Standing::of(view));
    let scripts = versions.iter().map(with_standing).collect();
    Reply::json(&ScriptList {
        success: true,
        project_name: project.clone(),
        scripts,
        total_versions: total,
        next_cursor,
    })
}

/// One version's script, as JSON, or raw with `Accept: text/x-python`. It never changes, so it may be kept.
pub async fn content(call: &Call<'_>) -> Result<Reply, ApiError> {
    let project = call.project()?;
    let version = call.version()?;
    let found = call.ask(&project, GetScript(version)).await?;
    let ScriptView { view, held } = found.ok_or_else(|| ApiError::no_version(project.as_str(), version))?;
    if let Some(code) = held {
        return not_in_the_bucket_yet(call, &project, &view, code);
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
        // It may be kept for ever, so it says nothing that changes.
        let facts = ScriptFacts { sha256: Some(sha256), ..describe(call, &project, &view, None) };
        Reply::json(&Script::new(&project, facts, String::from_utf8_lossy(&object.bytes).into_owned()))?
    };
    let reply = reply.header("cache-control", "private, max-age=31536000, immutable".to_owned());
    Ok(reply.header("etag", etag).header("vary", "accept".to_owned()))
}

/// A script that only the object has. Its number may change, so nobody keeps the answer.
fn not_in_the_bucket_yet(
    call: &Call<'_>,
    project: &ProjectId,
    view: &VersionView,
    code: String,
) -> Result<Reply, ApiError> {
    let reply = if call.wants("text/x-python") {
        Reply::text("text/x-python; charset=utf-8", code).header("cache-control", "no-store".to_owned())
    } else {
        Reply::json(&Script::new(project, describe(call, project, view, Some(Standing::of(view))), code))?
    };
    Ok(reply.header("vary", "accept".to_owned()))
}

impl Script {
    fn new(project: &ProjectId, facts: ScriptFacts<Option<Standing>>, content: String) -> Self {
        Self { facts, success: true, project_name: project.clone(), content, content_type: "text/x-python" }
    }
}

impl Standing {
    fn of(view: &VersionView) -> Self {
        Self { phase: view.phase, status: view.phase.project_status(), message: message(view.phase) }
    }
}

/// One version, or 404.
pub async fn find(call: &Call<'_>, project: &ProjectId, version: Version) -> Result<VersionView, ApiError> {
    let view = call.ask(project, GetVersion(version)).await?;
    view.ok_or_else(|| ApiError::no_version(project.as_str(), version))
}

fn describe<S>(call: &Call<'_>, project: &ProjectId, view: &VersionView, standing: S) -> ScriptFacts<S> {
    let key = Key::Script(project.clone(), view.version).to_string();
    ScriptFacts {
        version: view.version,
        filename: key.rsplit('/').next().unwrap_or_default().to_owned(),
        s3_path: format!("s3://{}/{key}", call.config.bucket.name),
        key,
        size: view.size,
        sha256: view.sha256.clone(),
        upload_time: view.accepted_at,
        standing,
        origin: view.origin,
        parent: view.parent,
        moved_from: view.moved_from,
        moved_to: view.moved_to,
        metadata: view.metadata.clone(),
        request_id: view.request_id.clone(),
    }
}
