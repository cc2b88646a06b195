//! The step that waits for a version's report, and decides whether its script is repaired.

use std::time::Duration;

use super::alarm::{Setback, waiting};
use super::object::ChatObject;
use super::turn::{Turn, Verdict};
use super::words;
use crate::project::{GetVersion, StatusBody, StatusView};
use contract::{ProjectId, Report, StatusCode};

/// A version is waited for without a pause while it is younger than this.
const YOUNG: Duration = Duration::from_secs(120);

/// How long the project's object is asked to wait for a change, in seconds.
const WAIT: u32 = 20;

/// The pause between two looks at an older version.
const PAUSE: Duration = Duration::from_secs(15);

/// The same where another version is the newest, for whose changes the project's object does not wait.
const BEHIND_ANOTHER: Duration = Duration::from_secs(2);

impl ChatObject<'_> {
    /// Looks where the version stands, or waits for it to change.
    pub(super) async fn follow(&self, project: &ProjectId, mut turn: Turn) -> Result<(), Setback> {
        let Some(version) = turn.version else {
            return Err(Setback::ends("internal_unavailable", "The version's number is lost."));
        };
        // First what is so now, for those who listen.
        let is_first = self.memory.live.status.borrow().is_empty();
        let is_young = self.clock.now().since(turn.state_at) < YOUNG;
        let seconds = if is_first || !is_young { 0 } else { WAIT };
        let request = waiting(&turn, seconds, (turn.repair < turn.repairs).then_some(version));
        let status = self.ask_project(project, &turn, request).await?;
        if status.newest.as_ref().is_some_and(|newest| newest.version == version) {
            self.tell_status(project, &status);
            if let Some(report) = status.newest.as_ref().and_then(|newest| newest.report.as_ref()) {
                return self.judge(project, turn, report);
            }
            if let Some(code) = status.code {
                return Err(overdue(code));
            }
            turn.waits(if is_young { Duration::ZERO } else { PAUSE }, self.clock.now());
            return Ok(self.keep(project, &turn)?);
        }
        // Another version came after it, or its number was taken by somebody else's script.
        self.memory.live.status.borrow_mut().clear();
        let Some(view) = self.ask_project(project, &turn, GetVersion(version)).await? else {
            return Err(Setback::Passing("the version is not there".to_owned()));
        };
        if let Some(moved) = view.moved_to {
            self.records().set_version(&turn.id, moved)?;
            turn.version = Some(moved);
            self.records().save(&turn)?;
            self.memory.live.tell(words::version_event(project, &turn));
            return Ok(());
        }
        if let Some(report) = &view.report {
            return self.judge(project, turn, report);
        }
        turn.waits(if is_young { BEHIND_ANOTHER } else { PAUSE }, self.clock.now());
        Ok(self.keep(project, &turn)?)
    }

    /// Takes the report. No await: it happens whole or not at all.
    fn judge(&self, project: &ProjectId, mut turn: Turn, report: &Report) -> Result<(), Setback> {
        self.count_run(&turn, report);
        let verdict = turn.reported(report, self.clock.now());
        self.keep(project, &turn)?;
        if verdict == Verdict::Repair {
            let live = &self.memory.live;
            live.begin_answer();
            live.tell(words::repair_event(&turn));
            live.tell(words::state_event(&turn));
        }
        Ok(())
    }

    /// Tells those who listen the project's status, if it is news.
    fn tell_status(&self, project: &ProjectId, status: &StatusView) {
        // It holds nothing that JSON cannot say.
        let text = serde_json::to_string(&StatusBody::new(project, status)).unwrap_or_default();
        if self.memory.live.status.replace(text.clone()) != text {
            self.memory.live.tell(words::status_event(&text));
        }
    }
}

fn overdue(code: StatusCode) -> Setback {
    let message = match code {
        StatusCode::NoRunner => "No runner has taken the version for ten minutes.",
        StatusCode::Stalled => "A runner took the version more than ten minutes ago and has not reported since.",
    };
    Setback::ends(code.as_str(), &format!("{message} A late report still completes it; it is not repaired any more."))
}
