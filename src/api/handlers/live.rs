//! `GET /api/projects/{project}/status` and `…/watch`: where the newest version stands, now and as it changes.

use serde_json::{Value, json};

use crate::api::code::Code;
use crate::api::docs::endpoint::{BodySchema, Content, EndpointDoc, HasExample, ResponseDoc, Tag};
use crate::api::docs::parameter::WAIT;
use crate::api::error::ApiError;
use crate::api::request::Call;
use crate::api::response::Reply;
use crate::project::{GetStatus, StatusBody, WaitForStatus, Watch};

pub const STATUS: EndpointDoc = EndpointDoc {
    id: "getStatus",
    summary: "where the newest version stands; with wait, once that changes",
    tag: Tag::Status,
    description: "The project's status is that of its newest version. A free name answers `no_scripts`. `timeout` with the \
            code `no_runner` or `stalled` is a view: a late report still completes the version. One that failed and is being \
            repaired says so in `repair_url`; `wait` then waits for what comes of it.",
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
    summary: "a WebSocket: the status, then each change of it",
    tag: Tag::Status,
    description: "Each message is a body of `getStatus`: first what is so now, then each change. `ping` is answered with \
            `pong`.",
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

/// What a WebSocket's handshake is answered with.
pub const SWITCHING: ResponseDoc =
    ResponseDoc { status: 101, description: "The connection is a WebSocket now.", ..ResponseDoc::OK };

impl HasExample for StatusBody<'_> {
    fn example() -> Value {
        json!({
            "success": true,
            "project_name": "bracket-2",
            "status": "processing",
            "status_info": {
                "status": "processing",
                "message": "FreeCAD processing…",
                "version": 2,
                "origin": "upload",
                "parent": null,
                "phase": "running",
                "code": null,
                "attempt": 1,
                "queue": null,
                "progress": {"phase": "script", "lines": ["half of it"]},
                "moved_from": null,
                "moved_to": null,
                "upload_time": "2026-01-31T12:00:00.000Z",
                "claimed_at": "2026-01-31T12:00:00.150Z",
                "finished_at": null,
                "error": null,
                "warnings": null,
                "geometry": null,
                "timings_ms": null,
                "available_formats": [],
                "log": null,
                "request_id": "0123456789abcdef",
                "outputs_url": "/api/projects/bracket-2/outputs?version=2",
                "repair_url": null,
            },
        })
    }
}

/// Where the newest version stands; 200 for any name that nobody owns. With `wait`, the answer comes when that changes.
pub async fn status(call: &Call<'_>) -> Result<Reply, ApiError> {
    let project = call.project()?;
    let view = match call.query.number(&WAIT)? {
        Some(seconds) => {
            let seconds = u32::try_from(seconds).unwrap_or(1);
            call.ask(&project, WaitForStatus { seconds, turn: None, repairs: None }).await?
        }
        None => call.ask(&project, GetStatus).await?,
    };
    Reply::json(&StatusBody::new(&project, &view))
}

/// The same over a WebSocket: first what is so now, then each change.
pub async fn watch(call: &Call<'_>) -> Result<Reply, ApiError> {
    let project = call.project()?;
    call.require_handshake()?;
    // Who may not watch is told so before the handshake: afterwards there is only a closed socket.
    call.ask(&project, Watch).await?;
    Reply::upgrade(&call.target(&project), Watch)
}
