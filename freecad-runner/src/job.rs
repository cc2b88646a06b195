//! One job, from the claim to the commit.

use std::time::Duration;

use contract::{JobError, JobErrorCode, Key, Outcome, Report, RequestId, ScriptMetadata, Sha256};
use futures::FutureExt;
use futures::future::{Either, join, select, try_join, try_join_all};
use platform::Clock;
use s3::{Client, S3Error};
use tokio::sync::watch;

use crate::claim::{Claim, Heartbeat};
use crate::collect::Collected;
use crate::config::Config;
use crate::heartbeat::{Stop, watch_over};
use crate::hints::Hints;
use crate::publish::{self, Commit};
use crate::queue::{Candidate, Job};
use crate::slots::HeldSlot;
use crate::tidy;
use crate::transport::SystemClock;
use crate::workbench::{PreparedJob, Workbench};
use sandbox::{EngineError, Finished, Log, Progress, Run};

/// The most that is read of a script. The API takes 1 MiB; a hand-dropped one may be larger, and is told so.
const SCRIPT_LIMIT: usize = 4 << 20;

/// How long results are kept while the store does not take them: longer than most outages.
const INSISTENCE: Duration = Duration::from_secs(600);

/// The pause before a job asks once more a store that is away, which doubles up to the longest. A runner that is to stop
/// waits for no more than one.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

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
    /// What is told of jobs, and said to them.
    pub hints: &'a Hints,
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
    /// The store, before the script was run.
    #[error("the store: {0}")]
    Store(#[from] S3Error),
    /// The store did not take the results.
    #[error("the store does not take the results: {0}")]
    Publishing(S3Error),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Does a claimed job. `slot` is given back as soon as the engine is not needed any more. `drained` turns true when
/// running jobs must be given back.
///
/// # Errors
/// When the store or the engine fails: nothing is committed then. The attempt is given back where the engine failed
/// before the script can have had a part in it, so that a machine without a disk abandons nobody's script, and where the
/// store was away; else it is left to die and counts among the version's five, so that a script that breaks engines, or
/// whose files no store takes, is not run for ever.
pub async fn work(
    tools: Tools<'_>,
    candidate: &Candidate,
    claim: &Claim,
    slot: &HeldSlot,
    drained: watch::Receiver<bool>,
) -> Result<JobEnd, JobFailure> {
    let end = claim_to_commit(tools, candidate, claim, slot, drained.clone()).await;
    match &end {
        Err(JobFailure::Engine(error)) if !error.script_may_have_run() => give_back(tools, claim, drained).await,
        Err(JobFailure::Store(error)) if error.is_transient() => give_back(tools, claim, drained).await,
        Err(JobFailure::Publishing(_)) if claim.is_hurried() => give_back(tools, claim, drained).await,
        _ => {}
    }
    if !matches!(end, Ok(JobEnd::Committed(_) | JobEnd::NotRun(_))) {
        tools.hints.over(&claim.run());
    }
    end
}

/// Gives the attempt back as soon as the store answers, so that no outage counts as a death. A runner that is to stop
/// tries once more; then it dies after all.
async fn give_back(tools: Tools<'_>, claim: &Claim, mut drained: watch::Receiver<bool>) {
    let mut pause = FIRST_PAUSE;
    while claim.release(tools.client).await == Heartbeat::Unknown {
        if *drained.borrow_and_update() {
            return;
        }
        tokio::select! {
            Ok(()) = drained.changed() => {}
            () = tools.clock.sleep(pause) => {}
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn claim_to_commit(
    tools: Tools<'_>,
    candidate: &Candidate,
    claim: &Claim,
    slot: &HeldSlot,
    drained: watch::Receiver<bool>,
) -> Result<JobEnd, JobFailure> {
    let (client, job, run) = (tools.client, &candidate.job, claim.run());
    let mut report = Report::new(job.0.clone(), job.1, Outcome::Failed, tools.clock.now());
    report.run = Some(run.clone());
    report.attempt = Some(candidate.attempt);
    report.runner = Some(tools.config.name.clone());
    report.started_at = Some(claim.claimed_at());

    // The heartbeat goes on from here to the commit.
    let mut watching = Box::pin(watch_over(tools, candidate, claim, drained));
    let asking = Box::pin(async {
        // Asked after the claim: only that closes the race with another's commit and tidy-up. The script comes meanwhile.
        if candidate.is_abandoned() {
            return (publish::is_done(client, job).await, None);
        }
        let (is_done, script) = join(publish::is_done(client, job), fetch(client, job, &mut report)).await;
        (is_done, Some(script))
    });
    let (is_done, script) = match select(asking, &mut watching).await {
        Either::Left((answers, _)) => answers,
        Either::Right((why, _)) => return Ok(stopped(client, candidate, claim, why).await),
    };
    if is_done? {
        slot.leave_unused();
        tidy_up_after_another(client, candidate).await?;
        return Ok(JobEnd::WasDone);
    }
    let script = match script.transpose()? {
        Some(Ok(script)) => script,
        not_to_be_run => {
            report.error = Some(match not_to_be_run {
                Some(Err(error)) => error,
                _ => {
                    report.outcome = Outcome::Abandoned;
                    let message = format!(
                        "{} attempts at this script ended without a result (a runner died, or could not do its \
                         work); it is not tried again",
                        candidate.died
                    );
                    JobError::new(JobErrorCode::Abandoned, &message)
                }
            });
            let finishing = Box::pin(finish(tools, candidate, claim, report, &[], Log::default()));
            let end = publish_watched(client, candidate, claim, finishing, watching).await;
            return end.map(JobEnd::of_one_not_run);
        }
    };

    let prepared = tools.engine.prepare(slot.number(), &script)?;
    let display_name = format!("{}_v{}.py", job.0, job.1);
    let (stop, told_to_stop) = tokio::sync::oneshot::channel();
    let told_to_stop = async {
        // A sender that is dropped is no reason to stop.
        if told_to_stop.await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let told = |progress: Progress<'_>| match progress {
        Progress::Phase(phase) => tools.hints.phase(job, &run, phase),
        Progress::Line(line) => tools.hints.line(job, &run, line),
    };
    let running = prepared.run(&display_name, told_to_stop.boxed_local(), &told);
    let run = match select(running, &mut watching).await {
        Either::Left((run, _)) => run?,
        Either::Right((why, running)) => {
            let _ = stop.send(());
            running.await?;
            return Ok(stopped(client, candidate, claim, why).await);
        }
    };
    let Run::Finished(finished) = run else { return Ok(JobEnd::Released) };
    // Large files take a while: the heartbeat goes on, and a wish to stop waits for the end.
    let publishing = publish_all(tools, candidate, claim, slot, prepared, *finished, report);
    publish_watched(client, candidate, claim, Box::pin(publishing), watching).await
}

/// Ends a job that has put nothing yet.
async fn stopped(client: Client<'_>, candidate: &Candidate, claim: &Claim, why: Stop) -> JobEnd {
    match why {
        Stop::Lost => JobEnd::Lost,
        Stop::Done => {
            // What is left undone here, a sweep does.
            let _ = tidy_up_after_another(client, candidate).await;
            JobEnd::Lost
        }
        Stop::Drain => {
            claim.release(client).await;
            JobEnd::Released
        }
    }
}

/// Publishes for as long as the attempt holds the version.
async fn publish_watched(
    client: Client<'_>,
    candidate: &Candidate,
    claim: &Claim,
    publishing: impl Future<Output = Result<JobEnd, JobFailure>> + Unpin,
    watching: impl Future<Output = Stop> + Unpin,
) -> Result<JobEnd, JobFailure> {
    match select(publishing, watching).await {
        Either::Left((end, _)) => end,
        Either::Right((Stop::Drain, publishing)) => {
            claim.hurry();
            publishing.await
        }
        // What the watch has seen may be this job's own commit; if not, the commit says so.
        Either::Right((_, publishing)) if claim.is_committing() => publishing.await,
        Either::Right((why, publishing)) => {
            // Nothing more is put from here on.
            drop(publishing);
            // What is left undone here, a sweep does.
            let _ = tidy::remove_own(client, &candidate.job, claim).await;
            if why == Stop::Done {
                let _ = tidy_up_after_another(client, candidate).await;
            }
            Ok(JobEnd::Lost)
        }
    }
}

/// Files, log, report.
async fn publish_all(
    tools: Tools<'_>,
    candidate: &Candidate,
    claim: &Claim,
    slot: &HeldSlot,
    prepared: Box<dyn PreparedJob + '_>,
    mut finished: Finished,
    mut report: Report,
) -> Result<JobEnd, JobFailure> {
    let (job, run) = (&candidate.job, claim.run());
    let began = tools.clock.monotonic();
    tools.hints.phase(job, &run, "drawing");
    let files = prepared.gather(&mut finished).await;
    let gathered = tools.clock.monotonic() - began;
    // All is in memory: the next job may run. The volume is its own then.
    drop(prepared);
    let _turn = slot.leave().await;
    tools.hints.phase(job, &run, "publishing");
    let Finished { outcome, error, geometry, timings_ms, warnings, engine, log, .. } = finished;
    (report.outcome, report.error, report.geometry) = (outcome, error, geometry);
    (report.timings_ms, report.warnings, report.engine) = (timings_ms, warnings, engine);
    report.timings_ms.insert("publish".to_owned(), milliseconds(gathered));
    finish(tools, candidate, claim, report, &files, log).await
}

/// Files and log, report, tidy-up.
async fn finish(
    tools: Tools<'_>,
    candidate: &Candidate,
    claim: &Claim,
    mut report: Report,
    files: &[Collected],
    mut log: Log,
) -> Result<JobEnd, JobFailure> {
    let (client, job, run) = (tools.client, &candidate.job, claim.run());
    let (began, started) = (tools.clock.monotonic(), claim.claimed_at());
    log.note(&format!(
        "{} after {:.2} s (run {run}, attempt {})",
        outcome_word(report.outcome),
        tools.clock.now().since(started).as_secs_f64(),
        candidate.attempt
    ));
    let heading = format!(
        "[runner] {} version {}, attempt {} by {}, started {started}\n",
        job.0, job.1, candidate.attempt, tools.config.name
    );
    let log = heading + &log.text();
    let (put, log) = insist(tools, claim, async || {
        let putting = try_join_all(files.iter().map(|file| publish::put_file(client, job, &run, file)));
        try_join(putting, publish::put_log(client, job, &run, started, log.clone())).await
    })
    .await?;
    (report.files, report.log) = (put, Some(log));
    if let Some(publish) = report.timings_ms.get_mut("publish") {
        *publish = rounded(*publish + milliseconds(tools.clock.monotonic() - began));
    }
    report.finished_at = tools.clock.now();
    report.timings_ms.insert("total".to_owned(), milliseconds(report.finished_at.since(started)));
    claim.begin_commit();
    let commit = insist(tools, claim, async || publish::commit(client, &report).await).await?;
    // What of the rest is left undone here, a later claim or sweep does.
    Ok(match commit {
        Commit::Won => {
            tools.hints.done(job, &run);
            let _ = match candidate.attempt {
                1 => tidy::tidy_up(client, job, 1).await,
                highest => tidy::tidy_up_all(client, job, highest, &report).await,
            };
            JobEnd::Committed(report.outcome)
        }
        Commit::Lost => {
            let _ = tidy::remove_own(client, job, claim).await;
            let _ = tidy_up_after_another(client, candidate).await;
            JobEnd::Lost
        }
        Commit::Unreadable => {
            let _ = tidy::tidy_up(client, job, candidate.attempt).await;
            JobEnd::Lost
        }
    })
}

/// Puts results until the store takes them: they are worth more than another run, which would count. Each put may be
/// repeated. An attempt that is another's meanwhile is dropped from outside, by those who keep its heartbeat.
async fn insist<T>(
    tools: Tools<'_>,
    claim: &Claim,
    put: impl AsyncFn() -> Result<T, S3Error>,
) -> Result<T, JobFailure> {
    let began = tools.clock.monotonic();
    let mut pause = FIRST_PAUSE;
    loop {
        match put().await {
            Err(error) if claim.is_hurried() || tools.clock.monotonic() - began > INSISTENCE => {
                return Err(JobFailure::Publishing(error));
            }
            Err(_) => tools.clock.sleep(pause).await,
            Ok(done) => return Ok(done),
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Tidies up after a version that another attempt has finished, or nobody.
async fn tidy_up_after_another(client: Client<'_>, candidate: &Candidate) -> Result<(), S3Error> {
    tidy::tidy_up_if_done(client, &candidate.job, candidate.attempt).await.map(drop)
}

/// Fetches the script. The inner error is the version's own and final.
async fn fetch(client: Client<'_>, job: &Job, report: &mut Report) -> Result<Result<Vec<u8>, JobError>, S3Error> {
    let key = Key::Script(job.0.clone(), job.1).to_string();
    let object = match client.get(&key, SCRIPT_LIMIT).await {
        Ok(object) => object,
        Err(S3Error::NotFound) => {
            let message = format!("There is no script at {key}; it was removed");
            return Ok(Err(JobError::new(JobErrorCode::ScriptMissing, &message)));
        }
        Err(S3Error::TooLarge { limit }) => {
            let message = format!("The script is larger than {limit} bytes");
            return Ok(Err(JobError::new(JobErrorCode::ScriptTooLarge, &message)));
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
        return Ok(Err(JobError::new(JobErrorCode::ScriptChanged, &message)));
    }
    Ok(Ok(object.bytes.to_vec()))
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
    rounded(duration.as_secs_f64() * 1_000.0)
}

/// To a tenth.
fn rounded(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use contract::Report;

    use super::*;
    use crate::testing::{FakeEngine, Fault, Faulty, MemoryStore};

    const ATTEMPT: &str = "pending/p/p_v1/a1.json";

    fn candidate() -> Candidate {
        Candidate { job: ("p".parse().unwrap(), 1.try_into().unwrap()), attempt: 1, died: 0 }
    }

    fn held_slot() -> HeldSlot {
        let (freed, _) = tokio::sync::mpsc::unbounded_channel();
        HeldSlot::new(0, freed, std::sync::Arc::new(tokio::sync::Semaphore::new(1)))
    }

    /// A version in the bucket that a runner on this engine has claimed, and what `then` comes to.
    async fn claimed<T>(fake: &FakeEngine, then: impl AsyncFnOnce(Tools<'_>, &Claim, &MemoryStore) -> T) -> T {
        let (store, clock) = (MemoryStore::new(), SystemClock::new());
        store.drop_in("input/p/p_v1.py", "x = 1");
        store.drop_in("pending/p/p_v1/ticket", "");
        let client = Client::new(&store, &clock, &fake.config.bucket);
        let hints = Hints::new(false);
        let tools = Tools { client, clock: &clock, engine: fake.engine(), config: &fake.config, hints: &hints };
        let claim = Claim::create(client, &candidate(), "test", clock.now()).await.unwrap().unwrap();
        then(tools, &claim, &store).await
    }

    /// Works on a version; gives the failure's text and whether the attempt was given back.
    async fn failure_of(fake: &FakeEngine) -> (String, bool) {
        claimed(fake, async |tools, claim, store| {
            let (_drain, drained) = watch::channel(false);
            let Err(JobFailure::Engine(error)) = work(tools, &candidate(), claim, &held_slot(), drained).await else {
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
            let (job, candidate) = (candidate().job, candidate());
            let publishing = async {
                let mut report = Report::new(job.0.clone(), job.1, Outcome::Failed, tools.clock.now());
                report.run = Some(claim.run());
                tokio::time::pause();
                let end = finish(tools, &candidate, claim, report, &[], Log::default()).await;
                // The heartbeat comes when report and tidy-up are done and their answers are not yet here.
                tools.clock.sleep(tools.config.lease).await;
                end
            };
            let watching = watch_over(tools, &candidate, claim, drained);
            let end = publish_watched(tools.client, &candidate, claim, Box::pin(publishing), Box::pin(watching)).await;
            (end, store.keys().into_iter().filter(|key| key.starts_with("processed/")).count())
        })
        .await;
        assert_eq!((end.unwrap(), reports), (JobEnd::Committed(Outcome::Failed), 1));
    }

    /// What comes of `what` with a claimed version, while the store is away for a minute; and what is in the store then.
    async fn during_an_outage(
        what: impl AsyncFnOnce(Tools<'_>, &Claim) -> Result<JobEnd, JobFailure>,
    ) -> (Result<JobEnd, JobFailure>, Faulty<MemoryStore>) {
        let fake = FakeEngine::new("#!/bin/sh\nexit 1\n");
        let (store, clock) = (Faulty::new(MemoryStore::new()), SystemClock::new());
        store.inner.drop_in("input/p/p_v1.py", "x = 1");
        let client = Client::new(&store, &clock, &fake.config.bucket);
        let hints = Hints::new(false);
        let tools = Tools { client, clock: &clock, engine: fake.engine(), config: &fake.config, hints: &hints };
        let claim = Claim::create(client, &candidate(), "test", clock.now()).await.unwrap().unwrap();
        tokio::time::pause();
        store.always(Some(Fault::NoConnection));
        let outage = async {
            clock.sleep(Duration::from_secs(60)).await;
            store.always(None);
        };
        let (end, ()) = join(what(tools, &claim), outage).await;
        drop(claim);
        (end, store)
    }

    #[tokio::test]
    async fn results_wait_for_a_store_that_is_away() {
        let (end, store) = during_an_outage(async |tools, claim| {
            let mut report = Report::new(candidate().job.0, candidate().job.1, Outcome::Failed, tools.clock.now());
            report.run = Some(claim.run());
            finish(tools, &candidate(), claim, report, &[], Log::default()).await
        })
        .await;
        assert_eq!(end.unwrap(), JobEnd::Committed(Outcome::Failed));
        assert!(store.inner.object("processed/p/p_v1.py.done").is_some());
    }

    #[tokio::test]
    async fn an_outage_before_the_script_is_no_death() {
        let (end, store) = during_an_outage(async |tools, claim| {
            let (_drain, drained) = watch::channel(false);
            work(tools, &candidate(), claim, &held_slot(), drained).await
        })
        .await;
        assert!(matches!(end, Err(JobFailure::Store(_))), "{end:?}");
        assert!(store.inner.object(ATTEMPT).unwrap().bytes.is_empty(), "it is given back");
    }

    #[tokio::test]
    async fn a_loss_before_the_commit_ends_the_publishing_and_leaves_no_file() {
        let fake = FakeEngine::new("#!/bin/sh\nexit 1\n");
        claimed(&fake, async |tools, claim, store| {
            let run = claim.run();
            store.drop_in(&format!("output/p/v1/{run}/MyHeadlessModel.STEP"), "x");
            store.drop_in(&Key::log(&candidate().job.0, candidate().job.1, &run, claim.claimed_at()).to_string(), "x");
            let other = "output/p/v1/bbbbbbbbbbbbbbbb/MyHeadlessModel.STEP";
            store.drop_in(other, "x");
            let end = publish_watched(tools.client, &candidate(), claim, pending(), ready(Stop::Lost)).await;
            assert_eq!(end.unwrap(), JobEnd::Lost);
            let left: Vec<_> = store.keys().into_iter().filter(|key| !key.starts_with("pending/")).collect();
            assert_eq!(left, ["input/p/p_v1.py", other]);
        })
        .await;
    }

    #[tokio::test]
    async fn a_commit_that_is_refused_leaves_no_file() {
        let fake = FakeEngine::new("#!/bin/sh\nexit 1\n");
        // Another attempt's report, one of nobody, other software's mark, and something that nobody can read.
        let job = candidate().job;
        let mut other = Report::new(job.0, job.1, Outcome::Completed, contract::Timestamp::from_millis(0));
        let cancelled = serde_json::to_vec(&other).unwrap();
        other.run = Some(contract::RunId::random());
        for (done, is_kept) in [
            (serde_json::to_vec(&other).unwrap(), false),
            (cancelled, false),
            (Vec::new(), false),
            (b"?".to_vec(), true),
        ] {
            claimed(&fake, async |tools, claim, store| {
                store.drop_in("processed/p/p_v1.py.done", done);
                let bytes = bytes::Bytes::from_static(b"x");
                let sha256 = Sha256::of(&bytes);
                let file = Collected { format: contract::Format::Step, made_by: "runner".into(), bytes, sha256 };
                let mut report =
                    Report::new(candidate().job.0, candidate().job.1, Outcome::Completed, tools.clock.now());
                report.run = Some(claim.run());
                let end = finish(tools, &candidate(), claim, report, &[file], Log::default()).await;
                assert_eq!(end.unwrap(), JobEnd::Lost);
                let mut left = store.keys();
                left.retain(|key| key.starts_with("output/") || key.starts_with("logs/"));
                assert_eq!(left.len(), if is_kept { 2 } else { 0 }, "{left:?}");
                assert!(!store.keys().iter().any(|key| key.starts_with("pending/")));
            })
            .await;
        }
    }
}
