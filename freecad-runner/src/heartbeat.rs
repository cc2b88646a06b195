//! Keeps a claim for as long as its job runs.

use std::time::Duration;

use platform::Clock;
use s3::RetryPolicy;
use tokio::sync::{broadcast, watch};
use tracing::warn;

use crate::claim::{Claim, Heartbeat};
use crate::job::Tools;
use crate::publish;
use crate::queue::{Candidate, Job};

/// Why a run is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The runner stops and gives the job back.
    Drain,
    /// The attempt is gone, or another's.
    Lost,
    /// The version has a report: somebody cancelled it, or another attempt was first.
    Done,
}

/// The time from the beginning of one heartbeat to the beginning of the next.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// Stores take one write a second to a key, R2 no more, so it is never a race.
    usual: Duration,
    /// After one of which nobody knows whether it arrived.
    after_unclear: Duration,
    /// How long one may take: a store that is silent to it must not hold up the next.
    patience: Duration,
}

impl Pace {
    /// With a lease of 30 s: at 10 s, and after a failure at 15, 20 and 25. So two that fail leave room for a third
    /// before the lease ends, and with shorter leases as well.
    fn of(lease: Duration) -> Self {
        let sixth = lease / 6;
        Self { usual: (lease / 3).max(Duration::from_secs(5)), after_unclear: sixth, patience: sixth }
    }
}

/// Keeps the claim by heartbeats for as long as the job runs; ends when the job must stop, and says why.
pub async fn watch_over(
    tools: Tools<'_>,
    candidate: &Candidate,
    claim: &Claim,
    mut drained: watch::Receiver<bool>,
) -> Stop {
    let (clock, lease, job) = (tools.clock, tools.config.lease, &candidate.job);
    let pace = Pace::of(lease);
    let client = tools.client.with_retry_policy(RetryPolicy::within(pace.patience));
    let mut cancellations = tools.hints.cancellations();
    let mut held = clock.monotonic();
    let (mut next, mut is_doubtful) = (held + pace.usual, false);
    loop {
        tokio::select! {
            outcome = drained.wait_for(|drained| *drained) => {
                if outcome.is_ok() {
                    return Stop::Drain;
                }
                // The daemon is gone without a word; so is this task, soon.
                std::future::pending::<()>().await;
            }
            () = said_to_be_cancelled(&mut cancellations, job) => {
                // Only a report is one. Without an answer the next heartbeat asks again.
                if publish::is_done(client, job).await.unwrap_or(false) {
                    return Stop::Done;
                }
                continue;
            }
            () = clock.sleep(next.saturating_sub(clock.monotonic())) => {}
        }
        let began = clock.monotonic();
        match claim.heartbeat(client).await {
            Heartbeat::Lost => return Stop::Lost,
            Heartbeat::Held => {
                (held, next, is_doubtful) = (began, began + pace.usual, false);
                // A report that is there already is a cancellation, or another attempt's.
                if publish::is_done(client, job).await.unwrap_or(false) {
                    return Stop::Done;
                }
            }
            // A store that does not answer to one request is not asked another.
            Heartbeat::Unknown => {
                next = began + pace.after_unclear;
                if clock.monotonic() - held >= lease && !std::mem::replace(&mut is_doubtful, true) {
                    let (project, version) = job;
                    warn!(%project, %version, "no heartbeat for a whole lease: another runner may have taken over; \
                          the job goes on, and who writes the report first has done it");
                }
            }
        }
    }
}

/// Waits until somebody says that `job` is cancelled. Where so much was said that some was missed, it may have been.
async fn said_to_be_cancelled(cancellations: &mut broadcast::Receiver<Job>, job: &Job) {
    loop {
        match cancellations.recv().await {
            Ok(cancelled) if cancelled != *job => {}
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => return,
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}
