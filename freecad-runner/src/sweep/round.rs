//! A round of the sweep: compares `pending/` with scripts with reports. A large bucket is read a few pages per poll; a
//! small one completely with each poll.

use std::time::Duration;

use contract::{Key, prefix};
use s3::{Client, S3Error};
use tracing::warn;

use super::Snapshot;
use super::failing::{Failing, REPAIR_PAUSE};
use super::repair::Repairs;
use crate::listing::list_page;

/// A round and its progress.
#[derive(Debug, Default)]
pub struct Round {
    stage: Stage,
    /// Where the next page starts.
    from: Option<String>,
    repairs: Repairs,
    /// Also of earlier rounds.
    failing: Failing,
}

/// The order matters: a version that is finished during the round had its ticket in the snapshot, or has its report in the
/// last listing. Each listing is read to its end, because a version whose report was missed would get tickets for ever.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    /// The next snapshot starts the round.
    #[default]
    Pending,
    Scripts,
    Reports,
    Repairs,
}

impl Round {
    /// Reads up to `pages` pages and then repairs, at `now` on a monotonic clock. Gives the number of tickets that were put.
    ///
    /// # Errors
    /// When a page cannot be listed. The next step continues at the same place, or at the beginning after a refusal,
    /// because the store may not know the place any more. A failed repair is not an error: a later round finds it again.
    pub async fn step(
        &mut self,
        client: Client<'_>,
        snapshot: &Snapshot,
        pages: usize,
        now: Duration,
    ) -> Result<usize, S3Error> {
        let listed = self.list(client, snapshot, pages).await;
        if listed.as_ref().is_err_and(|error| !error.is_transient()) {
            self.start_again();
        }
        listed?;
        if self.stage == Stage::Repairs { Ok(self.repair(client, snapshot, now).await) } else { Ok(0) }
    }

    async fn list(&mut self, client: Client<'_>, snapshot: &Snapshot, pages: usize) -> Result<(), S3Error> {
        if self.stage == Stage::Pending {
            self.repairs = Repairs::new(snapshot);
            self.stage = Stage::Scripts;
        }
        for _ in 0..pages {
            let area = match self.stage {
                Stage::Scripts => prefix::INPUT,
                Stage::Reports => prefix::PROCESSED,
                Stage::Pending | Stage::Repairs => break,
            };
            let mut keys = Vec::new();
            // `from` moves on only with a complete page, so a step that fails can be repeated.
            self.from =
                list_page(client, area, self.from.clone(), |entry| keys.extend(entry.key.parse::<Key>())).await?;
            keys.into_iter().for_each(|key| self.repairs.add(key));
            if self.from.is_none() {
                self.stage = if self.stage == Stage::Scripts { Stage::Reports } else { Stage::Repairs };
            }
        }
        Ok(())
    }

    async fn repair(&mut self, client: Client<'_>, snapshot: &Snapshot, now: Duration) -> usize {
        self.repairs.skip_failing(&self.failing, now);
        let repaired = self.repairs.repair_some(client, snapshot).await;
        let (tickets, failed) = self.failing.record(repaired, now);
        if let Some(((project, version), error)) = failed.first() {
            let (count, pause) = (failed.len(), REPAIR_PAUSE.as_secs());
            warn!(%project, %version, %error, count, "the sweep cannot repair this; it tries again every {pause} s");
        }
        if self.repairs.is_empty() {
            self.failing.forget_old(now);
            self.start_again();
        }
        tickets
    }

    fn start_again(&mut self) {
        *self = Self { failing: std::mem::take(&mut self.failing), ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::rc::Rc;

    use platform::Clock;

    use super::*;
    use crate::queue::{Job, Pending};
    use crate::sweep::PAGES_PER_STEP;
    use crate::sweep::repair::REPAIRS_PER_STEP;
    use crate::testing::{Fault, Faulty, MemoryStore};
    use crate::transport::SystemClock;

    fn job(version: u64) -> Job {
        ("a".parse().unwrap(), version.try_into().unwrap())
    }

    fn pending(has_ticket: bool, highest_attempt: u32) -> Pending {
        Pending { has_ticket, highest_attempt }
    }

    fn snapshot<const N: usize>(pending: [(Job, Pending); N]) -> Snapshot {
        Rc::new(HashMap::from(pending))
    }

    /// Does a whole round. Gives the number of steps and of tickets that were put.
    async fn do_round(store: &Faulty<MemoryStore>, seen: Snapshot) -> (usize, usize) {
        let (clock, bucket) = (SystemClock::new(), MemoryStore::bucket());
        let client = Client::new(store, &clock as &dyn Clock, &bucket);
        let (mut round, mut steps, mut made) = (Round::default(), 0, 0);
        loop {
            // It continues after a failure.
            made += round.step(client, &seen, PAGES_PER_STEP, clock.monotonic()).await.unwrap_or(0);
            steps += 1;
            if round.stage == Stage::Pending {
                return (steps, made);
            }
        }
    }

    fn store(keys: impl IntoIterator<Item = String>) -> Faulty<MemoryStore> {
        let store = MemoryStore::new();
        keys.into_iter().for_each(|key| store.drop_in(&key, ""));
        Faulty::new(store)
    }

    /// Sweeps a bucket with `keys` once. Gives the number of tickets that were put, and the keys under `pending/`.
    async fn swept(keys: impl IntoIterator<Item = String>, seen: Snapshot) -> (usize, Vec<String>) {
        let store = store(keys);
        let (_, made) = do_round(&store, seen).await;
        let left = store.inner.keys().into_iter().filter(|key| key.starts_with(prefix::PENDING)).collect();
        (made, left)
    }

    #[tokio::test]
    async fn finished_versions_are_tidied_up() {
        let keys = [
            "pending/a/a_v1/ticket",
            "pending/a/a_v2/a1.json",
            "pending/a/a_v2/a3.json",
            "pending/a/a_v4/a1.json",
            "pending/a/a_v4/ticket",
            "processed/a/a_v1.py.done",
            "processed/a/a_v2.py.done",
        ];
        let seen = [(job(1), pending(true, 0)), (job(2), pending(false, 3)), (job(4), pending(true, 1))];
        let (made, left) = swept(keys.map(str::to_owned), snapshot(seen)).await;
        assert_eq!((made, left), (0, vec!["pending/a/a_v4/a1.json".to_owned(), "pending/a/a_v4/ticket".to_owned()]));
    }

    #[tokio::test]
    async fn attempts_of_a_removed_version_go() {
        let keys = ["pending/a/a_v1/a1.json", "pending/a/a_v2/a2.json", "pending/a/a_v3/a1.json", "input/a/a_v3.py"];
        // The ticket of version 2 came after the snapshot.
        let keys = keys.into_iter().chain(["pending/a/a_v2/ticket"]).map(str::to_owned);
        let seen = snapshot([1, 2, 3].map(|version| (job(version), pending(false, version.min(2) as u32))));
        let (made, left) = swept(keys, seen).await;
        let expected =
            ["pending/a/a_v2/a2.json", "pending/a/a_v2/ticket", "pending/a/a_v3/a1.json", "pending/a/a_v3/ticket"];
        assert_eq!((made, left), (1, expected.map(str::to_owned).to_vec()));
    }

    #[tokio::test]
    async fn only_unknown_scripts_get_a_ticket() {
        let keys = ["input/a/a_v10.py", "input/a/a_v2.py", "input/a/a_v1.py", "input/a/notes.txt"];
        let keys = keys.into_iter().chain(["processed/a/a_v1.py.done"]).map(str::to_owned);
        let seen = snapshot([(job(2), pending(true, 0)), (job(10), pending(false, 1))]);
        let (made, left) = swept(keys, seen).await;
        assert_eq!((made, left), (1, vec!["pending/a/a_v10/ticket".to_owned()]));
    }

    #[tokio::test]
    async fn a_step_costs_the_same_however_large_the_bucket() {
        for versions in [100, 2_100, 5_000] {
            let keys =
                (1..=versions).flat_map(|n| [format!("input/a/a_v{n}.py"), format!("processed/a/a_v{n}.py.done")]);
            let store = store(keys.chain(["input/b/b_v7.py".to_owned()]));
            let (steps, made) = do_round(&store, Snapshot::default()).await;
            let pages = (versions as usize + 1).div_ceil(1_000) + (versions as usize).div_ceil(1_000);
            assert_eq!(steps, pages.div_ceil(PAGES_PER_STEP), "{versions}");
            assert_eq!(made, 1);
            assert!(store.inner.object("pending/b/b_v7/ticket").is_some());
            let requests = store.seen.borrow().len();
            assert!(requests <= steps * PAGES_PER_STEP + 2, "{requests} requests in {steps} steps");
        }
    }

    #[tokio::test]
    async fn a_version_finished_during_a_round_gets_no_ticket() {
        let store = store((1..=1_500).map(|n| format!("input/a/a_v{n}.py")));
        let (clock, bucket) = (SystemClock::new(), MemoryStore::bucket());
        let client = Client::new(&store, &clock as &dyn Clock, &bucket);
        let mut round = Round::default();
        round.step(client, &Snapshot::default(), PAGES_PER_STEP, clock.monotonic()).await.unwrap();
        assert_eq!(round.stage, Stage::Reports);
        (1..=1_400).for_each(|n| store.inner.drop_in(&format!("processed/a/a_v{n}.py.done"), ""));
        let now = Rc::new((1_401..=1_450).map(|n| (job(n), pending(true, 0))).collect());
        let mut made = round.step(client, &now, PAGES_PER_STEP, clock.monotonic()).await.unwrap();
        assert!(made <= REPAIRS_PER_STEP);
        while round.stage != Stage::Pending {
            made += round.step(client, &now, PAGES_PER_STEP, clock.monotonic()).await.unwrap();
        }
        assert_eq!(made, 50);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_repair_blocks_no_other_and_is_repeated() {
        let keys = ["pending/a/a_v1/ticket", "processed/a/a_v1.py.done", "pending/a/a_v4/ticket"];
        let keys = keys.into_iter().chain(["processed/a/a_v4.py.done", "input/a/a_v2.py", "input/a/a_v3.py"]);
        let store = store(keys.map(str::to_owned));
        let seen = snapshot([1, 4].map(|version| (job(version), pending(true, 0))));
        store.each("DELETE", "/a_v1/", Fault::Status(403));
        store.each("PUT", "/a_v2/", Fault::Status(403));
        let (clock, bucket) = (SystemClock::new(), MemoryStore::bucket());
        let client = Client::new(&store, &clock as &dyn Clock, &bucket);
        let mut round = Round::default();
        let refused = |store: &Faulty<MemoryStore>| {
            let seen = store.seen.take();
            seen.iter().filter(|seen| seen.contains("DELETE") && seen.contains("_v1/")).count()
        };
        assert_eq!(round.step(client, &seen, PAGES_PER_STEP, clock.monotonic()).await, Ok(1));
        assert!(store.inner.object("pending/a/a_v3/ticket").is_some());
        assert!(store.inner.object("pending/a/a_v4/ticket").is_none());
        assert_eq!(refused(&store), 1);
        assert_eq!(round.step(client, &seen, PAGES_PER_STEP, clock.monotonic()).await, Ok(0));
        assert_eq!(refused(&store), 0, "not with every poll");
        store.inner.drop_in("input/a/a_v5.py", "");
        assert_eq!(
            round.step(client, &seen, PAGES_PER_STEP, clock.monotonic()).await,
            Ok(1),
            "other repairs do not wait for it"
        );
        clock.sleep(REPAIR_PAUSE).await;
        store.end_each();
        assert_eq!(round.step(client, &seen, PAGES_PER_STEP, clock.monotonic()).await, Ok(1));
        assert!(store.inner.object("pending/a/a_v1/ticket").is_none());
        assert!(store.inner.object("pending/a/a_v2/ticket").is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_step_is_repeated() {
        let keys = (1..=2_100).flat_map(|n| [format!("input/a/a_v{n}.py"), format!("processed/a/a_v{n}.py.done")]);
        let store = store(keys.chain(["input/b/b_v7.py".to_owned()]));
        // The store does not know the place any more, so the listing starts again.
        store.plan("GET", "/models", Fault::Status(400));
        assert_eq!(do_round(&store, Snapshot::default()).await, (1, 0));
        for fault in [Fault::Status(503), Fault::HalfBody, Fault::NoConnection] {
            // More faults than the client has tries.
            (0..4).for_each(|_| store.plan("GET", "/models", fault));
        }
        assert_eq!(do_round(&store, Snapshot::default()).await.1, 1);
    }
}
