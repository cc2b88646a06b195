//! The sweep: finds scripts that nobody made a ticket for, and makes one; tidies up what was left of versions that are
//! done.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bytes::Bytes;
use partwright::contract::{Key, prefix};
use partwright::s3::{Client, Entry, PutOptions, S3Error};

use crate::publish;
use crate::queue::Job;

/// The most pages of 1,000 keys that one sweep reads of an area: ten million scripts.
const MAX_PAGES: usize = 10_000;

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

/// Makes the missing tickets; `pending` is a listing made just before.
///
/// # Errors
/// When the store does not answer; the next sweep does it all again.
pub async fn sweep(client: Client<'_>, pending: Vec<Entry>) -> Result<Swept, S3Error> {
    // The order of the three listings matters: a version that is done between them had its ticket in the first.
    let (scripts, _) = client.list(prefix::INPUT, MAX_PAGES).await?;
    let (reports, _) = client.list(prefix::PROCESSED, MAX_PAGES).await?;
    let mut made = 0;
    for (project, version) in without_ticket(&scripts, &reports, &pending) {
        let key = Key::Ticket(project, version).to_string();
        match client.put(&key, Bytes::new(), &PutOptions::if_absent()).await {
            Ok(_) => made += 1,
            Err(S3Error::PreconditionFailed) => {}
            Err(error) => return Err(error),
        }
    }
    for (job, highest_attempt) in left_over(&reports, &pending) {
        publish::tidy_up(client, &job, highest_attempt).await?;
    }
    Ok(Swept { made, pages: (scripts.len() + reports.len()).div_ceil(1_000) })
}

/// Versions that have a report and still a ticket or attempts, with the highest attempt: their runner died between the
/// two, or the ticket came late.
fn left_over(reports: &[Entry], pending: &[Entry]) -> HashMap<Job, u32> {
    let done: HashSet<Job> = reports
        .iter()
        .filter_map(|entry| match entry.key.parse() {
            Ok(Key::Done(project, version)) => Some((project, version)),
            _ => None,
        })
        .collect();
    let mut found: HashMap<Job, u32> = HashMap::new();
    for entry in pending {
        let (job, number) = match entry.key.parse() {
            Ok(Key::Ticket(project, version)) => ((project, version), 0),
            Ok(Key::Attempt(project, version, number)) => ((project, version), number),
            _ => continue,
        };
        if done.contains(&job) {
            let highest = found.entry(job).or_default();
            *highest = number.max(*highest);
        }
    }
    found
}

/// Scripts without a report and without a ticket. Stores list in different orders, so these are sets.
fn without_ticket(scripts: &[Entry], reports: &[Entry], pending: &[Entry]) -> Vec<Job> {
    let mut known: HashSet<Job> = HashSet::new();
    for entry in reports.iter().chain(pending) {
        if let Ok(Key::Done(project, version) | Key::Ticket(project, version)) = entry.key.parse() {
            known.insert((project, version));
        }
    }
    let jobs = scripts.iter().filter_map(|entry| match entry.key.parse() {
        Ok(Key::Script(project, version)) => Some((project, version)),
        _ => None,
    });
    jobs.filter(|job| !known.contains(job)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(keys: &[&str]) -> Vec<Entry> {
        let entry = |key: &&str| Entry { key: (*key).to_owned(), etag: String::new(), size: 0, last_modified: None };
        keys.iter().map(entry).collect()
    }

    #[test]
    fn what_is_left_of_done_versions() {
        let reports = entries(&["processed/a/a_v1.py.done", "processed/a/a_v2.py.done"]);
        let pending = entries(&[
            "pending/a/a_v1/ticket",
            "pending/a/a_v2/a1.json",
            "pending/a/a_v2/a3.json",
            "pending/a/a_v4/ticket",
            "pending/a/a_v4/a1.json",
        ]);
        let job = |version: u64| ("a".parse().unwrap(), version.try_into().unwrap());
        assert_eq!(left_over(&reports, &pending), HashMap::from([(job(1), 0), (job(2), 3)]));
    }

    #[test]
    fn only_what_nobody_knows_of() {
        let scripts = entries(&["input/a/a_v10.py", "input/a/a_v2.py", "input/a/a_v1.py", "input/a/notes.txt"]);
        let reports = entries(&["processed/a/a_v1.py.done"]);
        let pending = entries(&["pending/a/a_v2/ticket", "pending/a/a_v10/a1.json"]);
        let found = without_ticket(&scripts, &reports, &pending);
        assert_eq!(found, [("a".parse().unwrap(), 10.try_into().unwrap())]);
    }
}
