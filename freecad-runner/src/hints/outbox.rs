//! What waits to be told to the Worker. No I/O, no clock.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use contract::{Happened, MAX_EVENTS, MAX_PROGRESS_LINE, MAX_PROGRESS_LINES, RunId, RunnerEvent};

use crate::queue::Job;

/// The shortest time between two progress events of one attempt.
const PROGRESS_PAUSE: Duration = Duration::from_millis(250);

/// The most events that wait. Beyond it the oldest progress goes, and where there is none the oldest of all.
const MOST_WAITING: usize = 1_000;

/// The most text of one request's progress lines, in bytes; what is more waits for the next.
const REQUEST_TEXT: usize = 64 << 10;

/// One word of a job.
#[derive(Debug, Clone, Copy)]
pub enum Word<'w> {
    Claimed,
    Phase(&'w str),
    Line(&'w str),
    Done,
}

/// Events in the order in which they happened.
#[derive(Debug, Default)]
pub struct Outbox {
    waiting: BTreeMap<u64, RunnerEvent>,
    next: u64,
    attempts: HashMap<RunId, Telling>,
}

/// How far the Worker was told of one attempt.
#[derive(Debug, Default)]
struct Telling {
    phase: String,
    /// The progress event that waits; what happens meanwhile goes into it.
    open: Option<u64>,
    /// When the last one was taken out.
    told: Option<Duration>,
    is_over: bool,
}

impl Telling {
    /// How long the open event waits.
    fn due_in(&self, now: Duration) -> Duration {
        match self.told {
            Some(told) if !self.is_over => (told + PROGRESS_PAUSE).saturating_sub(now),
            _ => Duration::ZERO,
        }
    }
}

impl Outbox {
    /// Takes in one word of an attempt.
    pub fn put(&mut self, job: &Job, run: &RunId, word: Word<'_>) {
        let happened = match word {
            Word::Claimed => Happened::Claimed,
            Word::Done => {
                // Without an attempt on the books there is nothing to hurry.
                self.attempts.entry(run.clone()).or_default().is_over = true;
                Happened::Done
            }
            Word::Phase(phase) => {
                self.attempts.entry(run.clone()).or_default().phase = phase.to_owned();
                return self.progress(job, run, None);
            }
            Word::Line(line) => return self.progress(job, run, Some(line.chars().take(MAX_PROGRESS_LINE).collect())),
        };
        self.push(job, run, happened);
    }

    /// The attempt is over without a report of its own.
    pub fn forget(&mut self, run: &RunId) {
        if let Some(telling) = self.attempts.remove(run)
            && let Some(open) = telling.open
        {
            self.waiting.remove(&open);
        }
    }

    /// How long until there is something to take; none where nothing waits.
    pub fn due_in(&self, now: Duration) -> Option<Duration> {
        self.waiting.values().map(|event| self.event_due_in(event, now)).min()
    }

    /// Takes what is due, as much as one request carries.
    pub fn take(&mut self, now: Duration) -> Vec<RunnerEvent> {
        let (mut due, mut text) = (Vec::new(), 0);
        for (number, event) in &self.waiting {
            if self.event_due_in(event, now) > Duration::ZERO {
                continue;
            }
            if let Happened::Progress { lines, .. } = &event.happened {
                text += lines.iter().map(String::len).sum::<usize>();
            }
            if due.len() == MAX_EVENTS || (text > REQUEST_TEXT && !due.is_empty()) {
                break;
            }
            due.push(*number);
        }
        let taken: Vec<RunnerEvent> = due.iter().filter_map(|number| self.remove(*number)).collect();
        for event in &taken {
            match event.happened {
                Happened::Done => drop(self.attempts.remove(&event.run)),
                Happened::Progress { .. } => {
                    self.attempts.entry(event.run.clone()).or_default().told = Some(now);
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
        let telling = self.attempts.entry(run.clone()).or_default();
        let said = telling.phase.clone();
        let open = telling.open.and_then(|open| self.waiting.get_mut(&open));
        if let Some(RunnerEvent { happened: Happened::Progress { phase, lines }, .. }) = open {
            *phase = said;
            lines.extend(line);
            if lines.len() > MAX_PROGRESS_LINES {
                lines.remove(0);
            }
            return;
        }
        let number = self.push(job, run, Happened::Progress { phase: said, lines: Vec::from_iter(line) });
        self.attempts.entry(run.clone()).or_default().open = Some(number);
    }

    fn push(&mut self, job: &Job, run: &RunId, happened: Happened) -> u64 {
        if self.waiting.len() >= MOST_WAITING {
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
        if let Some(telling) = self.attempts.get_mut(&event.run)
            && telling.open == Some(number)
        {
            telling.open = None;
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

    /// The events as short words.
    fn words(events: Vec<RunnerEvent>) -> Vec<String> {
        let word = |event: RunnerEvent| match event.happened {
            Happened::Claimed => "claimed".to_owned(),
            Happened::Progress { phase, lines } => format!("{phase}:{}", lines.join(",")),
            Happened::Done => "done".to_owned(),
        };
        events.into_iter().map(word).collect()
    }

    #[test]
    fn progress_goes_out_four_times_a_second_and_with_the_end() {
        let mut outbox = Outbox::default();
        let (job, run) = (job(), run(1));
        assert_eq!(outbox.due_in(at(0)), None);
        outbox.put(&job, &run, Word::Claimed);
        outbox.put(&job, &run, Word::Phase("script"));
        outbox.put(&job, &run, Word::Line("a"));
        assert_eq!(words(outbox.take(at(0))), ["claimed", "script:a"]);
        outbox.put(&job, &run, Word::Line("b"));
        outbox.put(&job, &run, Word::Line("c"));
        outbox.put(&job, &run, Word::Phase("export"));
        assert_eq!(outbox.due_in(at(100)), Some(at(150)));
        assert_eq!(words(outbox.take(at(100))), [] as [&str; 0]);
        assert_eq!(words(outbox.take(at(250))), ["export:b,c"]);
        outbox.put(&job, &run, Word::Line("d"));
        outbox.put(&job, &run, Word::Done);
        assert_eq!(outbox.due_in(at(251)), Some(at(0)));
        assert_eq!(words(outbox.take(at(251))), ["export:d", "done"]);
        assert!(outbox.attempts.is_empty() && outbox.waiting.is_empty());
    }

    #[test]
    fn many_lines_become_the_newest_and_long_ones_are_cut() {
        let mut outbox = Outbox::default();
        outbox.put(&job(), &run(1), Word::Phase("script"));
        (0..100_000).for_each(|n| outbox.put(&job(), &run(1), Word::Line(&n.to_string())));
        outbox.put(&job(), &run(1), Word::Line(&"é".repeat(10_000)));
        let taken = outbox.take(at(0));
        let Happened::Progress { lines, .. } = &taken[0].happened else { panic!("{taken:?}") };
        assert_eq!((taken.len(), lines.len(), lines[0].as_str()), (1, MAX_PROGRESS_LINES, "99951"));
        assert_eq!(lines.last().unwrap().chars().count(), MAX_PROGRESS_LINE);
    }

    #[test]
    fn a_request_is_limited_in_number_and_in_text() {
        let mut outbox = Outbox::default();
        (0..250).for_each(|number| outbox.put(&job(), &run(number), Word::Claimed));
        let sizes: Vec<_> = (0..4).map(|_| outbox.take(at(0)).len()).collect();
        assert_eq!(sizes, [100, 100, 50, 0]);
        for number in 0..10 {
            (0..50).for_each(|_| outbox.put(&job(), &run(number), Word::Line(&"x".repeat(500))));
        }
        let sizes: Vec<_> = (0..6).map(|_| outbox.take(at(0)).len()).collect();
        assert_eq!(sizes, [2, 2, 2, 2, 2, 0]);
    }

    #[test]
    fn a_full_box_drops_the_oldest_progress_first() {
        let mut outbox = Outbox::default();
        outbox.put(&job(), &run(0), Word::Claimed);
        outbox.put(&job(), &run(0), Word::Phase("script"));
        (1..5_000).for_each(|number| outbox.put(&job(), &run(number), Word::Done));
        assert_eq!(outbox.waiting.len(), MOST_WAITING);
        assert!(outbox.attempts.len() <= MOST_WAITING + 1);
        assert!(outbox.waiting.values().all(|event| event.happened == Happened::Done));
    }

    #[test]
    fn what_is_over_is_forgotten() {
        let mut outbox = Outbox::default();
        outbox.put(&job(), &run(1), Word::Phase("script"));
        outbox.forget(&run(1));
        assert!(outbox.attempts.is_empty() && outbox.waiting.is_empty());
    }
}
