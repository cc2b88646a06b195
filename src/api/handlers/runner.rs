//! `POST /api/runner/events` and `GET /api/runner/wake`: the hints between runners and the Worker. With all of them
//! lost everything still works.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt};
use serde_json::{Value, json};

use super::live::SWITCHING;
use crate::api::body;
use crate::api::code::Code;
use crate::api::docs::endpoint::{BodySchema, Content, EndpointDoc, HasExample, ResponseDoc, Tag};
use crate::api::error::ApiError;
use crate::api::request::Call;
use crate::api::response::Reply;
use crate::fleet::{FleetTarget, Join};
use crate::project::TakeEvents;
use contract::{MAX_EVENTS, ProjectId, RunnerEvent, RunnerEvents};

pub const EVENTS: EndpointDoc = EndpointDoc {
    id: "sendRunnerEvents",
    summary: "hints of a runner: what it claimed, how far it is, what is done",
    tag: Tag::Runners,
    description: "Whoever gets a hint looks at the bucket; a false one costs a look and decides nothing.",
    request_bodies: &[Content::Json(BodySchema::of::<RunnerEvents>())],
    responses: &[ResponseDoc { status: 204, description: "They were handed on.", ..ResponseDoc::OK }],
    errors: &[Code::NotUtf8],
    ..EndpointDoc::NONE
};

pub const WAKE: EndpointDoc = EndpointDoc {
    id: "wakeRunner",
    summary: "a WebSocket: tells runners that there is work",
    tag: Tag::Runners,
    description: "Each message is JSON: `{\"wake\": \"look\"}` when there is work, and `{\"wake\": \"cancelled\", \"project\": …, \
            \"version\": …}`.",
    responses: &[SWITCHING],
    errors: &[Code::ForeignOrigin, Code::UpgradeRequired],
    ..EndpointDoc::NONE
};

impl HasExample for RunnerEvents {
    fn example() -> Value {
        let of = |event: Value| {
            let mut all = json!({"project": "bracket-2", "version": 2, "run": "0123456789abcdef"});
            for (name, value) in event.as_object().into_iter().flatten() {
                all[name] = value.clone();
            }
            all
        };
        json!({"events": [
            of(json!({"event": "claimed"})),
            of(json!({"event": "progress", "phase": "script", "lines": ["half of it"]})),
            of(json!({"event": "done"})),
        ]})
    }
}

/// The most bytes of events in one request.
const MAX_EVENT_BYTES: usize = 256 << 10;

/// How many projects are told at once.
const AT_ONCE: usize = 20;

/// Hands each event to the object of its project.
pub async fn events(call: &Call<'_>) -> Result<Reply, ApiError> {
    let bytes = body::read_json(&call.headers, call.take_body(), MAX_EVENT_BYTES).await?;
    let RunnerEvents { events } = body::parse(&bytes)?;
    if events.len() > MAX_EVENTS {
        let detail = format!("{} events in one request; at most {MAX_EVENTS} are taken", events.len());
        return Err(ApiError::invalid("events", detail));
    }
    let mut by_project: BTreeMap<ProjectId, Vec<RunnerEvent>> = BTreeMap::new();
    for event in events {
        by_project.entry(event.project.clone()).or_default().push(event);
    }
    // A hint that does not arrive is no failure: the object finds the same in the bucket.
    let told = stream::iter(by_project).map(async |(project, events)| {
        let _ = call.ask(&project, TakeEvents(events)).await;
    });
    told.buffer_unordered(AT_ONCE).collect::<()>().await;
    Ok(Reply::empty())
}

/// A WebSocket over which runners are told that there is work.
pub async fn wake(call: &Call<'_>) -> Result<Reply, ApiError> {
    call.require_handshake()?;
    Reply::upgrade(&FleetTarget, Join)
}
