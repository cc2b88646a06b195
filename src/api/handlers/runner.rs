//! `POST /api/runner/events` and `GET /api/runner/wake`: hints between runners and the Worker. Everything works without
//! them, only later.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt};
use serde_json::{Value, json};

use super::live::SWITCHING;
use crate::api::body;
use crate::api::code::Code;
use crate::api::docs::endpoint::{BodySchema, Content, EndpointDoc, HasExample, ResponseDoc, Tag};
use crate::api::error::ApiError;
use crate::api::request::ApiRequest;
use crate::api::response::ApiResponse;
use crate::fleet::{FleetTarget, Join};
use crate::project::TakeEvents;
use contract::{MAX_EVENTS, ProjectId, RunnerEvent, RunnerEvents};

pub const EVENTS: EndpointDoc = EndpointDoc {
    id: "sendRunnerEvents",
    summary: "send hints of a runner: claimed, progress, done",
    tag: Tag::Runners,
    description: "After a hint the service reads the bucket. A false hint costs one read and decides nothing.",
    request_bodies: &[Content::Json(BodySchema::of::<RunnerEvents>())],
    responses: &[ResponseDoc { status: 204, description: "The events were passed on.", ..ResponseDoc::OK }],
    errors: &[Code::NotUtf8],
    ..EndpointDoc::NONE
};

pub const WAKE: EndpointDoc = EndpointDoc {
    id: "wakeRunner",
    summary: "wake a runner over a WebSocket",
    tag: Tag::Runners,
    description: "Each message is JSON: `{\"wake\": \"look\"}` if there is work, and `{\"wake\": \"cancelled\", \
                  \"project\": …, \"version\": …}`.",
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

/// The maximum size of the body.
const MAX_EVENT_BYTES: usize = 256 << 10;

/// The number of concurrent requests to Project objects.
const CONCURRENCY: usize = 20;

/// Passes each event to the object of its project.
pub async fn events(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    let bytes = body::read_json(&request.headers, request.take_body(), MAX_EVENT_BYTES).await?;
    let RunnerEvents { events } = body::parse(&bytes)?;
    if events.len() > MAX_EVENTS {
        let detail = format!("the request has {} events; the maximum is {MAX_EVENTS}", events.len());
        return Err(ApiError::invalid("events", detail));
    }
    let mut by_project: BTreeMap<ProjectId, Vec<RunnerEvent>> = BTreeMap::new();
    for event in events {
        by_project.entry(event.project.clone()).or_default().push(event);
    }
    // A lost hint is not a failure: the object finds the same in the bucket.
    let calls = stream::iter(by_project).map(async |(project, events)| {
        let _ = request.call_project(&project, TakeEvents(events)).await;
    });
    calls.buffer_unordered(CONCURRENCY).collect::<()>().await;
    Ok(ApiResponse::empty())
}

/// A WebSocket that tells runners about work.
pub async fn wake(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    request.require_handshake()?;
    ApiResponse::upgrade(&FleetTarget, Join)
}
