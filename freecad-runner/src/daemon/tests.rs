use contract::{Attempt, Outcome, Report};

use super::*;
use crate::testing::{FakeEngine, Fault, Faulty, MemoryStore, QuickEngine};

/// Runs for `seconds` on tokio's clock, which a test may stop.
async fn run_for(fake: &FakeEngine, store: &dyn Http, seconds: u64) -> Result<(), String> {
    let (stop, stopping) = watch::channel(false);
    let clock = SystemClock::new();
    let hints = Hints::new(false);
    let daemon = run(&fake.config, fake.engine(), store, &clock, &hints, stopping);
    let end = async {
        clock.sleep(Duration::from_secs(seconds)).await;
        stop.send_replace(true);
        // It stops promptly.
        clock.sleep(Duration::from_secs(1)).await;
    };
    tokio::select! {
        outcome = daemon => outcome,
        () = end => Err("it is still running".to_owned()),
    }
}

#[tokio::test]
async fn a_stop_request_ends_the_probe() {
    let fake = FakeEngine::new("#!/bin/sh\nexit 1\n");
    let store = Faulty::new(MemoryStore::new());
    tokio::time::pause();
    for fault in [Fault::Silence, Fault::NoConnection] {
        store.always(Some(fault));
        assert_eq!(run_for(&fake, &store, 3).await, Ok(()), "{fault:?}");
    }
}

#[tokio::test]
async fn a_stop_request_ends_the_start_of_the_engine() {
    let fake = FakeEngine::new("#!/bin/sh\nexec sleep 1000\n");
    assert_eq!(run_for(&fake, &MemoryStore::new(), 1).await, Ok(()));
}

#[tokio::test]
async fn a_broken_engine_claims_less_and_less() {
    // It starts, and then fails with every job before the script.
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
    // At once, and after rests of 1, 2 and 4 s, each with a poll.
    assert!((2..=4).contains(&attempts.len()), "{attempts:?}");
    assert!(attempts.iter().all(|key| store.object(key).unwrap().bytes.is_empty()));
    assert!(store.object("processed/p/p_v1.py.done").is_none());
}

/// A bucket with a latency of 2 ms, and runners with quick engines.
struct Fleet {
    store: Faulty<MemoryStore>,
    engine: QuickEngine,
    hints: Hints,
    config: Config,
}

impl Fleet {
    /// Each script runs for `takes`.
    fn new(takes: Duration) -> Self {
        let store = Faulty::new(MemoryStore::new());
        store.always(Some(Fault::Slow(Duration::from_millis(2))));
        let setting = |name: &str| match name {
            "RUNNER_SLOTS" => Some("1".to_owned()),
            "RUNNER_NAME" => Some("test".to_owned()),
            name => MemoryStore::setting(name),
        };
        let config = Config::from_settings(&setting).unwrap();
        Self { store, engine: QuickEngine::new(takes), hints: Hints::new(true), config }
    }

    fn upload(&self, project: &str, version: u64) {
        self.store.inner.drop_in(&format!("input/{project}/{project}_v{version}.py"), "x = 1");
        self.store.inner.drop_in(&format!("pending/{project}/{project}_v{version}/ticket"), "");
    }

    fn report(&self, project: &str, version: u64) -> Option<Report> {
        let stored = self.store.inner.object(&format!("processed/{project}/{project}_v{version}.py.done"))?;
        Some(serde_json::from_slice(&stored.bytes).unwrap())
    }

    /// The keys of the bucket that are neither scripts nor reports.
    fn rest(&self) -> Vec<String> {
        let mut keys = self.store.inner.keys();
        keys.retain(|key| !key.starts_with("input/") && !key.starts_with("processed/") && !key.starts_with("sweep/"));
        keys
    }

    /// Lets `runners` run during `test`, then stops them.
    async fn run<T>(&self, runners: usize, test: impl AsyncFnOnce(&Self, SystemClock) -> T) -> T {
        let (stop, stopping) = watch::channel(false);
        let clock = SystemClock::new();
        let daemon = || run(&self.config, &self.engine, &self.store, &clock, &self.hints, stopping.clone());
        let daemons = futures::future::join_all((0..runners).map(|_| daemon()));
        let test = async {
            let outcome = test(self, clock).await;
            stop.send_replace(true);
            outcome
        };
        let (outcomes, outcome) = futures::join!(daemons, test);
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        outcome
    }

    /// Waits until the version has a report. Gives the time in milliseconds.
    async fn committed(&self, clock: SystemClock, project: &str, version: u64) -> u128 {
        let started = clock.monotonic();
        while self.report(project, version).is_none() {
            clock.sleep(Duration::from_millis(1)).await;
        }
        (clock.monotonic() - started).as_millis()
    }
}

fn ms(number: u64) -> Duration {
    Duration::from_millis(number)
}

#[tokio::test(start_paused = true)]
async fn a_wake_up_starts_a_job_at_once_and_polling_within_a_poll() {
    let fleet = Fleet::new(ms(40));
    let (woken, polled) = fleet
        .run(1, async |fleet, clock| {
            // Right after a poll, so that the next one is a second away.
            clock.sleep(ms(2_200)).await;
            fleet.upload("p", 1);
            fleet.hints.request_poll();
            let woken = fleet.committed(clock, "p", 1).await;
            clock.sleep(ms(3_000) + ms(200)).await;
            fleet.upload("p", 2);
            (woken, fleet.committed(clock, "p", 2).await)
        })
        .await;
    // Poll, claim, script, 40 ms of engine, files, report.
    assert!(woken <= 60, "{woken} ms");
    assert!(polled <= 1_060, "{polled} ms");
}

#[tokio::test(start_paused = true)]
async fn the_next_script_runs_while_another_publishes() {
    let fleet = Fleet::new(ms(40));
    // The first job's file takes three seconds to put.
    fleet.store.plan("PUT", "/output/", Fault::Slow(ms(3_000)));
    (1..=3).for_each(|version| fleet.upload("p", version));
    fleet
        .run(1, async |fleet, clock| {
            clock.sleep(ms(1_000)).await;
            assert_eq!(fleet.engine.runs(), 2, "one job per slot may publish, so the second waits for the first");
            assert!(fleet.report("p", 1).is_none() && fleet.report("p", 2).is_none());
            for version in 1..=3 {
                fleet.committed(clock, "p", version).await;
            }
            assert!(clock.monotonic() < ms(4_000));
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn four_runners_run_each_script_once() {
    const SCRIPTS: u64 = 200;
    let fleet = Fleet::new(ms(40));
    (1..=SCRIPTS).for_each(|version| fleet.upload("many", version));
    let took = fleet
        .run(4, async |fleet, clock| {
            let started = clock.monotonic();
            clock.sleep(ms(500)).await;
            // Uploaded last, but in another project, whose turn comes at once.
            fleet.upload("single", 1);
            let single = fleet.committed(clock, "single", 1).await;
            assert!(single <= 1_200, "{single} ms");
            for version in 1..=SCRIPTS {
                fleet.committed(clock, "many", version).await;
            }
            clock.monotonic() - started
        })
        .await;
    assert_eq!(fleet.engine.runs(), SCRIPTS as usize + 1, "each once");
    let ideal = ms(40) * (SCRIPTS as u32 + 1) / 4;
    assert!(took <= ideal.mul_f64(1.35), "{took:?} where the engines need {ideal:?}");
    let claims =
        fleet.store.seen.borrow().iter().filter(|seen| seen.starts_with("PUT") && seen.ends_with("/a1.json")).count();
    assert!(claims <= SCRIPTS as usize * 2, "{claims} claims");
    // Every version has its file and log, and nothing else is left.
    let rest = fleet.rest();
    assert_eq!(rest.len(), 2 * (SCRIPTS as usize + 1), "{rest:?}");
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_hint_stops_a_job_only_with_a_report() {
    let fleet = Fleet::new(ms(60_000));
    fleet.upload("p", 1);
    fleet
        .run(1, async |fleet, clock| {
            clock.sleep(ms(2_000)).await;
            let hint = || fleet.hints.receive(r#"{"wake":"cancelled","project":"p","version":1}"#);
            fleet.hints.receive(r#"{"wake":"cancelled","project":"q","version":1}"#);
            hint();
            clock.sleep(ms(100)).await;
            assert_eq!(fleet.engine.stopped(), 0, "there is no report");
            let report = Report::new("p".parse().unwrap(), 1.try_into().unwrap(), Outcome::Cancelled, clock.now());
            fleet.store.inner.drop_in("processed/p/p_v1.py.done", serde_json::to_vec(&report).unwrap());
            fleet.store.inner.remove("pending/p/p_v1/ticket");
            hint();
            clock.sleep(ms(100)).await;
            assert_eq!(fleet.engine.stopped(), 1);
            assert_eq!(fleet.rest(), [] as [String; 0]);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn files_of_dead_and_late_attempts_are_removed() {
    let fleet = Fleet::new(ms(40));
    let run = "bbbbbbbbbbbbbbbb";
    let attempt = Attempt::new("dead", run.parse().unwrap(), contract::Timestamp::from_millis(0));
    let body = serde_json::to_vec(&attempt).unwrap();
    let file = |version| format!("output/p/v{version}/{run}/MyHeadlessModel.STEP");
    // An attempt at version 1 died and left a file and a log. At version 2, a file arrives after the tidy-up.
    fleet.upload("p", 1);
    fleet.upload("p", 2);
    fleet.store.inner.drop_in("pending/p/p_v1/a1.json", body);
    fleet.store.inner.drop_in(&format!("logs/p/p_info_19700101_000000_v1_{run}.log"), "x");
    fleet
        .run(2, async |fleet, clock| {
            fleet.store.inner.drop_in(&file(1), "x");
            fleet.committed(clock, "p", 2).await;
            clock.sleep(ms(100)).await;
            fleet.store.inner.drop_in(&file(2), "x");
            fleet.committed(clock, "p", 1).await;
            clock.sleep(ms(15_000)).await;
        })
        .await;
    let rest = fleet.rest();
    assert_eq!(rest.len(), 4, "{rest:?}");
    assert!(!rest.iter().any(|key| key.contains(run) || key.starts_with("pending/")), "{rest:?}");
    assert_eq!(fleet.report("p", 1).unwrap().attempt, Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_refuses_claims_is_tried_less_and_less() {
    let fleet = Fleet::new(ms(40));
    (1..=3).for_each(|version| fleet.upload("p", version));
    fleet.store.each("PUT", "/pending/", Fault::Status(403));
    fleet
        .run(1, async |fleet, clock| {
            clock.sleep(ms(60_000)).await;
            let count = |what: &str| fleet.store.seen.borrow().iter().filter(|seen| seen.starts_with(what)).count();
            let claims = count("PUT /models/pending/");
            // At once, and after rests of 1, 2, 4, 8 and 16 s, and then perhaps of 32 s.
            assert!((5..=7).contains(&claims), "{claims} claims");
            // Each poll lists `pending/` and two pages of the sweep.
            let listings = count("GET /models");
            assert!(listings <= 3 * 60 + 40, "{listings} listings in a minute");
            let tried = |version| count(&format!("PUT /models/pending/p/p_v{version}/"));
            assert!((1..=3).all(|version| tried(version) >= 1), "each has its turn");
            fleet.store.end_each();
            for version in 1..=3 {
                assert!(fleet.committed(clock, "p", version).await < 40_000);
            }
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_ticket_that_cannot_be_claimed_blocks_no_other() {
    let fleet = Fleet::new(ms(40));
    (1..=20).for_each(|version| fleet.upload("p", version));
    fleet.store.each("PUT", "/p_v1/", Fault::Status(403));
    fleet
        .run(1, async |fleet, clock| {
            clock.sleep(ms(10_000)).await;
            assert!(fleet.report("p", 1).is_none());
            assert!((2..=20).all(|version| fleet.report("p", version).is_some()));
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn idle_polls_cost_the_same_with_many_versions() {
    let mut costs = Vec::new();
    for versions in [4, 100, 3_000] {
        let fleet = Fleet::new(ms(40));
        for version in 1..=versions {
            fleet.store.inner.drop_in(&format!("input/p/p_v{version}.py"), "x = 1");
            // The sweep reads each report once.
            let run = format!("{version:016x}");
            let mut report = Report::new(
                "p".parse().unwrap(),
                version.try_into().unwrap(),
                Outcome::Completed,
                contract::Timestamp::from_millis(0),
            );
            report.run = Some(run.parse().unwrap());
            let report = serde_json::to_vec(&report).unwrap();
            fleet.store.inner.drop_in(&format!("processed/p/p_v{version}.py.done"), report);
            fleet.store.inner.drop_in(&format!("output/p/v{version}/{run}/MyHeadlessModel.STEP"), "x");
        }
        let seconds = 20;
        let requests = fleet
            .run(2, async |fleet, clock| {
                clock.sleep(ms(5_000)).await;
                let before = fleet.store.seen.borrow().len();
                clock.sleep(ms(seconds * 1_000)).await;
                fleet.store.seen.borrow().len() - before
            })
            .await;
        costs.push(requests);
        // Each second two polls and two pages, or a page and a report; every ten seconds a heartbeat or a look at one; every
        // five seconds a page.
        assert!(requests as u64 <= seconds * 4 + 2 * 2 + 2 * 2 + 4 + 8, "{requests}");
    }
    assert!(costs.iter().all(|cost| cost.abs_diff(costs[0]) <= 6), "{costs:?}");
}
