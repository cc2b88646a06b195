//! The object's one schedule: the open turn, driven step by step to its end.

use std::cell::Cell;
use std::time::Duration;

use futures::future::{Either, select};
use serde::de::DeserializeOwned;

use super::call::ChatRefusal;
use super::object::ChatObject;
use super::turn::{Turn, TurnState};
use super::words;
use crate::ai::ProviderCall;
use crate::object::{CallError, ObjectRequest, SqlError, call, post};
use crate::project::{Caller, ProjectTarget, Refusal, WaitForStatus};
use contract::{JobError, ProjectId, Timestamp, Version};

/// When the alarm rings again should this one break off in the middle.
const AGAIN: Duration = Duration::from_secs(30);

/// An alarm that has worked for so long leaves the next step to the next one: the platform ends one after 15 minutes,
/// and to ask the model may take eight.
const LONG: Duration = Duration::from_secs(300);

/// What drives for longer than this was broken off. The platform ends it before.
const LONGEST: Duration = Duration::from_secs(1_200);

/// How often those who listen hear something, if only that the connection stands.
const TICK: Duration = Duration::from_secs(15);

/// Why a step was not done.
pub(super) enum Setback {
    /// Something is missing that may come back; it is tried again.
    Passing(String),
    /// The turn ends here.
    Final(Box<JobError>),
    /// The object's own storage failed.
    Broken(SqlError),
}

impl Setback {
    /// The turn ends with this error.
    pub fn ends(code: &str, message: &str) -> Self {
        Self::Final(Box::new(JobError::new(code, message)))
    }
}

impl From<SqlError> for Setback {
    fn from(error: SqlError) -> Self {
        Self::Broken(error)
    }
}

/// The right to drive, for as long as it lives.
struct Driving<'a>(&'a Cell<Option<Timestamp>>);

impl<'a> Driving<'a> {
    /// Takes it unless somebody has it in this instance.
    fn take(driving: &'a Cell<Option<Timestamp>>, now: Timestamp) -> Option<Self> {
        if driving.get().is_some_and(|since| now.since(since) < LONGEST) {
            return None;
        }
        driving.set(Some(now));
        Some(Self(driving))
    }
}

impl Drop for Driving<'_> {
    fn drop(&mut self) {
        self.0.set(None);
    }
}

impl ChatObject<'_> {
    /// What the alarm does. It may run twice or break off at any await: each step may be repeated, and the next alarm is
    /// set before the first of them. A second one in the same instance does nothing.
    ///
    /// # Errors
    /// Only when the object's own storage fails. The shell logs it; the next alarm, set before, does the rest.
    pub async fn alarm(&self) -> Result<(), ChatRefusal> {
        self.alarm.set(Some(self.clock.now().after(AGAIN))).await;
        if self.records().open()?.is_none() {
            let told = self.tell_figures().await;
            self.remove_old().await?;
            self.arm().await?;
            return told;
        }
        let Some(driving) = Driving::take(&self.memory.driving, self.clock.now()) else { return Ok(()) };
        self.memory.live.tick();
        let ticking = Box::pin(async {
            loop {
                self.clock.sleep(TICK).await;
                self.memory.live.tick();
            }
        });
        let outcome = match select(Box::pin(self.drive()), ticking).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(((), _)) => Ok(()),
        };
        drop(driving);
        let told = self.tell_figures().await;
        self.arm().await?;
        outcome.and(told)
    }

    async fn drive(&self) -> Result<(), ChatRefusal> {
        let began = self.clock.now();
        while let Some((project, turn)) = self.records().open()? {
            let now = self.clock.now();
            if turn.due > now || now.since(began) > LONG {
                return Ok(());
            }
            let outcome = match turn.state {
                TurnState::Generating => self.generate(&project, turn.clone()).await,
                TurnState::Uploading => self.deliver(&project, turn.clone()).await,
                TurnState::Processing => self.follow(&project, turn.clone()).await,
                TurnState::Completed | TurnState::Failed => Ok(()),
            };
            let mut turn = self.records().turn(&turn.id, &turn.user)?.unwrap_or(turn);
            match outcome {
                Ok(()) => continue,
                Err(Setback::Passing(why)) => turn.stumble(&why, self.clock.now()),
                Err(Setback::Final(error)) => turn.fail(*error, self.clock.now()),
                Err(Setback::Broken(error)) => return Err(error.into()),
            }
            self.keep(&project, &turn)?;
        }
        Ok(())
    }

    /// Writes the turn as it stands now. No await, so that nobody who listens sees its end before it is kept.
    pub(super) fn keep(&self, project: &ProjectId, turn: &Turn) -> Result<(), SqlError> {
        self.records().save(turn)?;
        if turn.state.is_final() {
            self.ended(project, turn);
        }
        self.memory.live.wake();
        Ok(())
    }

    /// The turn has ended, with or without a model. Every one passes here, once.
    fn ended(&self, project: &ProjectId, turn: &Turn) {
        let live = &self.memory.live;
        self.tell_repair(project, turn, None);
        live.tell(words::state_event(turn));
        for event in self.ending(project, turn).unwrap_or_default() {
            live.tell(event);
        }
        live.end();
    }

    /// Adds up the tries that one question to the model took. Every try passes here, at most once: those of a question that
    /// was lost with its instance do not.
    pub(super) fn note_tries(&self, turn: &mut Turn, tries: &[ProviderCall]) {
        turn.usage.calls += tries.len() as u64;
        for usage in tries.iter().filter_map(|asked| asked.usage) {
            turn.usage.input_tokens += usage.input;
            turn.usage.output_tokens += usage.output;
        }
        self.count_tries(turn, tries);
    }

    /// Asks the project's object in the name of whoever began the turn.
    pub(super) async fn ask_project<R>(&self, project: &ProjectId, turn: &Turn, request: R) -> Result<R::Reply, Setback>
    where
        R: ObjectRequest<Target = ProjectTarget, Reply: DeserializeOwned>,
    {
        call(self.objects, &target(project, turn), request).await.map_err(setback)
    }

    /// Tells the project's object which version this turn is about to repair, or that it repairs none any more. A hint:
    /// nobody waits for it.
    pub(super) fn tell_repair(&self, project: &ProjectId, turn: &Turn, version: Option<Version>) {
        if turn.repairs > 0 && turn.version.is_some() {
            post(self.objects, &target(project, turn), waiting(turn, 0, version));
        }
    }
}

/// What it means for a turn that the project's object did not do what was asked.
fn setback(error: CallError<Refusal>) -> Setback {
    match error {
        CallError::Failed(error) => Setback::Passing(error.to_string()),
        CallError::Refused(Refusal::NameTaken | Refusal::NotFound) => {
            Setback::ends("name_taken", "The project's name belongs to somebody else by now.")
        }
        CallError::Refused(Refusal::NoMoreVersions) => {
            Setback::ends("no_more_versions", "The project's numbers have run out.")
        }
        CallError::Refused(Refusal::BucketRefuses(why)) => Setback::ends(
            "bucket_refuses",
            &format!("The bucket refuses this service, so the script was not uploaded. ({why})"),
        ),
        CallError::Refused(Refusal::BucketUnavailable(why) | Refusal::Indeterminate(why) | Refusal::Broken(why)) => {
            Setback::Passing(why)
        }
        CallError::Refused(other) => Setback::Passing(format!("the project's object answers {other:?}")),
    }
}

/// Waits for the newest version to change, and tells what this turn repairs.
pub(super) fn waiting(turn: &Turn, seconds: u32, repairs: Option<Version>) -> WaitForStatus {
    WaitForStatus { seconds, turn: Some(turn.id.clone()), repairs }
}

fn target(project: &ProjectId, turn: &Turn) -> ProjectTarget {
    ProjectTarget {
        project: project.clone(),
        caller: Caller { user: turn.user.clone(), admin: turn.admin },
        request_id: turn.request_id.clone(),
    }
}
