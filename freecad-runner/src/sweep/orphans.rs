//! Removes files and logs of attempts that lost and did not remove them, because their runner died or was suspended. A slow
//! pass compares all files and logs with the reports of their versions.
//!
//! Invariant: a step sends one request, and one for each file that it removes. So a poll costs the same whether the reports
//! are known or still have to be read.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use contract::{Key, RunId, prefix};
use s3::{Client, S3Error};
use tracing::warn;

use super::Snapshot;
use crate::job::tidy::{self, StoredReport, is_orphan};
use crate::listing::list_page;
use crate::queue::Job;

/// The time from one page to the next.
const PAGE_INTERVAL: Duration = Duration::from_secs(5);

/// The areas that are listed in turn.
const AREAS: [&str; 2] = [prefix::OUTPUT, prefix::LOGS];

/// The pass and its progress.
#[derive(Debug, Default)]
pub struct Orphans {
    /// When the next page is due, on a monotonic clock.
    next: Duration,
    /// The index in [`AREAS`].
    area: usize,
    /// Where the next page starts.
    from: Option<String>,
    /// Keys of the last page whose reports were not read yet. The last is next.
    suspects: Vec<(Job, Vec<Key>)>,
    /// Hashes of the attempts that reports name; reports never change. With 8 bytes per version, a later pass reads no
    /// known report. Two attempts with the same hash would leave an orphan, which is very unlikely.
    committed: HashSet<u64>,
    hashes: RandomState,
    /// The last check failed.
    is_failing: bool,
}

impl Orphans {
    /// Whether the next step reads a report.
    pub fn has_suspects(&self) -> bool {
        !self.suspects.is_empty()
    }

    /// Reads the next report or, if it is due, the next page.
    ///
    /// # Errors
    /// When a page cannot be listed. The next step continues at the same place, or at the beginning after a refusal. A
    /// report that cannot be read, or a file that cannot be removed, is not an error: the next pass finds it again.
    pub async fn step(&mut self, client: Client<'_>, pending: &Snapshot, now: Duration) -> Result<(), S3Error> {
        if let Some((job, keys)) = self.suspects.pop() {
            self.check(client, job, keys).await;
            return Ok(());
        }
        if now < self.next {
            return Ok(());
        }
        self.next = now + PAGE_INTERVAL;
        let outcome = self.read_page(client, pending).await;
        if outcome.as_ref().is_err_and(|error| !error.is_transient()) {
            self.from = None;
        }
        outcome
    }

    async fn read_page(&mut self, client: Client<'_>, pending: &Snapshot) -> Result<(), S3Error> {
        let mut keys = Vec::new();
        self.from = list_page(client, AREAS[self.area], self.from.clone(), |entry| {
            // A key that this software would spell differently is another software's.
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
            // A pending version is not finished, or is being tidied up.
            if !pending.contains_key(&job) && !self.committed.contains(&self.hashes.hash_one((&job, &run))) {
                suspects.entry(job).or_default().push(key);
            }
        }
        self.suspects = suspects.into_iter().collect();
        // Versions with files of several attempts come first, because some of them are certainly orphans.
        self.suspects.sort_by_key(|(_, keys)| runs(keys).len());
        Ok(())
    }

    async fn check(&mut self, client: Client<'_>, job: Job, keys: Vec<Key>) {
        match remove_orphans(client, &job, keys).await {
            Ok(kept) => {
                self.is_failing = false;
                let hashes = runs(&kept).into_iter().map(|run| self.hashes.hash_one((&job, run)));
                self.committed.extend(hashes);
            }
            Err(error) if !std::mem::replace(&mut self.is_failing, true) => {
                let (project, version) = &job;
                warn!(%project, %version, %error, "orphaned files may remain; the next pass finds them");
            }
            Err(_) => {}
        }
    }
}

/// The attempts that the keys name.
fn runs(keys: &[Key]) -> HashSet<RunId> {
    keys.iter().filter_map(Key::run).map(|(_, _, run)| run).collect()
}

/// Removes the orphans among `keys`. Gives the keys whose attempts need no further check. Those of an unfinished version
/// are checked again.
async fn remove_orphans(client: Client<'_>, job: &Job, keys: Vec<Key>) -> Result<Vec<Key>, S3Error> {
    match tidy::stored_report(client, job).await? {
        StoredReport::Missing => Ok(Vec::new()),
        StoredReport::Foreign => Ok(keys),
        StoredReport::Readable(report) => {
            let (orphans, kept) = keys.into_iter().partition::<Vec<Key>, _>(|key| is_orphan(key, &report));
            tidy::remove_files(client, orphans).await?;
            // A report may name a file of another attempt, whose other files may still be orphans.
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

    /// Does `number` steps, one per interval. Gives the number of requests of each.
    async fn steps(orphans: &mut Orphans, store: &Faulty<MemoryStore>, pending: &Snapshot, number: u32) -> Vec<usize> {
        let (clock, bucket) = (SystemClock::new(), MemoryStore::bucket());
        let client = Client::new(store, &clock as &dyn Clock, &bucket);
        let mut requests = Vec::new();
        for step in 1..=number {
            store.seen.borrow_mut().clear();
            orphans.step(client, pending, orphans.next.max(PAGE_INTERVAL * step)).await.unwrap();
            requests.push(store.seen.borrow().len());
        }
        requests
    }

    #[tokio::test]
    async fn only_orphans_are_removed() {
        let store = Faulty::new(MemoryStore::new());
        let kept = [
            file(1, WINNER),
            log(1, WINNER),
            // Not finished, and not held now.
            file(2, LOSER),
            log(2, LOSER),
            // Pending in the snapshot; its report came later.
            file(3, LOSER),
            // Marked as done by other software.
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
    async fn a_step_is_one_request_and_known_reports_stay_unread() {
        let store = Faulty::new(MemoryStore::new());
        for version in 1..=150 {
            store.inner.drop_in(&file(version, WINNER), "x");
            done(&store.inner, version, Some(WINNER));
        }
        let (mut orphans, pending) = (Orphans::default(), Snapshot::default());
        assert_eq!(steps(&mut orphans, &store, &pending, 152).await, [1; 152], "the files, their reports, the logs");
        assert_eq!(steps(&mut orphans, &store, &pending, 1).await, [1]);
        assert!(!orphans.has_suspects(), "all reports are known");
        let (clock, bucket) = (SystemClock::new(), MemoryStore::bucket());
        let client = Client::new(&store, &clock as &dyn Clock, &bucket);
        store.seen.borrow_mut().clear();
        orphans.step(client, &pending, orphans.next - PAGE_INTERVAL / 2).await.unwrap();
        assert_eq!(*store.seen.borrow(), [] as [String; 0], "no page is due");
        store.inner.drop_in(&file(7, LOSER), "x");
        steps(&mut orphans, &store, &pending, 3).await;
        assert!(store.inner.object(&file(7, LOSER)).is_none() && store.inner.object(&file(7, WINNER)).is_some());
    }

    #[tokio::test]
    async fn versions_with_several_attempts_come_first() {
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
    async fn a_refused_delete_blocks_no_other() {
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
