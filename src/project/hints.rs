//! Hints of runners. A hint decides nothing: it makes the object read the bucket earlier, or is shown as progress. However
//! many arrive, one request works on them, in rounds at least [`ROUND_PAUSE`] apart.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use futures::stream::{self, StreamExt};

use super::memory::MAX_IN_FLIGHT;
use super::object::ProjectObject;
use super::request::{ProjectTarget, Refusal, TakeEvents};
use super::transitions;
use super::view::{Progress, VersionView};
use crate::object::{WORKER_CONNECTIONS, post};
use contract::{
    Attempt, Happened, Key, MAX_PROGRESS_LINE, MAX_PROGRESS_LINES, Phase, ProjectId, RunId, RunnerEvent, Timestamp,
    Version,
};
use platform::InFlight;

/// From the start of one round to the next.
const ROUND_PAUSE: Duration = Duration::from_millis(200);

/// The most rounds of one request. The rest is left to the alarm.
const MAX_ROUNDS: usize = 100;

/// The most reports that one round asks for.
const MAX_REPORTS: usize = 100;

/// The limit for each request to the bucket.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(4);

/// The most characters of a phase's name.
const MAX_PHASE: usize = 32;

/// The most bytes of an attempt object.
const ATTEMPT_LIMIT: usize = 64 << 10;

#[derive(Debug, Default)]
pub(super) struct Hints {
    /// A refresh may find something.
    refresh: Cell<bool>,
    /// Versions that runners report as done.
    done: RefCell<BTreeSet<Version>>,
    /// Subscribers have not got the last progress.
    has_news: Cell<bool>,
    work: InFlight,
    round_at: Cell<Option<Timestamp>>,
    /// The progress of the newest version.
    progress: RefCell<Option<ReportedProgress>>,
    /// The run that holds the newest version.
    holder: RefCell<Option<Holder>>,
}

#[derive(Debug)]
struct ReportedProgress {
    version: Version,
    run: RunId,
    phase: String,
    lines: VecDeque<String>,
}

/// The run of an attempt, as the attempt's object in the bucket names it.
#[derive(Debug)]
struct Holder {
    version: Version,
    attempt: u32,
    /// None if the object cannot be read.
    run: Option<RunId>,
}

impl Hints {
    /// The progress of this version while it runs, if the run that holds it has reported any.
    pub(super) fn progress_of(&self, newest: &VersionView) -> Option<Progress> {
        if newest.phase != Phase::Running || !self.is_held_by(newest, self.reporting_run(newest)?)? {
            return None;
        }
        let progress = self.progress.borrow();
        let ReportedProgress { phase, lines, .. } = progress.as_ref()?;
        Some(Progress { phase: phase.clone(), lines: lines.iter().cloned().collect() })
    }

    /// The run that has reported progress of this version.
    fn reporting_run(&self, view: &VersionView) -> Option<RunId> {
        let progress = self.progress.borrow();
        progress.as_ref().filter(|progress| progress.version == view.version).map(|progress| progress.run.clone())
    }

    /// Whether this run holds the version; none if the holder is not known.
    fn is_held_by(&self, view: &VersionView, run: RunId) -> Option<bool> {
        let holder = self.holder.borrow();
        let holder = holder.as_ref()?;
        let applies = holder.version == view.version && Some(holder.attempt) == view.attempt;
        applies.then(|| holder.run == Some(run))
    }

    fn take_progress(&self, newest: &VersionView, run: &RunId, phase: &str, lines: &[String]) {
        // Once the holder is known, other runs are ignored.
        if self.is_held_by(newest, run.clone()) == Some(false) {
            return;
        }
        let mut progress = self.progress.borrow_mut();
        let kept = progress.take_if(|last| last.version == newest.version && last.run == *run);
        let mut all = kept.map(|last| last.lines).unwrap_or_default();
        all.extend(lines.iter().map(|line| line.chars().take(MAX_PROGRESS_LINE).collect::<String>()));
        all.drain(..all.len().saturating_sub(MAX_PROGRESS_LINES));
        let phase = phase.chars().take(MAX_PHASE).collect();
        *progress = Some(ReportedProgress { version: newest.version, run: run.clone(), phase, lines: all });
        self.has_news.set(true);
    }

    fn is_empty(&self) -> bool {
        !self.refresh.get() && !self.has_news.get() && self.done.borrow().is_empty()
    }

    /// The versions that this round asks for.
    fn take_done(&self) -> Vec<Version> {
        let mut done = self.done.borrow_mut();
        let rest = done.iter().nth(MAX_REPORTS).copied().map(|first| done.split_off(&first));
        std::mem::replace(&mut *done, rest.unwrap_or_default()).into_iter().collect()
    }
}

impl ProjectObject<'_> {
    /// Takes the events of a runner. Events of unknown and final versions are ignored. The runner does not wait for the
    /// work: the object calls itself with no events, and works there.
    pub(super) async fn take_events(&self, call: &ProjectTarget, events: &[RunnerEvent]) -> Result<(), Refusal> {
        if events.is_empty() {
            return self.follow_hints(&call.project).await;
        }
        self.note_events(events)?;
        let hints = &self.memory.hints;
        if !hints.is_empty() && !hints.work.is_busy(self.clock.now(), MAX_IN_FLIGHT) {
            post(self.objects, call, TakeEvents(Vec::new()));
        }
        Ok(())
    }

    fn note_events(&self, events: &[RunnerEvent]) -> Result<(), Refusal> {
        let records = self.records();
        if !records.exist()? {
            return Ok(());
        }
        let hints = &self.memory.hints;
        let newest = records.newest()?;
        for event in events {
            let is_in_flight = match &newest {
                Some(newest) if newest.version == event.version => newest.is_in_flight(),
                _ => records.version(event.version)?.is_some_and(|view| view.is_in_flight()),
            };
            if !is_in_flight {
                continue;
            }
            match (&event.happened, &newest) {
                (Happened::Claimed, _) => hints.refresh.set(true),
                (Happened::Done, _) => {
                    hints.done.borrow_mut().insert(event.version);
                }
                (Happened::Progress { phase, lines }, Some(newest)) if newest.version == event.version => {
                    hints.take_progress(newest, &event.run, phase, lines);
                    // The event about its claim was lost.
                    hints.refresh.set(hints.refresh.get() || newest.phase == Phase::Queued);
                }
                // The status shows the newest version only.
                (Happened::Progress { .. }, _) => {}
            }
        }
        Ok(())
    }

    /// Works on the hints until none is left, unless another request does.
    async fn follow_hints(&self, project: &ProjectId) -> Result<(), Refusal> {
        let hints = &self.memory.hints;
        if hints.is_empty() || !self.records().exist()? {
            return Ok(());
        }
        let Some(_guard) = hints.work.try_start(self.clock.now(), MAX_IN_FLIGHT) else { return Ok(()) };
        let in_time = self.with_request_timeout(REQUEST_TIMEOUT);
        for _ in 0..MAX_ROUNDS {
            if hints.is_empty() {
                return Ok(());
            }
            let since = hints.round_at.get().map(|at| self.clock.now().since(at));
            let pause = since.map_or(Duration::ZERO, |since| ROUND_PAUSE.saturating_sub(since));
            if !pause.is_zero() {
                self.clock.sleep(pause).await;
            }
            hints.round_at.set(Some(self.clock.now()));
            hints.has_news.set(false);
            in_time.check_reports(project, hints.take_done()).await?;
            // A refresh that began before the hint may have missed the change. Then the next round refreshes.
            if hints.refresh.get() && !self.memory.freshness.is_refreshing(self.clock.now()) {
                hints.refresh.set(false);
                in_time.refresh(project).await?;
            }
            in_time.learn_holder(project).await?;
            self.arm().await?;
            self.notify(project).await?;
        }
        // The alarm finds everything that is open.
        hints.refresh.set(false);
        hints.done.borrow_mut().clear();
        transitions::schedule_soon(self.records(), self.clock.now())?;
        self.arm().await
    }

    async fn check_reports(&self, project: &ProjectId, versions: Vec<Version>) -> Result<(), Refusal> {
        let mut in_flight = Vec::new();
        for version in versions {
            in_flight.extend(self.records().version(version)?.filter(VersionView::is_in_flight));
        }
        let checks: Vec<_> = stream::iter(&in_flight)
            .map(|view| self.check_report(project, view, false))
            .buffer_unordered(WORKER_CONNECTIONS)
            .collect()
            .await;
        checks.into_iter().try_for_each(|outcome| outcome.map(drop))
    }

    /// Reads which run holds the newest version, once for each attempt that reports progress.
    async fn learn_holder(&self, project: &ProjectId) -> Result<(), Refusal> {
        let hints = &self.memory.hints;
        let Some(newest) = self.records().newest()? else { return Ok(()) };
        let (Some(run), Some(attempt)) = (hints.reporting_run(&newest), newest.attempt) else { return Ok(()) };
        if hints.is_held_by(&newest, run).is_some() {
            return Ok(());
        }
        let key = Key::Attempt(project.clone(), newest.version, attempt).to_string();
        let run = match self.client().get(&key, ATTEMPT_LIMIT).await {
            Ok(object) => serde_json::from_slice::<Attempt>(&object.bytes).ok().map(|attempt| attempt.run),
            // The next progress asks again.
            Err(error) if error.is_transient() => return Ok(()),
            Err(_) => None,
        };
        *hints.holder.borrow_mut() = Some(Holder { version: newest.version, attempt, run });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_done_versions_take_several_rounds() {
        let hints = Hints::default();
        hints.done.borrow_mut().extend((1..=250).map(|n| Version::try_from(n).unwrap()));
        let rounds: Vec<usize> = (0..4).map(|_| hints.take_done().len()).collect();
        assert_eq!(rounds, [100, 100, 50, 0]);
        assert!(hints.is_empty());
    }
}
