//! One job, from the claim to the commit.
//!
//! - `context`: everything that jobs share
//! - `attempt`: the steps: fetch, run, publish
//! - `lease`: heartbeats while the job runs
//! - `collect`: reads the script's files
//! - `artifacts`: all files of a job, with GLB file and picture
//! - `results`: puts files and log, commits the report
//! - `publish`: the requests for that
//! - `tidy`: removes what a finished version no longer needs

mod artifacts;
mod attempt;
mod collect;
mod context;
mod lease;
pub(crate) mod publish;
mod results;
#[cfg(test)]
mod tests;
pub(crate) mod tidy;

use std::time::Duration;

use contract::Outcome;
use s3::S3Error;
use sandbox::EngineError;
use tokio::sync::watch;
use tracing::info;

use crate::queue::{Candidate, Claim, Culprit, HeldSlot};
pub use artifacts::gather;
use attempt::JobAttempt;
pub use collect::Collected;
pub use context::JobContext;
use platform::{Backoff, Clock};

/// The pause before a job asks again a store that is away. A runner that stops waits for at most one pause.
const STORE_BACKOFF: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(4));

/// The result of trying to do a job.
#[derive(Debug)]
pub enum JobResult {
    /// Another runner claimed the version first.
    NotClaimed,
    Ended(JobEnd),
    Failed(JobFailure),
}

/// How a claimed job ended for this runner.
#[derive(Debug, PartialEq, Eq)]
pub enum JobEnd {
    /// The script ran, and this attempt's report is the version's.
    Committed(Outcome),
    /// This attempt's report is the version's, but nothing ran: the version is abandoned, or has no usable script.
    NotRun(Outcome),
    /// The version had a report already. Ticket and attempts are gone.
    WasDone,
    /// Another attempt holds the version or has committed.
    Lost,
    /// Released because the runner stops.
    Released,
}

impl JobEnd {
    fn not_run(self) -> Self {
        match self {
            Self::Committed(outcome) => Self::NotRun(outcome),
            end => end,
        }
    }
}

/// The runner could not do its part. Nothing was committed, and another attempt follows.
#[derive(Debug, thiserror::Error)]
pub enum JobFailure {
    /// The store failed before the script ran.
    #[error("the store: {0}")]
    Store(#[from] S3Error),
    /// The store did not accept the results.
    #[error("the store does not accept the results: {0}")]
    Publishing(S3Error),
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl JobFailure {
    /// The part to blame for a failure before the script.
    pub fn culprit(&self) -> Option<Culprit> {
        match self {
            Self::Store(_) => Some(Culprit::Store),
            Self::Engine(_) => Some(Culprit::Engine),
            Self::Publishing(_) => None,
        }
    }
}

/// Claims a version and does its job. `slot` is given back as soon as the engine is no longer needed. `drained` turns
/// true when running jobs must be released.
pub async fn run(
    context: JobContext<'_>,
    candidate: &Candidate,
    slot: &HeldSlot,
    drained: watch::Receiver<bool>,
) -> JobResult {
    let JobContext { client, clock, config, hints, .. } = context;
    let claim = match Claim::create(client, candidate, &config.name, clock.now()).await {
        Ok(Some(claim)) => claim,
        Ok(None) => return JobResult::NotClaimed,
        Err(error) => return JobResult::Failed(error.into()),
    };
    let (project, version) = &candidate.job;
    info!(%project, %version, attempt = candidate.attempt, run = %claim.run(), "claimed");
    hints.claimed(&candidate.job, &claim.run());
    match JobAttempt::new(context, candidate, &claim, slot, drained).work().await {
        Ok(end) => JobResult::Ended(end),
        Err(failure) => JobResult::Failed(failure),
    }
}
