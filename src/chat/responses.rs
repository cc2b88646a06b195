//! The bodies of the object's responses.

use schemars::JsonSchema;
use serde::Serialize;

use super::turn::{Turn, TurnState, TurnUsage};
use crate::ai::Role;
use contract::{JobError, Key, ProjectId, RequestId, Timestamp, TurnId, Version};

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Message")]
pub struct MessageBody {
    /// Increases from message to message.
    pub number: u64,
    /// The author.
    pub role: Role,
    /// The text, without the script.
    pub content: String,
    /// When the message was written.
    pub timestamp: Timestamp,
    /// The version that was made from this message.
    pub version: Option<Version>,
    /// The turn that the message belongs to.
    pub turn: TurnId,
}

/// A page of messages about a project.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MessageList<'a> {
    /// Always true.
    pub success: bool,
    /// The project's name.
    pub project_name: &'a ProjectId,
    /// Newest first.
    pub messages: Vec<MessageBody>,
    /// The number of messages on all pages.
    pub total_messages: u64,
    /// The `cursor` of the next page; null on the last page.
    pub next_cursor: Option<u64>,
}

/// The result of removing messages.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Forgotten<'a> {
    /// Always true.
    pub success: bool,
    /// The project's name.
    pub project_name: &'a ProjectId,
    /// The number of removed messages.
    pub removed: usize,
}

/// The state of a turn.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Turn")]
pub struct TurnBody<'a> {
    /// False if the turn has failed.
    pub success: bool,
    /// The project's name, also if the service made it.
    pub project_name: &'a ProjectId,
    /// The turn's id.
    pub turn: &'a TurnId,
    /// The turn's state.
    pub state: TurnState,
    /// The state in words, for a person.
    pub state_message: &'static str,
    /// The model's last message in this turn.
    pub message: Option<MessageBody>,
    /// The newest script. Null if the model gave none, or if a later turn has begun.
    pub code_generated: Option<&'a str>,
    /// Changes that the model suggests.
    pub suggestions: &'a [String],
    /// The version that the newest script became.
    pub version: Option<Version>,
    /// The key of that version's script in the bucket.
    pub key: Option<String>,
    /// The version that the newest script was made from, or repairs.
    pub parent: Option<Version>,
    /// The number of repairs that were begun.
    pub repairs: u32,
    /// The highest number of repairs.
    pub most_repairs: u32,
    /// Why the newest version failed, or why the turn did.
    pub error: Option<&'a JobError>,
    /// Why the newest version, which failed, was not repaired, if that has another reason than its own error: for
    /// example that no model answered.
    pub repair_error: Option<&'a JobError>,
    /// The calls of the model in this turn, and their tokens.
    pub usage: TurnUsage,
    /// When the turn began.
    pub began_at: Timestamp,
    /// When the turn ended.
    pub ended_at: Option<Timestamp>,
    /// The path of the project's status.
    pub status_url: String,
    /// The path of this turn. With `Accept: text/event-stream` it sends the turn's events.
    pub turn_url: String,
    /// The request that began the turn.
    pub request_id: &'a RequestId,
}

impl<'a> TurnBody<'a> {
    /// `message` is the model's last message in the turn.
    pub(super) fn new(turn: &'a Turn, message: Option<MessageBody>) -> Self {
        Self {
            success: turn.state != TurnState::Failed,
            project_name: &turn.project,
            turn: &turn.id,
            state: turn.state,
            state_message: state_message(turn),
            message,
            code_generated: turn.script.as_deref(),
            suggestions: &turn.suggestions,
            version: turn.version,
            key: script_key(turn),
            parent: turn.parent,
            repairs: turn.repair,
            most_repairs: turn.max_repairs,
            error: turn.error.as_ref(),
            repair_error: turn.repair_error.as_ref(),
            usage: turn.usage,
            began_at: turn.began_at,
            ended_at: turn.ended_at(),
            status_url: format!("/api/projects/{}/status", turn.project),
            turn_url: turn_url(turn),
            request_id: &turn.request_id,
        }
    }
}

/// The bucket key of the newest version's script.
pub(super) fn script_key(turn: &Turn) -> Option<String> {
    turn.version.map(|version| Key::Script(turn.project.clone(), version).to_string())
}

pub(super) fn turn_url(turn: &Turn) -> String {
    format!("/api/projects/{}/chat/{}", turn.project, turn.id)
}

/// A turn's state in words, for a person.
pub(super) fn state_message(turn: &Turn) -> &'static str {
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
