//! What people and programs are told: the bodies of the object's answers, and the events of its streams.

use bytes::Bytes;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::turn::{Turn, TurnState, TurnUsage};
use crate::ai::Role;
use contract::{JobError, Key, ProjectId, RequestId, Timestamp, TurnId, Version};

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Message")]
pub struct MessageBody {
    /// Rises from message to message.
    pub number: u64,
    /// Whose words they are.
    pub role: Role,
    /// The words, without the script.
    pub content: String,
    /// When they were said.
    pub timestamp: Timestamp,
    /// The version that came of it.
    pub version: Option<Version>,
    /// The turn that it belongs to.
    pub turn: TurnId,
}

/// Messages about a project.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MessageList<'a> {
    /// Always true.
    pub success: bool,
    /// The project that is spoken of.
    pub project_name: &'a ProjectId,
    /// Newest first.
    pub messages: Vec<MessageBody>,
    /// How many there are on all pages.
    pub total_messages: u64,
    /// The next page's `cursor`; null on the last.
    pub next_cursor: Option<u64>,
}

/// Messages that were removed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Forgotten<'a> {
    /// Always true.
    pub success: bool,
    /// The project that was spoken of.
    pub project_name: &'a ProjectId,
    /// How many were removed.
    pub removed: usize,
}

/// Where a turn stands.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Turn")]
pub struct TurnBody<'a> {
    /// False where the turn has failed.
    pub success: bool,
    /// The project; where none was named, the name that it was given.
    pub project_name: &'a ProjectId,
    /// The turn's id.
    pub turn: &'a TurnId,
    /// Where it stands.
    pub state: TurnState,
    /// The state, for a person.
    pub state_message: &'static str,
    /// What the model said last in this turn.
    pub message: Option<MessageBody>,
    /// The newest script; null where the model gave none, and for turns after which another was begun.
    pub code_generated: Option<&'a str>,
    /// What the model suggests to change next.
    pub suggestions: &'a [String],
    /// The version that the newest script became.
    pub version: Option<Version>,
    /// That script's key in the bucket.
    pub key: Option<String>,
    /// The version that the newest script was made from, or is to mend.
    pub parent: Option<Version>,
    /// How many repairs were begun.
    pub repairs: u32,
    /// How many there may be.
    pub most_repairs: u32,
    /// Why the newest version failed, or the turn.
    pub error: Option<&'a JobError>,
    /// Why the newest version, which failed, was not repaired, where that is not for its own error: no model answered, say.
    pub repair_error: Option<&'a JobError>,
    /// What the model was asked, over all of the turn.
    pub usage: TurnUsage,
    /// When the turn was begun.
    pub began_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Where to ask how the project stands.
    pub status_url: String,
    /// Where to ask how the turn goes on, or to hear it with `Accept: text/event-stream`.
    pub turn_url: String,
    /// The request that began it.
    pub request_id: &'a RequestId,
}

impl<'a> TurnBody<'a> {
    /// The turn in the words of the API; `message` is what the model said last.
    pub(super) fn new(project: &'a ProjectId, turn: &'a Turn, message: Option<MessageBody>) -> Self {
        Self {
            success: turn.state != TurnState::Failed,
            project_name: project,
            turn: &turn.id,
            state: turn.state,
            state_message: state_message(turn),
            message,
            code_generated: turn.script.as_deref(),
            suggestions: &turn.suggestions,
            version: turn.version,
            key: turn.version.map(|version| Key::Script(project.clone(), version).to_string()),
            parent: turn.parent,
            repairs: turn.repair,
            most_repairs: turn.repairs,
            error: turn.error.as_ref(),
            repair_error: turn.repair_error.as_ref(),
            usage: turn.usage,
            began_at: turn.began_at,
            ended_at: turn.ended_at,
            status_url: format!("/api/projects/{project}/status"),
            turn_url: turn_url(project, turn),
            request_id: &turn.request_id,
        }
    }
}

fn turn_url(project: &ProjectId, turn: &Turn) -> String {
    format!("/api/projects/{project}/chat/{}", turn.id)
}

/// The words that a person sees for a state.
fn state_message(turn: &Turn) -> &'static str {
    match turn.state {
        TurnState::Generating if turn.repair > 0 => "Repairing script…",
        TurnState::Generating => "Generating script…",
        TurnState::Uploading => "Uploading to S3…",
        TurnState::Processing => "FreeCAD processing…",
        TurnState::Completed if turn.version.is_some() => "Model ready — view or download",
        TurnState::Completed => "Answered",
        TurnState::Failed => "Failed",
    }
}

/// One event of a stream (WHATWG HTML, section 9.2.6). JSON has no line's end in it.
fn event(name: &str, data: &Value) -> Bytes {
    format!("event: {name}\ndata: {data}\n\n").into()
}

/// What keeps a connection that has nothing to say.
pub(super) fn keep_alive() -> Bytes {
    Bytes::from_static(b":\n\n")
}

/// `turn`: which turn this is, and where it is taken up again should the connection break.
pub(super) fn turn_event(project: &ProjectId, turn: &Turn) -> Bytes {
    event(
        "turn",
        &json!({"turn": turn.id.as_str(), "project_name": project.as_str(), "turn_url": turn_url(project, turn)}),
    )
}

/// `state`: where the turn stands now.
pub(super) fn state_event(turn: &Turn) -> Bytes {
    event("state", &json!({"state": turn.state.as_str(), "message": state_message(turn)}))
}

/// `text`: the model has said this much more.
pub(super) fn text_event(added: &str) -> Bytes {
    event("text", &json!({"text": added}))
}

/// `restart`: the texts since the last state count for nothing; the model begins anew.
pub(super) fn restart_event() -> Bytes {
    event("restart", &json!({}))
}

/// `script`: the script, whole.
pub(super) fn script_event(turn: &Turn) -> Bytes {
    event("script", &json!({"code": turn.script, "repair": turn.repair, "suggestions": turn.suggestions}))
}

/// `version`: what it became.
pub(super) fn version_event(project: &ProjectId, turn: &Turn) -> Bytes {
    let key = turn.version.map(|version| Key::Script(project.clone(), version).to_string());
    event("version", &json!({"version": turn.version, "key": key, "parent": turn.parent, "repair": turn.repair}))
}

/// `status`: the project's status, as its own call tells it, in JSON already.
pub(super) fn status_event(status: &str) -> Bytes {
    format!("event: status\ndata: {status}\n\n").into()
}

/// `repair`: the version failed so, and the model is asked to mend it.
pub(super) fn repair_event(turn: &Turn) -> Bytes {
    event("repair", &json!({"repair": turn.repair, "version": turn.version, "error": turn.error}))
}

/// `error`: why the turn failed, and why the version that failed was not repaired.
pub(super) fn error_event(turn: &Turn) -> Bytes {
    event("error", &json!({"error": turn.error, "repair_error": turn.repair_error}))
}

/// `done`: the turn as its own call tells it, and the end of the stream.
pub(super) fn done_event(body: &TurnBody<'_>) -> Bytes {
    event("done", &json!(body))
}
