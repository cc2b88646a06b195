//! Runners killed with SIGKILL.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use contract::{Key, Phase, prefix};
use futures::future::join_all;
use http::Method;

use super::scripts::{Scripts, Sent};
use super::tenth_of;
use super::verify::{ProjectRecord, each_report_was_written_once, verify};
use crate::project::{Project, number};
use crate::proxy::{Place, Proxy, StoreRequest};
use crate::random::Random;
use crate::runner::Runner;
use crate::stack::Stack;
use crate::wait::until;
use crate::worker::RUNNER_TOKEN;

/// How many runners a soak kills.
const KILLS: u64 = 100;

const RUNNERS: u64 = 2;

/// How many projects get scripts.
const PROJECTS: u64 = 4;

/// How many versions of one project may be open at a time, so that the queue does not outgrow the machine.
const OPEN: usize = 5;

/// The longest run of a script in ms: long enough that many are killed in the middle.
const LONGEST_SCRIPT_MS: u64 = 600;

/// Attempts from this number on are not killed. One more death would abandon the version, which is another rule.
const SPARED: u32 = 4;

/// Two runners at a time are killed at random moments and replaced, while scripts arrive.
pub async fn at_random(stack: &Stack, mut random: Random) {
    let proxy = Proxy::start(stack.store().address());
    let (kills, scripts) = (Cell::new(0), Scripts::default());
    let total = tenth_of(KILLS);
    let killing = join_all((0..RUNNERS).map(|_| kill_again_and_again(stack, &proxy, &kills, total, random.fork())));
    let uploads = join_all((0..PROJECTS).map(|id| uploads(stack, id, &scripts, &kills, total, random.fork())));
    let (_, records) = tokio::join!(killing, uploads);

    let runners = join_all((0..RUNNERS).map(|id| ready(stack, &proxy, format!("survivor-{id}")))).await;
    verify(stack, stack.api(), &records).await;
    each_report_was_written_once(&proxy);
    let mut attempts: BTreeMap<u32, usize> = BTreeMap::new();
    for ProjectRecord { project, sent } in &records {
        for version in (1..).take(sent.accepted.len()) {
            *attempts.entry(project.report(version).await.attempt.unwrap()).or_default() += 1;
        }
    }
    println!("{total} runners were killed; versions by the attempt that committed: {attempts:?}");
    for runner in runners {
        assert_eq!(runner.stop().await, Some(0));
    }
}

async fn ready(stack: &Stack, proxy: &Proxy, name: String) -> Runner {
    let mut runner = start(stack, proxy, &name);
    runner.ready().await;
    runner
}

fn start(stack: &Stack, proxy: &Proxy, name: &str) -> Runner {
    // With hints, so that runners also die while they send one.
    let hints = [("PARTWRIGHT_URL", stack.api().base), ("RUNNER_TOKEN", RUNNER_TOKEN)];
    stack.start_runner_through(proxy.port, name, &[&hints[..], &[("RUNNER_SLOTS", "2")]].concat())
}

/// Starts and kills runners, one at a time.
async fn kill_again_and_again(stack: &Stack, proxy: &Proxy, kills: &Cell<u64>, total: u64, mut random: Random) {
    while kills.get() < total {
        let number = kills.get() + 1;
        kills.set(number);
        let mut runner = start(stack, proxy, &format!("killed-{number}"));
        // One in four may die while it starts.
        if random.below(4) != 0 {
            runner.ready().await;
        }
        tokio::time::sleep(Duration::from_millis(random.below(3_000))).await;
        until("the end of every attempt that is spared", async || match spared(stack).await {
            Some(key) => Err(key),
            None => Ok(()),
        })
        .await;
        runner.kill().await;
    }
}

/// An attempt that must not be killed.
async fn spared(stack: &Stack) -> Option<String> {
    let (entries, _) = stack.client().list(prefix::PENDING, 10).await.unwrap();
    let spared = |entry: &s3::Entry| matches!(entry.key.parse(), Ok(Key::Attempt(_, _, attempt)) if attempt >= SPARED);
    entries.into_iter().find(spared).map(|entry| entry.key)
}

/// Uploads scripts to one project until the last runner is about to be killed.
async fn uploads<'a>(
    stack: &'a Stack,
    id: u64,
    scripts: &Scripts,
    kills: &Cell<u64>,
    total: u64,
    mut random: Random,
) -> ProjectRecord<'a> {
    let project = stack.project(&format!("killed-{id}"));
    let mut sent = Sent::default();
    let mut open: Vec<u64> = Vec::new();
    while kills.get() < total {
        if open.len() < OPEN {
            let (mark, script) = scripts.next_that_takes(random.below(LONGEST_SCRIPT_MS) as f64 / 1e3);
            open.push(project.upload(&script).await);
            sent.accepted.insert(mark);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        let mut still_open = Vec::new();
        for version in open {
            if !is_final(&project, version).await {
                still_open.push(version);
            }
        }
        open = still_open;
    }
    ProjectRecord { project, sent }
}

async fn is_final(project: &Project<'_>, version: u64) -> bool {
    let outputs = project.get(&format!("outputs?version={version}")).await;
    let phase: Phase = outputs["phase"].as_str().unwrap().parse().unwrap();
    phase.is_final()
}

/// A moment of a job: a request of the runner, and whether the store serves it before the runner dies.
struct Moment {
    name: &'static str,
    place: Place,
    /// How many such requests pass first.
    let_through: usize,
    matches: fn(&StoreRequest) -> bool,
    /// Whether the bucket has the report at that moment.
    committed: bool,
}

const fn moment(name: &'static str, place: Place, matches: fn(&StoreRequest) -> bool) -> Moment {
    Moment { name, place, let_through: 0, matches, committed: false }
}

fn is_attempt(request: &StoreRequest) -> bool {
    request.key.ends_with("/a1.json")
}

fn puts_under(request: &StoreRequest, prefix: &str) -> bool {
    request.method == Method::PUT && request.key.starts_with(prefix)
}

/// In the order of a job. The heartbeat's script runs long enough for one.
const MOMENTS: &[Moment] = &[
    moment("claimed-unknowing", Place::After, |request| {
        request.method == Method::PUT && !request.if_match && is_attempt(request)
    }),
    moment("first-heartbeat", Place::Before, |request| request.if_match && is_attempt(request)),
    Moment { let_through: 1, ..moment("between-two-files", Place::Before, |request| puts_under(request, "output/")) },
    moment("log-put", Place::After, |request| puts_under(request, "logs/")),
    moment("report-not-put", Place::Before, |request| puts_under(request, "processed/")),
    Moment { committed: true, ..moment("report-put", Place::After, |request| puts_under(request, "processed/")) },
    Moment {
        committed: true,
        ..moment("done-not-tidied", Place::Before, |request| {
            request.method == Method::DELETE && request.key.ends_with("/ticket")
        })
    },
    Moment {
        committed: true,
        ..moment("ticket-gone", Place::Before, |request| request.method == Method::DELETE && is_attempt(request))
    },
];

/// A runner dies at each of the moments, and two others complete its job.
pub async fn between_two_steps(stack: &Stack) {
    let proxy = Proxy::start(stack.store().address());
    let scripts = Scripts::default();
    let mut records = Vec::new();
    for moment in MOMENTS {
        let project = stack.project(moment.name);
        let (mark, script) = scripts.next_that_takes(if moment.name == "first-heartbeat" { 8.0 } else { 0.0 });
        let (of_project, matches) = (format!("/{}/", project.id), moment.matches);
        let its = move |request: &StoreRequest| format!("/{}", request.key).contains(&of_project) && matches(request);
        let mut held = proxy.hold(moment.place, moment.let_through, its);
        let runner = start(stack, &proxy, moment.name);
        assert_eq!(project.upload(&script).await, 1);
        held.reached().await;
        if moment.let_through > 0 {
            let prefix = prefix::output_version(&project.id, number(1));
            until("the first file", async || match project.keys(&prefix).await.len() {
                0 => Err("no file".to_owned()),
                _ => Ok(()),
            })
            .await;
        }
        runner.kill().await;
        drop(held);
        let reports = project.keys(&prefix::processed(&project.id)).await;
        assert_eq!(reports.len(), usize::from(moment.committed), "{}: {reports:?}", moment.name);
        records.push(ProjectRecord { project, sent: Sent { accepted: [mark].into(), ..Sent::default() } });
    }

    let runners = join_all((0..RUNNERS).map(|id| ready(stack, &proxy, format!("survivor-{id}")))).await;
    verify(stack, stack.api(), &records).await;
    each_report_was_written_once(&proxy);
    for (moment, ProjectRecord { project, .. }) in MOMENTS.iter().zip(&records) {
        let attempt = project.report(1).await.attempt.unwrap();
        assert_eq!(attempt == 1, moment.committed, "{}: attempt {attempt}", moment.name);
        println!("killed at {}: attempt {attempt} committed", moment.name);
    }
    for runner in runners {
        assert_eq!(runner.stop().await, Some(0));
    }
}
