//! The loop: look at the queue, claim, run, and stop in good order.

use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{FusedFuture, LocalBoxFuture};
use futures::stream::{FuturesUnordered, StreamExt};
use platform::{Clock, Http};
use s3::{Client, ProbeError, S3Error, probe};
use tokio::sync::{Semaphore, mpsc, watch};
use tracing::{debug, error, info, warn};

use crate::claim::Claim;
use crate::config::Config;
use crate::hints::Hints;
use crate::job::{self, JobEnd, JobFailure, Tools};
use crate::look::{Look, Looks, look};
use crate::queue::{Candidate, Job, Queue};
use crate::slots::{Culprit, Freed, HeldSlot, Slots};
use crate::sweep;
use crate::transport::SystemClock;
use crate::workbench::Workbench;

/// How long a store that cannot be reached is left alone, at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How long a runner that stops takes to give up the sweep, at most.
const FAREWELL: Duration = Duration::from_secs(2);

/// Runs until `stopping` turns true, then drains.
///
/// # Errors
/// When the store is unfit or refuses at the start. One that cannot be reached is waited for.
pub async fn run(
    config: &Config,
    engine: &dyn Workbench,
    http: &dyn Http,
    clock: &SystemClock,
    hints: &Hints,
    stopping: watch::Receiver<bool>,
) -> Result<(), String> {
    let client = Client::new(http, clock, &config.bucket);
    let start = async {
        wait_for_store(client, clock).await?;
        engine.warm_up().await.map_err(|error| error.to_string())
    };
    match until_stopped(start, stopping.clone()).await {
        None => return Ok(()),
        Some(outcome) => outcome?,
    }
    info!(bucket = config.bucket.name, endpoint = %config.bucket.endpoint, slots = config.engine.slots, "ready");
    let tools = Tools { client, clock, engine, config, hints };
    Daemon::new(tools).run(stopping).await;
    Ok(())
}

/// None if the runner is to stop before `what` is done; that is then dropped wherever it is.
async fn until_stopped<T>(what: impl Future<Output = T>, mut stopping: watch::Receiver<bool>) -> Option<T> {
    tokio::select! {
        // A sender that is gone counts as a wish to stop.
        _ = stopping.wait_for(|stop| *stop) => None,
        outcome = what => Some(outcome),
    }
}

/// Probes the store until it answers.
async fn wait_for_store(client: Client<'_>, clock: &SystemClock) -> Result<(), String> {
    let mut pause = Duration::from_secs(1);
    loop {
        match probe(client).await {
            Ok(()) => return Ok(()),
            Err(error @ ProbeError::Unfit { .. }) => return Err(error.to_string()),
            Err(ProbeError::Store(error @ S3Error::Unavailable(_))) => {
                warn!(%error, "the store cannot be reached; trying again in {} s", pause.as_secs());
            }
            Err(ProbeError::Store(error)) => return Err(format!("the store refuses this runner: {error}")),
        }
        clock.sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

struct Daemon<'a> {
    tools: Tools<'a>,
    queue: Queue,
    looks: Looks,
    slots: Slots,
    mine: HashSet<Job>,
    /// Jobs that are over, and since when. A look that began before shows them as they were.
    over: Vec<(Duration, Job)>,
    /// A script that killed runners runs without neighbours.
    alone: bool,
    /// What the store failed on. It comes last, so that a ticket that cannot be claimed keeps nobody
    /// else's from being tried.
    aside: HashSet<Job>,
    /// A slot came free and no job has begun since.
    came_free: bool,
    failing: bool,
}

/// A look at the queue, which goes on beside the jobs: never awaited on its own, so that no slow store holds up a
/// heartbeat.
type Looking<'a> = Option<LocalBoxFuture<'a, Result<Look, S3Error>>>;

/// A job that ended.
struct Ended {
    /// None if it gave its slot back before.
    slot: Option<usize>,
    candidate: Candidate,
    /// None if another runner was first to claim it.
    outcome: Option<Result<JobEnd, JobFailure>>,
}

impl<'a> Daemon<'a> {
    fn new(tools: Tools<'a>) -> Self {
        Self {
            tools,
            queue: Queue::new(tools.config.poll, tools.config.lease),
            looks: Looks::every(tools.config.poll),
            slots: Slots::new(tools.config.engine.slots),
            mine: HashSet::new(),
            over: Vec::new(),
            alone: false,
            aside: HashSet::new(),
            came_free: false,
            failing: false,
        }
    }

    async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        let Tools { clock, hints, .. } = self.tools;
        let (drain, drained) = watch::channel(false);
        let (freed, mut slots_back) = mpsc::unbounded_channel();
        let publishing = Arc::new(Semaphore::new(self.tools.config.engine.slots));
        let mut jobs = FuturesUnordered::new();
        let mut looking: Looking<'_> = None;
        let mut from = None;
        let (snapshots, to_sweep) = sweep::snapshots();
        let mut sweeping = Box::pin(sweep::run(self.tools, to_sweep, stopping.clone()).fuse());
        loop {
            let now = clock.monotonic();
            let rest = self.slots.rested_in(now);
            let can_begin = self.slots.free(now).is_some();
            tokio::select! {
                _ = stopping.wait_for(|stop| *stop) => break,
                Some(ended) = jobs.next(), if !jobs.is_empty() => self.ended(ended),
                Some(slot) = slots_back.recv() => self.slot_back(slot),
                () = clock.sleep(self.looks.due_in(now)), if looking.is_none() => {
                    self.looks.begin(clock.monotonic());
                    // One that fails is followed by one from the beginning: the place may be gone.
                    looking = Some(look(self.tools.client, from.take()).boxed_local());
                }
                // Without a free slot there is nothing to look for; the wish is kept until there is one.
                () = hints.look_asked(), if can_begin && !self.looks.is_asked() => self.looks.ask(),
                outcome = finished(&mut looking), if looking.is_some() => {
                    if let Some(look) = self.settled(outcome) {
                        self.observe(&look);
                        if !look.is_last() {
                            self.looks.ask();
                        } else if let Ok(permit) = snapshots.try_reserve() {
                            permit.send(Rc::new(self.queue.pending()));
                        }
                        from = look.next;
                    }
                }
                () = rested(clock, rest), if rest.is_some() => {}
                // It ends with the runner.
                () = &mut sweeping => {}
            }
            while let Some((number, candidate)) = self.pick() {
                self.slots.take(number);
                self.came_free = false;
                self.mine.insert(candidate.job.clone());
                self.alone = candidate.runs_alone();
                // Whoever gets it, it is not free until the next look.
                self.queue.taken(&candidate.job);
                let (tools, drained) = (self.tools, drained.clone());
                let slot = HeldSlot::new(number, freed.clone(), publishing.clone());
                jobs.push(async move {
                    let outcome = claim_and_work(tools, &candidate, &slot, drained).await;
                    Ended { slot: slot.held(), candidate, outcome }
                });
            }
            // Nothing known is left for it; what came since the last look need not wait for the next poll.
            if std::mem::take(&mut self.came_free) {
                self.looks.ask();
            }
        }
        if !jobs.is_empty() {
            info!(jobs = jobs.len(), "stopping: running jobs get {} s to finish", self.tools.config.drain.as_secs());
        }
        let deadline = tokio::time::sleep(self.tools.config.drain);
        tokio::pin!(deadline);
        let mut given_back = false;
        while !jobs.is_empty() {
            tokio::select! {
                Some(ended) = jobs.next() => self.ended(ended),
                () = &mut deadline, if !given_back => {
                    given_back = true;
                    // Every job holds a receiver.
                    let _ = drain.send(true);
                }
                () = &mut sweeping => {}
            }
        }
        if !sweeping.is_terminated() {
            // Without an answer the others wait for a lease.
            tokio::select! {
                () = &mut sweeping => {}
                () = clock.sleep(FAREWELL) => {}
            }
        }
        info!("stopped");
    }

    /// Tells once that the store fails, and once that it answers again.
    fn settled<T>(&mut self, outcome: Result<T, S3Error>) -> Option<T> {
        match outcome {
            Ok(value) => {
                if std::mem::take(&mut self.failing) {
                    info!("the store answers again");
                    self.slots.store_worked();
                }
                Some(value)
            }
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    warn!(%error, "the store cannot be asked; running jobs go on, new ones wait");
                }
                None
            }
        }
    }

    fn observe(&mut self, look: &Look) {
        self.queue.observe(look, self.tools.clock.monotonic());
        let began = self.looks.began();
        self.over.retain(|(since, _)| *since >= began);
        self.over.iter().for_each(|(_, job)| self.queue.forget(job));
    }

    /// The next version to claim and the slot for it.
    fn pick(&mut self) -> Option<(usize, Candidate)> {
        let slot = self.slots.free(self.tools.clock.monotonic())?;
        if self.alone && !self.mine.is_empty() {
            return None;
        }
        let candidate = self.next()?;
        // It waits for the neighbours to finish; no new ones start meanwhile.
        (!candidate.runs_alone() || self.mine.is_empty()).then_some((slot, candidate))
    }

    /// The next version of the queue, of those that are not aside as long as there is one.
    fn next(&mut self) -> Option<Candidate> {
        let random = getrandom::u32().unwrap_or_default();
        if !self.aside.is_empty() {
            if let Some(candidate) = self.queue.next(&(&self.mine | &self.aside), random) {
                return Some(candidate);
            }
            // All of them have had their turn.
            self.aside.clear();
        }
        self.queue.next(&self.mine, random)
    }

    /// A job does not need its slot any more, and goes on without.
    fn slot_back(&mut self, Freed { number, has_run }: Freed) {
        self.slots.give_back(number);
        self.came_free = true;
        if has_run {
            self.store_worked();
            if self.slots.worked(number) {
                info!(slot = number, "the engine works again");
            }
        }
    }

    fn store_worked(&mut self) {
        if self.slots.store_worked() {
            info!("the store takes claims again");
        }
    }

    fn ended(&mut self, ended: Ended) {
        let Ended { slot, candidate, outcome } = ended;
        let (project, version) = &candidate.job;
        let is_failure = matches!(outcome, Some(Err(_)));
        if let Some(slot) = slot {
            self.slots.give_back(slot);
            // One that rests has nothing to look for.
            self.came_free |= !is_failure;
        }
        if !is_failure {
            self.store_worked();
        }
        self.mine.remove(&candidate.job);
        self.over.push((self.tools.clock.monotonic(), candidate.job.clone()));
        self.alone = false;
        if matches!(outcome, None | Some(Ok(JobEnd::WasDone))) {
            // Others are at it, too: what is known of the queue is out of date.
            self.queue.lost();
            self.looks.ask();
        } else {
            self.queue.won();
        }
        match (outcome, slot) {
            (None, _) => {}
            (Some(Ok(JobEnd::Committed(outcome))), _) => info!(%project, %version, ?outcome, "committed"),
            (Some(Ok(end)), _) => info!(%project, %version, ?end, "ended"),
            (Some(Err(JobFailure::Engine(error))), Some(slot)) => {
                if self.slots.failed(slot, Culprit::Engine, self.tools.clock.monotonic()) {
                    error!(%project, %version, slot, %error, "another attempt follows; the slot rests for a while");
                } else {
                    debug!(%project, %version, slot, %error, "the engine still fails");
                }
            }
            (Some(Err(JobFailure::Store(error))), Some(slot)) => {
                if self.slots.failed(slot, Culprit::Store, self.tools.clock.monotonic()) {
                    error!(%project, %version, %error, "the store fails; another attempt follows, after a while");
                } else {
                    debug!(%project, %version, %error, "the store still fails");
                }
                self.aside.insert(candidate.job);
            }
            (Some(Err(failure)), _) => error!(%project, %version, %failure, "failed; another attempt follows"),
        }
    }
}

/// Waits until a slot has rested.
async fn rested(clock: &SystemClock, rest: Option<Duration>) {
    match rest {
        Some(rest) => clock.sleep(rest).await,
        None => std::future::pending().await,
    }
}

/// Waits for the look that is under way, and clears its place.
async fn finished(looking: &mut Looking<'_>) -> Result<Look, S3Error> {
    let Some(future) = looking else { return std::future::pending().await };
    let outcome = future.await;
    *looking = None;
    outcome
}

/// None if the version is another runner's by now.
async fn claim_and_work(
    tools: Tools<'_>,
    candidate: &Candidate,
    slot: &HeldSlot,
    drained: watch::Receiver<bool>,
) -> Option<Result<JobEnd, JobFailure>> {
    let Tools { client, clock, config, .. } = tools;
    match Claim::create(client, candidate, &config.name, clock.now()).await {
        Ok(Some(claim)) => {
            let (project, version) = &candidate.job;
            info!(%project, %version, attempt = candidate.attempt, run = %claim.run(), "claimed");
            tools.hints.claimed(&candidate.job, &claim.run());
            Some(job::work(tools, candidate, &claim, slot, drained).await)
        }
        Ok(None) => None,
        Err(error) => Some(Err(error.into())),
    }
}

#[cfg(test)]
mod tests;
