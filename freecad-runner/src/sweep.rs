//! The sweep: finds scripts that nobody made a ticket for, and makes one; tidies up what was left of versions that are
//! done.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use bytes::Bytes;
use partwright::contract::{Key, ProjectId, Version, prefix};
use partwright::s3::{Client, PutOptions, S3Error};

use crate::look::walk;
use crate::publish;
use crate::queue::{Job, Pending};

/// A bucket whose areas fit in so many pages is swept with each poll.
const SMALL_PAGES: usize = 2;

/// How long a larger one is left alone, for each page that a sweep reads.
const PAUSE_A_PAGE: Duration = Duration::from_secs(2);

/// When to sweep next.
#[derive(Debug, Default)]
pub struct Sweep {
    /// On a monotonic clock.
    next: Duration,
}

/// What a sweep did.
#[derive(Debug)]
pub struct Swept {
    /// How many tickets it made.
    pub made: usize,
    /// How many pages it read.
    pages: usize,
}

impl Sweep {
    /// Whether it is time.
    pub fn is_due(&self, now: Duration) -> bool {
        now >= self.next
    }

    /// A sweep ended: the larger the bucket, the later the next one.
    pub fn done(&mut self, swept: &Swept, now: Duration) {
        let pause = PAUSE_A_PAGE * u32::try_from(swept.pages).unwrap_or(u32::MAX);
        self.next = now + if swept.pages <= SMALL_PAGES { Duration::ZERO } else { pause };
    }
}

/// Makes the missing tickets; `pending` is what a round of looks has just shown, all of it.
///
/// # Errors
/// When the store does not answer; the next sweep does it all again.
pub async fn sweep(client: Client<'_>, pending: HashMap<Job, Pending>) -> Result<Swept, S3Error> {
    // The order of the three listings matters: a version that is done between them had its ticket in the first. And
    // each is read to its end: a version whose report was not seen would be given tickets for ever.
    let mut found = Found { pending, without_ticket: HashMap::new(), left_over: HashMap::new() };
    let mut pages = walk(client, prefix::INPUT, |key| found.script(key)).await?;
    pages += walk(client, prefix::PROCESSED, |key| found.report(key)).await?;
    let mut made = 0;
    for (project, versions) in found.without_ticket {
        for version in versions {
            let key = Key::Ticket(project.clone(), version).to_string();
            match client.put(&key, Bytes::new(), &PutOptions::if_absent()).await {
                Ok(_) => made += 1,
                Err(S3Error::PreconditionFailed) => {}
                Err(error) => return Err(error),
            }
        }
    }
    for (job, highest_attempt) in found.left_over {
        publish::tidy_up(client, &job, highest_attempt).await?;
    }
    Ok(Swept { made, pages })
}

/// What the listings tell. Of the keys only what matters is kept, so that a large bucket needs little memory; and stores
/// list in different orders, so these are sets.
#[derive(Debug)]
struct Found {
    pending: HashMap<Job, Pending>,
    /// Scripts without a ticket, and in the end without a report.
    without_ticket: HashMap<ProjectId, BTreeSet<Version>>,
    /// Versions that have a report and still a ticket or attempts, with the highest attempt: their runner died between
    /// the two, or the ticket came late.
    left_over: HashMap<Job, u32>,
}

impl Found {
    fn script(&mut self, key: Key) {
        let Key::Script(project, version) = key else { return };
        let job = (project, version);
        if !self.pending.get(&job).is_some_and(|pending| pending.has_ticket) {
            self.without_ticket.entry(job.0).or_default().insert(version);
        }
    }

    fn report(&mut self, key: Key) {
        let Key::Done(project, version) = key else { return };
        if let Some(versions) = self.without_ticket.get_mut(&project) {
            versions.remove(&version);
        }
        if let Some((job, pending)) = self.pending.remove_entry(&(project, version)) {
            self.left_over.insert(job, pending.highest_attempt);
        }
    }
}

#[cfg(test)]
mod tests {
    use partwright::http::Clock;

    use super::*;
    use crate::testing::MemoryStore;
    use crate::transport::SystemClock;

    fn job(version: u64) -> Job {
        ("a".parse().unwrap(), version.try_into().unwrap())
    }

    fn pending(has_ticket: bool, highest_attempt: u32) -> Pending {
        Pending { has_ticket, highest_attempt }
    }

    /// Sweeps a bucket with these keys; gives how many tickets were made, and the keys under `pending/` afterwards.
    async fn swept(keys: impl IntoIterator<Item = String>, pending: HashMap<Job, Pending>) -> (usize, Vec<String>) {
        let (store, clock, bucket) = (MemoryStore::new(), SystemClock::new(), MemoryStore::bucket());
        keys.into_iter().for_each(|key| store.drop_in(&key, ""));
        let swept = sweep(Client::new(&store, &clock as &dyn Clock, &bucket), pending).await.unwrap();
        let left = store.keys().into_iter().filter(|key| key.starts_with(prefix::PENDING)).collect();
        (swept.made, left)
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
        let (made, left) = swept(keys.map(str::to_owned), HashMap::from(seen)).await;
        assert_eq!((made, left), (0, vec!["pending/a/a_v4/a1.json".to_owned(), "pending/a/a_v4/ticket".to_owned()]));
    }

    #[tokio::test]
    async fn only_what_nobody_knows_of_gets_a_ticket() {
        let keys = ["input/a/a_v10.py", "input/a/a_v2.py", "input/a/a_v1.py", "input/a/notes.txt"];
        let keys = keys.into_iter().chain(["processed/a/a_v1.py.done"]).map(str::to_owned);
        let seen = HashMap::from([(job(2), pending(true, 0)), (job(10), pending(false, 1))]);
        let (made, left) = swept(keys, seen).await;
        assert_eq!((made, left), (1, vec!["pending/a/a_v10/ticket".to_owned()]));
    }

    #[tokio::test]
    async fn reports_beyond_the_first_page_count() {
        let keys = (1..=2_100).flat_map(|n| [format!("input/a/a_v{n}.py"), format!("processed/a/a_v{n}.py.done")]);
        assert_eq!(
            swept(keys.chain(["input/b/b_v7.py".to_owned()]), HashMap::new()).await.1,
            ["pending/b/b_v7/ticket"]
        );
    }
}
