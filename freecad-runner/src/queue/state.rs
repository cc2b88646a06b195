//! The meaning of the listings of `pending/`: which versions are free, held or dead, and whose turn it is. No I/O, no clock.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use contract::{PendingAttempt, PendingTicket, PendingView, ProjectId, Timestamp};

use super::{Candidate, Job, Listing};

/// The queue as this runner has observed it.
///
/// An object counts as gone only after a whole round without it, because one listing may be a part.
#[derive(Debug)]
pub struct Queue {
    lease: Duration,
    /// The most that the time between two listings of an attempt counts against its lease.
    max_gap: Duration,
    round: u64,
    waiting: BTreeMap<Job, Waiting>,
    /// The count of `serving` when each project last had its turn. The lowest is next.
    served: HashMap<ProjectId, u64>,
    serving: u64,
    /// The number of oldest candidates to choose among.
    spread: usize,
}

/// When the project last had its turn, the ticket's time, the version. The lowest is next.
type Rank<'q> = (u64, Option<Timestamp>, &'q Job);

/// The largest spread. A listing is up to a poll old, and four runners finish about 20 small scripts in that second, so
/// most of 16 candidates would be gone.
const MAX_SPREAD: usize = 128;

#[derive(Debug, Default)]
struct Waiting {
    ticket: Option<Ticket>,
    attempts: BTreeMap<u32, ObservedAttempt>,
}

#[derive(Debug)]
struct Ticket {
    /// When it was put.
    since: Option<Timestamp>,
    /// The last round that listed it.
    round: u64,
}

#[derive(Debug)]
struct ObservedAttempt {
    etag: String,
    released: bool,
    /// How long the ETag has been unchanged, in time that counts.
    unchanged: Duration,
    /// When it was last listed, and in which round.
    seen: Duration,
    round: u64,
}

/// The objects of one version under `pending/`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pending {
    pub has_ticket: bool,
    /// The highest number of an attempt; 0 without attempts.
    pub highest_attempt: u32,
}

impl Queue {
    /// For a runner that polls every `poll` and counts an attempt as dead after `lease`.
    ///
    /// The time between two listings counts for at most 2 polls + 2 s and half of the lease. So a slow store still exposes
    /// dead runners; but an outage, in which no runner could send a heartbeat, cannot expire a lease by itself.
    pub fn new(poll: Duration, lease: Duration) -> Self {
        Self {
            lease,
            max_gap: (poll * 2 + Duration::from_secs(2)).min(lease / 2),
            round: 0,
            waiting: BTreeMap::new(),
            served: HashMap::new(),
            serving: 0,
            spread: 1,
        }
    }

    /// Takes in a listing that ended at `now` on a monotonic clock.
    pub fn observe(&mut self, listing: &Listing, now: Duration) {
        // A round that broke off is incomplete and makes nothing count as gone.
        self.round += u64::from(listing.is_first);
        let (round, max_gap) = (self.round, self.max_gap);
        for (job, shown) in PendingView::from_entries(&listing.entries).versions {
            let waiting = self.waiting.entry(job).or_default();
            if let Some(PendingTicket { since }) = shown.ticket {
                waiting.ticket = Some(Ticket { since, round });
            }
            for PendingAttempt { number, etag, is_released: released } in shown.attempts {
                let before = waiting.attempts.get(&number).filter(|before| before.etag == etag);
                let counted = |before: &ObservedAttempt| now.saturating_sub(before.seen).min(max_gap);
                let unchanged = before.map_or(Duration::ZERO, |before| before.unchanged + counted(before));
                waiting.attempts.insert(number, ObservedAttempt { etag, released, unchanged, seen: now, round });
            }
        }
        if listing.is_last() {
            self.forget_gone();
        }
    }

    /// The versions of the last round that were not claimed since.
    pub fn pending(&self) -> HashMap<Job, Pending> {
        let summary = |waiting: &Waiting| Pending {
            has_ticket: waiting.ticket.is_some(),
            highest_attempt: waiting.attempts.last_key_value().map_or(0, |(number, _)| *number),
        };
        self.waiting.iter().map(|(job, waiting)| (job.clone(), summary(waiting))).collect()
    }

    /// The next version to claim, without those in `excluded`: projects take turns, and within a project the oldest is
    /// first.
    ///
    /// Runners with the same view would all try to claim the same version, and all but one would lose. So after a lost
    /// race `random` chooses among the oldest versions of the project whose turn it is: among more with each lost race,
    /// up to 128. A runner that loses no race takes the oldest.
    pub fn next(&self, excluded: &HashSet<Job>, random: u32) -> Option<Candidate> {
        let served = |job: &Job| self.served.get(&job.0).copied().unwrap_or(0);
        // Sorted, with at most `spread` entries.
        let mut first: Vec<(Rank<'_>, &Waiting)> = Vec::new();
        for (job, waiting) in &self.waiting {
            let Some(ticket) = &waiting.ticket else { continue };
            let rank = (served(job), ticket.since, job);
            let is_late = first.len() == self.spread && first.last().is_some_and(|(last, _)| *last <= rank);
            if is_late || excluded.contains(job) || !self.is_free(waiting) {
                continue;
            }
            let at = first.partition_point(|(other, _)| *other < rank);
            first.insert(at, (rank, waiting));
            first.truncate(self.spread);
        }
        let ((turn, ..), _) = first.first()?;
        let in_turn = first.partition_point(|((served, ..), _)| served == turn);
        let ((.., job), waiting) = first.get(random as usize % in_turn.max(1))?;
        Some(candidate(job, waiting))
    }

    /// This runner won a claim.
    pub fn won(&mut self) {
        self.spread = (self.spread - 1).max(1);
    }

    /// This runner lost the race for a claim.
    pub fn lost(&mut self) {
        self.spread = (self.spread * 2).min(MAX_SPREAD);
    }

    /// The version was claimed, by this runner or another. It is not free, and its project has had its turn.
    pub fn taken(&mut self, job: &Job) {
        self.forget(job);
        self.serving += 1;
        self.served.insert(job.0.clone(), self.serving);
    }

    /// Forgets the version until the next listing, because the last one is out of date.
    pub fn forget(&mut self, job: &Job) {
        self.waiting.remove(job);
    }

    fn forget_gone(&mut self) {
        let round = self.round;
        self.waiting.retain(|_, waiting| {
            waiting.ticket.take_if(|ticket| ticket.round != round);
            waiting.attempts.retain(|_, attempt| attempt.round == round);
            waiting.ticket.is_some() || !waiting.attempts.is_empty()
        });
        let waiting: HashSet<&ProjectId> = self.waiting.keys().map(|(project, _)| project).collect();
        self.served.retain(|project, _| waiting.contains(project));
    }

    /// Whether the highest attempt is released or dead, or there is none.
    fn is_free(&self, waiting: &Waiting) -> bool {
        let holds = |attempt: &ObservedAttempt| !attempt.released && attempt.unchanged < self.lease;
        !waiting.attempts.last_key_value().is_some_and(|(_, attempt)| holds(attempt))
    }
}

fn candidate(job: &Job, waiting: &Waiting) -> Candidate {
    let died = waiting.attempts.values().filter(|attempt| !attempt.released).count();
    Candidate {
        job: job.clone(),
        attempt: waiting.attempts.last_key_value().map_or(1, |(number, _)| number + 1),
        died: u32::try_from(died).unwrap_or(u32::MAX),
    }
}

#[cfg(test)]
mod tests {
    use contract::Version;
    use s3::Entry;

    use super::*;

    const POLL: Duration = Duration::from_secs(1);
    const LEASE: Duration = Duration::from_secs(30);

    fn entry(key: &str, etag: &str, size: u64, at: i64) -> Entry {
        let last_modified = Some(Timestamp::from_millis(at));
        Entry { key: key.to_owned(), etag: etag.to_owned(), size, last_modified }
    }

    fn ticket(project: &str, version: u64, at: i64) -> Entry {
        entry(&format!("pending/{project}/{project}_v{version}/ticket"), "t", 0, at)
    }

    fn attempt(version: u64, number: u32, etag: &str) -> Entry {
        entry(&format!("pending/p/p_v{version}/a{number}.json"), etag, if etag == "empty" { 0 } else { 99 }, 0)
    }

    fn queue() -> Queue {
        Queue::new(POLL, LEASE)
    }

    fn next(queue: &Queue) -> Option<(String, u64, u32)> {
        let candidate = queue.next(&HashSet::new(), 0)?;
        Some((candidate.job.0.to_string(), candidate.job.1.get(), candidate.attempt))
    }

    fn whole(entries: &[Entry]) -> Listing {
        Listing { entries: entries.to_vec(), is_first: true, next: None }
    }

    fn part(entries: &[Entry], is_first: bool, is_last: bool) -> Listing {
        Listing { entries: entries.to_vec(), is_first, next: (!is_last).then(|| "there".to_owned()) }
    }

    /// Observes the same listing once a second for `seconds` seconds.
    fn watch(queue: &mut Queue, entries: &[Entry], from: u64, seconds: u64) {
        for second in from..=from + seconds {
            queue.observe(&whole(entries), Duration::from_secs(second));
        }
    }

    #[test]
    fn projects_take_turns_and_the_oldest_is_first() {
        let mut queue = queue();
        queue.observe(&whole(&[ticket("a", 10, 3), ticket("a", 9, 1), ticket("a", 2, 2), ticket("b", 1, 9)]), POLL);
        let mut order = Vec::new();
        while let Some((project, version, _)) = next(&queue) {
            queue.taken(&(project.parse().unwrap(), Version::try_from(version).unwrap()));
            order.push(format!("{project}{version}"));
        }
        assert_eq!(order, ["a9", "b1", "a2", "a10"]);
    }

    #[test]
    fn excluded_jobs_are_not_candidates() {
        let mut queue = queue();
        queue.observe(&whole(&[ticket("p", 1, 0)]), POLL);
        let excluded = HashSet::from([("p".parse().unwrap(), Version::FIRST)]);
        assert_eq!(queue.next(&excluded, 0), None);
    }

    #[test]
    fn lost_races_widen_the_choice_within_one_project() {
        let mut queue = queue();
        let entries: Vec<Entry> = (1..=200).map(|n| ticket("many", n, n as i64)).collect();
        queue.observe(&whole(&entries), POLL);
        let first = |queue: &Queue, random| queue.next(&HashSet::new(), random).unwrap().job.1.get();
        let reach = |queue: &Queue| (0..1_000).map(|random| first(queue, random)).max();
        assert_eq!(reach(&queue), Some(1), "no race was lost, so the oldest is first");
        let reaches: Vec<_> = (0..9)
            .map(|_| {
                queue.lost();
                reach(&queue).unwrap()
            })
            .collect();
        assert_eq!(reaches, [2, 4, 8, 16, 32, 64, 128, 128, 128]);
        // Another project with a single, younger version: it is next, whatever the spread.
        queue.taken(&("many".parse().unwrap(), Version::FIRST));
        let single: Vec<Entry> = entries[1..].iter().cloned().chain([ticket("single", 1, 1_000)]).collect();
        queue.observe(&whole(&single), POLL);
        for random in 0..100 {
            assert_eq!(queue.next(&HashSet::new(), random).unwrap().job.0.as_str(), "single");
        }
        (0..130).for_each(|_| queue.won());
        queue.taken(&("single".parse().unwrap(), Version::FIRST));
        assert_eq!(reach(&queue), Some(2));
    }

    #[test]
    fn a_held_version_is_free_when_its_holder_is_dead() {
        let mut queue = queue();
        let held = [ticket("p", 1, 0), attempt(1, 1, "x")];
        watch(&mut queue, &held, 0, 29);
        assert_eq!(next(&queue), None);
        watch(&mut queue, &held, 30, 0);
        assert_eq!(next(&queue), Some(("p".to_owned(), 1, 2)));
    }

    #[test]
    fn a_heartbeat_renews_the_lease() {
        let mut queue = queue();
        watch(&mut queue, &[ticket("p", 1, 0), attempt(1, 1, "x")], 0, 29);
        watch(&mut queue, &[ticket("p", 1, 0), attempt(1, 1, "y")], 30, 29);
        assert_eq!(next(&queue), None);
    }

    #[test]
    fn an_outage_expires_no_lease() {
        let mut queue = queue();
        let held = [ticket("p", 1, 0), attempt(1, 1, "x")];
        watch(&mut queue, &held, 0, 10);
        // An hour without listings counts as the largest gap: 4 s.
        watch(&mut queue, &held, 3_600, 15);
        assert_eq!(next(&queue), None);
        watch(&mut queue, &held, 3_616, 0);
        assert_eq!(next(&queue), Some(("p".to_owned(), 1, 2)));
    }

    #[test]
    fn a_slow_store_still_exposes_dead_runners() {
        let mut queue = queue();
        let held = [ticket("p", 1, 0), attempt(1, 1, "x")];
        // Each listing takes 20 s and counts 4 s.
        for number in 0..=7 {
            queue.observe(&whole(&held), Duration::from_secs(number * 20));
            assert_eq!(next(&queue), None, "{number}");
        }
        queue.observe(&whole(&held), Duration::from_secs(160));
        assert_eq!(next(&queue), Some(("p".to_owned(), 1, 2)));
    }

    #[test]
    fn one_gap_never_expires_a_lease() {
        let mut queue = Queue::new(Duration::from_secs(600), LEASE);
        let held = [ticket("p", 1, 0), attempt(1, 1, "x")];
        queue.observe(&whole(&held), Duration::ZERO);
        queue.observe(&whole(&held), Duration::from_secs(600));
        assert_eq!(next(&queue), None);
        queue.observe(&whole(&held), Duration::from_secs(1_200));
        assert_eq!(next(&queue), Some(("p".to_owned(), 1, 2)));
    }

    #[test]
    fn an_object_in_another_part_is_not_gone() {
        let mut queue = queue();
        let held = [ticket("p", 1, 0), attempt(1, 1, "x")];
        for second in 0..30 {
            queue.observe(&part(&held, true, false), Duration::from_secs(second * 2));
            queue.observe(&part(&[ticket("q", 1, 1)], false, true), Duration::from_secs(second * 2 + 1));
            let free = if second < 15 { ("q", 1) } else { ("p", 2) };
            assert_eq!(next(&queue), Some((free.0.to_owned(), 1, free.1)), "{second}");
        }
        // A round that breaks off removes nothing; the next complete one does.
        queue.observe(&part(&[], true, false), Duration::from_secs(60));
        queue.observe(&part(&[], true, false), Duration::from_secs(61));
        assert!(next(&queue).is_some());
        queue.observe(&part(&[], false, true), Duration::from_secs(62));
        assert_eq!((next(&queue), queue.pending()), (None, HashMap::new()));
    }

    #[test]
    fn a_version_may_span_two_parts() {
        let mut queue = queue();
        queue.observe(&part(&[attempt(1, 1, "x"), attempt(1, 2, "y")], true, false), POLL);
        queue.observe(&part(&[ticket("p", 1, 0)], false, true), POLL);
        assert_eq!(next(&queue), None, "it is held");
        let job = ("p".parse().unwrap(), Version::FIRST);
        assert_eq!(queue.pending(), HashMap::from([(job, Pending { has_ticket: true, highest_attempt: 2 })]));
    }

    #[test]
    fn a_released_attempt_is_free_and_does_not_count() {
        let mut queue = queue();
        queue.observe(&whole(&[ticket("p", 1, 0), attempt(1, 1, "empty")]), POLL);
        let candidate = queue.next(&HashSet::new(), 0).unwrap();
        assert_eq!((candidate.attempt, candidate.died), (2, 0));
    }

    #[test]
    fn two_deaths_isolate_and_five_abandon() {
        let mut queue = queue();
        let mut entries = vec![ticket("p", 1, 0)];
        for number in 1..=5 {
            entries.push(attempt(1, number, "x"));
            watch(&mut queue, &entries, u64::from(number) * 100, 31);
            let candidate = queue.next(&HashSet::new(), 0).unwrap();
            assert_eq!(candidate.attempt, number + 1);
            assert_eq!(candidate.runs_alone(), number >= 2);
            assert_eq!(candidate.is_abandoned(), number >= 5);
        }
    }

    #[test]
    fn attempts_without_a_ticket_are_not_work() {
        let mut queue = queue();
        watch(&mut queue, &[attempt(1, 1, "x")], 0, 60);
        assert_eq!(next(&queue), None);
    }
}
