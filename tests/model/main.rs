//! A simulation of the protocol: the real `Project` object and the real runners on one bucket in memory, in one process
//! on stopped time, in thousands of random schedules. Requests arrive late, twice, or not at all. Processes die, are
//! suspended or are cut off at any await. The store has outages. People upload, cancel, and drop scripts in. In every
//! schedule, nothing is lost, nothing is committed twice, and the final state is reported correctly.
//!
//! A seed determines a schedule. `PARTWRIGHT_SEED=…` repeats one and prints its events. `PARTWRIGHT_SOAK=1` (`make
//! soak`) runs several hundred times as many.
//!
//! - `chance`: all randomness, from the seed
//! - `weather`: the faults
//! - `process`: processes that die or are suspended
//! - `bucket`: the store
//! - `network`: the way to the store
//! - `ledger`: the rules for the bucket, checked with each change
//! - `world`: the parts that all processes share
//! - `fake_engine`: a fake FreeCAD
//! - `runners`, `objects`, `people`: the actors
//! - `schedule`: one schedule and its final checks

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod bucket;
mod chance;
mod fake_engine;
mod ledger;
mod network;
mod objects;
mod people;
mod process;
mod runners;
mod schedule;
mod weather;
mod world;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};

use schedule::Outcomes;
use testkit::sqlite;
use world::Defect;

/// How many schedules `make test` runs. Release builds are faster and run twenty times as many.
const SCHEDULES: u64 = if cfg!(debug_assertions) { 20 } else { 400 };

/// How many times as many schedules a soak runs.
const SOAK_FACTOR: u64 = 50;

/// The number of schedules within which each defect must be found.
const DEFECT_SCHEDULES: u64 = 60;

/// How many schedules this process has started. The guard lets one run at a time. Tokio picks among the branches of a
/// `select!` by the number of runtimes that the process has had, which no setting changes, so this number is also the
/// seed.
static STARTED: Mutex<u64> = Mutex::new(0);

fn run_next(defect: Defect) -> (u64, Outcomes) {
    let mut begun = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    let seed = *begun;
    *begun += 1;
    (seed, schedule::run(seed, defect))
}

/// Runs the schedule of `seed` exactly as the process that reported the seed ran it.
fn repeat(seed: u64, defect: Defect) -> Outcomes {
    let mut begun = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(*begun <= seed, "seed {seed} has already run in this process");
    for _ in *begun..seed {
        // Each schedule uses one number for its runtime and one for its thread.
        for _ in 0..2 {
            let _ = tokio::runtime::Builder::new_current_thread();
        }
    }
    *begun = seed + 1;
    schedule::run(seed, defect)
}

#[test]
fn every_schedule_keeps_the_promises() {
    if let Some(seed) = std::env::var("PARTWRIGHT_SEED").ok().and_then(|seed| seed.parse().ok()) {
        let outcomes = repeat(seed, Defect::None);
        println!("{}\n{}", outcomes.trace, summary(&outcomes.counted));
        assert_eq!(outcomes.violations, [""; 0]);
        return;
    }
    let soak = std::env::var_os("PARTWRIGHT_SOAK").is_some();
    let schedules = if soak { SCHEDULES * SOAK_FACTOR } else { SCHEDULES };
    let mut states = HashSet::new();
    let mut climates: BTreeMap<String, u64> = BTreeMap::new();
    let mut counted: Vec<(&'static str, u64)> = Vec::new();
    let mut failed = Vec::new();
    for _ in 0..schedules {
        let (seed, outcomes) = run_next(Defect::None);
        if let Some(what) = outcomes.violations.first() {
            if failed.is_empty() {
                println!("{}", outcomes.trace);
            }
            println!("seed {seed}, {}: {}", outcomes.climate, outcomes.violations.join("; "));
            failed.push(format!("PARTWRIGHT_SEED={seed} repeats this schedule: {what}"));
            if !soak {
                break;
            }
        }
        states.extend(outcomes.states);
        *climates.entry(outcomes.climate).or_default() += 1;
        for (name, number) in outcomes.counted {
            match counted.iter_mut().find(|(counted, _)| *counted == name) {
                Some((_, sum)) => *sum += number,
                None => counted.push((name, number)),
            }
        }
    }
    println!("{schedules} schedules {climates:?}; {} states of the bucket", states.len());
    println!("{}", summary(&counted));
    assert_eq!(failed, [""; 0]);
}

fn summary(counted: &[(&str, u64)]) -> String {
    counted.iter().map(|(name, sum)| format!("{sum} {name}")).collect::<Vec<_>>().join(", ")
}

/// Proves that the checks can fail.
#[test]
fn every_planted_defect_is_found() {
    for defect in [
        Defect::StoreIgnoresConditions,
        Defect::ReportWithoutCondition,
        Defect::TidyUpBeforeCommit,
        Defect::ImpatientRunner,
        Defect::BlindToReports,
        Defect::ForgetfulObject,
    ] {
        let found = (1..=DEFECT_SCHEDULES).find_map(|number| {
            let (_, outcomes) = run_next(defect);
            outcomes.violations.first().map(|what| format!("in schedule {number}: {what}"))
        });
        println!("{defect:?}: found {}", found.as_deref().unwrap_or("never"));
        assert!(found.is_some(), "{defect:?} was not found in {DEFECT_SCHEDULES} schedules");
    }
}

#[test]
fn a_seed_repeats_a_schedule() {
    let (seed, outcomes) = run_next(Defect::None);
    let (later, outcomes_later) = run_next(Defect::None);
    for (seed, outcomes) in [(seed, outcomes), (later, outcomes_later)] {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "every_schedule_keeps_the_promises", "--nocapture"]);
        let output = command.env("PARTWRIGHT_SEED", seed.to_string()).output().unwrap();
        let output = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.contains(&summary(&outcomes.counted)), "seed {seed}: {:?}\n{output}", outcomes.counted);
        assert!(output.contains(&outcomes.trace), "seed {seed}:\n{}\n{output}", outcomes.trace);
    }
}
