//! What a listing of `pending/` means: which versions are free, which are held, which holders are dead, and whose
//! turn it is. No I/O, no clock: the time of a listing is an argument.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use partwright::contract::{Key, MAX_ATTEMPTS, ProjectId, Timestamp, Version};
use partwright::s3::Entry;

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
#[derive(Debug)]
pub struct Queue {
    lease: Duration,
    /// Between two listings further apart than this, time does not count against any holder.
    longest_gap: Duration,
    last_listing: Option<Duration>,
    waiting: BTreeMap<Job, Waiting>,
    /// When each project was last served; the one served longest ago is next.
    served: HashMap<ProjectId, u64>,
    serving: u64,
}

#[derive(Debug, Default)]
struct Waiting {
    /// The ticket's age; none while no ticket was listed.
    since: Option<Timestamp>,
    has_ticket: bool,
    attempts: BTreeMap<u32, Watched>,
}

#[derive(Debug)]
struct Watched {
    etag: String,
    released: bool,
    /// How long the ETag has stood unchanged, in time that counts.
    quiet: Duration,
}

impl Queue {
    /// For a runner that lists every `poll` and counts an attempt as dead after `lease`.
    pub fn new(poll: Duration, lease: Duration) -> Self {
        Self {
            lease,
            longest_gap: poll * 2 + Duration::from_secs(2),
            last_listing: None,
            waiting: BTreeMap::new(),
            served: HashMap::new(),
            serving: 0,
        }
    }

    /// Takes in a whole listing of `pending/`, made at `now` on a monotonic clock.
    pub fn observe(&mut self, entries: &[Entry], now: Duration) {
        let gap = self.last_listing.map_or(Duration::ZERO, |last| now.saturating_sub(last));
        let counted = if gap <= self.longest_gap { gap } else { Duration::ZERO };
        self.last_listing = Some(now);
        let mut before = std::mem::take(&mut self.waiting);
        for entry in entries {
            match entry.key.parse() {
                Ok(Key::Ticket(project, version)) => {
                    let waiting = self.waiting.entry((project, version)).or_default();
                    waiting.has_ticket = true;
                    waiting.since = entry.last_modified;
                }
                Ok(Key::Attempt(project, version, number)) => {
                    let job = (project, version);
                    let known = before.get_mut(&job).and_then(|waiting| waiting.attempts.remove(&number));
                    let quiet =
                        known.filter(|known| known.etag == entry.etag).map_or(Duration::ZERO, |w| w.quiet + counted);
                    let watched = Watched { etag: entry.etag.clone(), released: entry.size == 0, quiet };
                    self.waiting.entry(job).or_default().attempts.insert(number, watched);
                }
                _ => {}
            }
        }
        self.served.retain(|project, _| self.waiting.keys().any(|(waiting, _)| waiting == project));
    }

    /// The next version to claim: oldest first, in turn between projects; none of those in `mine`.
    pub fn next(&self, mine: &HashSet<Job>) -> Option<Candidate> {
        let candidates = self.waiting.iter().filter(|(job, _)| !mine.contains(job)).filter_map(|(job, waiting)| {
            let served = self.served.get(&job.0).copied().unwrap_or(0);
            Some(((served, waiting.since, job), self.candidate(job, waiting)?))
        });
        candidates.min_by_key(|(rank, _)| *rank).map(|(_, candidate)| candidate)
    }

    /// The version was claimed, by this runner or another: it is not free, and its project has had its turn.
    pub fn taken(&mut self, job: &Job) {
        self.waiting.remove(job);
        self.serving += 1;
        self.served.insert(job.0.clone(), self.serving);
    }

    fn candidate(&self, job: &Job, waiting: &Waiting) -> Option<Candidate> {
        if !waiting.has_ticket {
            return None;
        }
        // The highest attempt holds the job unless it is released or dead.
        let highest = waiting.attempts.last_key_value();
        if highest.is_some_and(|(_, watched)| !watched.released && watched.quiet < self.lease) {
            return None;
        }
        let died = waiting.attempts.values().filter(|watched| !watched.released).count();
        Some(Candidate {
            job: job.clone(),
            attempt: highest.map_or(1, |(number, _)| number + 1),
            died: u32::try_from(died).unwrap_or(u32::MAX),
        })
    }
}

#[cfg(test)]
mod tests {
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
        let candidate = queue.next(&HashSet::new())?;
        Some((candidate.job.0.to_string(), candidate.job.1.get(), candidate.attempt))
    }

    /// Lists the same once a second for `seconds` seconds from `from` on.
    fn watch(queue: &mut Queue, entries: &[Entry], from: u64, seconds: u64) {
        for second in from..=from + seconds {
            queue.observe(entries, Duration::from_secs(second));
        }
    }

    #[test]
    fn oldest_first_within_a_project_in_turn_between_projects() {
        let mut queue = queue();
        queue.observe(&[ticket("a", 10, 3), ticket("a", 9, 1), ticket("a", 2, 2), ticket("b", 1, 9)], POLL);
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
        queue.observe(&[ticket("p", 1, 0)], POLL);
        let mine = HashSet::from([("p".parse().unwrap(), Version::FIRST)]);
        assert_eq!(queue.next(&mine), None);
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
        // Nothing could be listed for an hour.
        watch(&mut queue, &held, 3_600, 19);
        assert_eq!(next(&queue), None);
        watch(&mut queue, &held, 3_620, 1);
        assert_eq!(next(&queue), Some(("p".to_owned(), 1, 2)));
    }

    #[test]
    fn a_released_attempt_is_free_at_once_and_does_not_count() {
        let mut queue = queue();
        queue.observe(&[ticket("p", 1, 0), attempt(1, 1, "empty")], POLL);
        let candidate = queue.next(&HashSet::new()).unwrap();
        assert_eq!((candidate.attempt, candidate.died), (2, 0));
    }

    #[test]
    fn the_third_death_isolates_and_the_fifth_ends_it() {
        let mut queue = queue();
        let mut entries = vec![ticket("p", 1, 0)];
        for number in 1..=5 {
            entries.push(attempt(1, number, "x"));
            watch(&mut queue, &entries, u64::from(number) * 100, 31);
            let candidate = queue.next(&HashSet::new()).unwrap();
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
