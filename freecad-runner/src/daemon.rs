//! The loop: look at the queue, claim, run, and stop in good order.

use std::collections::HashSet;
use std::time::Duration;

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use partwright::http::{Clock, Http};
use partwright::s3::{Client, ProbeError, S3Error, probe};
use tokio::sync::watch;
use tracing::{debug, error, info, warn};

use crate::claim::Claim;
use crate::config::Config;
use crate::job::{self, JobEnd, JobFailure, Tools};
use crate::look::{Look, look};
use crate::queue::{Candidate, Job, Queue};
use crate::slots::Slots;
use crate::sweep::{Sweep, Swept, sweep};
use crate::transport::SystemClock;
use crate::workbench::Workbench;

/// How long a store that cannot be reached is left alone, at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Runs until `stopping` turns true, then drains.
///
/// # Errors
/// When the store is unfit or refuses at the start. One that cannot be reached is waited for.
pub async fn run(
    config: &Config,
    engine: &dyn Workbench,
    http: &dyn Http,
    clock: &SystemClock,
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
    let tools = Tools { client, clock, engine, config };
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
    sweep: Sweep,
    slots: Slots,
    mine: HashSet<Job>,
    /// A script that killed runners runs without neighbours.
    alone: bool,
    failing: bool,
}

/// What goes on beside the jobs: never awaited on its own, so that no slow store holds up a heartbeat.
type Beside<'a, T> = Option<LocalBoxFuture<'a, Result<T, S3Error>>>;

/// A job that ended.
struct Ended {
    slot: usize,
    candidate: Candidate,
    /// None if another runner was first to claim it.
    outcome: Option<Result<JobEnd, JobFailure>>,
}

impl<'a> Daemon<'a> {
    fn new(tools: Tools<'a>) -> Self {
        Self {
            tools,
            queue: Queue::new(tools.config.poll, tools.config.lease),
            sweep: Sweep::default(),
            slots: Slots::new(tools.config.engine.slots),
            mine: HashSet::new(),
            alone: false,
            failing: false,
        }
    }

    async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        let (drain, drained) = watch::channel(false);
        let mut jobs = FuturesUnordered::new();
        let mut looking: Beside<'a, Look> = None;
        let mut from = None;
        let mut sweeping: Beside<'a, Swept> = None;
        let mut polls = tokio::time::interval(self.tools.config.poll);
        polls.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let rest = self.slots.rested_in(self.tools.clock.monotonic());
            tokio::select! {
                _ = stopping.wait_for(|stop| *stop) => break,
                Some(ended) = jobs.next(), if !jobs.is_empty() => self.ended(ended),
                _ = polls.tick(), if looking.is_none() => {
                    // One that fails is followed by one from the beginning: the place may be gone.
                    looking = Some(look(self.tools.client, from.take()).boxed_local());
                }
                outcome = finished(&mut looking), if looking.is_some() => {
                    if let Some(look) = self.settled(outcome) {
                        let now = self.tools.clock.monotonic();
                        self.queue.observe(&look, now);
                        if !look.is_last() {
                            polls.reset_immediately();
                        } else if sweeping.is_none() && self.sweep.is_due(now) {
                            sweeping = Some(sweep(self.tools.client, self.queue.pending()).boxed_local());
                        }
                        from = look.next;
                    }
                }
                () = rested(self.tools.clock, rest), if rest.is_some() => {}
                outcome = finished(&mut sweeping), if sweeping.is_some() => {
                    if let Some(swept) = self.settled(outcome) {
                        self.sweep.done(&swept, self.tools.clock.monotonic());
                        if swept.made > 0 {
                            info!(tickets = swept.made, "found scripts without a ticket");
                            // The next look shows them; it need not wait.
                            polls.reset_immediately();
                        }
                    }
                }
            }
            while let Some((slot, candidate)) = self.pick() {
                self.slots.take(slot);
                self.mine.insert(candidate.job.clone());
                self.alone = candidate.runs_alone();
                // Whoever gets it, it is not free until the next look.
                self.queue.taken(&candidate.job);
                let (tools, drained) = (self.tools, drained.clone());
                jobs.push(async move {
                    let outcome = claim_and_work(tools, &candidate, slot, drained).await;
                    Ended { slot, candidate, outcome }
                });
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

    /// The next version to claim and the slot for it.
    fn pick(&self) -> Option<(usize, Candidate)> {
        let slot = self.slots.free(self.tools.clock.monotonic())?;
        if self.alone && !self.mine.is_empty() {
            return None;
        }
        let candidate = self.queue.next(&self.mine)?;
        // It waits for the neighbours to finish; no new ones start meanwhile.
        (!candidate.runs_alone() || self.mine.is_empty()).then_some((slot, candidate))
    }

    fn ended(&mut self, ended: Ended) {
        let Ended { slot, candidate, outcome } = ended;
        let (project, version) = &candidate.job;
        self.slots.give_back(slot);
        self.mine.remove(&candidate.job);
        self.alone = false;
        match outcome {
            None => {}
            Some(Ok(end)) => {
                match end {
                    JobEnd::Committed(outcome) => info!(%project, %version, ?outcome, "committed"),
                    _ => info!(%project, %version, ?end, "ended"),
                }
                if matches!(end, JobEnd::Committed(_)) && self.slots.worked(slot) {
                    info!(slot, "the engine works again");
                }
            }
            Some(Err(JobFailure::Engine(error))) => {
                if self.slots.failed(slot, self.tools.clock.monotonic()) {
                    error!(%project, %version, slot, %error, "another attempt follows; the slot rests for a while");
                } else {
                    debug!(%project, %version, slot, %error, "the engine still fails");
                }
            }
            Some(Err(failure)) => error!(%project, %version, %failure, "failed; another attempt follows"),
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

/// Waits for what goes on beside the jobs, and clears its place.
async fn finished<T>(beside: &mut Beside<'_, T>) -> Result<T, S3Error> {
    let Some(future) = beside else { return std::future::pending().await };
    let outcome = future.await;
    *beside = None;
    outcome
}

/// None if the version is another runner's by now.
async fn claim_and_work(
    tools: Tools<'_>,
    candidate: &Candidate,
    slot: usize,
    drained: watch::Receiver<bool>,
) -> Option<Result<JobEnd, JobFailure>> {
    let Tools { client, clock, config, .. } = tools;
    match Claim::create(client, candidate, &config.name, clock.now()).await {
        Ok(Some(claim)) => {
            let (project, version) = &candidate.job;
            info!(%project, %version, attempt = candidate.attempt, run = %claim.run(), "claimed");
            Some(job::work(tools, candidate, &claim, slot, drained).await)
        }
        Ok(None) => None,
        Err(error) => Some(Err(error.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeEngine, Fault, Faulty, MemoryStore};

    /// Runs until `seconds` have gone by on tokio's clock, which is stopped where nothing real is waited for.
    async fn run_for(fake: &FakeEngine, store: &dyn Http, seconds: u64) -> Result<(), String> {
        let (stop, stopping) = watch::channel(false);
        let clock = SystemClock::new();
        let daemon = run(&fake.config, fake.engine(), store, &clock, stopping);
        let end = async {
            clock.sleep(Duration::from_secs(seconds)).await;
            stop.send_replace(true);
            // It is promptly over.
            clock.sleep(Duration::from_secs(1)).await;
        };
        tokio::select! {
            outcome = daemon => outcome,
            () = end => Err("it is still running".to_owned()),
        }
    }

    #[tokio::test]
    async fn a_wish_to_stop_ends_the_probe() {
        let fake = FakeEngine::new("#!/bin/sh\nexit 1\n");
        let store = Faulty::new(MemoryStore::new());
        tokio::time::pause();
        for fault in [Fault::Silence, Fault::NoConnection] {
            store.always(Some(fault));
            assert_eq!(run_for(&fake, &store, 3).await, Ok(()), "{fault:?}");
        }
    }

    #[tokio::test]
    async fn a_wish_to_stop_ends_the_engine_s_start() {
        let fake = FakeEngine::new("#!/bin/sh\nexec sleep 1000\n");
        assert_eq!(run_for(&fake, &MemoryStore::new(), 1).await, Ok(()));
    }

    #[tokio::test]
    async fn an_engine_that_cannot_work_claims_less_and_less_and_costs_no_attempt() {
        // It gets ready once, and fails with every job before the script.
        let fake = FakeEngine::server(
            r#"
    for descriptor in descriptors:
        os.close(descriptor)
    child = os.fork()
    if child == 0:
        os._exit(70)
    channel.sendall(b'{"forked": %d}\n' % child)
    _, status = os.waitpid(child, 0)
    channel.sendall(b'{"exited": %d, "status": %d, "cpu": 0.1}\n' % (child, status))
"#,
        );
        let store = MemoryStore::new();
        store.drop_in("input/p/p_v1.py", "x = 1");
        store.drop_in("pending/p/p_v1/ticket", "");
        assert_eq!(run_for(&fake, &store, 6).await, Ok(()));
        let attempts: Vec<String> = store.keys().into_iter().filter(|key| key.ends_with(".json")).collect();
        // At once, and after rests of 1, 2 and 4 s with a poll each.
        assert!((2..=4).contains(&attempts.len()), "{attempts:?}");
        assert!(attempts.iter().all(|key| store.object(key).unwrap().bytes.is_empty()));
        assert!(store.object("processed/p/p_v1.py.done").is_none());
    }
}
