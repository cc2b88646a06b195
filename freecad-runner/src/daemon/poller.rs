//! Polls the queue beside the jobs, and picks the next version.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use platform::Clock;
use s3::S3Error;
use tracing::{info, warn};

use crate::job::JobContext;
use crate::queue::{Candidate, Job, Listing, Pending, PollTimer, Queue, list_pending};

/// The queue, and the poll that is in flight. No poll is awaited on its own, so a slow store delays no heartbeat.
pub struct QueuePoller<'a> {
    context: JobContext<'a>,
    queue: Queue,
    timer: PollTimer,
    in_flight: Option<LocalBoxFuture<'a, Result<Listing, S3Error>>>,
    /// Where the next poll starts. `None` is the beginning.
    from: Option<String>,
    /// Jobs that ended, and when. A poll that started earlier lists them as they were before.
    ended: Vec<(Duration, Job)>,
    /// Jobs that the store failed on. They come last, so that a ticket that cannot be claimed blocks no others.
    deferred: HashSet<Job>,
    is_failing: bool,
}

/// The result of a poll. All is false if it failed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Polled {
    /// It is the first that succeeded after a failure.
    pub has_recovered: bool,
    /// It completed a round.
    pub is_round: bool,
}

impl<'a> QueuePoller<'a> {
    pub fn new(context: JobContext<'a>) -> Self {
        Self {
            context,
            queue: Queue::new(context.config.poll, context.config.lease),
            timer: PollTimer::every(context.config.poll),
            in_flight: None,
            from: None,
            ended: Vec::new(),
            deferred: HashSet::new(),
            is_failing: false,
        }
    }

    /// Requests a poll before the next interval.
    pub fn request(&mut self) {
        self.timer.request();
    }

    /// Waits for the next poll, as often as the timer and hints say. It may be dropped and called again at any time.
    /// Without a free slot, hints wait: there would be nothing to do.
    pub async fn next(&mut self, has_free_slot: bool) -> Polled {
        let JobContext { client, clock, hints, .. } = self.context;
        loop {
            tokio::select! {
                listing = poll_in_flight(&mut self.in_flight), if self.in_flight.is_some() => {
                    self.in_flight = None;
                    return self.take_in(listing);
                }
                () = clock.sleep(self.timer.due_in(clock.monotonic())), if self.in_flight.is_none() => {
                    self.timer.start(clock.monotonic());
                    // A poll that fails is followed by one from the beginning, because the place may be unknown now.
                    self.in_flight = Some(list_pending(client, self.from.take()).boxed_local());
                }
                () = hints.poll_requested(), if has_free_slot && !self.timer.is_requested() => self.timer.request(),
            }
        }
    }

    fn take_in(&mut self, listing: Result<Listing, S3Error>) -> Polled {
        let listing = match listing {
            Ok(listing) => listing,
            Err(error) => {
                if !std::mem::replace(&mut self.is_failing, true) {
                    warn!(%error, "the store does not list the queue; running jobs go on, new ones wait");
                }
                return Polled::default();
            }
        };
        let has_recovered = std::mem::take(&mut self.is_failing);
        if has_recovered {
            info!("the store lists the queue again");
        }
        self.queue.observe(&listing, self.context.clock.monotonic());
        let started = self.timer.started();
        self.ended.retain(|(ended, _)| *ended >= started);
        self.ended.iter().for_each(|(_, job)| self.queue.forget(job));
        let is_round = listing.is_last();
        if !is_round {
            self.timer.request();
        }
        self.from = listing.next;
        Polled { has_recovered, is_round }
    }

    /// The versions of the last round.
    pub fn pending(&self) -> HashMap<Job, Pending> {
        self.queue.pending()
    }

    /// The next version to claim, without those in `running`. Deferred versions come last.
    pub fn pick(&mut self, running: &HashSet<Job>) -> Option<Candidate> {
        let random = getrandom::u32().unwrap_or_default();
        if !self.deferred.is_empty() {
            if let Some(candidate) = self.queue.next(&(running | &self.deferred), random) {
                return Some(candidate);
            }
            // All other versions have had their turn.
            self.deferred.clear();
        }
        self.queue.next(running, random)
    }

    /// This runner tries to claim the version. The version is not free until the next poll, whichever runner wins.
    pub fn taken(&mut self, job: &Job) {
        self.queue.taken(job);
    }

    /// The job ended. `was_first` is false if another runner was faster, so that the known queue is out of date.
    pub fn ended(&mut self, job: &Job, was_first: bool) {
        self.ended.push((self.context.clock.monotonic(), job.clone()));
        if was_first {
            self.queue.won();
        } else {
            self.queue.lost();
            self.timer.request();
        }
    }

    /// Puts a version behind all others, because the store failed on it.
    pub fn defer(&mut self, job: Job) {
        self.deferred.insert(job);
    }
}

async fn poll_in_flight(
    in_flight: &mut Option<LocalBoxFuture<'_, Result<Listing, S3Error>>>,
) -> Result<Listing, S3Error> {
    match in_flight {
        Some(poll) => poll.await,
        None => std::future::pending().await,
    }
}
