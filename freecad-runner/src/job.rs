//! One job, from the claim to the commit.

use std::time::Duration;

use futures::FutureExt;
use futures::future::{Either, select, try_join_all};
use partwright::contract::{JobError, Key, Outcome, Report, RequestId, ScriptMetadata, Sha256};
use partwright::http::Clock;
use partwright::s3::{Client, Patience, S3Error};
use tokio::sync::watch;

use crate::claim::{Claim, Heartbeat};
use crate::config::Config;
use crate::engine::{EngineError, Finished, Log, Run, unwatched};
use crate::publish::{self, Commit};
use crate::queue::{Candidate, Job};
use crate::transport::SystemClock;
use crate::workbench::{PreparedJob, Workbench};

/// The most that is read of a script. The API takes 1 MiB; a hand-dropped one may be larger, and is told so.
const SCRIPT_LIMIT: usize = 4 << 20;

/// What a job is run with.
#[derive(Clone, Copy)]
pub struct Tools<'a> {
    /// The bucket.
    pub client: Client<'a>,
    /// The clock.
    pub clock: &'a SystemClock,
    /// Where scripts are run.
    pub engine: &'a dyn Workbench,
    /// The settings.
    pub config: &'a Config,
}

/// How a job ended for this runner.
#[derive(Debug, PartialEq, Eq)]
pub enum JobEnd {
    /// It was run, and its report is the version's.
    Committed(Outcome),
    /// Its report is the version's, and there was nothing to run: it is abandoned, or has no script.
    NotRun(Outcome),
    /// It was done already; ticket and attempts are gone.
    WasDone,
    /// Another attempt holds it or has committed.
    Lost,
    /// Given back because the runner stops.
    Released,
}

impl JobEnd {
    fn of_one_not_run(self) -> Self {
        match self {
            Self::Committed(outcome) => Self::NotRun(outcome),
            end => end,
        }
    }
}

/// The runner could not do its part, and another attempt follows.
#[derive(Debug, thiserror::Error)]
pub enum JobFailure {
    /// The store.
    #[error("the store: {0}")]
    Store(#[from] S3Error),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Why a run is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// The runner stops and gives the job back.
    Drain,
    /// The attempt is another's, or the version has a report (somebody cancelled it).
    Lost,
}

/// Does a claimed job. `drained` turns true when running jobs must be given back.
///
/// # Errors
/// When the store or the engine fails: nothing is committed then. The attempt is given back where the engine failed
/// before the script can have had a part in it, so that a machine without a disk abandons nobody's script; else it is
/// left to die and counts among the version's five, so that a script that breaks engines is not run for ever.
pub async fn work(
    tools: Tools<'_>,
    candidate: &Candidate,
    claim: &Claim,
    slot: usize,
    drained: watch::Receiver<bool>,
) -> Result<JobEnd, JobFailure> {
    let end = claim_to_commit(tools, candidate, claim, slot, drained).await;
    if let Err(JobFailure::Engine(error)) = &end
        && !error.script_may_have_run()
    {
        // Without an answer it dies after all.
        claim.release(tools.client).await;
    }
    end
}

async fn claim_to_commit(
    tools: Tools<'_>,
    candidate: &Candidate,
    claim: &Claim,
    slot: usize,
    drained: watch::Receiver<bool>,
) -> Result<JobEnd, JobFailure> {
    let (client, job) = (tools.client, &candidate.job);
    if publish::is_done(client, job).await? {
        publish::tidy_up(client, job, candidate.attempt).await?;
        return Ok(JobEnd::WasDone);
    }
    let mut report = Report::new(job.0.clone(), job.1, Outcome::Failed, tools.clock.now());
    report.run = Some(claim.run());
    report.attempt = Some(candidate.attempt);
    report.runner = Some(tools.config.name.clone());
    report.started_at = Some(tools.clock.now());

    if candidate.is_abandoned() {
        report.outcome = Outcome::Abandoned;
        let message = format!(
            "{} attempts at this script ended without a result (a runner died, or could not do its work); it is \
             not tried again",
            candidate.died
        );
        report.error = Some(JobError::new("abandoned", &message));
        return finish(tools, candidate, claim, report, Log::default()).await.map(JobEnd::of_one_not_run);
    }
    let script = match fetch(client, job, &mut report).await? {
        Ok(script) => script,
        Err(error) => {
            report.error = Some(error);
            return finish(tools, candidate, claim, report, Log::default()).await.map(JobEnd::of_one_not_run);
        }
    };

    let prepared = tools.engine.prepare(slot, &script)?;
    let display_name = format!("{}_v{}.py", job.0, job.1);
    let mut watching = Box::pin(watch_over(tools, job, claim, drained));
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let stopped = async {
        // A sender that is dropped is no reason to stop.
        if stopped.await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let running = prepared.run(&display_name, stopped.boxed_local(), &unwatched);
    let run = match select(running, &mut watching).await {
        Either::Left((run, _)) => run?,
        Either::Right((why, running)) => {
            let _ = stop.send(());
            running.await?;
            return Ok(match why {
                Stop::Lost => JobEnd::Lost,
                Stop::Drain => {
                    claim.release(client).await;
                    JobEnd::Released
                }
            });
        }
    };
    let Run::Finished(finished) = run else { return Ok(JobEnd::Released) };
    // Large files take a while: the heartbeat goes on, and a wish to stop waits for the end.
    let publishing = publish_all(tools, candidate, claim, &*prepared, *finished, report);
    publish_watched(claim, Box::pin(publishing), watching).await
}

/// Publishes for as long as the attempt holds the version.
async fn publish_watched(
    claim: &Claim,
    publishing: impl Future<Output = Result<JobEnd, JobFailure>> + Unpin,
    watching: impl Future<Output = Stop> + Unpin,
) -> Result<JobEnd, JobFailure> {
    match select(publishing, watching).await {
        Either::Left((end, _)) => end,
        Either::Right((Stop::Drain, publishing)) => publishing.await,
        // What the watch has seen may be this job's own commit; if not, the commit says so.
        Either::Right((Stop::Lost, publishing)) if claim.is_committing() => publishing.await,
        Either::Right((Stop::Lost, _)) => Ok(JobEnd::Lost),
    }
}

/// Files, log, report.
async fn publish_all(
    tools: Tools<'_>,
    candidate: &Candidate,
    claim: &Claim,
    prepared: &dyn PreparedJob,
    mut finished: Finished,
    mut report: Report,
) -> Result<JobEnd, JobFailure> {
    let (client, job) = (tools.client, &candidate.job);
    let began = tools.clock.monotonic();
    let files = prepared.gather(&mut finished).await;
    let run = claim.run();
    report.files = try_join_all(files.iter().map(|file| publish::put_file(client, job, &run, file))).await?;
    let Finished { outcome, error, geometry, timings_ms, warnings, engine, log, .. } = finished;
    (report.outcome, report.error, report.geometry) = (outcome, error, geometry);
    (report.timings_ms, report.warnings, report.engine) = (timings_ms, warnings, engine);
    report.timings_ms.insert("publish".to_owned(), milliseconds(tools.clock.monotonic() - began));
    finish(tools, candidate, claim, report, log).await
}

/// Log, report, tidy-up.
async fn finish(
    tools: Tools<'_>,
    candidate: &Candidate,
    claim: &Claim,
    mut report: Report,
    mut log: Log,
) -> Result<JobEnd, JobFailure> {
    let (client, job) = (tools.client, &candidate.job);
    let run = report.run.clone().unwrap_or_else(partwright::contract::RunId::random);
    let started = report.started_at.unwrap_or_else(|| tools.clock.now());
    report.finished_at = tools.clock.now();
    let took = report.finished_at.since(started);
    report.timings_ms.insert("total".to_owned(), milliseconds(took));
    log.note(&format!(
        "{} after {:.2} s (run {run}, attempt {})",
        outcome_word(report.outcome),
        took.as_secs_f64(),
        candidate.attempt
    ));
    let heading = format!(
        "[runner] {} version {}, attempt {} by {}, started {started}\n",
        job.0, job.1, candidate.attempt, tools.config.name
    );
    report.log = Some(publish::put_log(client, job, &run, started, heading + &log.text()).await?);
    claim.begin_commit();
    let commit = publish::commit(client, &report).await?;
    // What is left undone here, a later claim or sweep does.
    let _ = publish::tidy_up(client, job, candidate.attempt).await;
    Ok(match commit {
        Commit::Won => JobEnd::Committed(report.outcome),
        Commit::Lost => JobEnd::Lost,
    })
}

/// Fetches the script. The inner error is the version's own and final.
async fn fetch(client: Client<'_>, job: &Job, report: &mut Report) -> Result<Result<Vec<u8>, JobError>, S3Error> {
    let key = Key::Script(job.0.clone(), job.1).to_string();
    let object = match client.get(&key, SCRIPT_LIMIT).await {
        Ok(object) => object,
        Err(S3Error::NotFound) => {
            return Ok(Err(JobError::new("script_missing", &format!("There is no script at {key}; it was removed"))));
        }
        Err(S3Error::TooLarge { limit }) => {
            return Ok(Err(JobError::new("script_too_large", &format!("The script is larger than {limit} bytes"))));
        }
        Err(error) => return Err(error),
    };
    let sum = Sha256::of(&object.bytes);
    report.request_id = object.head.meta(ScriptMetadata::REQUEST_ID).and_then(|id| id.parse::<RequestId>().ok());
    report.script_sha256 = Some(sum.clone());
    if let Some(stated) = object.head.meta(ScriptMetadata::SHA256)
        && stated != sum.as_str()
    {
        let message =
            format!("The script at {key} is not the one that was uploaded: its sha256 is {sum}, not {stated}");
        return Ok(Err(JobError::new("script_changed", &message)));
    }
    Ok(Ok(object.bytes.to_vec()))
}

/// Keeps the claim by heartbeats for as long as the job runs; ends when the job must stop, and says why.
async fn watch_over(tools: Tools<'_>, job: &Job, claim: &Claim, mut drained: watch::Receiver<bool>) -> Stop {
    // A third of the lease leaves room for two that fail; stores take one write a second to a key, R2 no more.
    let pause = (tools.config.lease / 3).max(Duration::from_secs(5));
    // A store that is silent to one heartbeat must not hold up the next.
    let client = tools.client.with_patience(Patience::within(tools.config.lease / 6));
    loop {
        tokio::select! {
            outcome = drained.wait_for(|drained| *drained) => {
                if outcome.is_ok() {
                    return Stop::Drain;
                }
                // The daemon is gone without a word; so is this task, soon.
                std::future::pending::<()>().await;
            }
            () = tools.clock.sleep(pause) => {}
        }
        if claim.heartbeat(client).await == Heartbeat::Lost {
            return Stop::Lost;
        }
        // A report that is there already is a cancellation, or another attempt's.
        if publish::is_done(client, job).await.unwrap_or(false) {
            let _ = claim.remove(tools.client).await;
            return Stop::Lost;
        }
    }
}

fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Completed => "completed",
        Outcome::Failed => "failed",
        Outcome::TimedOut => "timed out",
        Outcome::Abandoned => "abandoned",
        Outcome::Cancelled => "cancelled",
    }
}

fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 10_000.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use partwright::contract::Report;

    use super::*;
    use crate::testing::{FakeEngine, MemoryStore};

    const ATTEMPT: &str = "pending/p/p_v1/a1.json";

    fn candidate() -> Candidate {
        Candidate { job: ("p".parse().unwrap(), 1.try_into().unwrap()), attempt: 1, died: 0 }
    }

    /// A version in the bucket that a runner on this engine has claimed, and what `then` comes to.
    async fn claimed<T>(fake: &FakeEngine, then: impl AsyncFnOnce(Tools<'_>, &Claim, &MemoryStore) -> T) -> T {
        let (store, clock) = (MemoryStore::new(), SystemClock::new());
        store.drop_in("input/p/p_v1.py", "x = 1");
        store.drop_in("pending/p/p_v1/ticket", "");
        let client = Client::new(&store, &clock, &fake.config.bucket);
        let tools = Tools { client, clock: &clock, engine: fake.engine(), config: &fake.config };
        let claim = Claim::create(client, &candidate(), "test", clock.now()).await.unwrap().unwrap();
        then(tools, &claim, &store).await
    }

    /// Works on a version; gives the failure's text and whether the attempt was given back.
    async fn failure_of(fake: &FakeEngine) -> (String, bool) {
        claimed(fake, async |tools, claim, store| {
            let (_drain, drained) = watch::channel(false);
            let Err(JobFailure::Engine(error)) = work(tools, &candidate(), claim, 0, drained).await else {
                panic!("the engine does not fail")
            };
            assert!(
                store.object("processed/p/p_v1.py.done").is_none() && store.object("pending/p/p_v1/ticket").is_some()
            );
            (error.to_string(), store.object(ATTEMPT).unwrap().bytes.is_empty())
        })
        .await
    }

    #[tokio::test]
    async fn an_engine_that_cannot_begin_gives_the_version_back() {
        let (said, given_back) = failure_of(&FakeEngine::new("#!/bin/sh\nexit 1\n")).await;
        assert!(said.contains("start FreeCAD"), "{said}");
        assert!(given_back);
    }

    #[tokio::test]
    async fn a_job_that_ends_before_its_script_gives_the_version_back() {
        let fake = FakeEngine::server(
            r#"
    child = os.fork()
    if child == 0:
        os.write(descriptors[1], b"ImportError: no module\n")
        os._exit(70)
    for descriptor in descriptors:
        os.close(descriptor)
    channel.sendall(b'{"forked": %d}\n' % child)
    _, status = os.waitpid(child, 0)
    channel.sendall(b'{"exited": %d, "status": %d, "cpu": 0.1}\n' % (child, status))
"#,
        );
        let (said, given_back) = failure_of(&fake).await;
        assert!(said.contains("status 70") && said.contains("ImportError"), "{said}");
        assert!(given_back);
    }

    #[tokio::test]
    async fn a_fork_server_that_dies_of_a_job_counts_as_a_death() {
        let (said, given_back) = failure_of(&FakeEngine::server("    os._exit(1)\n")).await;
        assert!(said.contains("the fork server is gone"), "{said}");
        assert!(!given_back);
    }

    #[tokio::test]
    async fn a_fork_server_that_does_not_answer_is_given_up_and_replaced() {
        let fake = FakeEngine::server("    os._exit(1) if is_second else time.sleep(1000)\n");
        fake.engine().warm_up().await.unwrap();
        // From here on nothing real is waited for.
        tokio::time::pause();
        let (said, given_back) = failure_of(&fake).await;
        assert!(said.contains("did not fork in time"), "{said}");
        assert!(!given_back);
        tokio::time::resume();
        let (said, _) = failure_of(&fake).await;
        assert!(said.contains("is gone"), "a fresh one was asked: {said}");
    }

    #[tokio::test]
    async fn one_s_own_commit_is_no_loss() {
        let fake = FakeEngine::new("#!/bin/sh\nexit 1\n");
        let (end, reports) = claimed(&fake, async |tools, claim, store| {
            let (_drain, drained) = watch::channel(false);
            let job = candidate().job;
            let publishing = async {
                let mut report = Report::new(job.0.clone(), job.1, Outcome::Failed, tools.clock.now());
                report.run = Some(claim.run());
                tokio::time::pause();
                let end = finish(tools, &candidate(), claim, report, Log::default()).await;
                // The heartbeat comes when report and tidy-up are done and their answers are not yet here.
                tools.clock.sleep(tools.config.lease).await;
                end
            };
            let watching = watch_over(tools, &job, claim, drained);
            let end = publish_watched(claim, Box::pin(publishing), Box::pin(watching)).await;
            (end, store.keys().into_iter().filter(|key| key.starts_with("processed/")).count())
        })
        .await;
        assert_eq!((end.unwrap(), reports), (JobEnd::Committed(Outcome::Failed), 1));
    }

    #[tokio::test]
    async fn a_loss_before_the_commit_ends_the_publishing() {
        let fake = FakeEngine::new("#!/bin/sh\nexit 1\n");
        let end = claimed(&fake, async |_, claim, _| publish_watched(claim, pending(), ready(Stop::Lost)).await).await;
        assert_eq!(end.unwrap(), JobEnd::Lost);
    }
}
