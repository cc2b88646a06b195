//! `GET /api/projects/{project}/status` and `…/watch`: where the newest version stands, now and as it changes.

use serde_json::{Value, json};

use super::code::Code;
use super::error::ApiError;
use super::parameter::WAIT;
use super::reply::Reply;
use super::request::Call;
use super::terms::{Answer, Content, Shape, Shown, Tag, Terms};
use crate::project::{GetStatus, StatusBody, WaitForStatus, Watch};

pub(super) const STATUS: Terms = Terms {
    id: "getStatus",
    tag: Tag::Status,
    about: "The project's status is that of its newest version. A free name answers `no_scripts`. `timeout` with the \
            code `no_runner` or `stalled` is a view: a late report still completes the version. One that failed and is being \
            repaired says so in `repair_url`; `wait` then waits for what comes of it.",
    answers: &[Answer {
        about: "The status.",
        contents: &[Content::Json(Shape::of::<StatusBody<'_>>())],
        ..Answer::OK
    }],
    errors: &[Code::ProjectNotFound, Code::InternalUnavailable],
    ..Terms::NONE
};

pub(super) const WATCH: Terms = Terms {
    id: "watchStatus",
    tag: Tag::Status,
    about: "Each message is a body of `getStatus`: first what is so now, then each change. `ping` is answered with \
            `pong`.",
    answers: &[SWITCHING],
    errors: &[
        Code::ForeignOrigin,
        Code::ProjectNotFound,
        Code::UpgradeRequired,
        Code::TooManyWatchers,
        Code::InternalUnavailable,
    ],
    ..Terms::NONE
};

/// What a WebSocket's handshake is answered with.
pub(super) const SWITCHING: Answer = Answer { status: 101, about: "The connection is a WebSocket now.", ..Answer::OK };

impl Shown for StatusBody<'_> {
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
pub(super) async fn status(call: &Call<'_>) -> Result<Reply, ApiError> {
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
pub(super) async fn watch(call: &Call<'_>) -> Result<Reply, ApiError> {
    let project = call.project()?;
    call.require_handshake()?;
    // Who may not watch is told so before the handshake: afterwards there is only a closed socket.
    call.ask(&project, Watch).await?;
    Reply::upgrade(&call.target(&project), Watch)
}
