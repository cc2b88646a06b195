//! The events that wait to be sent to the Worker. No I/O, no clock.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use contract::{Happened, MAX_EVENTS, MAX_PROGRESS_LINE, MAX_PROGRESS_LINES, RunId, RunnerEvent};

use crate::queue::Job;

/// The shortest time between two progress events of one attempt.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);

/// The most events that wait. One more drops the oldest progress event, or the oldest event if there is none.
const MAX_WAITING: usize = 1_000;

/// The most bytes of progress lines in one request. Further lines wait for the next.
const MAX_REQUEST_TEXT: usize = 64 << 10;

/// One event of a job.
#[derive(Debug, Clone, Copy)]
pub enum JobEvent<'e> {
    Claimed,
    Phase(&'e str),
    Line(&'e str),
    Done,
}

/// The waiting events, in the order in which they happened.
#[derive(Debug, Default)]
pub struct Outbox {
    waiting: BTreeMap<u64, RunnerEvent>,
    next: u64,
    attempts: HashMap<RunId, AttemptProgress>,
}

/// The progress of one attempt that the Worker knows.
#[derive(Debug, Default)]
struct AttemptProgress {
    phase: String,
    /// The progress event that waits. New lines go into it.
    open: Option<u64>,
    /// When the last progress event was taken.
    taken: Option<Duration>,
    is_over: bool,
}

impl AttemptProgress {
    /// The time until the open event is due.
    fn due_in(&self, now: Duration) -> Duration {
        match self.taken {
            Some(taken) if !self.is_over => (taken + PROGRESS_INTERVAL).saturating_sub(now),
            _ => Duration::ZERO,
        }
    }
}

impl Outbox {
    /// Adds an event of an attempt.
    pub fn put(&mut self, job: &Job, run: &RunId, event: JobEvent<'_>) {
        let happened = match event {
            JobEvent::Claimed => Happened::Claimed,
            JobEvent::Done => {
                // Its last progress event is due at once.
                self.attempts.entry(run.clone()).or_default().is_over = true;
                Happened::Done
            }
            JobEvent::Phase(phase) => {
                self.attempts.entry(run.clone()).or_default().phase = phase.to_owned();
                return self.progress(job, run, None);
            }
            JobEvent::Line(line) => {
                return self.progress(job, run, Some(line.chars().take(MAX_PROGRESS_LINE).collect()));
            }
        };
        self.push(job, run, happened);
    }

    /// The attempt ended without a report.
    pub fn forget(&mut self, run: &RunId) {
        if let Some(attempt) = self.attempts.remove(run)
            && let Some(open) = attempt.open
        {
            self.waiting.remove(&open);
        }
    }

    /// The time until an event is due. `None` if no event waits.
    pub fn due_in(&self, now: Duration) -> Option<Duration> {
        self.waiting.values().map(|event| self.event_due_in(event, now)).min()
    }

    /// Takes the due events, up to the limits of one request.
    pub fn take(&mut self, now: Duration) -> Vec<RunnerEvent> {
        let (mut due, mut text) = (Vec::new(), 0);
        for (number, event) in &self.waiting {
            if self.event_due_in(event, now) > Duration::ZERO {
                continue;
            }
            if let Happened::Progress { lines, .. } = &event.happened {
                text += lines.iter().map(String::len).sum::<usize>();
            }
            if due.len() == MAX_EVENTS || (text > MAX_REQUEST_TEXT && !due.is_empty()) {
                break;
            }
            due.push(*number);
        }
        let taken: Vec<RunnerEvent> = due.iter().filter_map(|number| self.remove(*number)).collect();
        for event in &taken {
            match event.happened {
                Happened::Done => drop(self.attempts.remove(&event.run)),
                Happened::Progress { .. } => {
                    self.attempts.entry(event.run.clone()).or_default().taken = Some(now);
                }
                Happened::Claimed => {}
            }
        }
        taken
    }

    fn event_due_in(&self, event: &RunnerEvent, now: Duration) -> Duration {
        match event.happened {
            Happened::Progress { .. } => self.attempts.get(&event.run).map_or(Duration::ZERO, |t| t.due_in(now)),
            _ => Duration::ZERO,
        }
    }

    /// Adds to the open progress event of the attempt, or opens one.
    fn progress(&mut self, job: &Job, run: &RunId, line: Option<String>) {
        let attempt = self.attempts.entry(run.clone()).or_default();
        let current = attempt.phase.clone();
        let open = attempt.open.and_then(|open| self.waiting.get_mut(&open));
        if let Some(RunnerEvent { happened: Happened::Progress { phase, lines }, .. }) = open {
            *phase = current;
            lines.extend(line);
            if lines.len() > MAX_PROGRESS_LINES {
                lines.remove(0);
            }
            return;
        }
        let number = self.push(job, run, Happened::Progress { phase: current, lines: Vec::from_iter(line) });
        self.attempts.entry(run.clone()).or_default().open = Some(number);
    }

    fn push(&mut self, job: &Job, run: &RunId, happened: Happened) -> u64 {
        if self.waiting.len() >= MAX_WAITING {
            let progress = self.waiting.iter().find(|(_, event)| matches!(event.happened, Happened::Progress { .. }));
            let oldest = progress.or_else(|| self.waiting.first_key_value()).map(|(number, _)| *number);
            let dropped = oldest.and_then(|number| self.remove(number));
            if let Some(RunnerEvent { happened: Happened::Done, run, .. }) = dropped {
                self.attempts.remove(&run);
            }
        }
        let number = self.next;
        self.next += 1;
        let (project, version) = job.clone();
        self.waiting.insert(number, RunnerEvent { project, version, run: run.clone(), happened });
        number
    }

    fn remove(&mut self, number: u64) -> Option<RunnerEvent> {
        let event = self.waiting.remove(&number)?;
        if let Some(attempt) = self.attempts.get_mut(&event.run)
            && attempt.open == Some(number)
        {
            attempt.open = None;
        }
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> Job {
        ("p".parse().unwrap(), 1.try_into().unwrap())
    }

    fn run(number: u64) -> RunId {
        format!("{number:016x}").parse().unwrap()
    }

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// The events in a short form.
    fn short(events: Vec<RunnerEvent>) -> Vec<String> {
        let text = |event: RunnerEvent| match event.happened {
            Happened::Claimed => "claimed".to_owned(),
            Happened::Progress { phase, lines } => format!("{phase}:{}", lines.join(",")),
            Happened::Done => "done".to_owned(),
        };
        events.into_iter().map(text).collect()
    }

    #[test]
    fn progress_is_sent_at_intervals_and_at_the_end() {
        let mut outbox = Outbox::default();
        let (job, run) = (job(), run(1));
        assert_eq!(outbox.due_in(at(0)), None);
        outbox.put(&job, &run, JobEvent::Claimed);
        outbox.put(&job, &run, JobEvent::Phase("script"));
        outbox.put(&job, &run, JobEvent::Line("a"));
        assert_eq!(short(outbox.take(at(0))), ["claimed", "script:a"]);
        outbox.put(&job, &run, JobEvent::Line("b"));
        outbox.put(&job, &run, JobEvent::Line("c"));
        outbox.put(&job, &run, JobEvent::Phase("export"));
        assert_eq!(outbox.due_in(at(100)), Some(at(150)));
        assert_eq!(short(outbox.take(at(100))), [] as [&str; 0]);
        assert_eq!(short(outbox.take(at(250))), ["export:b,c"]);
        outbox.put(&job, &run, JobEvent::Line("d"));
        outbox.put(&job, &run, JobEvent::Done);
        assert_eq!(outbox.due_in(at(251)), Some(at(0)));
        assert_eq!(short(outbox.take(at(251))), ["export:d", "done"]);
        assert!(outbox.attempts.is_empty() && outbox.waiting.is_empty());
    }

    #[test]
    fn only_the_newest_lines_are_kept_and_long_ones_cut() {
        let mut outbox = Outbox::default();
        outbox.put(&job(), &run(1), JobEvent::Phase("script"));
        (0..100_000).for_each(|n| outbox.put(&job(), &run(1), JobEvent::Line(&n.to_string())));
        outbox.put(&job(), &run(1), JobEvent::Line(&"é".repeat(10_000)));
        let taken = outbox.take(at(0));
        let Happened::Progress { lines, .. } = &taken[0].happened else { panic!("{taken:?}") };
        assert_eq!((taken.len(), lines.len(), lines[0].as_str()), (1, MAX_PROGRESS_LINES, "99951"));
        assert_eq!(lines.last().unwrap().chars().count(), MAX_PROGRESS_LINE);
    }

    #[test]
    fn a_request_is_limited_in_events_and_text() {
        let mut outbox = Outbox::default();
        (0..250).for_each(|number| outbox.put(&job(), &run(number), JobEvent::Claimed));
        let sizes: Vec<_> = (0..4).map(|_| outbox.take(at(0)).len()).collect();
        assert_eq!(sizes, [100, 100, 50, 0]);
        for number in 0..10 {
            (0..50).for_each(|_| outbox.put(&job(), &run(number), JobEvent::Line(&"x".repeat(500))));
        }
        let sizes: Vec<_> = (0..6).map(|_| outbox.take(at(0)).len()).collect();
        assert_eq!(sizes, [2, 2, 2, 2, 2, 0]);
    }

    #[test]
    fn a_full_outbox_drops_the_oldest_progress_first() {
        let mut outbox = Outbox::default();
        outbox.put(&job(), &run(0), JobEvent::Claimed);
        outbox.put(&job(), &run(0), JobEvent::Phase("script"));
        (1..5_000).for_each(|number| outbox.put(&job(), &run(number), JobEvent::Done));
        assert_eq!(outbox.waiting.len(), MAX_WAITING);
        assert!(outbox.attempts.len() <= MAX_WAITING + 1);
        assert!(outbox.waiting.values().all(|event| event.happened == Happened::Done));
    }

    #[test]
    fn a_forgotten_attempt_leaves_nothing() {
        let mut outbox = Outbox::default();
        outbox.put(&job(), &run(1), JobEvent::Phase("script"));
        outbox.forget(&run(1));
        assert!(outbox.attempts.is_empty() && outbox.waiting.is_empty());
    }
}
