//! The object's alarm: drives the open turn, step by step, to its end.

use std::time::Duration;

use futures::future::{Either, select};
use serde::de::DeserializeOwned;

use super::call::ChatRefusal;
use super::events;
use super::object::ChatObject;
use super::turn::{Turn, TurnState};
use crate::object::{CallError, ObjectRequest, SqlError, call, post};
use crate::project::{Caller, ProjectTarget, Refusal, WaitForStatus};
use contract::{JobError, Version};

/// When the alarm rings again if this one breaks off.
const NEXT_ALARM: Duration = Duration::from_secs(30);

/// After this time an alarm leaves the next step to the next alarm. The platform ends an alarm after 15 minutes, and a
/// call of the model may take 8.
const MAX_ALARM: Duration = Duration::from_secs(300);

/// An alarm that has worked for longer than this was broken off, because the platform ends it before.
const MAX_DRIVE: Duration = Duration::from_secs(1_200);

/// The longest silence of an event stream.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// Why a step was not done.
pub(super) enum StepError {
    /// A transient failure: the step is retried.
    Retry(String),
    /// The turn ends with this error.
    Fail(Box<JobError>),
    /// The object's own storage failed.
    Storage(SqlError),
}

impl StepError {
    /// The turn ends with this error. The message ends with a period.
    pub fn fail(code: &str, message: &str) -> Self {
        Self::Fail(Box::new(JobError::new(code, message)))
    }
}

impl From<SqlError> for StepError {
    fn from(error: SqlError) -> Self {
        Self::Storage(error)
    }
}

impl From<CallError<Refusal>> for StepError {
    fn from(error: CallError<Refusal>) -> Self {
        let refusal = match error {
            CallError::Failed(error) => return Self::Retry(error.to_string()),
            CallError::Refused(refusal) => refusal,
        };
        match refusal {
            Refusal::NameTaken | Refusal::NotFound => {
                Self::fail("name_taken", "The project's name belongs to another user now.")
            }
            Refusal::NoMoreVersions => {
                Self::fail("no_more_versions", "The project has reached the last version number.")
            }
            Refusal::BucketRefuses(why) => {
                let message = format!("The bucket refuses this service ({why}), so the script was not uploaded.");
                Self::fail("bucket_refuses", &message)
            }
            Refusal::BucketUnavailable(why) | Refusal::Indeterminate(why) | Refusal::Broken(why) => Self::Retry(why),
            other => Self::Retry(format!("the project's object answers {other:?}")),
        }
    }
}

impl ChatObject<'_> {
    /// Handles an alarm. It may run twice or break off at any await, because each step may be repeated and the next
    /// alarm is set before the first step. A second alarm in the same instance does nothing.
    ///
    /// # Errors
    /// If the object's own storage fails. The shell logs it, and the next alarm does the rest.
    pub async fn alarm(&self) -> Result<(), ChatRefusal> {
        self.alarm.set(Some(self.clock.now().after(NEXT_ALARM))).await;
        self.migrate()?;
        if self.records().open()?.is_none() {
            let sent = self.send_metrics().await;
            self.remove_old().await?;
            self.arm().await?;
            return sent;
        }
        let Some(driving) = self.memory.driving.try_start(self.clock.now(), MAX_DRIVE) else { return Ok(()) };
        self.memory.subscribers.keep_alive();
        let keeping_alive = Box::pin(async {
            loop {
                self.clock.sleep(KEEP_ALIVE_INTERVAL).await;
                self.memory.subscribers.keep_alive();
            }
        });
        let outcome = match select(Box::pin(self.drive()), keeping_alive).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(((), _)) => Ok(()),
        };
        drop(driving);
        let sent = self.send_metrics().await;
        self.arm().await?;
        outcome.and(sent)
    }

    async fn drive(&self) -> Result<(), ChatRefusal> {
        let began = self.clock.now();
        while let Some(turn) = self.records().open()? {
            let now = self.clock.now();
            if turn.due > now || now.since(began) > MAX_ALARM {
                return Ok(());
            }
            let outcome = match turn.state {
                TurnState::Generating => self.generate(turn.clone()).await,
                TurnState::Uploading => self.upload(turn.clone()).await,
                TurnState::Processing => self.follow(turn.clone()).await,
                TurnState::Completed | TurnState::Failed => Ok(()),
            };
            let mut turn = self.records().turn(&turn.id, &turn.user)?.unwrap_or(turn);
            match outcome {
                Ok(()) => continue,
                Err(StepError::Retry(why)) => turn.retry_later(&why, self.clock.now()),
                Err(StepError::Fail(error)) => turn.fail(*error, self.clock.now()),
                Err(StepError::Storage(error)) => return Err(error.into()),
            }
            self.save(&turn)?;
        }
        Ok(())
    }

    /// Saves a turn and wakes the callers that wait for it. It has no await, so that no caller sees the end of a turn
    /// before it is saved.
    pub(super) fn save(&self, turn: &Turn) -> Result<(), SqlError> {
        self.records().save(turn)?;
        if turn.state.is_final() {
            self.end(turn);
        }
        self.memory.subscribers.wake();
        Ok(())
    }

    /// Announces the end of a turn. Every turn passes here once.
    fn end(&self, turn: &Turn) {
        let subscribers = &self.memory.subscribers;
        self.announce_repair(turn, None);
        subscribers.send(events::state_event(turn));
        for event in self.final_events(turn).unwrap_or_default() {
            subscribers.send(event);
        }
        subscribers.end();
    }

    /// Calls the project's object on behalf of the turn's user.
    pub(super) async fn ask_project<R>(&self, turn: &Turn, request: R) -> Result<R::Reply, StepError>
    where
        R: ObjectRequest<Target = ProjectTarget, Reply: DeserializeOwned>,
    {
        Ok(call(self.objects, &target(turn), request).await?)
    }

    /// Tells the project's object which version this turn is about to repair, or with `None` that it repairs none. This
    /// is a hint, so its answer is not awaited.
    pub(super) fn announce_repair(&self, turn: &Turn, version: Option<Version>) {
        if turn.max_repairs > 0 && turn.version.is_some() {
            post(self.objects, &target(turn), wait_request(turn, 0, version));
        }
    }
}

/// Waits for the newest version to change, and tells the project's object which version this turn repairs if it fails.
pub(super) fn wait_request(turn: &Turn, seconds: u32, repairs: Option<Version>) -> WaitForStatus {
    WaitForStatus { seconds, turn: Some(turn.id.clone()), repairs }
}

fn target(turn: &Turn) -> ProjectTarget {
    ProjectTarget {
        project: turn.project.clone(),
        caller: Caller { user: turn.user.clone(), admin: turn.admin },
        request_id: turn.request_id.clone(),
    }
}
