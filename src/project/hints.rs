//! What runners say. A hint decides nothing: it makes the object look at the bucket sooner, or is shown as what
//! somebody said. However many come, one request works on them, and not more often than [`PAUSE`].

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use futures::stream::{self, StreamExt};

use super::call::{Progress, ProjectTarget, Refusal, TakeEvents, VersionView};
use super::life;
use super::object::{ProjectObject, is_under_way};
use crate::object::post;
use contract::{
    Attempt, Happened, Key, MAX_PROGRESS_LINE, MAX_PROGRESS_LINES, Phase, ProjectId, RunId, RunnerEvent, Timestamp,
    Version,
};

/// The time from one round of work on hints to the next.
const PAUSE: Duration = Duration::from_millis(200);

/// How many rounds one request works; what comes later is left to the alarm. Hints end with the versions in flight.
const MOST_ROUNDS: usize = 100;

/// How many versions' reports one round asks for.
const MOST_DONE: usize = 100;

/// How many requests go out at once.
const AT_ONCE: usize = 6;

/// How long one request to the bucket may take.
const PATIENCE: Duration = Duration::from_secs(4);

/// The most characters of a phase's name.
const MAX_PHASE: usize = 32;

/// The largest attempt object that is read.
const ATTEMPT_LIMIT: usize = 64 << 10;

/// What an instance remembers of hints. All of it may be forgotten.
#[derive(Debug, Default)]
pub(super) struct Hints {
    /// Somebody should look at `pending/`.
    look: Cell<bool>,
    /// Versions that are said to be done.
    done: RefCell<BTreeSet<Version>>,
    /// There is something new to tell.
    news: Cell<bool>,
    /// A request works on hints since then.
    working: Cell<Option<Timestamp>>,
    /// When the last round began.
    last: Cell<Option<Timestamp>>,
    /// What was said last of the newest version's run.
    progress: RefCell<Option<Said>>,
    /// Whose the newest version's attempt is, as its object in the bucket says; none if that cannot be read.
    run: RefCell<Option<(Version, u32, Option<RunId>)>>,
}

/// What somebody said of a run.
#[derive(Debug)]
struct Said {
    version: Version,
    run: RunId,
    phase: String,
    lines: VecDeque<String>,
}

impl Hints {
    /// The progress of this version's current run: while it runs, and if it is this run that was spoken of.
    pub(super) fn progress_of(&self, newest: &VersionView) -> Option<Progress> {
        let said = self.progress.borrow();
        let said = said.as_ref().filter(|said| said.version == newest.version && newest.phase == Phase::Running)?;
        let run = self.run_of(newest)??;
        let progress = || Progress { phase: said.phase.clone(), lines: said.lines.iter().cloned().collect() };
        (run == said.run).then(progress)
    }

    /// Whose this version's attempt is, where its object was asked.
    fn run_of(&self, view: &VersionView) -> Option<Option<RunId>> {
        let known = self.run.borrow();
        let (version, attempt, run) = known.as_ref()?;
        (*version == view.version && Some(*attempt) == view.attempt).then(|| run.clone())
    }

    fn take_progress(&self, newest: &VersionView, run: &RunId, phase: &str, lines: &[String]) {
        // Once it is known whose the attempt is, nobody else is heard.
        if self.run_of(newest).is_some_and(|known| known.as_ref() != Some(run)) {
            return;
        }
        let mut said = self.progress.borrow_mut();
        let kept = said.take_if(|said| said.version == newest.version && said.run == *run);
        let mut lines: VecDeque<String> = kept
            .map(|said| said.lines)
            .unwrap_or_default()
            .into_iter()
            .chain(lines.iter().map(|line| cut(line)))
            .collect();
        lines.drain(..lines.len().saturating_sub(MAX_PROGRESS_LINES));
        let phase = phase.chars().take(MAX_PHASE).collect();
        *said = Some(Said { version: newest.version, run: run.clone(), phase, lines });
        self.news.set(true);
    }

    fn is_empty(&self) -> bool {
        !self.look.get() && !self.news.get() && self.done.borrow().is_empty()
    }

    /// The versions to ask for in this round.
    fn take_done(&self) -> Vec<Version> {
        let mut done = self.done.borrow_mut();
        let rest = done.iter().nth(MOST_DONE).copied().map(|first| done.split_off(&first));
        std::mem::replace(&mut *done, rest.unwrap_or_default()).into_iter().collect()
    }
}

fn cut(line: &str) -> String {
    line.chars().take(MAX_PROGRESS_LINE).collect()
}

impl ProjectObject<'_> {
    /// Takes what a runner says; of unknown projects and versions, and of those that are final, nothing. The runner
    /// does not wait for the work on it: the object calls itself, with nothing new to say, and works there.
    pub(super) async fn hint(&self, call: &ProjectTarget, events: &[RunnerEvent]) -> Result<(), Refusal> {
        if events.is_empty() {
            self.follow_hints(&call.project).await?;
        } else {
            self.take_hints(events)?;
            if !self.memory.hints.is_empty() && !self.is_working_on_hints() {
                post(self.objects, call, TakeEvents(Vec::new()));
            }
        }
        Ok(())
    }

    fn is_working_on_hints(&self) -> bool {
        is_under_way(self.memory.hints.working.get(), self.clock.now())
    }

    fn take_hints(&self, events: &[RunnerEvent]) -> Result<(), Refusal> {
        let records = self.records();
        if !records.exist()? {
            return Ok(());
        }
        let hints = &self.memory.hints;
        let newest = records.newest()?;
        for event in events {
            let open = match &newest {
                Some(newest) if newest.version == event.version => is_in_flight(newest),
                _ => records.version(event.version)?.is_some_and(|view| is_in_flight(&view)),
            };
            if !open {
                continue;
            }
            match (&event.happened, &newest) {
                (Happened::Claimed, _) => hints.look.set(true),
                (Happened::Done, _) => {
                    hints.done.borrow_mut().insert(event.version);
                }
                (Happened::Progress { phase, lines }, Some(newest)) if newest.version == event.version => {
                    hints.take_progress(newest, &event.run, phase, lines);
                    // Its claim was not heard of.
                    hints.look.set(hints.look.get() || newest.phase == Phase::Queued);
                }
                // Only the newest version's is ever shown.
                (Happened::Progress { .. }, _) => {}
            }
        }
        Ok(())
    }

    /// Works on what was hinted at until nothing is left. While one request does so others leave theirs to it.
    async fn follow_hints(&self, project: &ProjectId) -> Result<(), Refusal> {
        let hints = &self.memory.hints;
        if hints.is_empty() || self.is_working_on_hints() || !self.records().exist()? {
            return Ok(());
        }
        hints.working.set(Some(self.clock.now()));
        let outcome = self.work_on_hints(project).await;
        hints.working.set(None);
        outcome
    }

    async fn work_on_hints(&self, project: &ProjectId) -> Result<(), Refusal> {
        let hints = &self.memory.hints;
        let hasty = self.hasty(PATIENCE);
        for _ in 0..MOST_ROUNDS {
            if hints.is_empty() {
                return Ok(());
            }
            let now = self.clock.now();
            let left = hints.last.get().map_or(Duration::ZERO, |last| PAUSE.saturating_sub(now.since(last)));
            if !left.is_zero() {
                self.clock.sleep(left).await;
            }
            hints.last.set(Some(self.clock.now()));
            hints.news.set(false);
            hasty.ask_for_done(project, hints.take_done()).await?;
            // A look that began before the hint may have missed what it is about: then the next round looks.
            if hints.look.get() && !hasty.is_looking() {
                hints.look.set(false);
                hasty.refresh(project).await?;
            }
            hasty.learn_run(project).await?;
            self.arm().await?;
            self.tell(project).await?;
        }
        // The alarm looks for all that is open.
        hints.look.set(false);
        hints.done.borrow_mut().clear();
        life::touch(self.records(), self.clock.now())?;
        self.arm().await
    }

    async fn ask_for_done(&self, project: &ProjectId, versions: Vec<Version>) -> Result<(), Refusal> {
        let mut open = Vec::new();
        for version in versions {
            open.extend(self.records().version(version)?.filter(is_in_flight));
        }
        let asked: Vec<_> = stream::iter(&open)
            .map(|view| self.ask_for_report(project, view, false))
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        asked.into_iter().try_for_each(|outcome| outcome.map(drop))
    }

    /// Reads whose the newest version's attempt is, once for each attempt of which somebody speaks.
    async fn learn_run(&self, project: &ProjectId) -> Result<(), Refusal> {
        let hints = &self.memory.hints;
        let Some(newest) = self.records().newest()? else { return Ok(()) };
        let is_spoken_of = hints.progress.borrow().as_ref().is_some_and(|said| said.version == newest.version);
        let (true, None, Some(number)) = (is_spoken_of, hints.run_of(&newest), newest.attempt) else { return Ok(()) };
        let key = Key::Attempt(project.clone(), newest.version, number).to_string();
        let run = match self.client().get(&key, ATTEMPT_LIMIT).await {
            Ok(object) => serde_json::from_slice::<Attempt>(&object.bytes).ok().map(|attempt| attempt.run),
            // It is asked again when somebody speaks of it again.
            Err(error) if error.is_transient() => return Ok(()),
            Err(_) => None,
        };
        *hints.run.borrow_mut() = Some((newest.version, number, run));
        Ok(())
    }
}

fn is_in_flight(view: &VersionView) -> bool {
    matches!(view.phase, Phase::Queued | Phase::Running)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_of_done_is_asked_for_in_parts() {
        let hints = Hints::default();
        hints.done.borrow_mut().extend((1..=250).map(|n| Version::try_from(n).unwrap()));
        let parts: Vec<usize> = (0..4).map(|_| hints.take_done().len()).collect();
        assert_eq!(parts, [100, 100, 50, 0]);
        assert!(hints.is_empty());
    }
}
