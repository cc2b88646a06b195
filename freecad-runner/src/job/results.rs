//! Publishes the results of a job: files and log, then the report, which is the commit; then tidies up.

use std::time::Duration;

use contract::{Outcome, Report};
use futures::future::{try_join, try_join_all};
use platform::Clock;
use s3::S3Error;
use sandbox::{Finished, Log};

use super::attempt::JobAttempt;
use super::collect::Collected;
use super::publish::{self, Commit};
use super::{JobEnd, JobFailure, STORE_BACKOFF, tidy};
use crate::script_runner::PreparedJob;

/// How long results are kept while the store does not accept them: longer than most outages.
const RESULT_RETRY_WINDOW: Duration = Duration::from_secs(600);

impl JobAttempt<'_> {
    /// Collects the files of a run, gives the slot back, and publishes.
    pub(super) async fn publish_run(
        &self,
        prepared: Box<dyn PreparedJob + '_>,
        mut finished: Finished,
        mut report: Report,
    ) -> Result<JobEnd, JobFailure> {
        let (hints, clock, job, run) = (self.context.hints, self.context.clock, &self.candidate.job, self.claim.run());
        let started = clock.monotonic();
        hints.phase(job, &run, "drawing");
        let files = prepared.gather(&mut finished).await;
        let gathered = clock.monotonic() - started;
        // All files are in memory, so the next job may use the slot and its volume.
        drop(prepared);
        let _permit = self.slot.leave().await;
        hints.phase(job, &run, "publishing");
        let Finished { outcome, error, geometry, timings_ms, warnings, engine, log, .. } = finished;
        (report.outcome, report.error, report.geometry) = (outcome, error, geometry);
        (report.timings_ms, report.warnings, report.engine) = (timings_ms, warnings, engine);
        report.timings_ms.insert("publish".to_owned(), milliseconds(gathered));
        self.publish_results(report, &files, log).await
    }

    /// Puts files and log, commits the report, and tidies up.
    pub(super) async fn publish_results(
        &self,
        mut report: Report,
        files: &[Collected],
        mut log: Log,
    ) -> Result<JobEnd, JobFailure> {
        let (client, clock, (project, version)) = (self.context.client, self.context.clock, &self.candidate.job);
        let (job, attempt, run) = (&self.candidate.job, self.candidate.attempt, self.claim.run());
        let (publish_started, started) = (clock.monotonic(), self.claim.claimed_at());
        log.note(&format!(
            "{} after {:.2} s (run {run}, attempt {attempt})",
            outcome_text(report.outcome),
            clock.now().since(started).as_secs_f64(),
        ));
        let heading = format!(
            "[runner] {project} version {version}, attempt {attempt} by {}, started {started}\n",
            self.context.config.name
        );
        let log = heading + &log.text();
        let put_all = async || {
            let files = try_join_all(files.iter().map(|file| publish::put_file(client, job, &run, file)));
            try_join(files, publish::put_log(client, job, &run, started, log.clone())).await
        };
        let (put_files, log_key) = self.retry_until_accepted(put_all).await?;
        (report.files, report.log) = (put_files, Some(log_key));
        if let Some(publish) = report.timings_ms.get_mut("publish") {
            *publish = to_a_tenth(*publish + milliseconds(clock.monotonic() - publish_started));
        }
        report.finished_at = clock.now();
        report.timings_ms.insert("total".to_owned(), milliseconds(report.finished_at.since(started)));
        self.is_committing.set(true);
        let commit = self.retry_until_accepted(async || publish::commit(client, &report).await).await?;
        // A later claim or sweep finishes what fails from here on.
        Ok(match commit {
            Commit::Won => {
                self.context.hints.done(job, &run);
                let _ = match attempt {
                    1 => tidy::tidy_up(client, job, 1).await,
                    highest => tidy::tidy_up_all(client, job, highest, &report).await,
                };
                JobEnd::Committed(report.outcome)
            }
            Commit::Lost => {
                let _ = tidy::remove_own(client, job, self.claim).await;
                let _ = self.tidy_up_after_another().await;
                JobEnd::Lost
            }
            Commit::Unreadable => {
                let _ = tidy::tidy_up(client, job, attempt).await;
                JobEnd::Lost
            }
        })
    }

    /// Puts results until the store accepts them: another run would cost more, and would count. Each put may be repeated.
    /// If another attempt takes over, the lease ends and this future is dropped.
    async fn retry_until_accepted<T>(&self, put: impl AsyncFn() -> Result<T, S3Error>) -> Result<T, JobFailure> {
        let clock = self.context.clock;
        let (started, mut failures) = (clock.monotonic(), 0);
        loop {
            match put().await {
                Ok(done) => return Ok(done),
                Err(error) if self.stops_retrying.get() || clock.monotonic() - started > RESULT_RETRY_WINDOW => {
                    return Err(JobFailure::Publishing(error));
                }
                Err(_) => {
                    failures += 1;
                    clock.sleep(STORE_BACKOFF.delay(failures)).await;
                }
            }
        }
    }
}

/// The outcome as the log has it.
fn outcome_text(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Completed => "completed",
        Outcome::Failed => "failed",
        Outcome::TimedOut => "timed out",
        Outcome::Abandoned => "abandoned",
        Outcome::Cancelled => "cancelled",
    }
}

fn milliseconds(duration: Duration) -> f64 {
    to_a_tenth(duration.as_secs_f64() * 1_000.0)
}

fn to_a_tenth(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}
