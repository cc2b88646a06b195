//! The object: answers the calls.

use std::cell::Cell;
use std::time::Duration;

use futures::StreamExt;
use futures::future::select;

use super::call::{ChatCall, ChatOperation, ChatRefusal, ChatTarget, ListMessages, Said, Say};
use super::live::Live;
use super::records::{KEPT, Records};
use super::turn::{Turn, TurnState, TurnUsage};
use super::words::{self, Forgotten, MessageList, TurnBody};
use crate::ai::{AiConfig, Role};
use crate::figures::Outbox;
use crate::object::{Alarm, CallError, Objects, Sql, call, json, reply, respond};
use crate::project::{GetStatus, ProjectTarget, Refusal};
use contract::{ProjectId, Timestamp, TurnId};
use platform::{Body, Clock, Http};
use s3::Bucket;

/// The `Chat` object. Its storage is its state.
pub struct ChatObject<'a> {
    pub(super) sql: &'a dyn Sql,
    pub(super) alarm: &'a dyn Alarm,
    pub(super) http: &'a dyn Http,
    pub(super) clock: &'a dyn Clock,
    pub(super) objects: &'a dyn Objects,
    pub(super) bucket: &'a Bucket,
    /// None where no model is configured.
    pub(super) ai: Option<&'a AiConfig>,
    pub(super) memory: &'a ChatMemory,
}

/// What an instance remembers between calls and may forget at any time.
#[derive(Debug, Default)]
pub struct ChatMemory {
    pub(super) live: Live,
    /// Somebody drives the open turn since then.
    pub(super) driving: Cell<Option<Timestamp>>,
    /// Nothing is removed before then: it could not be done just now.
    pub(super) removes_at: Cell<Option<Timestamp>>,
    /// The alarm was armed since this instance woke.
    armed: Cell<bool>,
}

impl<'a> ChatObject<'a> {
    /// The object over its platform; without `ai` no turn gets an answer.
    pub fn new(
        (sql, alarm): (&'a dyn Sql, &'a dyn Alarm),
        (http, clock): (&'a dyn Http, &'a dyn Clock),
        objects: &'a dyn Objects,
        (bucket, ai): (&'a Bucket, Option<&'a AiConfig>),
        memory: &'a ChatMemory,
    ) -> Self {
        Self { sql, alarm, http, clock, objects, bucket, ai, memory }
    }

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

    async fn answer(&self, call: &ChatTarget, operation: ChatOperation) -> Result<Body, ChatRefusal> {
        if !self.memory.armed.replace(true) {
            self.arm().await?;
        }
        // What somebody has said stays theirs to remove, whoever owns the project by now.
        let removed = match operation {
            ChatOperation::Forget(_) => self.records().forget(&call.caller.user)?,
            _ => 0,
        };
        if removed == 0 {
            self.require_standing(call, &operation).await?;
        }
        match operation {
            ChatOperation::Say(request) => reply(&request, self.say(call, &request).await),
            ChatOperation::GetTurn(request) => self.turn(call, &request.turn, request.seconds).await,
            ChatOperation::Listen(request) => self.listen(call, &request.0),
            ChatOperation::ListMessages(request) => self.messages(call, &request),
            ChatOperation::Forget(_) => Ok(json(&Forgotten { success: true, project_name: &call.project, removed })),
        }
    }

    fn messages(&self, call: &ChatTarget, ListMessages { before, limit }: &ListMessages) -> Result<Body, ChatRefusal> {
        let user = &call.caller.user;
        let mut messages = self.records().page(user, *before, limit.saturating_add(1))?;
        let more = messages.len() > *limit as usize;
        messages.truncate(*limit as usize);
        let next_cursor = messages.last().filter(|_| more).map(|oldest| oldest.number);
        let total_messages = self.records().count(user)?;
        let project_name = &call.project;
        Ok(json(&MessageList { success: true, project_name, messages, total_messages, next_cursor }))
    }

    /// Whoever calls may use the name: it is theirs, or nobody's. The project's object knows.
    async fn require_standing(&self, chat: &ChatTarget, operation: &ChatOperation) -> Result<(), ChatRefusal> {
        let ChatTarget { project, caller, request_id } = chat.clone();
        let target = ProjectTarget { project, caller, request_id };
        match (call(self.objects, &target, GetStatus).await, operation) {
            (Ok(_), _) => Ok(()),
            (Err(CallError::Refused(Refusal::NotFound)), ChatOperation::Say(_)) => Err(ChatRefusal::NameTaken),
            (Err(CallError::Refused(Refusal::NotFound)), _) => Err(ChatRefusal::NotFound),
            (Err(CallError::Refused(other)), _) => {
                Err(ChatRefusal::Broken(format!("the project's object answers {other:?}")))
            }
            (Err(CallError::Failed(error)), _) => Err(ChatRefusal::Broken(error.to_string())),
        }
    }

    /// Begins a turn, unless it was begun before or another is open.
    async fn say(
        &self,
        call: &ChatTarget,
        Say { message, context, repairs, idempotency }: &Say,
    ) -> Result<Said, ChatRefusal> {
        let (records, now, user) = (self.records(), self.clock.now(), &call.caller.user);
        if let Some(idempotency) = idempotency
            && let Some((turn, body)) = records.keyed(user, idempotency)?
            && self.theirs(call, &turn).is_ok()
        {
            return if body == idempotency.body {
                Ok(Said { turn, replayed: true })
            } else {
                Err(ChatRefusal::KeyReused)
            };
        }
        if let Some((_, open)) = records.open()? {
            return Err(ChatRefusal::Busy(open.id));
        }
        let turn = Turn {
            id: TurnId::random(),
            user: user.clone(),
            admin: call.caller.admin,
            request_id: call.request_id.clone(),
            message: message.clone(),
            context: context.clone(),
            repairs: *repairs,
            state: TurnState::Generating,
            repair: 0,
            asked: 0,
            troubles: 0,
            parent: None,
            version: None,
            script: None,
            suggestions: Vec::new(),
            written_by: None,
            error: None,
            repair_error: None,
            seen: String::new(),
            usage: TurnUsage::default(),
            due: now,
            began_at: now,
            state_at: now,
            ended_at: None,
        };
        records.create()?;
        records.begin(&call.project, &turn, idempotency.as_ref(), now)?;
        records.say(&turn, Role::User, message, now)?;
        self.memory.live.begin_answer();
        self.arm().await?;
        Ok(Said { turn: turn.id, replayed: false })
    }

    /// The caller's turn, if it is not over for longer than it is kept, whenever its row goes.
    fn theirs(&self, call: &ChatTarget, turn: &TurnId) -> Result<Turn, ChatRefusal> {
        let found = self.records().turn(turn, &call.caller.user)?;
        let found = found.filter(|turn| !turn.state.is_final() || self.clock.now() < turn.state_at.after(KEPT));
        found.ok_or_else(|| ChatRefusal::NoTurn(turn.clone()))
    }

    /// Where a turn stands once its script is uploaded or it has ended, or `seconds` have passed.
    async fn turn(&self, call: &ChatTarget, id: &TurnId, seconds: u32) -> Result<Body, ChatRefusal> {
        let until = self.clock.now().after(Duration::from_secs(seconds.into()));
        loop {
            let turn = self.theirs(call, id)?;
            let left = until.since(self.clock.now());
            let waits = matches!(turn.state, TurnState::Generating | TurnState::Uploading) && !left.is_zero();
            // Where too many wait, the answer comes at once.
            let told = if waits { self.memory.live.wait() } else { None };
            let Some(told) = told else { return Ok(json(&self.body(&call.project, &turn)?)) };
            select(told, self.clock.sleep(left)).await;
        }
    }

    /// What is so now, then each event to the turn's end.
    fn listen(&self, call: &ChatTarget, id: &TurnId) -> Result<Body, ChatRefusal> {
        let turn = self.theirs(call, id)?;
        let now = self.so_far(&call.project, &turn)?;
        let now = futures::stream::iter(now.into_iter().map(Ok));
        if turn.state.is_final() {
            return Ok(Body::from_stream(now));
        }
        let told = self.memory.live.join().ok_or(ChatRefusal::TooManyListeners)?;
        Ok(Body::from_stream(now.chain(told.map(Ok))))
    }

    /// The events that tell where a turn stands.
    fn so_far(&self, project: &ProjectId, turn: &Turn) -> Result<Vec<bytes::Bytes>, ChatRefusal> {
        let mut events = vec![words::turn_event(project, turn), words::state_event(turn)];
        let text = self.memory.live.text();
        if turn.state == TurnState::Generating {
            if !text.is_empty() {
                events.push(words::text_event(&text));
            }
            return Ok(events);
        }
        if turn.script.is_some() {
            events.push(words::script_event(turn));
        }
        if turn.version.is_some() && turn.state != TurnState::Uploading {
            events.push(words::version_event(project, turn));
        }
        if turn.state.is_final() {
            events.extend(self.ending(project, turn)?);
        } else if !self.memory.live.status.borrow().is_empty() {
            events.push(words::status_event(&self.memory.live.status.borrow()));
        }
        Ok(events)
    }

    /// The last events of a turn.
    pub(super) fn ending(&self, project: &ProjectId, turn: &Turn) -> Result<Vec<bytes::Bytes>, ChatRefusal> {
        let done = words::done_event(&self.body(project, turn)?);
        let error = (turn.state == TurnState::Failed).then(|| words::error_event(turn));
        Ok(error.into_iter().chain([done]).collect())
    }

    fn body<'b>(&self, project: &'b ProjectId, turn: &'b Turn) -> Result<TurnBody<'b>, ChatRefusal> {
        Ok(TurnBody::new(project, turn, self.records().last_answer(&turn.id)?))
    }

    /// Sets the alarm to when the open turn's next step is due, or where none is open to when something is to go; to when
    /// figures are to be told, where that is before.
    pub(super) async fn arm(&self) -> Result<(), ChatRefusal> {
        let due = match self.records().open()? {
            Some((_, turn)) => Some(turn.due),
            None => self.next_removal()?,
        };
        self.alarm.set(due.into_iter().chain(Outbox::new(self.sql).due()?).min()).await;
        Ok(())
    }
}
