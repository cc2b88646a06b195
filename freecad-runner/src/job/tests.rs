use std::future::{pending, ready};
use std::time::Duration;

use bytes::Bytes;
use contract::{Key, Report, RunId, Sha256, Timestamp};
use futures::future::join;
use platform::Http;
use s3::Client;
use sandbox::Log;

use super::lease::{Lease, Stop};
use super::*;
use crate::hints::Hints;
use crate::testing::{FakeEngine, Fault, Faulty, MemoryStore};
use crate::transport::SystemClock;

const ATTEMPT: &str = "pending/p/p_v1/a1.json";

/// Claims version 1 of `p` and passes the attempt to `test`.
async fn with_attempt_in<T>(fake: &FakeEngine, http: &dyn Http, test: impl AsyncFnOnce(&JobAttempt<'_>) -> T) -> T {
    let (clock, hints) = (SystemClock::new(), Hints::new(false));
    let client = Client::new(http, &clock, &fake.config.bucket);
    let context =
        JobContext { client, clock: &clock, script_runner: fake.engine(), config: &fake.config, hints: &hints };
    let candidate = Candidate { job: ("p".parse().unwrap(), 1.try_into().unwrap()), attempt: 1, died: 0 };
    let claim = Claim::create(client, &candidate, "test", clock.now()).await.unwrap().unwrap();
    let (freed, _) = tokio::sync::mpsc::unbounded_channel();
    let slot = HeldSlot::new(0, freed, std::sync::Arc::new(tokio::sync::Semaphore::new(1)));
    let (_drain, drained) = watch::channel(false);
    test(&JobAttempt::new(context, &candidate, &claim, &slot, drained)).await
}

/// The same in a bucket with the script and the ticket.
async fn with_attempt<T>(fake: &FakeEngine, test: impl AsyncFnOnce(&JobAttempt<'_>, &MemoryStore) -> T) -> T {
    let store = MemoryStore::new();
    store.drop_in("input/p/p_v1.py", "x = 1");
    store.drop_in("pending/p/p_v1/ticket", "");
    with_attempt_in(fake, &store, async |attempt| test(attempt, &store).await).await
}

fn report(attempt: &JobAttempt<'_>, outcome: Outcome) -> Report {
    let (project, version) = attempt.candidate.job.clone();
    let mut report = Report::new(project, version, outcome, attempt.context.clock.now());
    report.run = Some(attempt.claim.run());
    report
}

/// Does the job of a failing engine. Gives the failure's text, and whether the attempt was released.
async fn failure_of(fake: &FakeEngine) -> (String, bool) {
    with_attempt(fake, async |attempt, store| {
        let Err(JobFailure::Engine(error)) = attempt.work().await else { panic!("the engine does not fail") };
        assert!(store.object("processed/p/p_v1.py.done").is_none());
        assert!(store.object("pending/p/p_v1/ticket").is_some());
        (error.to_string(), store.object(ATTEMPT).unwrap().bytes.is_empty())
    })
    .await
}

#[tokio::test]
async fn an_engine_that_cannot_start_releases_the_attempt() {
    let (message, is_released) = failure_of(&FakeEngine::new("#!/bin/sh\nexit 1\n")).await;
    assert!(message.contains("start FreeCAD"), "{message}");
    assert!(is_released);
}

#[tokio::test]
async fn a_job_that_ends_before_its_script_is_released() {
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
    let (message, is_released) = failure_of(&fake).await;
    assert!(message.contains("status 70") && message.contains("ImportError"), "{message}");
    assert!(is_released);
}

#[tokio::test]
async fn a_fork_server_killed_by_a_job_counts_as_a_death() {
    let (message, is_released) = failure_of(&FakeEngine::server("    os._exit(1)\n")).await;
    assert!(message.contains("the fork server is gone"), "{message}");
    assert!(!is_released);
}

#[tokio::test]
async fn a_silent_fork_server_is_replaced() {
    let fake = FakeEngine::server("    os._exit(1) if is_second else time.sleep(1000)\n");
    fake.engine().warm_up().await.unwrap();
    // From here on no real time passes.
    tokio::time::pause();
    let (message, is_released) = failure_of(&fake).await;
    assert!(message.contains("did not fork in time"), "{message}");
    assert!(!is_released);
    tokio::time::resume();
    let (message, _) = failure_of(&fake).await;
    assert!(message.contains("is gone"), "a new server was asked: {message}");
}

#[tokio::test]
async fn an_own_commit_is_not_a_loss() {
    let fake = FakeEngine::new("#!/bin/sh\nexit 1\n");
    let (end, reports) = with_attempt(&fake, async |attempt, store| {
        let (context, (_drain, drained)) = (attempt.context, watch::channel(false));
        let publishing = async {
            tokio::time::pause();
            let end = attempt.publish_results(report(attempt, Outcome::Failed), &[], Log::default()).await;
            // A heartbeat comes after report and tidy-up, and before their answers.
            context.clock.sleep(context.config.lease).await;
            end
        };
        let lease = Lease::keep(context, &attempt.candidate.job, attempt.claim, drained);
        let end = attempt.publish(&lease, publishing).await;
        (end, store.keys().into_iter().filter(|key| key.starts_with("processed/")).count())
    })
    .await;
    assert_eq!((end.unwrap(), reports), (JobEnd::Committed(Outcome::Failed), 1));
}

/// Runs `test` while the store is away for a minute. Gives its result and the store.
async fn during_an_outage(
    test: impl AsyncFnOnce(&JobAttempt<'_>) -> Result<JobEnd, JobFailure>,
) -> (Result<JobEnd, JobFailure>, Faulty<MemoryStore>) {
    let fake = FakeEngine::new("#!/bin/sh\nexit 1\n");
    let store = Faulty::new(MemoryStore::new());
    store.inner.drop_in("input/p/p_v1.py", "x = 1");
    let end = with_attempt_in(&fake, &store, async |attempt| {
        tokio::time::pause();
        store.always(Some(Fault::NoConnection));
        let outage = async {
            tokio::time::sleep(Duration::from_secs(60)).await;
            store.always(None);
        };
        join(test(attempt), outage).await.0
    })
    .await;
    (end, store)
}

#[tokio::test]
async fn results_wait_for_a_store_that_is_away() {
    let (end, store) = during_an_outage(async |attempt| {
        attempt.publish_results(report(attempt, Outcome::Failed), &[], Log::default()).await
    })
    .await;
    assert_eq!(end.unwrap(), JobEnd::Committed(Outcome::Failed));
    assert!(store.inner.object("processed/p/p_v1.py.done").is_some());
}

#[tokio::test]
async fn an_outage_before_the_script_releases_the_attempt() {
    let (end, store) = during_an_outage(async |attempt| attempt.work().await).await;
    assert!(matches!(end, Err(JobFailure::Store(_))), "{end:?}");
    assert!(store.inner.object(ATTEMPT).unwrap().bytes.is_empty(), "it is released");
}

#[tokio::test]
async fn a_loss_before_the_commit_removes_the_files() {
    let fake = FakeEngine::new("#!/bin/sh\nexit 1\n");
    with_attempt(&fake, async |attempt, store| {
        let ((project, version), run) = (&attempt.candidate.job, attempt.claim.run());
        store.drop_in(&format!("output/p/v1/{run}/MyHeadlessModel.STEP"), "x");
        store.drop_in(&Key::log(project, *version, &run, attempt.claim.claimed_at()).to_string(), "x");
        let other = "output/p/v1/bbbbbbbbbbbbbbbb/MyHeadlessModel.STEP";
        store.drop_in(other, "x");
        let end = attempt.publish(&Lease::until(ready(Stop::Lost)), pending()).await;
        assert_eq!(end.unwrap(), JobEnd::Lost);
        let left: Vec<_> = store.keys().into_iter().filter(|key| !key.starts_with("pending/")).collect();
        assert_eq!(left, ["input/p/p_v1.py", other]);
    })
    .await;
}

#[tokio::test]
async fn a_refused_commit_removes_the_files() {
    let fake = FakeEngine::new("#!/bin/sh\nexit 1\n");
    // Another attempt's report, a cancellation, other software's mark, and an unreadable object.
    let mut other = Report::new("p".parse().unwrap(), 1.try_into().unwrap(), Outcome::Completed, Timestamp::EPOCH);
    let cancelled = serde_json::to_vec(&other).unwrap();
    other.run = Some(RunId::random());
    for (done, is_kept) in
        [(serde_json::to_vec(&other).unwrap(), false), (cancelled, false), (Vec::new(), false), (b"?".to_vec(), true)]
    {
        with_attempt(&fake, async |attempt, store| {
            store.drop_in("processed/p/p_v1.py.done", done);
            let bytes = Bytes::from_static(b"x");
            let sha256 = Sha256::of(&bytes);
            let file = Collected { format: contract::Format::Step, made_by: "runner".into(), bytes, sha256 };
            let report = report(attempt, Outcome::Completed);
            let end = attempt.publish_results(report, &[file], Log::default()).await;
            assert_eq!(end.unwrap(), JobEnd::Lost);
            let mut left = store.keys();
            left.retain(|key| key.starts_with("output/") || key.starts_with("logs/"));
            assert_eq!(left.len(), if is_kept { 2 } else { 0 }, "{left:?}");
            assert!(!store.keys().iter().any(|key| key.starts_with("pending/")));
        })
        .await;
    }
}
