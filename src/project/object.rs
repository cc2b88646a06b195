//! The object: dispatches the calls and keeps the records and the alarm up to date.

use std::time::Duration;

use super::memory::Memory;
use super::records::{Records, Single};
use super::request::{ListVersions, Operation, ProjectCall, ProjectTarget, Refusal};
use super::transitions::{self, Ownership};
use super::view::{ScriptView, VersionPage, VersionView};
use super::watch::WATCHED_PAUSE;
use crate::metrics::StoredOutbox;
use crate::object::{Alarm, Objects, Sockets, Sql, reply, respond};
use contract::{ProjectId, Timestamp, Version};
use platform::{Body, Clock, Http};
use s3::{Bucket, Client, RetryPolicy};

/// The limit for each request to the bucket before a read: a person waits for the read.
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(4);

/// The platform of the object.
#[derive(Clone, Copy)]
pub struct ProjectPlatform<'a> {
    pub sql: &'a dyn Sql,
    pub alarm: &'a dyn Alarm,
    pub sockets: &'a dyn Sockets,
    pub http: &'a dyn Http,
    pub clock: &'a dyn Clock,
    pub objects: &'a dyn Objects,
    pub bucket: &'a Bucket,
}

/// The `Project` object. Its storage is its state.
pub struct ProjectObject<'a> {
    pub(super) sql: &'a dyn Sql,
    pub(super) alarm: &'a dyn Alarm,
    pub(super) sockets: &'a dyn Sockets,
    pub(super) http: &'a dyn Http,
    pub(super) clock: &'a dyn Clock,
    pub(super) objects: &'a dyn Objects,
    pub(super) bucket: &'a Bucket,
    pub(super) memory: &'a Memory,
    retry_policy: RetryPolicy,
}

impl<'a> ProjectObject<'a> {
    pub fn new(platform: ProjectPlatform<'a>, memory: &'a Memory) -> Self {
        let ProjectPlatform { sql, alarm, sockets, http, clock, objects, bucket } = platform;
        Self { sql, alarm, sockets, http, clock, objects, bucket, memory, retry_policy: RetryPolicy::default() }
    }

    pub(super) fn records(&self) -> Records<'a> {
        Records::new(self.sql)
    }

    pub(super) fn client(&self) -> Client<'a> {
        Client::new(self.http, self.clock, self.bucket).with_retry_policy(self.retry_policy)
    }

    /// The same object with a limit for each of its requests to the bucket, retries included.
    pub(super) fn with_request_timeout(&self, timeout: Duration) -> Self {
        Self { retry_policy: RetryPolicy::within(timeout), ..*self }
    }

    /// Answers one call.
    pub async fn handle(&self, ProjectCall { target, operation }: ProjectCall) -> http::Response<Body> {
        respond(self.answer(&target, operation).await)
    }

    async fn answer(&self, call: &ProjectTarget, operation: Operation) -> Result<Body, Refusal> {
        if let Operation::TakeEvents(request) = &operation {
            return reply(request, self.take_events(call, &request.0).await);
        }
        if !self.memory.is_armed.replace(true) {
            self.arm().await?;
        }
        let answer = self.dispatch(call, operation).await;
        // The caller gets the answer even if the subscribers get no news.
        let _ = self.notify(&call.project).await;
        answer
    }

    async fn dispatch(&self, call: &ProjectTarget, operation: Operation) -> Result<Body, Refusal> {
        use Operation::{AssignOwner, UploadScript, WaitForStatus};
        if !matches!(operation, AssignOwner(_) | UploadScript(_) | WaitForStatus(_)) {
            self.refresh_for_read(call).await?;
        }
        let records = self.records();
        match operation {
            Operation::UploadScript(request) => reply(&request, self.upload(call, &request).await),
            Operation::RetryVersion(request) => reply(&request, self.retry(call, &request).await),
            Operation::CancelVersion(request) => reply(&request, self.cancel(call, request.0).await),
            Operation::AssignOwner(request) => reply(&request, self.transfer(call, &request.owner).await),
            Operation::GetStatus(request) => reply(&request, self.status_for(call).await),
            Operation::WaitForStatus(request) => reply(&request, self.wait(call, &request).await),
            Operation::Watch(request) => {
                self.require_visible_status(call)?;
                self.require_room_for_watcher()?;
                reply(&request, self.status_for(call).await)
            }
            Operation::ListVersions(request) => {
                self.require_owner(call)?;
                reply(&request, self.page(&request))
            }
            Operation::GetVersion(request) => {
                self.require_owner(call)?;
                reply(&request, Ok(records.version(request.0)?))
            }
            Operation::GetScript(request) => {
                self.require_owner(call)?;
                let held = records.held_script(request.0)?;
                reply(&request, Ok(records.version(request.0)?.map(|view| ScriptView { view, held })))
            }
            Operation::GetNewestCompleted(request) => {
                self.require_owner(call)?;
                reply(&request, Ok(records.newest_completed()?))
            }
            // `answer` has handled it.
            Operation::TakeEvents(request) => reply(&request, Ok(())),
        }
    }

    fn page(&self, ListVersions { before, limit }: &ListVersions) -> Result<VersionPage, Refusal> {
        let records = self.records();
        let mut versions = records.page(*before, limit.saturating_add(1))?;
        let more = versions.len() > *limit as usize;
        versions.truncate(*limit as usize);
        Ok(VersionPage { versions, total: records.single_number(Single::Total)?.unwrap_or(0), more })
    }

    pub(super) fn require_owner(&self, call: &ProjectTarget) -> Result<(), Refusal> {
        match transitions::ownership(self.records(), &call.caller)? {
            Ownership::Own => Ok(()),
            Ownership::Free | Ownership::Other => Err(Refusal::NotFound),
        }
    }

    /// Any version of the caller's.
    pub(super) fn require_owned(&self, call: &ProjectTarget, version: Version) -> Result<VersionView, Refusal> {
        self.require_owner(call)?;
        self.records().version(version)?.ok_or(Refusal::NoVersion(version))
    }

    /// A version of the caller's, to be changed.
    ///
    /// # Errors
    /// [`Refusal::Moved`] for a number that leads to another one: the caller may mean the version that was given this
    /// number, or the other writer's script that has it now.
    pub(super) fn require_current(&self, call: &ProjectTarget, version: Version) -> Result<VersionView, Refusal> {
        let view = self.require_owned(call, version)?;
        match view.moved_to {
            Some(to) => Err(Refusal::Moved(version, to)),
            None => Ok(view),
        }
    }

    /// Any user may see the status of a free name.
    pub(super) fn require_visible_status(&self, call: &ProjectTarget) -> Result<(), Refusal> {
        match transitions::ownership(self.records(), &call.caller)? {
            Ownership::Free | Ownership::Own => Ok(()),
            Ownership::Other => Err(Refusal::NotFound),
        }
    }

    /// Brings the records up to date before a read, unless that was done a moment ago. If the bucket does not answer, the
    /// read uses the records as they are. The bucket then gets no second request, so that a silent one costs one wait.
    pub(super) async fn refresh_for_read(&self, call: &ProjectTarget) -> Result<(), Refusal> {
        let (freshness, now) = (&self.memory.freshness, self.clock.now());
        if transitions::ownership(self.records(), &call.caller)? == Ownership::Other {
            return Ok(());
        }
        let in_time = self.with_request_timeout(READ_TIMEOUT);
        if freshness.start_external_search(now) && !in_time.find_external_uploads(&call.project, &call.caller).await? {
            freshness.set_given_up(self.clock.now());
            self.memory.bucket.answers.set(false);
        }
        if transitions::record_first_admin(self.records(), &call.caller)? {
            self.update_accounts(&call.project).await;
            self.arm().await?;
        }
        if freshness.needs_refresh(now) && in_time.refresh(&call.project).await? {
            self.arm().await?;
        }
        Ok(())
    }

    /// Sets the alarm to the time when the records say it is due, or earlier if there are watchers.
    pub(super) async fn arm(&self) -> Result<(), Refusal> {
        self.arm_within((self.sockets.count() > 0).then_some(WATCHED_PAUSE), None).await
    }

    /// Sets the alarm. With `pause` and an open version, the alarm rings at most that long after the last refresh. With
    /// `until`, it rings no later than that. Closes the WebSockets whose time is over.
    pub(super) async fn arm_within(&self, pause: Option<Duration>, until: Option<Timestamp>) -> Result<(), Refusal> {
        let now = self.clock.now();
        let mut due = transitions::due(self.records())?;
        if let (Some(at), Some(pause)) = (due, pause)
            && self.records().any_open()?
        {
            let next = self.memory.freshness.last_attempt().map_or(now, |last| last.after(pause));
            due = Some(at.min(next.max(now)));
        }
        let close = self.sockets.close_due(now);
        let due = due.into_iter().chain(close).chain(until).chain(StoredOutbox::new(self.sql).due()?).min();
        self.alarm.set(due).await;
        Ok(())
    }

    /// The project's name, as the records hold it.
    pub(super) fn project(&self) -> Result<Option<ProjectId>, Refusal> {
        if !self.records().exist()? {
            return Ok(None);
        }
        Ok(self.records().single(Single::Project)?.and_then(|name| name.parse().ok()))
    }
}
