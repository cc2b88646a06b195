//! The events of the object's streams (WHATWG HTML, section 9.2.6).

use bytes::Bytes;
use serde_json::{Value, json};

use super::responses::{TurnBody, script_key, state_message, turn_url};
use super::turn::Turn;

/// A comment, which keeps a connection open that has no events to send.
pub(super) fn keep_alive() -> Bytes {
    Bytes::from_static(b":\n\n")
}

/// `turn`: the turn's id, and the path at which the stream can be resumed.
pub(super) fn turn_event(turn: &Turn) -> Bytes {
    event("turn", &json!({"turn": turn.id.as_str(), "project_name": turn.project.as_str(), "turn_url": turn_url(turn)}))
}

/// `state`: a new state.
pub(super) fn state_event(turn: &Turn) -> Bytes {
    event("state", &json!({"state": turn.state, "message": state_message(turn)}))
}

/// `text`: the next piece of the model's text.
pub(super) fn text_event(added: &str) -> Bytes {
    event("text", &json!({"text": added}))
}

/// `restart`: the texts since the last state are to be discarded.
pub(super) fn restart_event() -> Bytes {
    event("restart", &json!({}))
}

/// `script`: the whole script.
pub(super) fn script_event(turn: &Turn) -> Bytes {
    event("script", &json!({"code": turn.script, "repair": turn.repair, "suggestions": turn.suggestions}))
}

/// `version`: the version that the script became.
pub(super) fn version_event(turn: &Turn) -> Bytes {
    let data = json!({
        "version": turn.version, "key": script_key(turn), "parent": turn.parent, "repair": turn.repair,
    });
    event("version", &data)
}

/// `status`: the project's status, given as the JSON of its own endpoint.
pub(super) fn status_event(status: &str) -> Bytes {
    format!("event: status\ndata: {status}\n\n").into()
}

/// `repair`: the version failed, and its repair begins.
pub(super) fn repair_event(turn: &Turn) -> Bytes {
    event("repair", &json!({"repair": turn.repair, "version": turn.version, "error": turn.error}))
}

/// `error`: why the turn failed, and why the failed version was not repaired.
pub(super) fn error_event(turn: &Turn) -> Bytes {
    event("error", &json!({"error": turn.error, "repair_error": turn.repair_error}))
}

/// `done`: the turn, at the end of the stream.
pub(super) fn done_event(body: &TurnBody<'_>) -> Bytes {
    event("done", &json!(body))
}

/// One event. JSON without indentation has no line breaks, which would end the event's data.
fn event(name: &str, data: &Value) -> Bytes {
    format!("event: {name}\ndata: {data}\n\n").into()
}
