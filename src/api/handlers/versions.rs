//! `POST /api/projects/{project}/cancel/{version}` and `…/retry/{version}`.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::upload::{self, NEW_VERSION};
use crate::api::code::Code;
use crate::api::docs::endpoint::{BodySchema, Content, EndpointDoc, HasExample, ResponseDoc, Tag};
use crate::api::docs::parameter::IDEMPOTENCY_KEY;
use crate::api::error::ApiError;
use crate::api::request::Call;
use crate::api::response::Reply;
use crate::project::{CancelVersion, Idempotency, RetryVersion, message};
use contract::{Phase, ProjectId, ProjectStatus, RequestId, Timestamp, Version};

pub const CANCEL: EndpointDoc = EndpointDoc {
    id: "cancelVersion",
    summary: "ends a version that is not finished",
    tag: Tag::Status,
    description: "Whichever report is first counts: a runner's that came before makes this a 409.",
    responses: &[ResponseDoc {
        description: "The version is cancelled now.",
        contents: &[Content::Json(BodySchema::of::<Cancelled>())],
        ..ResponseDoc::OK
    }],
    errors: &[
        Code::ProjectNotFound,
        Code::VersionNotFound,
        Code::Moved,
        Code::AlreadyFinished,
        Code::BucketUnavailable,
        Code::BucketRefuses,
        Code::InternalUnavailable,
    ],
    ..EndpointDoc::NONE
};

pub const RETRY: EndpointDoc = EndpointDoc {
    id: "retryVersion",
    summary: "a finished version's script becomes the next version",
    tag: Tag::Status,
    description: "A finished version never changes: its script becomes a new one, with this one as its `parent`.",
    headers: &[IDEMPOTENCY_KEY],
    responses: NEW_VERSION,
    errors: &[
        Code::ProjectNotFound,
        Code::VersionNotFound,
        Code::ScriptNotFound,
        Code::Moved,
        Code::NotFinished,
        Code::NotRepeatable,
        Code::NoMoreVersions,
        Code::IdempotencyKeyReused,
        Code::BucketUnavailable,
        Code::BucketRefuses,
        Code::InternalUnavailable,
    ],
    ..EndpointDoc::NONE
};

/// A version that was cancelled.
#[derive(Serialize, JsonSchema)]
struct Cancelled {
    /// Always true.
    success: bool,
    project_name: ProjectId,
    version: Version,
    /// The number that its uploader was told, where somebody else's script took that one.
    moved_from: Option<Version>,
    phase: Phase,
    status: ProjectStatus,
    /// The phase, for a person.
    message: &'static str,
    /// When its report was written.
    finished_at: Option<Timestamp>,
    /// Where to ask how the project stands.
    status_url: String,
    /// This request.
    request_id: RequestId,
}

impl HasExample for Cancelled {
    fn example() -> Value {
        json!({
            "success": true,
            "project_name": "bracket-2",
            "version": 2,
            "moved_from": null,
            "phase": "cancelled",
            "status": "error",
            "message": "Cancelled",
            "finished_at": "2026-01-31T12:00:00.000Z",
            "status_url": "/api/projects/bracket-2/status",
            "request_id": "0123456789abcdef",
        })
    }
}

/// Ends a version that is not finished.
pub async fn cancel(call: &Call<'_>) -> Result<Reply, ApiError> {
    let (project, version) = (call.project()?, call.version()?);
    let view = call.ask(&project, CancelVersion(version)).await?;
    Reply::json(&Cancelled {
        success: true,
        version: view.version,
        moved_from: view.moved_from,
        phase: view.phase,
        status: view.phase.project_status(),
        message: message(view.phase),
        finished_at: view.report.as_ref().map(|report| report.finished_at),
        status_url: format!("/api/projects/{project}/status"),
        project_name: project,
        request_id: call.request_id.clone(),
    })
}

/// Takes the script of a finished version as the next version.
pub async fn retry(call: &Call<'_>) -> Result<Reply, ApiError> {
    let (project, version) = (call.project()?, call.version()?);
    let idempotency = call.idempotency_key()?.map(|key| Idempotency::of_retry(key, version));
    let uploaded = call.ask(&project, RetryVersion { version, idempotency }).await?;
    upload::reply(call, &project, uploaded)
}
