//! `POST /api/projects/{project}/cancel/{version}` and `…/retry/{version}`.

use serde_json::json;

use super::error::ApiError;
use super::reply::Reply;
use super::request::Call;
use super::upload;
use crate::project::{Idempotency, Operation, Reply as ObjectReply, message};

/// Ends a version that is not finished.
pub(super) async fn cancel(call: &Call<'_>) -> Result<Reply, ApiError> {
    let (project, version) = (call.project()?, call.version()?);
    let ObjectReply::Cancelled(view) = call.ask(&project, Operation::Cancel(version)).await? else {
        return Err(ApiError::broken("the project's object answered another question"));
    };
    Ok(Reply::json(&json!({
        "success": true,
        "project_name": project,
        "version": view.version,
        "moved_from": view.moved_from,
        "phase": view.phase,
        "status": view.phase.project_status(),
        "message": message(view.phase),
        "finished_at": view.report.as_ref().map(|report| report.finished_at),
        "status_url": format!("/api/projects/{project}/status"),
        "request_id": call.request_id,
    })))
}

/// Takes the script of a finished version as the next version.
pub(super) async fn retry(call: &Call<'_>) -> Result<Reply, ApiError> {
    let (project, version) = (call.project()?, call.version()?);
    let idempotency = call.idempotency_key()?.map(|key| Idempotency::of_retry(key, version));
    let uploaded = upload::send(call, &project, Operation::Retry { version, idempotency }).await?;
    Ok(upload::reply(call, &project, uploaded))
}
