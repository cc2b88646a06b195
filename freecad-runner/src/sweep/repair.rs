//! The repairs that a round of the sweep finds.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use bytes::Bytes;
use contract::{Key, ProjectId, Version};
use futures::stream::{self, StreamExt};
use s3::{Client, PutOptions, S3Error};

use super::Snapshot;
use super::failing::{Failing, Repaired};
use crate::job::{publish, tidy};
use crate::queue::Job;

/// The most versions of each kind that one poll repairs.
pub const REPAIRS_PER_STEP: usize = 100;

/// The number of concurrent repairs.
const REPAIR_CONCURRENCY: usize = 8;

/// The versions to repair, as far as the listings have shown. Only these are kept, so a large bucket needs little memory.
/// Stores list in different orders, so they are sets.
#[derive(Debug, Default)]
pub struct Repairs {
    pending: Snapshot,
    /// Scripts without a ticket. Those with a report are removed from it later.
    without_ticket: HashMap<ProjectId, BTreeSet<Version>>,
    /// Versions with attempts and without a ticket. Those with a script or a report are removed from it later.
    without_script: HashSet<Job>,
    /// Versions with a report that still have a ticket or attempts: the runner died in between, or the ticket came late.
    to_tidy_up: HashSet<Job>,
}

impl Repairs {
    pub fn new(pending: &Snapshot) -> Self {
        let attempts_alone = pending.iter().filter(|(_, pending)| !pending.has_ticket);
        let without_script = attempts_alone.map(|(job, _)| job.clone()).collect();
        Self { pending: pending.clone(), without_script, ..Self::default() }
    }

    /// Takes in a key of a script or a report. All scripts come before the first report.
    pub fn add(&mut self, key: Key) {
        match key {
            Key::Script(project, version) => {
                let job = (project, version);
                self.without_script.remove(&job);
                if !self.pending.get(&job).is_some_and(|pending| pending.has_ticket) {
                    self.without_ticket.entry(job.0).or_default().insert(version);
                }
            }
            Key::Done(project, version) => {
                let job = (project, version);
                self.ticket_is_settled(&job);
                self.without_script.remove(&job);
                if self.pending.contains_key(&job) {
                    self.to_tidy_up.insert(job);
                }
            }
            _ => {}
        }
    }

    /// Removes the versions that failed a short time ago.
    pub fn skip_failing(&mut self, failing: &Failing, now: Duration) {
        for (project, versions) in &mut self.without_ticket {
            versions.retain(|version| failing.is_due(&(project.clone(), *version), now));
        }
        self.without_script.retain(|job| failing.is_due(job, now));
        self.to_tidy_up.retain(|job| failing.is_due(job, now));
    }

    /// Tries some of the repairs and removes them from the sets, also those that fail: a key that the store refuses to
    /// delete blocks no other. Tickets come first, because people wait for them. `now` is the newest snapshot.
    pub async fn repair_some(&mut self, client: Client<'_>, now: &Snapshot) -> Vec<Repaired> {
        let versions = self.without_ticket.iter().flat_map(|(p, versions)| versions.iter().map(|v| (p.clone(), *v)));
        let without_ticket: Vec<Job> = versions.take(REPAIRS_PER_STEP).collect();
        without_ticket.iter().for_each(|job| self.ticket_is_settled(job));
        let to_tidy_up: Vec<Job> = self.to_tidy_up.extract_if(|_| true).take(REPAIRS_PER_STEP).collect();
        let without_script: Vec<Job> = self.without_script.extract_if(|_| true).take(REPAIRS_PER_STEP).collect();

        let highest = |job: &Job| self.pending.get(job).map_or(0, |pending| pending.highest_attempt);
        // In a long round, most of these have got their tickets and reports by now.
        let without_ticket = without_ticket.into_iter().filter(|job| !now.get(job).is_some_and(|p| p.has_ticket));
        let mut repaired = each(without_ticket, async |job| put_ticket(client, job).await.map(usize::from)).await;
        repaired.extend(each(to_tidy_up, async |job| tidy_up(client, job, highest(job)).await.map(|()| 0)).await);
        let removed = each(without_script, async |job| remove_if_gone(client, job, highest(job)).await.map(|()| 0));
        repaired.extend(removed.await);
        repaired
    }

    pub fn is_empty(&self) -> bool {
        let has_tickets = self.without_ticket.values().all(BTreeSet::is_empty);
        has_tickets && self.without_script.is_empty() && self.to_tidy_up.is_empty()
    }

    fn ticket_is_settled(&mut self, (project, version): &Job) {
        if let Some(versions) = self.without_ticket.get_mut(project) {
            versions.remove(version);
        }
    }
}

/// Applies `repair`, which gives the number of tickets that it put, to each of `jobs`.
async fn each(
    jobs: impl IntoIterator<Item = Job>,
    repair: impl AsyncFn(&Job) -> Result<usize, S3Error>,
) -> Vec<Repaired> {
    stream::iter(jobs)
        .map(async |job| Repaired { outcome: repair(&job).await, job })
        .buffer_unordered(REPAIR_CONCURRENCY)
        .collect()
        .await
}

async fn tidy_up(client: Client<'_>, job: &Job, highest_attempt: u32) -> Result<(), S3Error> {
    if highest_attempt == 0 {
        // A late ticket, and no runner has claimed the version since.
        return tidy::tidy_up(client, job, 0).await;
    }
    tidy::tidy_up_if_done(client, job, highest_attempt).await.map(drop)
}

/// Removes the attempts of a version that has neither script, ticket nor report. Checks again, because the listings are
/// from different times.
async fn remove_if_gone(client: Client<'_>, job: &Job, highest_attempt: u32) -> Result<(), S3Error> {
    for key in [Key::Script(job.0.clone(), job.1), Key::Done(job.0.clone(), job.1), Key::Ticket(job.0.clone(), job.1)] {
        match client.head(&key.to_string()).await {
            Err(S3Error::NotFound) => {}
            Err(error) => return Err(error),
            Ok(_) => return Ok(()),
        }
    }
    tidy::tidy_up(client, job, highest_attempt).await
}

/// Puts the ticket, unless there is a report by now. Gives whether it was missing.
async fn put_ticket(client: Client<'_>, job: &Job) -> Result<bool, S3Error> {
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
