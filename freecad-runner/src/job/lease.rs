//! Keeps a claim by heartbeats while its job runs.

use std::pin::pin;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{Either, LocalBoxFuture, Shared, select};
use platform::Clock;
use s3::RetryPolicy;
use tokio::sync::{broadcast, watch};
use tracing::warn;

use super::JobContext;
use super::publish::is_done;
use crate::queue::{Claim, Heartbeat, Job};

/// Why a job must stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The runner stops and releases its jobs.
    Drain,
    /// The attempt is gone, or another runner's.
    Lost,
    /// The version has a report: it was cancelled, or another attempt was first.
    Done,
}

/// The heartbeats of one claim. They are sent while a future is guarded or the end is awaited.
pub struct Lease<'a>(Shared<LocalBoxFuture<'a, Stop>>);

impl<'a> Lease<'a> {
    /// Keeps `claim`, which is on `job`, until `drained` turns true, the claim is lost, or the version has a report.
    pub fn keep(context: JobContext<'a>, job: &'a Job, claim: &'a Claim, drained: watch::Receiver<bool>) -> Self {
        Self::until(send_heartbeats(context, job, claim, drained))
    }

    pub(super) fn until(end: impl Future<Output = Stop> + 'a) -> Self {
        Self(end.boxed_local().shared())
    }

    /// Runs `work` while the lease lasts.
    ///
    /// # Errors
    /// When the job must stop before `work` is done. Pass `&mut work` to go on with it then.
    pub async fn guard<F: Future>(&self, work: F) -> Result<F::Output, Stop> {
        match select(pin!(work), self.0.clone()).await {
            Either::Left((output, _)) => Ok(output),
            Either::Right((stop, _)) => Err(stop),
        }
    }

    /// Waits for the end of the lease.
    pub fn ended(&self) -> impl Future<Output = Stop> + use<'a> {
        self.0.clone()
    }
}

/// The time from the start of one heartbeat to the start of the next.
///
/// With a lease of 30 s, heartbeats start every 10 s, and after a failure at 15, 20 and 25 s. So two may fail before the
/// lease ends, with shorter leases as well.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// At least 5 s. Some stores allow one write per second and key.
    usual: Duration,
    /// After a heartbeat that may not have arrived.
    after_failure: Duration,
    /// The time for one heartbeat: a silent store must not delay the next one.
    timeout: Duration,
}

impl Pace {
    fn of(lease: Duration) -> Self {
        let sixth = lease / 6;
        Self { usual: (lease / 3).max(Duration::from_secs(5)), after_failure: sixth, timeout: sixth }
    }
}

async fn send_heartbeats(
    context: JobContext<'_>,
    job: &Job,
    claim: &Claim,
    mut drained: watch::Receiver<bool>,
) -> Stop {
    let (clock, lease) = (context.clock, context.config.lease);
    let pace = Pace::of(lease);
    let client = context.client.with_retry_policy(RetryPolicy::within(pace.timeout));
    let mut cancellations = context.hints.cancellations();
    let mut confirmed = clock.monotonic();
    let (mut next, mut is_overdue) = (confirmed + pace.usual, false);
    loop {
        tokio::select! {
            outcome = drained.wait_for(|drained| *drained) => {
                if outcome.is_ok() {
                    return Stop::Drain;
                }
                // The daemon was dropped, and drops this future too.
                std::future::pending::<()>().await;
            }
            () = cancellation_hint(&mut cancellations, job) => {
                // A hint is not a cancellation; only a report is. Without an answer the next heartbeat checks again.
                if is_done(client, job).await.unwrap_or(false) {
                    return Stop::Done;
                }
                continue;
            }
            () = clock.sleep(next.saturating_sub(clock.monotonic())) => {}
        }
        let started = clock.monotonic();
        match claim.heartbeat(client).await {
            Heartbeat::Lost => return Stop::Lost,
            Heartbeat::Held => {
                (confirmed, next, is_overdue) = (started, started + pace.usual, false);
                if is_done(client, job).await.unwrap_or(false) {
                    return Stop::Done;
                }
            }
            // The store did not answer one request, so it gets no second one.
            Heartbeat::Unknown => {
                next = started + pace.after_failure;
                if clock.monotonic() - confirmed >= lease && !std::mem::replace(&mut is_overdue, true) {
                    let (project, version) = job;
                    warn!(%project, %version, "no heartbeat for a whole lease; another runner may have taken over. \
                          The job goes on, and the first report counts");
                }
            }
        }
    }
}

/// Waits for a hint that `job` is cancelled. If hints were missed, one of them may have been it.
async fn cancellation_hint(cancellations: &mut broadcast::Receiver<Job>, job: &Job) {
    loop {
        match cancellations.recv().await {
            Ok(cancelled) if cancelled != *job => {}
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => return,
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}
