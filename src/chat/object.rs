//! The object: answers the calls.

use std::cell::Cell;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;

use super::call::{ChatCall, ChatOperation, ChatRefusal, ChatTarget, ListMessages, StartTurn, StartedTurn};
use super::events;
use super::records::{Records, TURN_RETENTION};
use super::responses::{Forgotten, MessageList, TurnBody};
use super::subscribers::Subscribers;
use super::turn::{Turn, TurnState};
use crate::ai::{AiConfig, Role};
use crate::metrics::StoredOutbox;
use crate::object::{Alarm, CallError, Objects, Sql, SqlError, call, json, reply, respond};
use crate::project::{GetStatus, ProjectTarget, Refusal};
use contract::{Timestamp, TurnId};
use platform::{Body, Clock, ClockExt, Http, InFlight};
use s3::Bucket;

/// The `Chat` object. Its storage is its state.
pub struct ChatObject<'a> {
    pub sql: &'a dyn Sql,
    pub alarm: &'a dyn Alarm,
    pub http: &'a dyn Http,
    pub clock: &'a dyn Clock,
    pub objects: &'a dyn Objects,
    pub bucket: &'a Bucket,
    /// `None` if no model is configured: then every turn fails.
    pub ai: Option<&'a AiConfig>,
    pub memory: &'a ChatMemory,
}

/// The memory of one instance, which may be lost at any time.
#[derive(Debug, Default)]
pub struct ChatMemory {
    pub(super) subscribers: Subscribers,
    /// The open turn is being driven.
    pub(super) driving: InFlight,
    /// Nothing is removed before this time, because the last attempt failed.
    pub(super) removes_at: Cell<Option<Timestamp>>,
    /// This instance has set the alarm.
    is_armed: Cell<bool>,
    /// This instance has converted tables of earlier releases.
    is_migrated: Cell<bool>,
}

impl<'a> ChatObject<'a> {
    pub(super) fn records(&self) -> Records<'a> {
        Records { sql: self.sql }
    }

    /// Answers one call.
    pub async fn handle(&self, ChatCall { target, operation }: ChatCall) -> http::Response<Body> {
        let listens = matches!(operation, ChatOperation::Listen(_));
        let mut response = respond(self.answer(&target, operation).await);
        let is_stream = listens && response.status().is_success();
        let media_type = if is_stream { "text/event-stream" } else { "application/json" };
        response.headers_mut().insert("content-type", http::HeaderValue::from_static(media_type));
        response
    }

    /// Converts tables of earlier releases, once an instance.
    pub(super) fn migrate(&self) -> Result<(), SqlError> {
        if !self.memory.is_migrated.get() {
            self.records().migrate()?;
            self.memory.is_migrated.set(true);
        }
        Ok(())
    }

    /// Sets the alarm to the open turn's next step or, without one, to the next removal; or to the next sending of
    /// metrics if that is earlier.
    pub(super) async fn arm(&self) -> Result<(), ChatRefusal> {
        let due = match self.records().open()? {
            Some(turn) => Some(turn.due),
            None => self.next_removal()?,
        };
        self.alarm.set(due.into_iter().chain(StoredOutbox::new(self.sql).due()?).min()).await;
        Ok(())
    }

    /// The last events of a turn.
    pub(super) fn final_events(&self, turn: &Turn) -> Result<Vec<Bytes>, ChatRefusal> {
        let done = events::done_event(&self.body(turn)?);
        let error = (turn.state == TurnState::Failed).then(|| events::error_event(turn));
        Ok(error.into_iter().chain([done]).collect())
    }

    async fn answer(&self, target: &ChatTarget, operation: ChatOperation) -> Result<Body, ChatRefusal> {
        self.migrate()?;
        if !self.memory.is_armed.replace(true) {
            self.arm().await?;
        }
        // Users may remove their own messages, whoever owns the project now.
        let removed = match operation {
            ChatOperation::Forget(_) => self.records().forget(&target.caller.user)?,
            _ => 0,
        };
        if removed == 0 {
            self.require_access(target, &operation).await?;
        }
        match operation {
            ChatOperation::StartTurn(request) => reply(&request, self.start_turn(target, &request).await),
            ChatOperation::GetTurn(request) => self.get_turn(target, &request.turn, request.seconds).await,
            ChatOperation::Listen(request) => self.listen(target, &request.0),
            ChatOperation::ListMessages(request) => self.list_messages(target, &request),
            ChatOperation::Forget(_) => Ok(json(&Forgotten { success: true, project_name: &target.project, removed })),
        }
    }

    /// Requires that the project belongs to the caller or is free. The project's object decides.
    async fn require_access(&self, chat: &ChatTarget, operation: &ChatOperation) -> Result<(), ChatRefusal> {
        let ChatTarget { project, caller, request_id } = chat.clone();
        let target = ProjectTarget { project, caller, request_id };
        match (call(self.objects, &target, GetStatus).await, operation) {
            (Ok(_), _) => Ok(()),
            (Err(CallError::Refused(Refusal::NotFound)), ChatOperation::StartTurn(_)) => Err(ChatRefusal::NameTaken),
            (Err(CallError::Refused(Refusal::NotFound)), _) => Err(ChatRefusal::NotFound),
            (Err(CallError::Refused(other)), _) => {
                Err(ChatRefusal::Broken(format!("the project's object answers {other:?}")))
            }
            (Err(CallError::Failed(error)), _) => Err(ChatRefusal::Broken(error.to_string())),
        }
    }

    /// Starts a turn, unless it was started before or another one is open.
    async fn start_turn(&self, target: &ChatTarget, request: &StartTurn) -> Result<StartedTurn, ChatRefusal> {
        let (records, now) = (self.records(), self.clock.now());
        if let Some(idempotency) = &request.idempotency
            && let Some((turn, digest)) = records.keyed(&target.caller.user, idempotency)?
            && self.require_turn(target, &turn).is_ok()
        {
            let is_same = digest == idempotency.body;
            return if is_same { Ok(StartedTurn { turn, replayed: true }) } else { Err(ChatRefusal::KeyReused) };
        }
        if let Some(open) = records.open()? {
            return Err(ChatRefusal::Busy(open.id));
        }
        let turn = Turn::new(target, request, now);
        records.begin(&turn, request.idempotency.as_ref(), now)?;
        records.add_message(&turn, Role::User, &request.message, now)?;
        self.memory.subscribers.clear();
        self.arm().await?;
        Ok(StartedTurn { turn: turn.id, replayed: false })
    }

    /// The caller's turn, unless it ended too long ago. Its row may exist for longer.
    fn require_turn(&self, target: &ChatTarget, turn: &TurnId) -> Result<Turn, ChatRefusal> {
        let now = self.clock.now();
        let found = self.records().turn(turn, &target.caller.user)?;
        let found = found.filter(|turn| turn.ended_at().is_none_or(|ended_at| now < ended_at.after(TURN_RETENTION)));
        found.ok_or_else(|| ChatRefusal::NoTurn(turn.clone()))
    }

    /// The turn's state, once its script is uploaded, or the turn has ended, or `seconds` have passed.
    async fn get_turn(&self, target: &ChatTarget, id: &TurnId, seconds: u32) -> Result<Body, ChatRefusal> {
        let until = self.clock.now().after(Duration::from_secs(seconds.into()));
        loop {
            let turn = self.require_turn(target, id)?;
            let left = until.since(self.clock.now());
            let waits = matches!(turn.state, TurnState::Generating | TurnState::Uploading) && !left.is_zero();
            // If too many calls wait, this one is answered at once.
            let change = if waits { self.memory.subscribers.wait() } else { None };
            let Some(change) = change else { return Ok(json(&self.body(&turn)?)) };
            self.clock.timeout(left, change).await;
        }
    }

    /// The events up to the turn's present state, then each event until its end.
    fn listen(&self, target: &ChatTarget, id: &TurnId) -> Result<Body, ChatRefusal> {
        let turn = self.require_turn(target, id)?;
        let past = futures::stream::iter(self.past_events(&turn)?.into_iter().map(Ok));
        if turn.state.is_final() {
            return Ok(Body::from_stream(past));
        }
        let next = self.memory.subscribers.subscribe().ok_or(ChatRefusal::TooManyListeners)?;
        Ok(Body::from_stream(past.chain(next.map(Ok))))
    }

    fn list_messages(&self, target: &ChatTarget, request: &ListMessages) -> Result<Body, ChatRefusal> {
        let (records, user, limit) = (self.records(), &target.caller.user, request.limit as usize);
        let mut messages = records.page(user, request.before, request.limit.saturating_add(1))?;
        let has_more = messages.len() > limit;
        messages.truncate(limit);
        let next_cursor = messages.last().filter(|_| has_more).map(|oldest| oldest.number);
        let (project_name, total_messages) = (&target.project, records.count(user)?);
        Ok(json(&MessageList { success: true, project_name, messages, total_messages, next_cursor }))
    }

    /// The events that describe a turn's present state.
    fn past_events(&self, turn: &Turn) -> Result<Vec<Bytes>, ChatRefusal> {
        let subscribers = &self.memory.subscribers;
        let mut past = vec![events::turn_event(turn), events::state_event(turn)];
        if turn.state == TurnState::Generating {
            let text = subscribers.text();
            past.extend((!text.is_empty()).then(|| events::text_event(&text)));
            return Ok(past);
        }
        if turn.script.is_some() {
            past.push(events::script_event(turn));
        }
        if turn.version.is_some() && turn.state != TurnState::Uploading {
            past.push(events::version_event(turn));
        }
        if turn.state.is_final() {
            past.extend(self.final_events(turn)?);
        } else if !subscribers.status.borrow().is_empty() {
            past.push(events::status_event(&subscribers.status.borrow()));
        }
        Ok(past)
    }

    fn body<'b>(&self, turn: &'b Turn) -> Result<TurnBody<'b>, ChatRefusal> {
        Ok(TurnBody::new(turn, self.records().last_answer(&turn.id)?))
    }
}
