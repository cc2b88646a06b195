//! The step that waits for a version's report, and decides whether its script is repaired.

use std::time::Duration;

use super::alarm::{StepError, wait_request};
use super::events;
use super::object::ChatObject;
use super::turn::{Turn, Verdict};
use crate::project::{GetVersion, StatusBody, StatusView};
use contract::{ProjectId, Report, StatusCode};

/// A version that is younger than this is watched without pauses.
const YOUNG: Duration = Duration::from_secs(120);

/// How long the project's object waits for a change, in seconds.
const WAIT_SECONDS: u32 = 20;

/// The pause between two looks at an older version.
const PAUSE: Duration = Duration::from_secs(15);

/// The pause if the version is not the newest: the project's object waits only for changes of the newest.
const SUPERSEDED_PAUSE: Duration = Duration::from_secs(2);

impl ChatObject<'_> {
    /// Looks at the version, or waits for it to change.
    pub(super) async fn follow(&self, mut turn: Turn) -> Result<(), StepError> {
        let Some(version) = turn.version else {
            return Err(StepError::fail("internal_unavailable", "The version's number is missing from the turn."));
        };
        let subscribers = &self.memory.subscribers;
        // Subscribers get the present status before the first wait.
        let is_first = subscribers.status.borrow().is_empty();
        let is_young = self.clock.now().since(turn.state_at) < YOUNG;
        let seconds = if is_first || !is_young { 0 } else { WAIT_SECONDS };
        let request = wait_request(&turn, seconds, (turn.repair < turn.max_repairs).then_some(version));
        let status = self.ask_project(&turn, request).await?;
        if let Some(newest) = status.newest.as_ref().filter(|newest| newest.version == version) {
            self.send_status(&turn.project, &status);
            if let Some(report) = &newest.report {
                return self.take_report(turn, report);
            }
            if let Some(code) = status.code {
                return Err(overdue(code));
            }
            turn.wait(if is_young { Duration::ZERO } else { PAUSE }, self.clock.now());
            return Ok(self.save(&turn)?);
        }
        // A later version exists, or the version moved because other software had used its number.
        subscribers.status.borrow_mut().clear();
        let Some(view) = self.ask_project(&turn, GetVersion(version)).await? else {
            return Err(StepError::Retry(format!("version {version} was not found")));
        };
        if let Some(moved) = view.moved_to {
            self.records().set_version(&turn.id, moved)?;
            turn.version = Some(moved);
            self.records().save(&turn)?;
            subscribers.send(events::version_event(&turn));
            return Ok(());
        }
        if let Some(report) = &view.report {
            return self.take_report(turn, report);
        }
        turn.wait(if is_young { SUPERSEDED_PAUSE } else { PAUSE }, self.clock.now());
        Ok(self.save(&turn)?)
    }

    /// Takes the version's report. It has no await, so that it happens completely or not at all.
    fn take_report(&self, mut turn: Turn, report: &Report) -> Result<(), StepError> {
        self.count_report(&turn, report);
        let verdict = turn.take_report(report, self.clock.now());
        self.save(&turn)?;
        if verdict == Verdict::Repair {
            let subscribers = &self.memory.subscribers;
            subscribers.clear();
            subscribers.send(events::repair_event(&turn));
            subscribers.send(events::state_event(&turn));
        }
        Ok(())
    }

    /// Sends the project's status to the subscribers if it has changed.
    fn send_status(&self, project: &ProjectId, status: &StatusView) {
        // A status is plain data, which JSON can always hold.
        let text = serde_json::to_string(&StatusBody::new(project, status)).unwrap_or_default();
        let subscribers = &self.memory.subscribers;
        if subscribers.status.replace(text.clone()) != text {
            subscribers.send(events::status_event(&text));
        }
    }
}

fn overdue(code: StatusCode) -> StepError {
    let message = match code {
        StatusCode::NoRunner => "No runner has taken the version for ten minutes.",
        StatusCode::Stalled => "A runner took the version more than ten minutes ago and has not reported since.",
    };
    StepError::fail(code.as_str(), &format!("{message} A late report still completes it, but it will not be repaired."))
}
