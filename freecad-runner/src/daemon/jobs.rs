//! The running jobs and their slots.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use platform::Clock;
use tokio::sync::{Semaphore, mpsc, watch};
use tracing::{debug, error, info};

use crate::job::{self, JobContext, JobEnd, JobFailure, JobResult};
use crate::queue::{Candidate, Culprit, Freed, HeldSlot, Job, Slots};

/// The running jobs and their slots.
pub struct RunningJobs<'a> {
    context: JobContext<'a>,
    slots: Slots,
    futures: FuturesUnordered<LocalBoxFuture<'a, EndedJob>>,
    running: HashSet<Job>,
    /// A version that must run alone is running.
    is_exclusive: bool,
    /// A slot became free, and no job has started since.
    has_idle_slot: bool,
    /// Permits to publish without a slot.
    publishing: Arc<Semaphore>,
    give_back: mpsc::UnboundedSender<Freed>,
    given_back: mpsc::UnboundedReceiver<Freed>,
    drain: watch::Sender<bool>,
}

/// A job that ended.
pub struct EndedJob {
    pub candidate: Candidate,
    pub result: JobResult,
    /// The slot, unless the job gave it back before.
    held_slot: Option<usize>,
}

impl EndedJob {
    /// Another runner was faster.
    pub fn was_late(&self) -> bool {
        matches!(self.result, JobResult::NotClaimed | JobResult::Ended(JobEnd::WasDone))
    }

    /// The slot and the part to blame, if the job failed before its script ran.
    pub fn failed_slot(&self) -> Option<(usize, Culprit)> {
        match &self.result {
            JobResult::Failed(failure) => self.held_slot.zip(failure.culprit()),
            _ => None,
        }
    }
}

impl<'a> RunningJobs<'a> {
    pub fn new(context: JobContext<'a>) -> Self {
        let slots = context.config.engine.slots;
        let (give_back, given_back) = mpsc::unbounded_channel();
        Self {
            context,
            slots: Slots::new(slots),
            futures: FuturesUnordered::new(),
            running: HashSet::new(),
            is_exclusive: false,
            has_idle_slot: false,
            publishing: Arc::new(Semaphore::new(slots)),
            give_back,
            given_back,
            drain: watch::channel(false).0,
        }
    }

    pub fn len(&self) -> usize {
        self.futures.len()
    }

    pub fn running(&self) -> &HashSet<Job> {
        &self.running
    }

    /// A slot for the next job. While a version that must run alone is running, there is none.
    pub fn free_slot(&self) -> Option<usize> {
        let is_blocked = self.is_exclusive && !self.running.is_empty();
        self.slots.free(self.now()).filter(|_| !is_blocked)
    }

    /// Whether a slot is free, even if no job may start on it now.
    pub fn has_free_slot(&self) -> bool {
        self.slots.free(self.now()).is_some()
    }

    /// Whether `candidate` may start beside the running jobs. A version that must run alone waits for them to end, and no
    /// other starts in that time.
    pub fn may_start(&self, candidate: &Candidate) -> bool {
        !candidate.runs_alone() || self.running.is_empty()
    }

    /// Starts a job on a free slot.
    pub fn start(&mut self, slot: usize, candidate: Candidate) {
        self.slots.take(slot);
        self.has_idle_slot = false;
        self.running.insert(candidate.job.clone());
        self.is_exclusive = candidate.runs_alone();
        let (context, drained) = (self.context, self.drain.subscribe());
        let slot = HeldSlot::new(slot, self.give_back.clone(), self.publishing.clone());
        let job = async move {
            let result = job::run(context, &candidate, &slot, drained).await;
            EndedJob { candidate, result, held_slot: slot.held() }
        };
        self.futures.push(job.boxed_local());
    }

    /// Waits until a job ends, or a slot is given back or has rested. Gives the job that ended.
    pub async fn changed(&mut self) -> Option<EndedJob> {
        let rest = self.slots.rested_in(self.now());
        tokio::select! {
            Some(ended) = self.futures.next() => {
                self.ended(&ended);
                Some(ended)
            }
            // `give_back` keeps the channel open.
            Some(freed) = self.given_back.recv() => {
                self.slot_given_back(freed);
                None
            }
            () = self.context.clock.sleep(rest.unwrap_or_default()), if rest.is_some() => None,
        }
    }

    /// Whether a slot became free since the last call, and no job has started since.
    pub fn take_idle_slot(&mut self) -> bool {
        std::mem::take(&mut self.has_idle_slot)
    }

    /// The store works.
    pub fn store_worked(&mut self) {
        if self.slots.store_worked() {
            info!("the store accepts claims again");
        }
    }

    /// Tells all jobs to stop and to release their versions.
    pub fn release_all(&self) {
        self.drain.send_replace(true);
    }

    fn slot_given_back(&mut self, Freed { number, has_run }: Freed) {
        self.slots.give_back(number);
        self.has_idle_slot = true;
        if has_run {
            self.store_worked();
            if self.slots.worked(number) {
                info!(slot = number, "the engine works again");
            }
        }
    }

    fn ended(&mut self, ended: &EndedJob) {
        let (project, version) = &ended.candidate.job;
        self.running.remove(&ended.candidate.job);
        self.is_exclusive = false;
        let has_failed = matches!(ended.result, JobResult::Failed(_));
        if let Some(slot) = ended.held_slot {
            self.slots.give_back(slot);
            // After a failure the slot rests.
            self.has_idle_slot |= !has_failed;
        }
        if !has_failed {
            self.store_worked();
        }
        match &ended.result {
            JobResult::NotClaimed => {}
            JobResult::Ended(JobEnd::Committed(outcome)) => info!(%project, %version, ?outcome, "committed"),
            JobResult::Ended(end) => info!(%project, %version, ?end, "ended"),
            JobResult::Failed(failure) => self.failed(ended, failure),
        }
    }

    fn failed(&mut self, ended: &EndedJob, failure: &JobFailure) {
        let (project, version) = &ended.candidate.job;
        let Some((slot, culprit)) = ended.failed_slot() else {
            error!(%project, %version, %failure, "failed; another attempt follows");
            return;
        };
        if self.slots.failed(slot, culprit, self.now()) {
            error!(%project, %version, slot, %failure, "failed; another attempt follows, and the slot rests");
        } else {
            debug!(%project, %version, slot, %failure, "failed again");
        }
    }

    fn now(&self) -> Duration {
        self.context.clock.monotonic()
    }
}
