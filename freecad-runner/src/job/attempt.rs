//! The steps of a claimed job: fetch, run, publish.

use std::cell::Cell;

use contract::{JobError, JobErrorCode, Key, Outcome, Report, RequestId, ScriptMetadata, Sha256};
use futures::FutureExt;
use futures::future::join;
use platform::Clock;
use s3::S3Error;
use sandbox::{Finished, Log, Progress, Run};
use tokio::sync::watch;

use super::lease::{Lease, Stop};
use super::{JobContext, JobEnd, JobFailure, STORE_BACKOFF, publish, tidy};
use crate::queue::{Candidate, Claim, Heartbeat, HeldSlot};
use crate::script_runner::PreparedJob;

/// The longest script that is read, in bytes. The API takes 1 MiB; a script that other software put into the bucket may
/// be longer and then fails with a clear error.
const SCRIPT_LIMIT: usize = 4 << 20;

/// One claimed job.
pub(super) struct JobAttempt<'a> {
    pub context: JobContext<'a>,
    pub candidate: &'a Candidate,
    pub claim: &'a Claim,
    pub slot: &'a HeldSlot,
    drained: watch::Receiver<bool>,
    /// The report is being written. From now on a report that is found, or an attempt that is gone, may be this job's own
    /// work, and only the commit can tell.
    pub is_committing: Cell<bool>,
    /// The runner stops: a store that does not accept the results gets no more time.
    pub stops_retrying: Cell<bool>,
}

/// The way out of the steps before publishing.
enum Halt {
    Stopped(Stop),
    Failed(JobFailure),
}

impl From<Stop> for Halt {
    fn from(stop: Stop) -> Self {
        Self::Stopped(stop)
    }
}

impl<E: Into<JobFailure>> From<E> for Halt {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// The state of a claimed version.
enum Fetched {
    Script(Vec<u8>),
    /// It has a report.
    Done,
    /// It is reported like this, and not run.
    NotRunnable(Outcome, JobError),
}

impl<'a> JobAttempt<'a> {
    pub fn new(
        context: JobContext<'a>,
        candidate: &'a Candidate,
        claim: &'a Claim,
        slot: &'a HeldSlot,
        drained: watch::Receiver<bool>,
    ) -> Self {
        let (is_committing, stops_retrying) = (Cell::new(false), Cell::new(false));
        Self { context, candidate, claim, slot, drained, is_committing, stops_retrying }
    }

    /// Does the job.
    ///
    /// # Errors
    /// When the store or the engine fails; then nothing was committed. The attempt is released if the store was away, or
    /// if the engine failed before the script can have had a part in it: a machine without a disk must not abandon
    /// scripts. Otherwise the attempt dies and counts among the version's five, so that a script that breaks engines, or
    /// whose files no store accepts, does not run for ever.
    pub async fn work(&self) -> Result<JobEnd, JobFailure> {
        let end = match self.claim_to_commit().await {
            Ok(end) => Ok(end),
            Err(Halt::Stopped(stop)) => Ok(self.stop(stop).await),
            Err(Halt::Failed(failure)) => Err(failure),
        };
        match &end {
            Err(JobFailure::Engine(error)) if !error.script_may_have_run() => self.release().await,
            Err(JobFailure::Store(error)) if error.is_transient() => self.release().await,
            Err(JobFailure::Publishing(_)) if self.stops_retrying.get() => self.release().await,
            _ => {}
        }
        if !matches!(end, Ok(JobEnd::Committed(_) | JobEnd::NotRun(_))) {
            self.context.hints.forget(&self.claim.run());
        }
        end
    }

    async fn claim_to_commit(&self) -> Result<JobEnd, Halt> {
        let lease = Lease::keep(self.context, &self.candidate.job, self.claim, self.drained.clone());
        let mut report = self.new_report();
        let script = match lease.guard(self.fetch(&mut report)).await?? {
            Fetched::Script(script) => script,
            Fetched::Done => {
                self.slot.leave_unused();
                self.tidy_up_after_another().await?;
                return Ok(JobEnd::WasDone);
            }
            Fetched::NotRunnable(outcome, error) => {
                (report.outcome, report.error) = (outcome, Some(error));
                let end = self.publish(&lease, self.publish_results(report, &[], Log::default())).await?;
                return Ok(end.not_run());
            }
        };
        let prepared = self.context.script_runner.prepare(self.slot.number(), &script)?;
        let finished = self.run_script(&lease, &*prepared).await?;
        // Large files take a while: heartbeats go on, and a runner that stops waits for the end.
        Ok(self.publish(&lease, self.publish_run(prepared, finished, report)).await?)
    }

    fn new_report(&self) -> Report {
        let (project, version) = self.candidate.job.clone();
        let mut report = Report::new(project, version, Outcome::Failed, self.context.clock.now());
        report.run = Some(self.claim.run());
        report.attempt = Some(self.candidate.attempt);
        report.runner = Some(self.context.config.name.clone());
        report.started_at = Some(self.claim.claimed_at());
        report
    }

    /// Checks for a report and fetches the script. The check comes after the claim; only this order closes the race with
    /// another attempt's commit and tidy-up.
    async fn fetch(&self, report: &mut Report) -> Result<Fetched, S3Error> {
        let (client, candidate) = (self.context.client, self.candidate);
        if candidate.is_abandoned() {
            let message = format!(
                "{} attempts at this script ended without a result (a runner died, or could not do its work); it is \
                 not tried again",
                candidate.died
            );
            let abandoned = Fetched::NotRunnable(Outcome::Abandoned, JobError::new(JobErrorCode::Abandoned, &message));
            return Ok(if publish::is_done(client, &candidate.job).await? { Fetched::Done } else { abandoned });
        }
        let (is_done, script) = join(publish::is_done(client, &candidate.job), self.fetch_script(report)).await;
        if is_done? { Ok(Fetched::Done) } else { script }
    }

    async fn fetch_script(&self, report: &mut Report) -> Result<Fetched, S3Error> {
        let unusable = |code, message: String| Ok(Fetched::NotRunnable(Outcome::Failed, JobError::new(code, &message)));
        let (project, version) = self.candidate.job.clone();
        let key = Key::Script(project, version).to_string();
        let object = match self.context.client.get(&key, SCRIPT_LIMIT).await {
            Ok(object) => object,
            Err(S3Error::NotFound) => {
                return unusable(JobErrorCode::ScriptMissing, format!("There is no script at {key}; it was removed"));
            }
            Err(S3Error::TooLarge { limit }) => {
                return unusable(JobErrorCode::ScriptTooLarge, format!("The script is larger than {limit} bytes"));
            }
            Err(error) => return Err(error),
        };
        let digest = Sha256::of(&object.bytes);
        report.request_id = object.head.meta(ScriptMetadata::REQUEST_ID).and_then(|id| id.parse::<RequestId>().ok());
        report.script_sha256 = Some(digest.clone());
        match object.head.meta(ScriptMetadata::SHA256) {
            Some(expected) if expected != digest.as_str() => {
                let message = format!(
                    "The script at {key} is not the one that was uploaded: its sha256 is {digest}, not {expected}"
                );
                unusable(JobErrorCode::ScriptChanged, message)
            }
            _ => Ok(Fetched::Script(object.bytes.to_vec())),
        }
    }

    async fn run_script(&self, lease: &Lease<'_>, prepared: &dyn PreparedJob) -> Result<Finished, Halt> {
        let (job, run, hints) = (&self.candidate.job, self.claim.run(), self.context.hints);
        let display_name = format!("{}_v{}.py", job.0, job.1);
        let watcher = |progress: Progress<'_>| match progress {
            Progress::Phase(phase) => hints.phase(job, &run, phase),
            Progress::Line(line) => hints.line(job, &run, line),
        };
        let mut running = prepared.run(&display_name, lease.ended().map(drop).boxed_local(), &watcher);
        let run = match lease.guard(&mut running).await {
            Ok(run) => run?,
            Err(stop) => {
                // The engine stops as well. A result that comes now is too late.
                running.await?;
                return Err(stop.into());
            }
        };
        match run {
            Run::Finished(finished) => Ok(*finished),
            Run::Stopped => Err(lease.ended().await.into()),
        }
    }

    /// Publishes while the lease lasts.
    pub(super) async fn publish(
        &self,
        lease: &Lease<'_>,
        publishing: impl Future<Output = Result<JobEnd, JobFailure>>,
    ) -> Result<JobEnd, JobFailure> {
        let mut publishing = Box::pin(publishing);
        match lease.guard(&mut publishing).await {
            Ok(end) => end,
            Err(Stop::Drain) => {
                self.stops_retrying.set(true);
                publishing.await
            }
            // The lease may have ended because of this job's own commit. If not, the commit reports that.
            Err(_) if self.is_committing.get() => publishing.await,
            Err(stop) => {
                // From here on nothing more is put. A sweep finishes what fails here.
                drop(publishing);
                let _ = tidy::remove_own(self.context.client, &self.candidate.job, self.claim).await;
                if stop == Stop::Done {
                    let _ = self.tidy_up_after_another().await;
                }
                Ok(JobEnd::Lost)
            }
        }
    }

    /// Ends a job that has put nothing yet.
    async fn stop(&self, stop: Stop) -> JobEnd {
        match stop {
            Stop::Lost => JobEnd::Lost,
            Stop::Done => {
                // A sweep finishes what fails here.
                let _ = self.tidy_up_after_another().await;
                JobEnd::Lost
            }
            Stop::Drain => {
                self.claim.release(self.context.client).await;
                JobEnd::Released
            }
        }
    }

    /// Releases the attempt as soon as the store answers, so that an outage does not count as a death. If the runner
    /// stops, it tries once more and then lets the attempt die.
    async fn release(&self) {
        let (mut drained, mut failures) = (self.drained.clone(), 0);
        while self.claim.release(self.context.client).await == Heartbeat::Unknown {
            if *drained.borrow_and_update() {
                return;
            }
            failures += 1;
            tokio::select! {
                Ok(()) = drained.changed() => {}
                () = self.context.clock.sleep(STORE_BACKOFF.delay(failures)) => {}
            }
        }
    }

    /// Tidies up after a version that another attempt, or a cancellation, has finished.
    pub(super) async fn tidy_up_after_another(&self) -> Result<(), S3Error> {
        tidy::tidy_up_if_done(self.context.client, &self.candidate.job, self.candidate.attempt).await.map(drop)
    }
}
