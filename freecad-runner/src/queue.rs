//! What looks at `pending/` mean: which versions are free, which are held, which holders are dead, and whose turn it
//! is. No I/O, no clock: the time of a look is an argument.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use contract::{MAX_ATTEMPTS, PendingAttempt, PendingTicket, PendingView, ProjectId, Timestamp, Version};

use crate::look::Look;

/// One version of one project.
pub type Job = (ProjectId, Version);

/// A version that may be claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Which version.
    pub job: Job,
    /// The number of the attempt to create.
    pub attempt: u32,
    /// How many attempts have died under it.
    pub died: u32,
}

impl Candidate {
    /// Attempts from the third on run alone, so that a script that kills runners takes no neighbours along.
    pub fn runs_alone(&self) -> bool {
        self.died >= 2
    }

    /// It has killed as many runners as it may: it is not run but reported as abandoned.
    pub fn is_abandoned(&self) -> bool {
        self.died >= MAX_ATTEMPTS
    }
}

/// The queue as this runner has watched it.
///
/// A look shows all of `pending/`, or a part of it where that is long; the looks from the first part to the last are a
/// round. What a round has not shown is gone; what a look has not shown may be in another part.
#[derive(Debug)]
pub struct Queue {
    lease: Duration,
    /// Of the time between two looks at an attempt, no more than this counts against its holder.
    longest_gap: Duration,
    round: u64,
    waiting: BTreeMap<Job, Waiting>,
    /// When each project was last served; the one served longest ago is next.
    served: HashMap<ProjectId, u64>,
    serving: u64,
    /// Among how many of the oldest candidates one is chosen.
    spread: usize,
}

/// When the project was last served, the ticket's age, the version: who has the least is next.
type Rank<'q> = (u64, Option<Timestamp>, &'q Job);

/// The most that the spread becomes. What a look showed is up to a poll old, and four runners finish some 20 small
/// scripts in that second: among 16 most would be gone.
const WIDEST_SPREAD: usize = 128;

#[derive(Debug, Default)]
struct Waiting {
    ticket: Option<Ticket>,
    attempts: BTreeMap<u32, Watched>,
}

#[derive(Debug)]
struct Ticket {
    /// Its age.
    since: Option<Timestamp>,
    /// The round that showed it last.
    round: u64,
}

#[derive(Debug)]
struct Watched {
    etag: String,
    released: bool,
    /// How long the ETag has stood unchanged, in time that counts.
    quiet: Duration,
    /// When it was last shown, and in which round.
    shown: Duration,
    round: u64,
}

/// What lies under `pending/` of one version.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pending {
    /// It wants to be run.
    pub has_ticket: bool,
    /// The highest attempt's number; 0 if there is none.
    pub highest_attempt: u32,
}

impl Queue {
    /// For a runner that looks every `poll` and counts an attempt as dead after `lease`.
    ///
    /// The time between two looks counts as far as it is usual. A longer one counts as a usual one: the store was slow,
    /// and a holder that still stands there after enough of them is dead; or it was away, and then no holder could
    /// write, but one look after it is not enough to make up a lease. Where looks are rare, no more than half of the
    /// lease counts, for the same reason.
    pub fn new(poll: Duration, lease: Duration) -> Self {
        Self {
            lease,
            longest_gap: (poll * 2 + Duration::from_secs(2)).min(lease / 2),
            round: 0,
            waiting: BTreeMap::new(),
            served: HashMap::new(),
            serving: 0,
            spread: 1,
        }
    }

    /// Takes in what a look showed, which ended at `now` on a monotonic clock.
    pub fn observe(&mut self, look: &Look, now: Duration) {
        // A round that broke off showed less than all, so nothing is forgotten for it.
        self.round += u64::from(look.is_first);
        let (round, longest_gap) = (self.round, self.longest_gap);
        for (job, shown) in PendingView::from_entries(&look.entries).versions {
            let waiting = self.waiting.entry(job).or_default();
            if let Some(PendingTicket { since }) = shown.ticket {
                waiting.ticket = Some(Ticket { since, round });
            }
            for PendingAttempt { number, etag, is_released: released } in shown.attempts {
                let unchanged = waiting.attempts.get(&number).filter(|before| before.etag == etag);
                let counted = |before: &Watched| now.saturating_sub(before.shown).min(longest_gap);
                let quiet = unchanged.map_or(Duration::ZERO, |before| before.quiet + counted(before));
                waiting.attempts.insert(number, Watched { etag, released, quiet, shown: now, round });
            }
        }
        if look.is_last() {
            self.forget_what_is_gone();
        }
    }

    /// What the last round showed and nobody has claimed since, for the sweep.
    pub fn pending(&self) -> HashMap<Job, Pending> {
        let of = |waiting: &Waiting| Pending {
            has_ticket: waiting.ticket.is_some(),
            highest_attempt: waiting.attempts.last_key_value().map_or(0, |(number, _)| *number),
        };
        self.waiting.iter().map(|(job, waiting)| (job.clone(), of(waiting))).collect()
    }

    /// The next version to claim: oldest first, in turn between projects; none of those in `mine`.
    ///
    /// Runners that see the same would all reach for the same one, and all but one in vain. So where races are lost,
    /// `random` chooses among the oldest few of the project whose turn it is; the more are lost, among the more, up
    /// to 128. A runner that loses none takes the oldest.
    pub fn next(&self, mine: &HashSet<Job>, random: u32) -> Option<Candidate> {
        let served = |job: &Job| self.served.get(&job.0).copied().unwrap_or(0);
        // Sorted, and no longer than the spread.
        let mut first: Vec<(Rank<'_>, &Waiting)> = Vec::new();
        for (job, waiting) in &self.waiting {
            let Some(ticket) = &waiting.ticket else { continue };
            let rank = (served(job), ticket.since, job);
            let is_late = first.len() == self.spread && first.last().is_some_and(|(last, _)| *last <= rank);
            if is_late || mine.contains(job) || !self.is_free(waiting) {
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

    /// A version was claimed by this runner.
    pub fn won(&mut self) {
        self.spread = (self.spread - 1).max(1);
    }

    /// Another runner was first.
    pub fn lost(&mut self) {
        self.spread = (self.spread * 2).min(WIDEST_SPREAD);
    }

    /// The version was claimed, by this runner or another: it is not free, and its project has had its turn.
    pub fn taken(&mut self, job: &Job) {
        self.forget(job);
        self.serving += 1;
        self.served.insert(job.0.clone(), self.serving);
    }

    /// What is known of the version is out of date; the next look tells.
    pub fn forget(&mut self, job: &Job) {
        self.waiting.remove(job);
    }

    fn forget_what_is_gone(&mut self) {
        let round = self.round;
        self.waiting.retain(|_, waiting| {
            waiting.ticket.take_if(|ticket| ticket.round != round);
            waiting.attempts.retain(|_, watched| watched.round == round);
            waiting.ticket.is_some() || !waiting.attempts.is_empty()
        });
        let waiting: HashSet<&ProjectId> = self.waiting.keys().map(|(project, _)| project).collect();
        self.served.retain(|project, _| waiting.contains(project));
    }

    /// The highest attempt holds the version unless it is released or dead.
    fn is_free(&self, waiting: &Waiting) -> bool {
        let holds = |watched: &Watched| !watched.released && watched.quiet < self.lease;
        !waiting.attempts.last_key_value().is_some_and(|(_, watched)| holds(watched))
    }
}

fn candidate(job: &Job, waiting: &Waiting) -> Candidate {
    let died = waiting.attempts.values().filter(|watched| !watched.released).count();
    Candidate {
        job: job.clone(),
        attempt: waiting.attempts.last_key_value().map_or(1, |(number, _)| number + 1),
        died: u32::try_from(died).unwrap_or(u32::MAX),
    }
}

#[cfg(test)]
mod tests {
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

    /// All of `pending/` in one look.
    fn whole(entries: &[Entry]) -> Look {
        Look { entries: entries.to_vec(), is_first: true, next: None }
    }

    /// One part of it.
    fn part(entries: &[Entry], is_first: bool, is_last: bool) -> Look {
        Look { entries: entries.to_vec(), is_first, next: (!is_last).then(|| "there".to_owned()) }
    }

    /// Lists the same once a second for `seconds` seconds from `from` on.
    fn watch(queue: &mut Queue, entries: &[Entry], from: u64, seconds: u64) {
        for second in from..=from + seconds {
            queue.observe(&whole(entries), Duration::from_secs(second));
        }
    }

    #[test]
    fn oldest_first_within_a_project_in_turn_between_projects() {
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
    fn one_s_own_jobs_are_not_candidates() {
        let mut queue = queue();
        queue.observe(&whole(&[ticket("p", 1, 0)]), POLL);
        let mine = HashSet::from([("p".parse().unwrap(), Version::FIRST)]);
        assert_eq!(queue.next(&mine, 0), None);
    }

    #[test]
    fn lost_races_spread_over_the_oldest_of_the_project_whose_turn_it_is() {
        let mut queue = queue();
        let entries: Vec<Entry> = (1..=200).map(|n| ticket("many", n, n as i64)).collect();
        queue.observe(&whole(&entries), POLL);
        let first = |queue: &Queue, random| queue.next(&HashSet::new(), random).unwrap().job.1.get();
        let reach = |queue: &Queue| (0..1_000).map(|random| first(queue, random)).max();
        assert_eq!(reach(&queue), Some(1), "nobody else is there: oldest first");
        let reaches: Vec<_> = (0..9)
            .map(|_| {
                queue.lost();
                reach(&queue).unwrap()
            })
            .collect();
        assert_eq!(reaches, [2, 4, 8, 16, 32, 64, 128, 128, 128]);
        // A single one of another project, younger than all: it is next, whatever the spread.
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
    fn a_held_version_is_not_free_until_its_holder_is_dead() {
        let mut queue = queue();
        let held = [ticket("p", 1, 0), attempt(1, 1, "x")];
        watch(&mut queue, &held, 0, 29);
        assert_eq!(next(&queue), None);
        watch(&mut queue, &held, 30, 0);
        assert_eq!(next(&queue), Some(("p".to_owned(), 1, 2)));
    }

    #[test]
    fn a_heartbeat_starts_the_lease_anew() {
        let mut queue = queue();
        watch(&mut queue, &[ticket("p", 1, 0), attempt(1, 1, "x")], 0, 29);
        watch(&mut queue, &[ticket("p", 1, 0), attempt(1, 1, "y")], 30, 29);
        assert_eq!(next(&queue), None);
    }

    #[test]
    fn an_outage_kills_nobody() {
        let mut queue = queue();
        let held = [ticket("p", 1, 0), attempt(1, 1, "x")];
        watch(&mut queue, &held, 0, 10);
        // Nothing could be listed for an hour, which counts as the longest usual gap: 4 s.
        watch(&mut queue, &held, 3_600, 15);
        assert_eq!(next(&queue), None);
        watch(&mut queue, &held, 3_616, 0);
        assert_eq!(next(&queue), Some(("p".to_owned(), 1, 2)));
    }

    #[test]
    fn a_slow_store_lets_the_dead_be_noticed() {
        let mut queue = queue();
        let held = [ticket("p", 1, 0), attempt(1, 1, "x")];
        // Each listing takes 20 s; each gap counts 4 s.
        for look in 0..=7 {
            queue.observe(&whole(&held), Duration::from_secs(look * 20));
            assert_eq!(next(&queue), None, "{look}");
        }
        queue.observe(&whole(&held), Duration::from_secs(160));
        assert_eq!(next(&queue), Some(("p".to_owned(), 1, 2)));
    }

    #[test]
    fn one_gap_is_never_a_whole_lease() {
        let mut queue = Queue::new(Duration::from_secs(600), LEASE);
        let held = [ticket("p", 1, 0), attempt(1, 1, "x")];
        queue.observe(&whole(&held), Duration::ZERO);
        queue.observe(&whole(&held), Duration::from_secs(600));
        assert_eq!(next(&queue), None);
        queue.observe(&whole(&held), Duration::from_secs(1_200));
        assert_eq!(next(&queue), Some(("p".to_owned(), 1, 2)));
    }

    #[test]
    fn what_another_part_shows_is_not_gone() {
        let mut queue = queue();
        let held = [ticket("p", 1, 0), attempt(1, 1, "x")];
        for second in 0..30 {
            queue.observe(&part(&held, true, false), Duration::from_secs(second * 2));
            queue.observe(&part(&[ticket("q", 1, 1)], false, true), Duration::from_secs(second * 2 + 1));
            let free = if second < 15 { ("q", 1) } else { ("p", 2) };
            assert_eq!(next(&queue), Some((free.0.to_owned(), 1, free.1)), "{second}");
        }
        // A round that breaks off makes nothing gone, the next whole one does.
        queue.observe(&part(&[], true, false), Duration::from_secs(60));
        queue.observe(&part(&[], true, false), Duration::from_secs(61));
        assert!(next(&queue).is_some());
        queue.observe(&part(&[], false, true), Duration::from_secs(62));
        assert_eq!((next(&queue), queue.pending()), (None, HashMap::new()));
    }

    #[test]
    fn a_version_on_the_border_of_two_parts_is_one() {
        let mut queue = queue();
        queue.observe(&part(&[attempt(1, 1, "x"), attempt(1, 2, "y")], true, false), POLL);
        queue.observe(&part(&[ticket("p", 1, 0)], false, true), POLL);
        assert_eq!(next(&queue), None, "it is held");
        let job = ("p".parse().unwrap(), Version::FIRST);
        assert_eq!(queue.pending(), HashMap::from([(job, Pending { has_ticket: true, highest_attempt: 2 })]));
    }

    #[test]
    fn a_released_attempt_is_free_at_once_and_does_not_count() {
        let mut queue = queue();
        queue.observe(&whole(&[ticket("p", 1, 0), attempt(1, 1, "empty")]), POLL);
        let candidate = queue.next(&HashSet::new(), 0).unwrap();
        assert_eq!((candidate.attempt, candidate.died), (2, 0));
    }

    #[test]
    fn the_third_death_isolates_and_the_fifth_ends_it() {
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
    fn attempts_without_a_ticket_are_no_work() {
        let mut queue = queue();
        watch(&mut queue, &[attempt(1, 1, "x")], 0, 60);
        assert_eq!(next(&queue), None);
    }
}
