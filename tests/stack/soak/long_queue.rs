//! Many runners, many scripts, and a single upload behind them.

use std::path::Path;
use std::time::Duration;

use contract::{Report, Timestamp, prefix};
use futures::stream::{self, StreamExt};

use super::is_soak;
use super::scripts::{Scripts, Sent};
use super::verify::{ProjectRecord, verify};
use crate::process::command;
use crate::project::Project;
use crate::runner::is_root;
use crate::stack::Stack;
use crate::tools::tool;
use crate::wait::until_within;

const RUNNERS: usize = 4;

const CONCURRENT_UPLOADS: usize = 8;

/// How many versions may finish before the single one. Runners alternate between projects, but finish some jobs before
/// its turn.
const MAX_AHEAD: usize = 3 * RUNNERS;

/// How many jobs measure the engine.
const MEASURED: u64 = 200;

/// The time that four runners may take, relative to the engine alone on the processor time that store and Worker leave.
/// All share the same cores.
const MAX_SHARE: f64 = 1.15;

const TIMEOUT: Duration = Duration::from_secs(600);

/// Four runners process 500 scripts of one project (60 in `make test`), each once. A single script of another project,
/// uploaded behind them, does not wait for all of them.
pub async fn four_runners(stack: &Stack) {
    let count: u64 = if is_soak() { 500 } else { 60 };
    let scripts = Scripts::default();
    let many = stack.project("many");
    let upload = async |_| {
        let (mark, script) = if is_soak() { scripts.next_of_seven_objects() } else { scripts.next() };
        many.upload(&script).await;
        mark
    };
    let accepted = stream::iter(0..count).map(upload).buffer_unordered(CONCURRENT_UPLOADS).collect().await;
    let many = ProjectRecord { project: stack.known("many"), sent: Sent { accepted, ..Sent::default() } };
    let single = stack.project("single");
    let (mark, script) = scripts.next();
    single.upload(&script).await;
    let single = ProjectRecord { project: single, sent: Sent { accepted: [mark].into(), ..Sent::default() } };

    // This lease does not expire on a busy machine, because each script must run once.
    let settings = [("RUNNER_SLOTS", "1"), ("RUNNER_LEASE", "60")];
    let mut runners = Vec::new();
    for id in 0..RUNNERS {
        runners.push(stack.start_runner(&format!("one-of-four-{id}"), &settings));
    }
    let before = stack.processor_time();
    for runner in &mut runners {
        runner.ready().await;
    }
    until_within(TIMEOUT, "the end of the queue", async || {
        // Poll seldom, because polling takes the same cores.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let page = stack.client().list_page(prefix::PENDING, None, 1).await.unwrap();
        page.entries.first().map_or(Ok(()), |entry| Err(entry.key.clone()))
    })
    .await;
    let others = (stack.processor_time() - before).as_secs_f64();
    let records = [many, single];
    verify(stack, stack.api(), &records).await;
    for runner in runners {
        assert_eq!(runner.stop().await, Some(0));
    }

    let reports = reports_of(&records[0].project, count).await;
    let behind = &reports_of(&records[1].project, 1).await[0];
    for report in reports.iter().chain([behind]) {
        assert_eq!(report.attempt, Some(1), "{} version {} was run again", report.project, report.version);
    }
    let ahead = reports.iter().filter(|report| report.finished_at <= behind.finished_at).count();
    println!("the single script behind {count} others completed in place {}", ahead + 1);
    assert!(ahead <= MAX_AHEAD, "{ahead} scripts completed before the single one");

    let took = end(&reports).since(start(&reports)).as_secs_f64();
    println!("{RUNNERS} runners did {count} scripts in {took:.1} s");
    if is_soak() {
        let alone = seconds_a_job(stack.folder(), &scripts).await;
        let cores = std::thread::available_parallelism().unwrap().get() as f64;
        println!(
            "store and Worker took {others:.1} s of processor time; the engine alone takes {:.1} ms a job",
            alone * 1e3
        );
        let ideal = alone * count as f64 + others / cores;
        let share = took / ideal;
        println!(
            "that is {share:.2} times the ideal time, {:.2} times with store and Worker",
            took / (alone * count as f64)
        );
        assert!(share <= MAX_SHARE, "more than {MAX_SHARE} times the ideal time");
    }
}

async fn reports_of(project: &Project<'_>, count: u64) -> Vec<Report> {
    stream::iter(1..=count).then(|version| project.report(version)).collect().await
}

fn start(reports: &[Report]) -> Timestamp {
    reports.iter().filter_map(|report| report.started_at).min().unwrap()
}

fn end(reports: &[Report]) -> Timestamp {
    reports.iter().map(|report| report.finished_at).max().unwrap()
}

/// The time of one job in the engine alone, on all cores: no bucket, no Worker, no other runner.
async fn seconds_a_job(folder: &Path, scripts: &Scripts) -> f64 {
    let folder = folder.join("alone");
    std::fs::create_dir(&folder).unwrap();
    let paths = (0..MEASURED).map(|job| {
        let path = folder.join(format!("job{job}.py"));
        std::fs::write(&path, scripts.next_of_seven_objects().1).unwrap();
        path
    });
    let mut run = command(&tool("PARTWRIGHT_RUNNER"), nix::sys::signal::Signal::SIGKILL);
    run.arg("run").args(paths).arg("--out").arg(folder.join("out")).env("RUNNER_SCRATCH", folder.join("scratch"));
    if !is_root() {
        run.env("RUNNER_JAIL", "same-uid");
    }
    let output = tokio::process::Command::from(run).output();
    let output = tokio::time::timeout(Duration::from_secs(600), output).await.unwrap().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    // "200 of 200 completed in 12.34 s (…)".
    let words: Vec<&str> = output.lines().last().unwrap_or_default().split(' ').collect();
    let [done, "of", all, "completed", "in", seconds, ..] = words[..] else {
        panic!("unexpected output of the engine: {output}")
    };
    assert_eq!(done, all);
    seconds.parse::<f64>().unwrap() / MEASURED as f64
}
