//! `GET /api/projects/{project}/status` and `…/watch`: where the newest version stands, now and as it changes.

use super::error::ApiError;
use super::reply::Reply;
use super::request::Call;
use crate::contract::ProjectId;
use crate::object::ObjectName;
use crate::project::{Operation, Reply as ObjectReply, StatusView, status_body};

/// The longest that `wait` may ask for, in seconds.
const LONGEST_WAIT: u64 = 60;

/// Where the newest version stands; 200 for any name that nobody owns. With `wait`, the answer comes when that changes.
pub(super) async fn status(call: &Call<'_>) -> Result<Reply, ApiError> {
    let project = call.project()?;
    let operation = match call.query.number("wait", 1, LONGEST_WAIT)? {
        Some(seconds) => Operation::Wait { seconds: u32::try_from(seconds).unwrap_or(1) },
        None => Operation::Status,
    };
    let view = ask(call, &project, operation).await?;
    Ok(Reply::json(&status_body(&project, &view)))
}

/// The same over a WebSocket: first what is so now, then each change.
pub(super) async fn watch(call: &Call<'_>) -> Result<Reply, ApiError> {
    let project = call.project()?;
    call.require_handshake()?;
    // Who may not watch is told so before the handshake: afterwards there is only a closed socket.
    ask(call, &project, Operation::Watch).await?;
    let question = call.question(&project, Operation::Watch);
    Reply::upgrade(ObjectName::Project(project), &question)
}

async fn ask(call: &Call<'_>, project: &ProjectId, operation: Operation) -> Result<Box<StatusView>, ApiError> {
    match call.ask(project, operation).await? {
        ObjectReply::Status(view) => Ok(view),
        _ => Err(ApiError::broken("the project's object answered another question")),
    }
}
