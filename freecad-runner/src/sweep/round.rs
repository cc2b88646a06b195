//! A round: what is pending against scripts against reports. Read a few pages a poll, however large the bucket; a small
//! one is read whole with each.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use bytes::Bytes;
use contract::{Key, ProjectId, Version, prefix};
use futures::stream::{self, StreamExt};
use s3::{Client, PutOptions, S3Error};
use tracing::warn;

use super::Snapshot;
use super::failing::{Failing, Mended, REST};
use crate::look::page;
use crate::publish;
use crate::queue::Job;
use crate::tidy;

/// How many versions one poll mends.
const MENDS: usize = 100;

/// How many requests go out at once.
const AT_ONCE: usize = 8;

/// A round, and how far it is.
#[derive(Debug, Default)]
pub struct Round {
    stage: Stage,
    /// Where the next page begins.
    from: Option<String>,
    found: Found,
    /// Of earlier rounds, too.
    failing: Failing,
}

/// The order matters: a version that is done meanwhile had its ticket in the first, and has its report in the last. And
/// each is read to its end: a version whose report was not seen would be given tickets for ever.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    /// A snapshot of what is pending begins it.
    #[default]
    Pending,
    Scripts,
    Reports,
    Mending,
}

impl Round {
    /// Goes on from where it is by so many pages, at `now` on a monotonic clock; gives how many tickets were made.
    ///
    /// # Errors
    /// When nothing can be listed. The next step goes on from the same place; from the beginning where the store said
    /// no, since it may not know the place any more. What cannot be mended is no error: a later round finds it again.
    pub async fn step(
        &mut self,
        client: Client<'_>,
        snapshot: &Snapshot,
        pages: usize,
        now: Duration,
    ) -> Result<usize, S3Error> {
        let outcome = self.go_on(client, snapshot, pages, now).await;
        if outcome.as_ref().is_err_and(|error| !error.is_transient()) {
            self.begin_anew();
        }
        outcome
    }

    fn begin_anew(&mut self) {
        *self = Self { failing: std::mem::take(&mut self.failing), ..Self::default() };
    }

    async fn go_on(
        &mut self,
        client: Client<'_>,
        snapshot: &Snapshot,
        pages: usize,
        now: Duration,
    ) -> Result<usize, S3Error> {
        if self.stage == Stage::Pending {
            self.found = Found::new(snapshot);
            self.stage = Stage::Scripts;
        }
        for _ in 0..pages {
            let area = match self.stage {
                Stage::Scripts => prefix::INPUT,
                Stage::Reports => prefix::PROCESSED,
                Stage::Pending | Stage::Mending => break,
            };
            let mut keys = Vec::new();
            // A page counts when it is there, so that a step that fails can be done again.
            self.from = page(client, area, self.from.clone(), |entry| keys.extend(entry.key.parse::<Key>())).await?;
            keys.into_iter().for_each(|key| self.found.add(key));
            if self.from.is_none() {
                self.stage = if self.stage == Stage::Scripts { Stage::Reports } else { Stage::Mending };
            }
        }
        if self.stage != Stage::Mending {
            return Ok(0);
        }
        let found = &mut self.found;
        found.leave_out(&self.failing, now);
        let mended = found.mend(client, snapshot).await;
        let (made, failed) = self.failing.sorted(mended, now);
        if let Some(((project, version), error)) = failed.first() {
            let (count, rest) = (failed.len(), REST.as_secs());
            warn!(%project, %version, %error, count, "the sweep cannot mend this; it is tried again every {rest} s");
        }
        if self.found.is_mended() {
            self.failing.forget_old(now);
            self.begin_anew();
        }
        Ok(made)
    }
}

/// What the listings tell. Of the keys only what matters is kept, so that a large bucket needs little memory; and stores
/// list in different orders, so these are sets.
#[derive(Debug, Default)]
struct Found {
    pending: Snapshot,
    /// Scripts without a ticket, and in the end without a report.
    without_ticket: HashMap<ProjectId, BTreeSet<Version>>,
    /// Versions with attempts and without a ticket; in the end, without script and report either.
    without_script: HashSet<Job>,
    /// Versions that have a report and still a ticket or attempts: their runner died between the two, or the ticket
    /// came late.
    left_over: HashSet<Job>,
}

impl Found {
    fn new(pending: &Snapshot) -> Self {
        let attempts_alone = pending.iter().filter(|(_, pending)| !pending.has_ticket);
        let without_script = attempts_alone.map(|(job, _)| job.clone()).collect();
        Self { pending: pending.clone(), without_script, ..Self::default() }
    }

    fn add(&mut self, key: Key) {
        match key {
            Key::Script(project, version) => {
                let job = (project, version);
                self.without_script.remove(&job);
                if !self.pending.get(&job).is_some_and(|pending| pending.has_ticket) {
                    self.without_ticket.entry(job.0).or_default().insert(version);
                }
            }
            Key::Done(project, version) => {
                if let Some(versions) = self.without_ticket.get_mut(&project) {
                    versions.remove(&version);
                }
                let job = (project, version);
                self.without_script.remove(&job);
                if self.pending.contains_key(&job) {
                    self.left_over.insert(job);
                }
            }
            _ => {}
        }
    }

    /// Takes out what was tried in vain a short while ago.
    fn leave_out(&mut self, failing: &Failing, now: Duration) {
        for (project, versions) in &mut self.without_ticket {
            versions.retain(|version| failing.is_due(&(project.clone(), *version), now));
        }
        self.without_script.retain(|job| failing.is_due(job, now));
        self.left_over.retain(|job| failing.is_due(job, now));
    }

    /// Tries to mend some of what was found, and takes it out, whatever comes of it: one key that the store does not let
    /// go holds up nothing else. Tickets come first, since somebody waits for them.
    async fn mend(&mut self, client: Client<'_>, now: &Snapshot) -> Vec<Mended> {
        let highest = |job: &Job| self.pending.get(job).map_or(0, |pending| pending.highest_attempt);
        let with_highest = |job: &Job| (job.clone(), highest(job));
        let versions = self
            .without_ticket
            .iter()
            .flat_map(|(project, versions)| versions.iter().map(move |version| (project.clone(), *version)));
        let jobs: Vec<Job> = versions.take(MENDS).collect();
        // Where a round takes long, most of these got their tickets and reports while it went on.
        let to_make = jobs.iter().filter(|job| !now.get(job).is_some_and(|pending| pending.has_ticket));
        let mut mended: Vec<Mended> = stream::iter(to_make.cloned())
            .map(async |job| (make_ticket(client, &job).await, job))
            .buffer_unordered(AT_ONCE)
            .map(|(made, job)| Mended { job, outcome: made.map(usize::from) })
            .collect()
            .await;

        let left_over: Vec<_> = self.left_over.iter().take(MENDS).map(with_highest).collect();
        let tidied = stream::iter(left_over.clone())
            .map(async |(job, highest)| (tidy_up(client, job.clone(), highest).await, job))
            .buffer_unordered(AT_ONCE)
            .map(|(tidied, job)| Mended { job, outcome: tidied.map(|()| 0) });
        mended.extend(tidied.collect::<Vec<_>>().await);

        let gone: Vec<_> = self.without_script.iter().take(MENDS).map(with_highest).collect();
        let removed = stream::iter(gone.clone())
            .map(async |(job, highest)| (remove_if_gone(client, job.clone(), highest).await, job))
            .buffer_unordered(AT_ONCE)
            .map(|(removed, job)| Mended { job, outcome: removed.map(|()| 0) });
        mended.extend(removed.collect::<Vec<_>>().await);

        for (project, version) in jobs {
            if let Some(versions) = self.without_ticket.get_mut(&project) {
                versions.remove(&version);
            }
        }
        for (job, _) in left_over {
            self.left_over.remove(&job);
        }
        for (job, _) in gone {
            self.without_script.remove(&job);
        }
        mended
    }

    fn is_mended(&self) -> bool {
        let has_tickets = self.without_ticket.values().all(BTreeSet::is_empty);
        has_tickets && self.without_script.is_empty() && self.left_over.is_empty()
    }
}

async fn tidy_up(client: Client<'_>, job: Job, highest_attempt: u32) -> Result<(), S3Error> {
    if highest_attempt == 0 {
        // A late ticket; nobody has run it since.
        return tidy::tidy_up(client, &job, 0).await;
    }
    tidy::tidy_up_if_done(client, &job, highest_attempt).await.map(drop)
}

/// Removes the attempts of a version that is no more: neither script nor ticket nor report. Looks again first: the
/// listings are from different times.
async fn remove_if_gone(client: Client<'_>, job: Job, highest_attempt: u32) -> Result<(), S3Error> {
    for key in [Key::Script(job.0.clone(), job.1), Key::Done(job.0.clone(), job.1), Key::Ticket(job.0.clone(), job.1)] {
        if client.exists(&key.to_string()).await? {
            return Ok(());
        }
    }
    tidy::tidy_up(client, &job, highest_attempt).await
}

/// Makes the ticket unless there is a report by now; false if it was there already.
async fn make_ticket(client: Client<'_>, job: &Job) -> Result<bool, S3Error> {
    if publish::is_done(client, job).await? {
        return Ok(false);
    }
    let key = Key::Ticket(job.0.clone(), job.1).to_string();
    match client.put(&key, Bytes::new(), &PutOptions::if_absent()).await {
        Ok(_) => Ok(true),
        Err(S3Error::PreconditionFailed) => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use platform::Clock;

    use super::*;
    use crate::queue::Pending;
    use crate::sweep::PAGES;
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

    /// Steps until a round is through; gives how many steps that took and how many tickets were made.
    async fn through(store: &Faulty<MemoryStore>, seen: Snapshot) -> (usize, usize) {
        let (clock, bucket) = (SystemClock::new(), MemoryStore::bucket());
        let client = Client::new(store, &clock as &dyn Clock, &bucket);
        let (mut round, mut steps, mut made) = (Round::default(), 0, 0);
        loop {
            // Whatever fails, it goes on.
            made += round.step(client, &seen, PAGES, clock.monotonic()).await.unwrap_or(0);
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

    /// Sweeps a bucket with these keys once; gives how many tickets were made, and the keys under `pending/` afterwards.
    async fn swept(keys: impl IntoIterator<Item = String>, seen: Snapshot) -> (usize, Vec<String>) {
        let store = store(keys);
        let (_, made) = through(&store, seen).await;
        let left = store.inner.keys().into_iter().filter(|key| key.starts_with(prefix::PENDING)).collect();
        (made, left)
    }

    #[tokio::test]
    async fn what_is_left_of_done_versions_goes() {
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
    async fn attempts_of_a_version_that_is_no_more_go() {
        let keys = ["pending/a/a_v1/a1.json", "pending/a/a_v2/a2.json", "pending/a/a_v3/a1.json", "input/a/a_v3.py"];
        // The ticket of the second came after the snapshot.
        let keys = keys.into_iter().chain(["pending/a/a_v2/ticket"]).map(str::to_owned);
        let seen = snapshot([1, 2, 3].map(|version| (job(version), pending(false, version.min(2) as u32))));
        let (made, left) = swept(keys, seen).await;
        let expected =
            ["pending/a/a_v2/a2.json", "pending/a/a_v2/ticket", "pending/a/a_v3/a1.json", "pending/a/a_v3/ticket"];
        assert_eq!((made, left), (1, expected.map(str::to_owned).to_vec()));
    }

    #[tokio::test]
    async fn only_what_nobody_knows_of_gets_a_ticket() {
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
            let (steps, made) = through(&store, Snapshot::default()).await;
            let pages = (versions as usize + 1).div_ceil(1_000) + (versions as usize).div_ceil(1_000);
            assert_eq!(steps, pages.div_ceil(PAGES), "{versions}");
            assert_eq!(made, 1);
            assert!(store.inner.object("pending/b/b_v7/ticket").is_some());
            let requests = store.seen.borrow().len();
            assert!(requests <= steps * PAGES + 2, "{requests} requests in {steps} steps");
        }
    }

    #[tokio::test]
    async fn what_is_done_while_a_round_goes_on_gets_no_ticket() {
        let store = store((1..=1_500).map(|n| format!("input/a/a_v{n}.py")));
        let (clock, bucket) = (SystemClock::new(), MemoryStore::bucket());
        let client = Client::new(&store, &clock as &dyn Clock, &bucket);
        let mut round = Round::default();
        round.step(client, &Snapshot::default(), PAGES, clock.monotonic()).await.unwrap();
        assert_eq!(round.stage, Stage::Reports);
        (1..=1_400).for_each(|n| store.inner.drop_in(&format!("processed/a/a_v{n}.py.done"), ""));
        let now = Rc::new((1_401..=1_450).map(|n| (job(n), pending(true, 0))).collect());
        let mut made = round.step(client, &now, PAGES, clock.monotonic()).await.unwrap();
        assert!(made <= MENDS);
        while round.stage != Stage::Pending {
            made += round.step(client, &now, PAGES, clock.monotonic()).await.unwrap();
        }
        assert_eq!(made, 50);
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_mended_holds_up_nothing_and_is_tried_again() {
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
        assert_eq!(round.step(client, &seen, PAGES, clock.monotonic()).await, Ok(1));
        assert!(store.inner.object("pending/a/a_v3/ticket").is_some());
        assert!(store.inner.object("pending/a/a_v4/ticket").is_none());
        assert_eq!(refused(&store), 1);
        assert_eq!(round.step(client, &seen, PAGES, clock.monotonic()).await, Ok(0));
        assert_eq!(refused(&store), 0, "not with each poll");
        store.inner.drop_in("input/a/a_v5.py", "");
        assert_eq!(round.step(client, &seen, PAGES, clock.monotonic()).await, Ok(1), "others do not wait for it");
        clock.sleep(REST).await;
        store.end_each();
        assert_eq!(round.step(client, &seen, PAGES, clock.monotonic()).await, Ok(1));
        assert!(store.inner.object("pending/a/a_v1/ticket").is_none());
        assert!(store.inner.object("pending/a/a_v2/ticket").is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_that_fails_is_done_again() {
        let keys = (1..=2_100).flat_map(|n| [format!("input/a/a_v{n}.py"), format!("processed/a/a_v{n}.py.done")]);
        let store = store(keys.chain(["input/b/b_v7.py".to_owned()]));
        // A place that the store does not know any more: from the beginning.
        store.plan("GET", "/models", Fault::Status(400));
        assert_eq!(through(&store, Snapshot::default()).await, (1, 0));
        for fault in [Fault::Status(503), Fault::HalfBody, Fault::NoConnection] {
            // Longer than the client's own patience.
            (0..4).for_each(|_| store.plan("GET", "/models", fault));
        }
        assert_eq!(through(&store, Snapshot::default()).await.1, 1);
    }
}
