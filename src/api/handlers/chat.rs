//! `POST /api/ai/chat`, and the conversation of a project.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::upload;
use crate::api::body;
use crate::api::code::Code;
use crate::api::docs::endpoint::{BodySchema, Content, EndpointDoc, HasExample, ResponseDoc, Tag};
use crate::api::docs::parameter::{IDEMPOTENCY_KEY, IDEMPOTENT_REPLAYED};
use crate::api::error::ApiError;
use crate::api::request::ApiRequest;
use crate::api::response::ApiResponse;
use crate::chat::{
    ChatRefusal, ChatTarget, DEFAULT_REPAIRS, Forget, Forgotten, GetTurn, ListMessages, Listen, MAX_REPAIRS,
    MessageList, StartTurn, TurnBody,
};
use crate::object::{self, CallError, ObjectRequest};
use crate::project::Idempotency;
use contract::{IdempotencyKey, LenientU64, ProjectId, RequestId, Sha256, TurnId};
use platform::Body;

/// The maximum length of a message, in characters.
const MAX_MESSAGE_LENGTH: usize = 8_000;

/// The maximum length of the context, in characters.
const MAX_CONTEXT_LENGTH: usize = 8_000;

/// JSON may write a character in twelve bytes (`\ud83d\ude00`).
const MAX_CHAT_BYTES: usize = 12 * (MAX_MESSAGE_LENGTH + MAX_CONTEXT_LENGTH) + 4_096;

/// How long a request waits for the upload of the script, in seconds. The turn continues afterwards.
const UPLOAD_WAIT: u32 = 100;

/// The maximum size of the object's response: a page of messages.
const MAX_RESPONSE_BYTES: usize = 16 << 20;

/// The maximum length of the part of a generated name that comes from the message, in characters.
const MAX_SLUG_LENGTH: usize = 40;

const EVENTS: Content = Content::Text {
    media_type: "text/event-stream",
    description: "Events, each with JSON as its data: first `turn` (`turn`, `project_name`, `turn_url`), then `state` \
                  (`state`, `message`), `text` (the next part of the model's answer), `restart` (discard the texts \
                  since the last state), `script` (`code`, `repair`, `suggestions`), `version` (`version`, `key`, \
                  `parent`, `repair`), `status` (the body of `getStatus`), `repair` (`repair`, `version`, `error`), \
                  `error` (`error`, `repair_error`), and at the end `done` (the body of `getTurn`).",
    example: "event: state\ndata: {\"state\":\"generating\",\"message\":\"Generating script…\"}\n\n",
};

pub const CHAT: EndpointDoc = EndpointDoc {
    id: "sendMessage",
    summary: "describe a model; a language model writes the script",
    tag: Tag::Chat,
    description: "A language model writes a script, which becomes the next version. A script that fails in FreeCAD is \
                  repaired. Without `project_name` a new project is created. The response comes after the script is \
                  uploaded or the turn has ended, at most after 100 s. `Accept: text/event-stream` gives events from \
                  the beginning to the end; if too many clients listen to the project, JSON comes instead. The turn \
                  continues without its client; `getTurn` shows its state.",
    headers: &[IDEMPOTENCY_KEY],
    request_bodies: &[Content::Json(BodySchema::of::<ChatRequest>())],
    responses: &[ResponseDoc {
        description: "The turn. `error` has the reason if it failed.",
        contents: &[Content::Json(BodySchema::of::<TurnBody<'_>>()), EVENTS],
        headers: &[IDEMPOTENT_REPLAYED],
        ..ResponseDoc::OK
    }],
    errors: &[
        Code::NameTaken,
        Code::ChatBusy,
        Code::IdempotencyKeyReused,
        Code::AiNotConfigured,
        Code::InternalUnavailable,
    ],
};

pub const TURN: EndpointDoc = EndpointDoc {
    id: "getTurn",
    summary: "get the state of a turn",
    tag: Tag::Chat,
    description: "`Accept: text/event-stream` gives the present state and then each event to the end. Turns are kept \
                  for a day.",
    responses: &[ResponseDoc {
        description: "The turn.",
        contents: &[Content::Json(BodySchema::of::<TurnBody<'_>>()), EVENTS],
        ..ResponseDoc::OK
    }],
    errors: &[Code::ProjectNotFound, Code::TurnNotFound, Code::TooManyWatchers, Code::InternalUnavailable],
    ..EndpointDoc::NONE
};

pub const MESSAGES: EndpointDoc = EndpointDoc {
    id: "listMessages",
    summary: "list the conversation, newest message first",
    tag: Tag::Chat,
    description: "The messages of the caller and of the model. The newest 200 are kept, with at most 1 MiB. A \
                  conversation that never produced a project is deleted after a week.",
    responses: &[ResponseDoc {
        description: "A page of messages.",
        contents: &[Content::Json(BodySchema::of::<MessageList<'_>>())],
        ..ResponseDoc::OK
    }],
    errors: &[Code::ProjectNotFound, Code::InternalUnavailable],
    ..EndpointDoc::NONE
};

pub const FORGET: EndpointDoc = EndpointDoc {
    id: "deleteMessages",
    summary: "delete the conversation",
    tag: Tag::Chat,
    description: "Scripts, suggestions and errors of the caller's turns are deleted too. Messages of a turn that has \
                  not ended stay, and so do versions.",
    responses: &[ResponseDoc {
        description: "The messages are deleted.",
        contents: &[Content::Json(BodySchema::of::<Forgotten<'_>>())],
        ..ResponseDoc::OK
    }],
    errors: &[Code::ProjectNotFound, Code::InternalUnavailable],
    ..EndpointDoc::NONE
};

/// A message to the language model.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "Words")]
struct ChatRequest {
    /// The description of the model, or of a change.
    #[schemars(length(min = 1, max = MAX_MESSAGE_LENGTH), regex(pattern = upload::NOT_BLANK))]
    message: String,
    /// The project. Without it, a new name is made from the message.
    #[serde(default)]
    #[schemars(with = "Option<ProjectId>")]
    project_name: Option<String>,
    /// More information for the language model.
    #[serde(default)]
    #[schemars(length(max = MAX_CONTEXT_LENGTH))]
    context: Option<String>,
    /// How often a failing script is repaired, 0 to 5. Default: 2.
    #[serde(default)]
    #[schemars(with = "Option<u32>", range(min = 0, max = MAX_REPAIRS))]
    repair: Option<LenientU64>,
}

/// Starts a turn.
pub async fn chat(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    let bytes = body::read_json(&request.headers, request.take_body(), MAX_CHAT_BYTES).await?;
    let configured = request.config.ai.as_ref().map_err(ApiError::config)?;
    let chat: ChatRequest = body::parse(&bytes)?;
    let repairs = chat.check()?;
    let key = request.idempotency_key()?;
    let project = match &chat.project_name {
        Some(name) => name.parse().map_err(|error| ApiError::invalid("project_name", format!("{name:?}: {error}")))?,
        None => match &key {
            Some(key) => name_of_key(&request.identity.caller.user, key)?,
            None => generated_name(&chat.message)?,
        },
    };
    if configured.is_none() {
        return Err(ApiError::ai_not_configured());
    }
    let idempotency = key.map(|key| Idempotency { key, body: chat.digest(repairs) });
    let ChatRequest { message, context, .. } = chat;
    let operation = StartTurn { message, context, repairs, idempotency };
    let started = object::call(request.objects, &target(request, &project), operation).await;
    let started = started.map_err(|error| refused(error, &project))?;
    let response = show(request, &project, started.turn, UPLOAD_WAIT).await?;
    Ok(if started.replayed { response.header("idempotent-replayed", "true".to_owned()) } else { response })
}

/// The state of a turn.
pub async fn turn(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    let project = request.project()?;
    let id = request.parameter("turn");
    let turn = id.parse().map_err(|error| ApiError::invalid("turn", format!("{id:?}: {error}")))?;
    show(request, &project, turn, 0).await
}

/// The messages, newest first.
pub async fn messages(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    let project = request.project()?;
    let operation = ListMessages { before: request.query.cursor()?, limit: request.query.limit()? };
    json_of(ask(request, &project, operation).await?).await
}

/// Deletes the messages.
pub async fn forget(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    let project = request.project()?;
    json_of(ask(request, &project, Forget).await?).await
}

/// A turn as JSON, or as events if the client accepts them.
async fn show(
    request: &ApiRequest<'_>,
    project: &ProjectId,
    turn: TurnId,
    seconds: u32,
) -> Result<ApiResponse, ApiError> {
    let mut are_events = request.accepts("text/event-stream");
    loop {
        let turn = turn.clone();
        let outcome = if are_events {
            ask(request, project, Listen(turn)).await
        } else {
            ask(request, project, GetTurn { turn, seconds }).await
        };
        match outcome {
            Ok(events) if are_events => return Ok(ApiResponse::events(events)),
            Ok(body) => return json_of(body).await,
            // The client that started the turn gets its id even if there are too many listeners.
            Err(error) if are_events && seconds > 0 && error.code() == Code::TooManyWatchers.as_str() => {
                are_events = false;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Sends a request to the Chat object and returns the response's body.
async fn ask<R>(request: &ApiRequest<'_>, project: &ProjectId, operation: R) -> Result<Body, ApiError>
where
    R: ObjectRequest<Target = ChatTarget, Reply = Body>,
{
    object::relay(request.objects, &target(request, project), operation).await.map_err(|error| refused(error, project))
}

fn target(request: &ApiRequest<'_>, project: &ProjectId) -> ChatTarget {
    let (caller, request_id) = (request.identity.caller.clone(), request.request_id.clone());
    ChatTarget { project: project.clone(), caller, request_id }
}

fn refused(error: CallError<ChatRefusal>, project: &ProjectId) -> ApiError {
    match error {
        CallError::Refused(refusal) => ApiError::chat_refusal(refusal, project.as_str()),
        CallError::Failed(error) => error.into(),
    }
}

/// The object's JSON, unchanged.
async fn json_of(body: Body) -> Result<ApiResponse, ApiError> {
    let bytes = body.bytes(MAX_RESPONSE_BYTES).await.map_err(|error| ApiError::broken(&error.to_string()))?;
    Ok(ApiResponse::text("application/json", bytes).header("cache-control", "no-store".to_owned()))
}

impl ChatRequest {
    /// Checks the request and returns the number of repairs.
    fn check(&self) -> Result<u32, ApiError> {
        let length = self.message.chars().count();
        if self.message.trim().is_empty() || length > MAX_MESSAGE_LENGTH {
            let detail = format!(
                "a message has 1 to {MAX_MESSAGE_LENGTH} characters and not only white space; this one has {length}"
            );
            return Err(ApiError::invalid("message", detail));
        }
        let length = self.context.as_ref().map_or(0, |context| context.chars().count());
        if length > MAX_CONTEXT_LENGTH {
            let detail = format!("context has at most {MAX_CONTEXT_LENGTH} characters; this one has {length}");
            return Err(ApiError::invalid("context", detail));
        }
        let LenientU64(times) = self.repair.unwrap_or(LenientU64(DEFAULT_REPAIRS.into()));
        let repairs = u32::try_from(times).ok().filter(|repairs| *repairs <= MAX_REPAIRS);
        let wrong =
            || ApiError::invalid("repair", format!("{times}: repair is a whole number from 0 to {MAX_REPAIRS}"));
        repairs.ok_or_else(wrong)
    }

    /// The digest of the request, for its idempotency key.
    fn digest(&self, repairs: u32) -> Sha256 {
        let Self { message, project_name, context, repair: _ } = self;
        Sha256::of(json!([message, project_name, context, repairs]).to_string().as_bytes())
    }
}

/// The name of a new project for a message with an idempotency key. The same user and key always give the same name, so
/// that a repetition reaches the conversation that knows the key.
fn name_of_key(user: &str, key: &IdempotencyKey) -> Result<ProjectId, ApiError> {
    named("model-", &Sha256::of(format!("{user}\n{key}").as_bytes()).as_str()[..16])
}

/// The name of a new project: the first words of the message and a random ending.
fn generated_name(message: &str) -> Result<ProjectId, ApiError> {
    let words = message.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut slug = String::new();
    for word in words {
        if slug.len() + word.len() > MAX_SLUG_LENGTH {
            break;
        }
        slug.push_str(&word.to_ascii_lowercase());
        slug.push('-');
    }
    if slug.is_empty() {
        slug.push_str("model-");
    }
    named(&slug, &RequestId::random().as_str()[..8])
}

fn named(start: &str, end: &str) -> Result<ProjectId, ApiError> {
    [start, end].concat().parse().map_err(|_| ApiError::broken("no project name could be generated"))
}

impl HasExample for ChatRequest {
    fn example() -> Value {
        json!({"message": "a wall bracket for a 22 mm pipe, 4 mm thick, two M5 holes", "project_name": "bracket-2"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_messages() {
        let name = |message: &str| generated_name(message).unwrap().to_string();
        let made = name("A wall bracket, 4 mm!");
        assert!(made.starts_with("a-wall-bracket-4-mm-") && made.len() == 28, "{made}");
        assert_ne!(made, name("A wall bracket, 4 mm!"));
        assert!(name("Кронштейн").starts_with("model-"));
        assert!(name(&"word ".repeat(100)).len() <= 64 && name(&"x".repeat(8_000)).starts_with("model-"));
        let keyed = |user, key: &str| name_of_key(user, &key.parse().unwrap()).unwrap().to_string();
        assert_eq!(keyed("anna", "k"), keyed("anna", "k"));
        assert_ne!(keyed("anna", "k"), keyed("bert", "k"));
        assert_ne!(keyed("anna", "k"), keyed("anna", "l"));
    }
}
