//! `POST /api/runner/events` and `GET /api/runner/wake`: the hints between runners and the Worker. With all of them
//! lost everything still works.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt};
use serde_json::{Value, json};

use super::code::Code;
use super::error::ApiError;
use super::live::SWITCHING;
use super::reply::Reply;
use super::request::Call;
use super::terms::{Answer, Content, Shape, Shown, Tag, Terms};
use super::upload::parse;
use crate::fleet::{FleetTarget, Join};
use crate::project::TakeEvents;
use contract::{MAX_EVENTS, ProjectId, RunnerEvent, RunnerEvents};

pub(super) const EVENTS: Terms = Terms {
    id: "sendRunnerEvents",
    tag: Tag::Runners,
    about: "Whoever gets a hint looks at the bucket; a false one costs a look and decides nothing.",
    takes: &[Content::Json(Shape::of::<RunnerEvents>())],
    answers: &[Answer { status: 204, about: "They were handed on.", ..Answer::OK }],
    errors: &[Code::NotUtf8],
    ..Terms::NONE
};

pub(super) const WAKE: Terms = Terms {
    id: "wakeRunner",
    tag: Tag::Runners,
    about: "Each message is JSON: `{\"wake\": \"look\"}` when there is work, and `{\"wake\": \"cancelled\", \"project\": …, \
            \"version\": …}`.",
    answers: &[SWITCHING],
    errors: &[Code::ForeignOrigin, Code::UpgradeRequired],
    ..Terms::NONE
};

impl Shown for RunnerEvents {
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
pub(super) const MAX_EVENT_BYTES: usize = 256 << 10;

/// How many projects are told at once.
const AT_ONCE: usize = 20;

/// Hands each event to the object of its project.
pub(super) async fn events(call: &Call<'_>) -> Result<Reply, ApiError> {
    let text = std::str::from_utf8(&call.body).map_err(|error| ApiError::not_utf8(error.valid_up_to()))?;
    let RunnerEvents { events } = parse(text)?;
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
pub(super) async fn wake(call: &Call<'_>) -> Result<Reply, ApiError> {
    call.require_handshake()?;
    Reply::upgrade(&FleetTarget, Join)
}
