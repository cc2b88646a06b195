//! `POST /api/ai/chat`: words become a script, a version, a model; and what was said of a project.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::upload;
use crate::api::body;
use crate::api::code::Code;
use crate::api::docs::endpoint::{BodySchema, Content, EndpointDoc, HasExample, ResponseDoc, Tag};
use crate::api::docs::parameter::{IDEMPOTENCY_KEY, IDEMPOTENT_REPLAYED};
use crate::api::error::ApiError;
use crate::api::request::Call;
use crate::api::response::Reply;
use crate::chat::{
    ChatRefusal, ChatTarget, DEFAULT_REPAIRS, Forget, Forgotten, GetTurn, ListMessages, Listen, MAX_REPAIRS,
    MessageList, StartTurn, TurnBody,
};
use crate::object::{self, CallError, ObjectRequest};
use crate::project::Idempotency;
use contract::{IdempotencyKey, LenientU64, ProjectId, RequestId, Sha256, TurnId};
use platform::Body;

/// The most characters of a message.
const LONGEST_MESSAGE: usize = 8_000;

/// The most characters of what is added as context.
const LONGEST_CONTEXT: usize = 8_000;

/// JSON may spell a character in twelve bytes (`\ud83d\ude00`).
const MAX_CHAT_BYTES: usize = 12 * (LONGEST_MESSAGE + LONGEST_CONTEXT) + 4_096;

/// How long a call waits for the script to be uploaded, in seconds; the turn goes on all the same.
const PATIENCE: u32 = 100;

/// The most that an answer of the object holds: a page of messages.
const ANSWER_LIMIT: usize = 16 << 20;

/// The most of a made-up name that comes from the message, in characters.
const LONGEST_SLUG: usize = 40;

const EVENTS: Content = Content::Text {
    media_type: "text/event-stream",
    description: "Events, each with JSON as its data: first `turn` (`turn`, `project_name`, `turn_url`), then `state` (`state`, `message`), `text` (what the model says, as it comes), \
            `restart` (the texts since the last state count for nothing), `script` (`code`, `repair`, `suggestions`), \
            `version` (`version`, `key`, `parent`, `repair`), `status` (the body of `getStatus`), `repair` (`repair`, \
            `version`, `error`), `error` (`error`, `repair_error`), and at the end `done` (the body of `getTurn`).",
    example: "event: state\ndata: {\"state\":\"generating\",\"message\":\"Generating script…\"}\n\n",
};

pub const CHAT: EndpointDoc = EndpointDoc {
    id: "sendMessage",
    summary: "a sentence becomes a script, which is the next version",
    tag: Tag::Chat,
    description: "A language model writes a script, which becomes the next version; one that fails in FreeCAD is repaired. The \
            project is made when there is none. The answer comes once the script is uploaded or the turn has ended, after \
            100 s at the latest; `Accept: text/event-stream` gives events from the beginning to the end, unless as many \
            listen to the project already as can. Whoever leaves stops nothing: `getTurn` tells how it went on.",
    headers: &[IDEMPOTENCY_KEY],
    request_bodies: &[Content::Json(BodySchema::of::<Words>())],
    responses: &[ResponseDoc {
        description: "The turn. What went wrong in it stands in `error`.",
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
    summary: "where a turn of the conversation stands",
    tag: Tag::Chat,
    description: "`Accept: text/event-stream` gives what is so now and then each event to the end. Turns are kept for a \
            day.",
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
    summary: "what was said, newest first",
    tag: Tag::Chat,
    description: "What the caller and the model have said of the project. The newest 200 are kept, of at most 1 MiB; where no \
            project comes of it, for a week.",
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
    summary: "removes what was said",
    tag: Tag::Chat,
    description: "Scripts, suggestions and errors of the caller's turns go with them. Those of a turn that has not ended stay. \
            Versions stay, too.",
    responses: &[ResponseDoc {
        description: "They are gone.",
        contents: &[Content::Json(BodySchema::of::<Forgotten<'_>>())],
        ..ResponseDoc::OK
    }],
    errors: &[Code::ProjectNotFound, Code::InternalUnavailable],
    ..EndpointDoc::NONE
};

/// What somebody asks for.
#[derive(Deserialize, JsonSchema)]
struct Words {
    /// What is wanted, in the person's words.
    #[schemars(length(min = 1, max = LONGEST_MESSAGE), regex(pattern = upload::SAYS_SOMETHING))]
    message: String,
    /// The project; without it, a name is made from the message.
    #[serde(default)]
    #[schemars(with = "Option<ProjectId>")]
    project_name: Option<String>,
    /// What the model should know besides.
    #[serde(default)]
    #[schemars(length(max = LONGEST_CONTEXT))]
    context: Option<String>,
    /// How often a script that fails is repaired: 0 to 5, 2 unless said.
    #[serde(default)]
    #[schemars(with = "Option<u32>", range(min = 0, max = MAX_REPAIRS))]
    repair: Option<LenientU64>,
}

/// Says something to the project's conversation.
pub async fn chat(call: &Call<'_>) -> Result<Reply, ApiError> {
    let bytes = body::read_json(&call.headers, call.take_body(), MAX_CHAT_BYTES).await?;
    let configured = call.config.ai.as_ref().map_err(ApiError::config)?;
    let words: Words = body::parse(&bytes)?;
    let repairs = words.check()?;
    let key = call.idempotency_key()?;
    let project = match &words.project_name {
        Some(name) => name.parse().map_err(|error| ApiError::invalid("project_name", format!("{name:?}: {error}")))?,
        None => match &key {
            Some(key) => name_of_key(&call.identity.caller.user, key)?,
            None => made_up_name(&words.message)?,
        },
    };
    if configured.is_none() {
        return Err(ApiError::ai_not_configured());
    }
    let idempotency = key.map(|key| Idempotency { key, body: words.sum(repairs) });
    let Words { message, context, .. } = words;
    let request = StartTurn { message, context, repairs, idempotency };
    let said = object::call(call.objects, &target(call, &project), request).await;
    let said = said.map_err(|error| refused(error, &project))?;
    let reply = show(call, &project, said.turn, PATIENCE).await?;
    Ok(if said.replayed { reply.header("idempotent-replayed", "true".to_owned()) } else { reply })
}

/// Where a turn stands.
pub async fn turn(call: &Call<'_>) -> Result<Reply, ApiError> {
    let project = call.project()?;
    let id = call.parameter("turn");
    let turn = id.parse().map_err(|error| ApiError::invalid("turn", format!("{id:?}: {error}")))?;
    show(call, &project, turn, 0).await
}

/// What was said, newest first.
pub async fn messages(call: &Call<'_>) -> Result<Reply, ApiError> {
    let project = call.project()?;
    let request = ListMessages { before: call.query.cursor()?, limit: call.query.limit()? };
    json_of(ask(call, &project, request).await?).await
}

/// Removes what was said.
pub async fn forget(call: &Call<'_>) -> Result<Reply, ApiError> {
    let project = call.project()?;
    json_of(ask(call, &project, Forget).await?).await
}

/// A turn as JSON, or as events where the caller wants those.
async fn show(call: &Call<'_>, project: &ProjectId, turn: TurnId, seconds: u32) -> Result<Reply, ApiError> {
    let mut are_events = call.wants("text/event-stream");
    loop {
        let turn = turn.clone();
        let answer = if are_events {
            ask(call, project, Listen(turn)).await
        } else {
            ask(call, project, GetTurn { turn, seconds }).await
        };
        match answer {
            Ok(events) if are_events => return Ok(Reply::events(events)),
            Ok(body) => return json_of(body).await,
            // Whoever began it is to learn which it is, also where as many listen as can.
            Err(error) if are_events && seconds > 0 && error.code() == Code::TooManyWatchers.as_str() => {
                are_events = false;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Asks the object of the conversation; its answer's body.
async fn ask<R>(call: &Call<'_>, project: &ProjectId, request: R) -> Result<Body, ApiError>
where
    R: ObjectRequest<Target = ChatTarget, Reply = Body>,
{
    object::relay(call.objects, &target(call, project), request).await.map_err(|error| refused(error, project))
}

fn target(call: &Call<'_>, project: &ProjectId) -> ChatTarget {
    let (caller, request_id) = (call.identity.caller.clone(), call.request_id.clone());
    ChatTarget { project: project.clone(), caller, request_id }
}

fn refused(error: CallError<ChatRefusal>, project: &ProjectId) -> ApiError {
    match error {
        CallError::Refused(refusal) => ApiError::chat_refusal(refusal, project.as_str()),
        CallError::Failed(error) => error.into(),
    }
}

/// The object's own JSON, handed on.
async fn json_of(body: Body) -> Result<Reply, ApiError> {
    let bytes = body.bytes(ANSWER_LIMIT).await.map_err(|error| ApiError::broken(&error.to_string()))?;
    Ok(Reply::text("application/json", bytes).header("cache-control", "no-store".to_owned()))
}

impl Words {
    /// How often a script that fails is to be repaired, where all of it may be said.
    fn check(&self) -> Result<u32, ApiError> {
        let length = self.message.chars().count();
        if self.message.trim().is_empty() || length > LONGEST_MESSAGE {
            let detail = format!(
                "a message has 1 to {LONGEST_MESSAGE} characters, and not white space alone; this one has {length}"
            );
            return Err(ApiError::invalid("message", detail));
        }
        let length = self.context.as_ref().map_or(0, |context| context.chars().count());
        if length > LONGEST_CONTEXT {
            let detail = format!("context takes at most {LONGEST_CONTEXT} characters; this one has {length}");
            return Err(ApiError::invalid("context", detail));
        }
        let LenientU64(times) = self.repair.unwrap_or(LenientU64(DEFAULT_REPAIRS.into()));
        let repairs = u32::try_from(times).ok().filter(|repairs| *repairs <= MAX_REPAIRS);
        let wrong =
            || ApiError::invalid("repair", format!("{times}: repair is a whole number from 0 to {MAX_REPAIRS}"));
        repairs.ok_or_else(wrong)
    }

    /// What was sent, for the idempotency key.
    fn sum(&self, repairs: u32) -> Sha256 {
        let Self { message, project_name, context, repair: _ } = self;
        Sha256::of(json!([message, project_name, context, repairs]).to_string().as_bytes())
    }
}

/// A name for a project of which nobody has said any, where the message may come again: the same for the same key of the
/// same user, so that it is the same conversation which then knows the key, whatever is said under it.
fn name_of_key(user: &str, key: &IdempotencyKey) -> Result<ProjectId, ApiError> {
    named("model-", &Sha256::of(format!("{user}\n{key}").as_bytes()).as_str()[..16])
}

/// A name for a project of which nobody has said any: the message's first words, and something that nobody else has.
fn made_up_name(message: &str) -> Result<ProjectId, ApiError> {
    let words = message.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut slug = String::new();
    for word in words {
        if slug.len() + word.len() > LONGEST_SLUG {
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
    [start, end].concat().parse().map_err(|_| ApiError::broken("no name could be made up"))
}

impl HasExample for Words {
    fn example() -> Value {
        json!({"message": "a wall bracket for a 22 mm pipe, 4 mm thick, two M5 holes", "project_name": "bracket-2"})
    }
}

fn example_message() -> Value {
    json!({
        "number": 2,
        "role": "assistant",
        "content": "A wall bracket with a clamp for a 22 mm pipe.",
        "timestamp": "2026-01-31T12:00:04.000Z",
        "version": 1,
        "turn": "0123456789abcdef",
    })
}

impl HasExample for TurnBody<'_> {
    fn example() -> Value {
        json!({
            "success": true,
            "project_name": "bracket-2",
            "turn": "0123456789abcdef",
            "state": "processing",
            "state_message": "FreeCAD processing…",
            "message": example_message(),
            "code_generated": "import FreeCAD as App\nimport Part\n",
            "suggestions": ["Round the edges", "Make the plate 6 mm thick"],
            "version": 1,
            "key": "input/bracket-2/bracket-2_v1.py",
            "parent": null,
            "repairs": 0,
            "most_repairs": 2,
            "error": null,
            "repair_error": null,
            "usage": {"calls": 1, "input_tokens": 1450, "output_tokens": 820},
            "began_at": "2026-01-31T12:00:00.000Z",
            "ended_at": null,
            "status_url": "/api/projects/bracket-2/status",
            "turn_url": "/api/projects/bracket-2/chat/0123456789abcdef",
            "request_id": "0123456789abcdef",
        })
    }
}

impl HasExample for MessageList<'_> {
    fn example() -> Value {
        json!({
            "success": true,
            "project_name": "bracket-2",
            "messages": [example_message()],
            "total_messages": 2,
            "next_cursor": 2,
        })
    }
}

impl HasExample for Forgotten<'_> {
    fn example() -> Value {
        json!({"success": true, "project_name": "bracket-2", "removed": 2})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_messages() {
        let name = |message: &str| made_up_name(message).unwrap().to_string();
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
