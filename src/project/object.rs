//! The object: answers the calls.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::call::{ListVersions, Operation, ProjectCall, ProjectTarget, Refusal, ScriptView, VersionPage, VersionView};
use super::hints::Hints;
use super::life::{self, Standing};
use super::live::{Live, WATCHED_PAUSE};
use super::records::{Records, Single};
use super::repair::Repairs;
use crate::metrics::StoredOutbox;
use crate::object::{Alarm, Objects, Sockets, Sql, reply, respond};
use contract::{ProjectId, Timestamp, UploadId, Version};
use platform::{Body, Clock, Http};
use s3::{Bucket, Client, RetryPolicy};

/// A look at the bucket is at least this old before a read causes another, in milliseconds.
pub(super) const FRESH_MILLIS: i64 = 1_000;

/// How long one request of a look may take in all: a person waits for the read that it precedes.
pub(super) const LOOK_PATIENCE: Duration = Duration::from_secs(4);

/// What is under way for longer than this was broken off: a request whose caller is gone may never go on. No chain of
/// tries takes that long.
const UNDER_WAY_MILLIS: i64 = 300_000;

/// The same for a look at the bucket, which others wait for. Two at once cost requests, nothing else.
const LOOK_MILLIS: i64 = 60_000;

/// Whether something that began then is still under way.
pub(super) fn is_under_way(began: Option<Timestamp>, now: Timestamp) -> bool {
    began.is_some_and(|began| now.as_millis() - began.as_millis() < UNDER_WAY_MILLIS)
}

/// The `Project` object. Its storage is its state; what it keeps in memory only saves work.
pub struct ProjectObject<'a> {
    pub(super) sql: &'a dyn Sql,
    pub(super) alarm: &'a dyn Alarm,
    pub(super) sockets: &'a dyn Sockets,
    pub(super) http: &'a dyn Http,
    pub(super) clock: &'a dyn Clock,
    pub(super) objects: &'a dyn Objects,
    pub(super) bucket: &'a Bucket,
    pub(super) memory: &'a Memory,
    /// How long a request to the bucket may take.
    patience: RetryPolicy,
}

/// What an instance remembers between calls and may forget at any time.
#[derive(Debug, Default)]
pub struct Memory {
    /// The store passed the probe.
    pub(super) store_is_fit: Cell<bool>,
    /// Uploads on their way to the bucket and since when, which nobody else delivers meanwhile.
    pub(super) delivering: RefCell<HashMap<UploadId, Timestamp>>,
    /// When the bucket last kept an upload waiting for nothing.
    pub(super) silent_at: Cell<Option<Timestamp>>,
    /// Versions that have a ticket and may have a report all the same: the next look asks for it.
    pub(super) unclear: RefCell<HashSet<Version>>,
    /// A look at the bucket is under way since then.
    pub(super) looking: Cell<Option<Timestamp>>,
    /// When the bucket was last looked at for versions in flight.
    pub(super) looked_at: Cell<Option<Timestamp>>,
    /// Somebody works on the flat path since then.
    pub(super) flat: Cell<Option<Timestamp>>,
    /// The newest version that other software has marked as processed, as last seen.
    pub(super) newest_marked: Cell<Option<Version>>,
    /// When the bucket was last asked for versions that others put there.
    pub(super) asked_at: Cell<Option<Timestamp>>,
    /// When the alarm rang last.
    pub(super) rang_at: Cell<Option<Timestamp>>,
    /// The last question to the bucket was answered.
    pub(super) bucket_answers: Cell<bool>,
    /// What runners say.
    pub(super) hints: Hints,
    /// What the conversation says.
    pub(super) repairs: Repairs,
    /// Who wants to know.
    pub(super) live: Live,
    /// The alarm was armed since this instance woke.
    armed: Cell<bool>,
}

impl<'a> ProjectObject<'a> {
    /// The object over its platform.
    pub fn new(
        (sql, alarm, sockets): (&'a dyn Sql, &'a dyn Alarm, &'a dyn Sockets),
        (http, clock): (&'a dyn Http, &'a dyn Clock),
        objects: &'a dyn Objects,
        bucket: &'a Bucket,
        memory: &'a Memory,
    ) -> Self {
        Self { sql, alarm, sockets, http, clock, objects, bucket, memory, patience: RetryPolicy::default() }
    }

    pub(super) fn records(&self) -> Records<'a> {
        Records::new(self.sql)
    }

    pub(super) fn client(&self) -> Client<'a> {
        Client::new(self.http, self.clock, self.bucket).with_retry_policy(self.patience)
    }

    /// Answers one call.
    pub async fn handle(&self, ProjectCall { target, operation }: ProjectCall) -> http::Response<Body> {
        respond(self.answer(&target, operation).await)
    }

    async fn answer(&self, call: &ProjectTarget, operation: Operation) -> Result<Body, Refusal> {
        if let Operation::TakeEvents(request) = &operation {
            return reply(request, self.hint(call, &request.0).await);
        }
        if !self.memory.armed.replace(true) {
            self.arm().await?;
        }
        let answer = self.dispatch(call, operation).await;
        // The caller gets the answer whether or not the watchers are told.
        let _ = self.tell(&call.project).await;
        answer
    }

    async fn dispatch(&self, call: &ProjectTarget, operation: Operation) -> Result<Body, Refusal> {
        use Operation::{AssignOwner, UploadScript, WaitForStatus};
        if !matches!(operation, AssignOwner(_) | UploadScript(_) | WaitForStatus(_)) {
            self.look(call).await?;
        }
        let records = self.records();
        match operation {
            Operation::UploadScript(request) => {
                let patience = request.patience_ms.map(Duration::from_millis);
                reply(&request, self.upload(call, &request.script, request.idempotency.as_ref(), patience).await)
            }
            Operation::RetryVersion(request) => {
                reply(&request, self.retry(call, request.version, request.idempotency.as_ref()).await)
            }
            Operation::CancelVersion(request) => reply(&request, self.cancel(call, request.0).await),
            Operation::AssignOwner(request) => reply(&request, self.assign(call, &request.owner).await),
            Operation::GetStatus(request) => reply(&request, self.status_of(call).await),
            Operation::Watch(request) => {
                self.may_see_status(call)?;
                self.may_watch()?;
                reply(&request, self.status_of(call).await)
            }
            Operation::WaitForStatus(request) => {
                if let Some(turn) = &request.turn {
                    self.note_repair(call, turn, request.repairs)?;
                }
                reply(&request, self.wait(call, request.seconds, request.turn.is_some()).await)
            }
            Operation::ListVersions(request) => {
                self.require_theirs(call)?;
                reply(&request, self.page(&request))
            }
            Operation::GetVersion(request) => {
                self.require_theirs(call)?;
                reply(&request, Ok(records.version(request.0)?))
            }
            Operation::GetScript(request) => {
                self.require_theirs(call)?;
                let held = records.held(request.0)?;
                reply(&request, Ok(records.version(request.0)?.map(|view| ScriptView { view, held })))
            }
            Operation::GetNewestCompleted(request) => {
                self.require_theirs(call)?;
                reply(&request, Ok(records.newest_completed()?))
            }
            // Answered before anything else.
            Operation::TakeEvents(request) => reply(&request, Ok(())),
        }
    }

    /// The same object, whose requests to the bucket each take no longer than `patience`.
    pub(super) fn hasty(&self, patience: Duration) -> Self {
        Self { patience: RetryPolicy::within(patience), ..*self }
    }

    /// The caller's version, for a call that changes something.
    ///
    /// # Errors
    /// [`Refusal::Moved`] for a number that led to another: who names it may mean the version that it was promised to,
    /// or the stranger's script.
    pub(super) fn unmoved(&self, call: &ProjectTarget, version: Version) -> Result<VersionView, Refusal> {
        let view = self.theirs(call, version)?;
        match view.moved_to {
            Some(to) => Err(Refusal::Moved(version, to)),
            None => Ok(view),
        }
    }

    /// The caller's version, whatever it is.
    pub(super) fn theirs(&self, call: &ProjectTarget, version: Version) -> Result<VersionView, Refusal> {
        self.require_theirs(call)?;
        self.records().version(version)?.ok_or(Refusal::NoVersion(version))
    }

    /// Brings the records up to date before a read, unless that was done a moment ago. A bucket that cannot be
    /// reached does not stop a read: the records are what is known. Nor is it asked a second question then, so that a
    /// silent one costs one wait.
    pub(super) async fn look(&self, call: &ProjectTarget) -> Result<(), Refusal> {
        let now = self.clock.now();
        let stale =
            |at: Option<Timestamp>, millis: i64| at.is_none_or(|at| (now.as_millis() - at.as_millis()) >= millis);
        if life::standing(self.records(), &call.caller)? == Standing::Foreign {
            return Ok(());
        }
        let hasty = self.hasty(LOOK_PATIENCE);
        if stale(self.memory.asked_at.get(), 3 * FRESH_MILLIS) {
            self.memory.asked_at.set(Some(now));
            if !hasty.look_for_foreign(&call.project, &call.caller).await? {
                let given_up = Some(self.clock.now());
                self.memory.asked_at.set(given_up);
                self.memory.looked_at.set(given_up);
                self.memory.bucket_answers.set(false);
            }
        }
        if life::meet_admin(self.records(), &call.caller)? {
            self.register(&call.project).await;
            self.arm().await?;
        }
        if stale(self.memory.looked_at.get(), FRESH_MILLIS) && hasty.refresh(&call.project).await? {
            self.arm().await?;
        }
        Ok(())
    }

    /// Whether a read has to look first.
    pub(super) fn is_stale(&self) -> bool {
        let now = self.clock.now().as_millis();
        self.memory.looked_at.get().is_none_or(|at| now - at.as_millis() >= FRESH_MILLIS)
    }

    /// Whether a look at the bucket is under way.
    pub(super) fn is_looking(&self) -> bool {
        let now = self.clock.now().as_millis();
        self.memory.looking.get().is_some_and(|began| now - began.as_millis() < LOOK_MILLIS)
    }

    /// The status of a free name is anybody's to see.
    pub(super) fn may_see_status(&self, call: &ProjectTarget) -> Result<(), Refusal> {
        match life::standing(self.records(), &call.caller)? {
            Standing::Free | Standing::Theirs => Ok(()),
            Standing::Foreign => Err(Refusal::NotFound),
        }
    }

    fn require_theirs(&self, call: &ProjectTarget) -> Result<(), Refusal> {
        match life::standing(self.records(), &call.caller)? {
            Standing::Theirs => Ok(()),
            Standing::Free | Standing::Foreign => Err(Refusal::NotFound),
        }
    }

    fn page(&self, ListVersions { before, limit }: &ListVersions) -> Result<VersionPage, Refusal> {
        let records = self.records();
        let mut versions = records.page(*before, limit.saturating_add(1))?;
        let more = versions.len() > *limit as usize;
        versions.truncate(*limit as usize);
        Ok(VersionPage { versions, total: records.single_number(Single::Total)?.unwrap_or(0), more })
    }

    /// Sets the alarm to when the records say that it is due, or sooner while somebody watches.
    pub(super) async fn arm(&self) -> Result<(), Refusal> {
        self.arm_within((self.sockets.count() > 0).then_some(WATCHED_PAUSE), None).await
    }

    /// The same; with `pause`, no later than so long after the last look while any version is open; with `until`, no
    /// later than then. The WebSockets whose time is over are closed on the way.
    pub(super) async fn arm_within(&self, pause: Option<Duration>, until: Option<Timestamp>) -> Result<(), Refusal> {
        let mut due = life::due(self.records())?;
        if let (Some(at), Some(pause)) = (due, pause)
            && self.records().any_open()?
        {
            let now = self.clock.now();
            // An alarm that finds a look under way does not look.
            let last = self.memory.looked_at.get().max(self.memory.rang_at.get());
            let next = last.map_or(now, |last| last.after(pause));
            due = Some(at.min(next.max(now)));
        }
        let closing = self.sockets.close_due(self.clock.now()).into_iter().chain(until).min();
        due = due.into_iter().chain(closing).chain(StoredOutbox::new(self.sql).due()?).min();
        self.alarm.set(due).await;
        Ok(())
    }

    /// The project's name, as the object remembers it.
    pub(super) fn project(&self) -> Result<Option<ProjectId>, Refusal> {
        if !self.records().exist()? {
            return Ok(None);
        }
        Ok(self.records().single(Single::Project)?.and_then(|name| name.parse().ok()))
    }
}
