//! Finds files and logs of attempts that lost and could not remove them: their runner died, or was stopped for long. A
//! slow pass over all files and logs, against the reports of their versions.
//!
//! Invariant: a step is one request, and those for what it removes. So a bucket whose reports are still to be read, of
//! which a large one has many, costs no more a poll than one that is known.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use contract::{Key, RunId, prefix};
use s3::{Client, S3Error};
use tracing::warn;

use super::Snapshot;
use crate::look::page;
use crate::queue::Job;
use crate::tidy::{self, is_left_over};

/// How long from one page to the next.
const PAUSE: Duration = Duration::from_secs(5);

/// What is listed, in turn.
const AREAS: [&str; 2] = [prefix::OUTPUT, prefix::LOGS];

/// The pass, and how far it is.
#[derive(Debug, Default)]
pub struct Orphans {
    /// When the next page may be read, on a monotonic clock.
    next: Duration,
    /// Which of [`AREAS`].
    area: usize,
    /// Where the next page begins.
    from: Option<String>,
    /// What the last page showed and nobody has looked up yet; the last is next.
    suspects: Vec<(Job, Vec<Key>)>,
    /// The attempts that their versions' reports name, as hashes, since a report never changes: 8 bytes for each
    /// version, so that a pass over what is known reads no report. Two attempts with the same hash, which do not
    /// happen, would leave an orphan.
    in_order: HashSet<u64>,
    hashes: RandomState,
    /// The last one could not be looked up, or not be removed.
    is_failing: bool,
}

impl Orphans {
    /// Whether the next step reads a report, for which no page need be due.
    pub fn has_suspects(&self) -> bool {
        !self.suspects.is_empty()
    }

    /// Goes on from where it is: the next report, or, if it is time, the next page.
    ///
    /// # Errors
    /// When the store does not list. The next step goes on from the same place; from the beginning where the store said
    /// no. What cannot be looked up or removed is no error: the next pass finds it again.
    pub async fn step(&mut self, client: Client<'_>, pending: &Snapshot, now: Duration) -> Result<(), S3Error> {
        if let Some((job, keys)) = self.suspects.pop() {
            self.look_up(client, job, keys).await;
            return Ok(());
        }
        if now < self.next {
            return Ok(());
        }
        self.next = now + PAUSE;
        let outcome = self.read_page(client, pending).await;
        if outcome.as_ref().is_err_and(|error| !error.is_transient()) {
            self.from = None;
        }
        outcome
    }

    async fn read_page(&mut self, client: Client<'_>, pending: &Snapshot) -> Result<(), S3Error> {
        let mut keys = Vec::new();
        self.from = page(client, AREAS[self.area], self.from.clone(), |entry| {
            // A key in another spelling than this software's is not this software's.
            keys.extend(entry.key.parse::<Key>().ok().filter(|key| key.to_string() == entry.key));
        })
        .await?;
        if self.from.is_none() {
            self.area = (self.area + 1) % AREAS.len();
        }
        let mut suspects: HashMap<Job, Vec<Key>> = HashMap::new();
        for key in keys {
            let Some((project, version, run)) = key.run() else { continue };
            let job = (project.clone(), version);
            // What is pending is not finished, or is tidied up by others.
            if !pending.contains_key(&job) && !self.in_order.contains(&self.hashes.hash_one((&job, &run))) {
                suspects.entry(job).or_default().push(key);
            }
        }
        self.suspects = suspects.into_iter().collect();
        // What more than one attempt has left is looked up first: some of it is left over for certain.
        self.suspects.sort_by_key(|(_, keys)| runs(keys).len());
        Ok(())
    }

    async fn look_up(&mut self, client: Client<'_>, job: Job, keys: Vec<Key>) {
        match remove_left_over(client, &job, keys).await {
            Ok(kept) => {
                self.is_failing = false;
                let hashes = runs(&kept).into_iter().map(|run| self.hashes.hash_one((&job, run)));
                self.in_order.extend(hashes);
            }
            Err(error) if !std::mem::replace(&mut self.is_failing, true) => {
                let (project, version) = &job;
                warn!(%project, %version, %error, "files that no report names may be left; the next pass finds them");
            }
            Err(_) => {}
        }
    }
}

/// The attempts that the keys are of.
fn runs(keys: &[Key]) -> HashSet<RunId> {
    keys.iter().filter_map(Key::run).map(|(_, _, run)| run).collect()
}

/// Removes those of `keys` that the version's report has no use for. Gives those that it has, whose attempts need not be
/// looked up again; of a version without a report, which is not finished, none.
async fn remove_left_over(client: Client<'_>, job: &Job, keys: Vec<Key>) -> Result<Vec<Key>, S3Error> {
    match tidy::report_of(client, job).await? {
        None => Ok(Vec::new()),
        // Not this software's.
        Some(None) => Ok(keys),
        Some(Some(report)) => {
            let (left_over, kept) = keys.into_iter().partition::<Vec<Key>, _>(|key| is_left_over(key, &report));
            tidy::remove_files(client, left_over).await?;
            // One that a report names of another attempt says nothing of that attempt's others.
            let of_its_run = |key: &Key| key.run().is_some_and(|(_, _, run)| Some(run) == report.run);
            Ok(kept.into_iter().filter(of_its_run).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use contract::{Outcome, Report, Timestamp};
    use platform::Clock;

    use super::*;
    use crate::queue::Pending;
    use crate::testing::{Fault, Faulty, MemoryStore};
    use crate::transport::SystemClock;

    const WINNER: &str = "aaaaaaaaaaaaaaaa";
    const LOSER: &str = "bbbbbbbbbbbbbbbb";

    fn job(version: u64) -> Job {
        ("p".parse().unwrap(), version.try_into().unwrap())
    }

    fn file(version: u64, run: &str) -> String {
        format!("output/p/v{version}/{run}/MyHeadlessModel.STEP")
    }

    fn log(version: u64, run: &str) -> String {
        Key::log(&job(version).0, job(version).1, &run.parse().unwrap(), Timestamp::from_millis(0)).to_string()
    }

    fn done(store: &MemoryStore, version: u64, run: Option<&str>) {
        let mut report = Report::new(job(version).0, job(version).1, Outcome::Completed, Timestamp::from_millis(0));
        report.run = run.map(|run| run.parse().unwrap());
        store.drop_in(&format!("processed/p/p_v{version}.py.done"), serde_json::to_vec(&report).unwrap());
    }

    /// Does so many steps, one a pause; gives the requests of each.
    async fn steps(orphans: &mut Orphans, store: &Faulty<MemoryStore>, pending: &Snapshot, number: u32) -> Vec<usize> {
        let (clock, bucket) = (SystemClock::new(), MemoryStore::bucket());
        let client = Client::new(store, &clock as &dyn Clock, &bucket);
        let mut requests = Vec::new();
        for step in 1..=number {
            store.seen.borrow_mut().clear();
            orphans.step(client, pending, orphans.next.max(PAUSE * step)).await.unwrap();
            requests.push(store.seen.borrow().len());
        }
        requests
    }

    #[tokio::test]
    async fn what_no_report_names_goes_and_all_else_stays() {
        let store = Faulty::new(MemoryStore::new());
        let kept = [
            file(1, WINNER),
            log(1, WINNER),
            // Not finished; nobody holds it just now.
            file(2, LOSER),
            log(2, LOSER),
            // Not finished and pending; its report came after the snapshot.
            file(3, LOSER),
            // Other software's, and marked as done by it.
            file(4, LOSER),
            "output/p/v1/MyHeadlessModel.STEP".to_owned(),
            "output/p/MyHeadlessModel.STEP".to_owned(),
            format!("output/p/v1/{LOSER}/MyHeadlessModel.step"),
            format!("output/p/v1/{LOSER}/mine.txt"),
            "logs/p/p_info_20231114_221320.log".to_owned(),
        ];
        let orphans = [file(1, LOSER), log(1, LOSER), file(5, LOSER), log(5, LOSER)];
        kept.iter().chain(&orphans).for_each(|key| store.inner.drop_in(key, "x"));
        done(&store.inner, 1, Some(WINNER));
        done(&store.inner, 3, Some(WINNER));
        store.inner.drop_in("processed/p/p_v4.py.done", "");
        done(&store.inner, 5, None);
        let pending = Rc::new(HashMap::from([(job(3), Pending { has_ticket: true, highest_attempt: 1 })]));
        steps(&mut Orphans::default(), &store, &pending, 20).await;
        let mut expected = kept.to_vec();
        expected.sort();
        let left: Vec<_> = store.inner.keys().into_iter().filter(|key| !key.starts_with("processed/")).collect();
        assert_eq!(left, expected);
    }

    #[tokio::test]
    async fn a_step_is_one_request_and_a_second_pass_reads_no_report() {
        let store = Faulty::new(MemoryStore::new());
        for version in 1..=150 {
            store.inner.drop_in(&file(version, WINNER), "x");
            done(&store.inner, version, Some(WINNER));
        }
        let (mut orphans, pending) = (Orphans::default(), Snapshot::default());
        assert_eq!(steps(&mut orphans, &store, &pending, 152).await, [1; 152], "the files, their reports, the logs");
        assert_eq!(steps(&mut orphans, &store, &pending, 1).await, [1]);
        assert!(!orphans.has_suspects(), "all is known");
        let (clock, bucket) = (SystemClock::new(), MemoryStore::bucket());
        let client = Client::new(&store, &clock as &dyn Clock, &bucket);
        store.seen.borrow_mut().clear();
        orphans.step(client, &pending, orphans.next - PAUSE / 2).await.unwrap();
        assert_eq!(*store.seen.borrow(), [] as [String; 0], "it is not time");
        store.inner.drop_in(&file(7, LOSER), "x");
        steps(&mut orphans, &store, &pending, 3).await;
        assert!(store.inner.object(&file(7, LOSER)).is_none() && store.inner.object(&file(7, WINNER)).is_some());
    }

    #[tokio::test]
    async fn what_more_than_one_attempt_has_left_is_looked_up_first() {
        let store = Faulty::new(MemoryStore::new());
        for version in 1..=50 {
            store.inner.drop_in(&file(version, WINNER), "x");
            done(&store.inner, version, Some(WINNER));
        }
        store.inner.drop_in(&file(7, LOSER), "x");
        steps(&mut Orphans::default(), &store, &Snapshot::default(), 2).await;
        assert!(store.inner.object(&file(7, LOSER)).is_none());
    }

    #[tokio::test]
    async fn what_the_store_does_not_let_go_holds_up_nothing() {
        let store = Faulty::new(MemoryStore::new());
        for version in 1..=3 {
            store.inner.drop_in(&file(version, LOSER), "x");
            done(&store.inner, version, Some(WINNER));
        }
        store.each("DELETE", "/v2/", Fault::Status(403));
        let (mut orphans, pending) = (Orphans::default(), Snapshot::default());
        let left = || store.inner.keys().into_iter().filter(|key| key.starts_with("output/")).collect::<Vec<_>>();
        steps(&mut orphans, &store, &pending, 4).await;
        assert_eq!(left(), [file(2, LOSER)]);
        store.end_each();
        steps(&mut orphans, &store, &pending, 3).await;
        assert_eq!(left(), [] as [String; 0]);
    }
}
