//! `GET /api/projects/{project}/status` and `…/watch`: the status of the newest version, now and as it changes.

use crate::api::code::Code;
use crate::api::docs::endpoint::{BodySchema, Content, EndpointDoc, ResponseDoc, Tag};
use crate::api::docs::parameter::WAIT;
use crate::api::error::ApiError;
use crate::api::request::ApiRequest;
use crate::api::response::ApiResponse;
use crate::project::{GetStatus, StatusBody, WaitForStatus, Watch};

pub const STATUS: EndpointDoc = EndpointDoc {
    id: "getStatus",
    summary: "get the status of the newest version; with `wait`, when it changes",
    tag: Tag::Status,
    description: "The status of a project is that of its newest version. An unused name gives `no_scripts`. `timeout` \
                  with the code `no_runner` or `stalled` is not final: a late report still completes the version. A \
                  failed version that is being repaired has `repair_url`; `wait` then waits for the result of the \
                  repair.",
    responses: &[ResponseDoc {
        description: "The status.",
        contents: &[Content::Json(BodySchema::of::<StatusBody<'_>>())],
        ..ResponseDoc::OK
    }],
    errors: &[Code::ProjectNotFound, Code::InternalUnavailable],
    ..EndpointDoc::NONE
};

pub const WATCH: EndpointDoc = EndpointDoc {
    id: "watchStatus",
    summary: "watch the status over a WebSocket",
    tag: Tag::Status,
    description: "Each message is a body of `getStatus`: first the present status, then each change. The message \
                  `ping` is answered with `pong`.",
    responses: &[SWITCHING],
    errors: &[
        Code::ForeignOrigin,
        Code::ProjectNotFound,
        Code::UpgradeRequired,
        Code::TooManyWatchers,
        Code::InternalUnavailable,
    ],
    ..EndpointDoc::NONE
};

/// The response to the handshake of a WebSocket.
pub const SWITCHING: ResponseDoc =
    ResponseDoc { status: 101, description: "The connection is now a WebSocket.", ..ResponseDoc::OK };

/// The status of the newest version. 200 for an unused name. With `wait`, the response comes when the status changes.
pub async fn status(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    let project = request.project()?;
    let view = match request.query.number(&WAIT)? {
        Some(seconds) => {
            let seconds = u32::try_from(seconds).unwrap_or(1);
            request.call_project(&project, WaitForStatus { seconds, turn: None, repairs: None }).await?
        }
        None => request.call_project(&project, GetStatus).await?,
    };
    ApiResponse::json(&StatusBody::new(&project, &view))
}

/// The same over a WebSocket: first the present status, then each change.
pub async fn watch(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    let project = request.project()?;
    request.require_handshake()?;
    // Checked before the handshake, because afterwards an error could only close the socket.
    request.call_project(&project, Watch).await?;
    ApiResponse::upgrade(&request.target(&project), Watch)
}
