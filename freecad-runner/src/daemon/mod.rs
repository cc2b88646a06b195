//! The daemon: polls, starts jobs, sweeps, and stops in order.
//!
//! - `poller`: the queue
//! - `jobs`: the running jobs and their slots

mod jobs;
mod poller;
#[cfg(test)]
mod tests;

use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::FusedFuture;
use platform::{Backoff, Clock, ClockExt, Http};
use s3::{Client, ProbeError, S3Error, probe};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::config::Config;
use crate::hints::Hints;
use crate::job::JobContext;
use crate::queue::Culprit;
use crate::script_runner::ScriptRunner;
use crate::sweep;
use crate::transport::SystemClock;
use jobs::{EndedJob, RunningJobs};
use poller::{Polled, QueuePoller};

/// The pause before another probe of a store that cannot be reached.
const PROBE_BACKOFF: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));

/// How long a runner that stops may take to hand the sweep over.
const HANDOVER_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs until `stopping` turns true, then drains.
///
/// # Errors
/// When the store fails the probe or refuses this runner, or when the engine does not start. A store that cannot be
/// reached is probed again.
pub async fn run(
    config: &Config,
    script_runner: &dyn ScriptRunner,
    http: &dyn Http,
    clock: &SystemClock,
    hints: &Hints,
    stopping: watch::Receiver<bool>,
) -> Result<(), String> {
    let client = Client::new(http, clock, &config.bucket);
    let start = async {
        wait_for_store(client, clock).await?;
        script_runner.warm_up().await.map_err(|error| error.to_string())
    };
    match until_stopped(start, stopping.clone()).await {
        None => return Ok(()),
        Some(outcome) => outcome?,
    }
    info!(bucket = config.bucket.name, endpoint = %config.bucket.endpoint, slots = config.engine.slots, "ready");
    Daemon::new(JobContext { client, clock, script_runner, config, hints }).run(stopping).await;
    Ok(())
}

/// Gives `None`, and drops `work`, if the runner must stop before `work` is done.
async fn until_stopped<T>(work: impl Future<Output = T>, mut stopping: watch::Receiver<bool>) -> Option<T> {
    tokio::select! {
        // A sender that is gone counts as a request to stop.
        _ = stopping.wait_for(|stop| *stop) => None,
        outcome = work => Some(outcome),
    }
}

/// Probes the store until it answers.
async fn wait_for_store(client: Client<'_>, clock: &SystemClock) -> Result<(), String> {
    for failures in 1.. {
        let pause = PROBE_BACKOFF.delay(failures);
        match probe(client).await {
            Ok(()) => break,
            Err(error @ ProbeError::Unfit { .. }) => return Err(error.to_string()),
            Err(ProbeError::Store(error @ S3Error::Unavailable(_))) => {
                warn!(%error, "the store cannot be reached; trying again in {} s", pause.as_secs());
            }
            Err(ProbeError::Store(error)) => return Err(format!("the store refuses this runner: {error}")),
        }
        clock.sleep(pause).await;
    }
    Ok(())
}

struct Daemon<'a> {
    context: JobContext<'a>,
    poller: QueuePoller<'a>,
    jobs: RunningJobs<'a>,
}

impl<'a> Daemon<'a> {
    fn new(context: JobContext<'a>) -> Self {
        Self { context, poller: QueuePoller::new(context), jobs: RunningJobs::new(context) }
    }

    async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        let (snapshots, to_sweep) = sweep::snapshots();
        let mut sweeping = pin!(sweep::run(self.context, to_sweep, stopping.clone()).fuse());
        loop {
            let has_free_slot = self.jobs.has_free_slot();
            tokio::select! {
                // In this order, because a listing is older than the jobs' changes.
                biased;
                _ = stopping.wait_for(|stop| *stop) => break,
                Polled { has_recovered, is_round } = self.poller.next(has_free_slot) => {
                    if has_recovered {
                        self.jobs.store_worked();
                    }
                    if is_round && let Ok(permit) = snapshots.try_reserve() {
                        permit.send(Rc::new(self.poller.pending()));
                    }
                }
                ended = self.jobs.changed() => self.job_changed(ended),
                // It ends with the runner.
                () = &mut sweeping => {}
            }
            self.start_jobs();
        }
        self.drain(&mut sweeping).await;
        if !sweeping.is_terminated() {
            // Without an answer the other runners wait for a lease.
            self.context.clock.timeout(HANDOVER_TIMEOUT, sweeping).await;
        }
        info!("stopped");
    }

    fn start_jobs(&mut self) {
        while let Some(slot) = self.jobs.free_slot() {
            let Some(candidate) = self.poller.pick(self.jobs.running()) else { break };
            if !self.jobs.may_start(&candidate) {
                break;
            }
            self.poller.taken(&candidate.job);
            self.jobs.start(slot, candidate);
        }
        // The known queue has nothing for the slot. Versions that arrived since the last poll need not wait for the next.
        if self.jobs.take_idle_slot() {
            self.poller.request();
        }
    }

    fn job_changed(&mut self, ended: Option<EndedJob>) {
        let Some(ended) = ended else { return };
        self.poller.ended(&ended.candidate.job, !ended.was_late());
        if let Some((_, Culprit::Store)) = ended.failed_slot() {
            self.poller.defer(ended.candidate.job);
        }
    }

    /// Waits for the running jobs. When their time is up, they release their versions.
    async fn drain(&mut self, mut sweeping: impl FusedFuture<Output = ()> + Unpin) {
        let time = self.context.config.drain;
        if self.jobs.len() > 0 {
            info!(jobs = self.jobs.len(), "stopping: running jobs get {} s to finish", time.as_secs());
        }
        let mut deadline = self.context.clock.sleep(time).fuse();
        while self.jobs.len() > 0 {
            tokio::select! {
                ended = self.jobs.changed() => self.job_changed(ended),
                () = &mut deadline => self.jobs.release_all(),
                () = &mut sweeping => {}
            }
        }
    }
}
