//! `POST /api/projects/{project}/cancel/{version}` and `…/retry/{version}`: end a version, or run it again.

use super::upload::{self, NEW_VERSION};
use crate::api::code::Code;
use crate::api::docs::endpoint::{BodySchema, Content, EndpointDoc, ResponseDoc, Tag};
use crate::api::docs::parameter::IDEMPOTENCY_KEY;
use crate::api::error::ApiError;
use crate::api::request::ApiRequest;
use crate::api::response::ApiResponse;
use crate::api::views::version::Cancelled;
use crate::project::{CancelVersion, Idempotency, RetryVersion, message};

pub const CANCEL: EndpointDoc = EndpointDoc {
    id: "cancelVersion",
    summary: "cancel a version that has not finished",
    tag: Tag::Status,
    description: "The first report counts: if a runner has already written one, the response is 409.",
    responses: &[ResponseDoc {
        description: "The version is cancelled.",
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
    summary: "run the script of a finished version again, as the next version",
    tag: Tag::Status,
    description: "A finished version never changes. Its script becomes a new version with this one as its `parent`.",
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

pub async fn cancel(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    let (project, version) = (request.project()?, request.version()?);
    let view = request.call_project(&project, CancelVersion(version)).await?;
    ApiResponse::json(&Cancelled {
        success: true,
        version: view.version,
        moved_from: view.moved_from,
        phase: view.phase,
        status: view.phase.project_status(),
        message: message(view.phase),
        finished_at: view.report.as_ref().map(|report| report.finished_at),
        status_url: format!("/api/projects/{project}/status"),
        project_name: project,
        request_id: request.request_id.clone(),
    })
}

pub async fn retry(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    let (project, version) = (request.project()?, request.version()?);
    let idempotency = request.idempotency_key()?.map(|key| Idempotency::of_retry(key, version));
    let uploaded = request.call_project(&project, RetryVersion { version, idempotency }).await?;
    upload::response(request, &project, uploaded)
}
