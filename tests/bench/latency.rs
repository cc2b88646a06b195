//! From the upload to the commit, with an idle runner.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use contract::Key;
use futures::future::{Either, select};
use http::Method;
use tokio::time::Instant;

use crate::baseline::{Baseline, POLL};
use crate::many;
use crate::project::number;
use crate::proxy::Proxy;
use crate::random::Random;
use crate::stack::Stack;
use crate::table::{Row, Table, median, ms, p95};
use crate::wait::until;
use crate::worker::RUNNER_TOKEN;

const SCRIPT: &str = include_str!("scripts/one_box.py");

/// Measures the service, then the baseline.
pub async fn measure(stack: &Stack, table: &mut Table) {
    let mut random = Random::seeded("latency");
    let our_times = our_times(stack, &mut random).await;
    let their_times = baseline_times(stack, &mut random).await;
    let ratio = median(their_times.clone()).as_secs_f64() / median(our_times.clone()).as_secs_f64();
    table.row(Row {
        what: "upload accepted → model committed, one-box script, idle runner: p50".to_owned(),
        target: "≤ 250 ms and ≥ 30 times faster".to_owned(),
        baseline: format!("list, poll every 15 s, cold freecadcmd: {}", ms(median(their_times))),
        measured: format!("{} (p95 {})", ms(median(our_times.clone())), ms(p95(our_times.clone()))),
        ratio: format!("{ratio:.0} times faster"),
        met: Some(median(our_times) <= Duration::from_millis(250) && ratio >= 30.0),
    });
}

/// Uses the Worker and a runner with default settings. The proxy sees the commit on its way to the store.
async fn our_times(stack: &Stack, random: &mut Random) -> Vec<Duration> {
    let proxy = Proxy::start(stack.store().address());
    let settings = [("RUNNER_POLL", "1"), ("PARTWRIGHT_URL", stack.api().base), ("RUNNER_TOKEN", RUNNER_TOKEN)];
    let mut runner = stack.start_runner_through(proxy.port, "idle", &settings);
    runner.ready().await;
    let project = stack.project("latency");
    let mut times = Vec::new();
    // The first uploads include the first contact with the bucket and cold processes, so they do not count.
    let (warming, measured) = (3, many(60, 5));
    for round in 0..warming + measured {
        // A random pause keeps the uploads from falling in step with the polls.
        tokio::time::sleep(Duration::from_millis(200 + random.below(1_500))).await;
        let began = Instant::now();
        let version = project.upload(SCRIPT).await;
        let key = Key::Done(project.id.clone(), number(version)).to_string();
        let commit = proxy
            .done(|seen| seen.request.method == Method::PUT && seen.request.key == key && seen.status.is_success());
        let at = tokio::time::timeout(Duration::from_secs(60), commit).await.expect("the commit must come in time").at;
        if round >= warming {
            times.push(at - began);
        }
        project.completed(version).await;
    }
    assert_eq!(runner.stop().await, Some(0));
    times
}

async fn baseline_times(stack: &Stack, random: &mut Random) -> Vec<Duration> {
    let baseline = Baseline::new(stack.client(), stack.folder());
    let committed: RefCell<HashMap<usize, Instant>> = RefCell::default();
    let work = baseline.work(|number| {
        committed.borrow_mut().insert(number, Instant::now());
    });
    let uploads = async {
        let mut times = Vec::new();
        for _ in 0..many(12, 1) {
            tokio::time::sleep(POLL.mul_f64(random.below(1_000) as f64 / 1e3)).await;
            let began = Instant::now();
            let number = baseline.upload(SCRIPT).await;
            let at = until("the baseline's commit", async || {
                committed.borrow().get(&number).copied().ok_or("not yet".to_owned())
            })
            .await;
            times.push(at - began);
        }
        times
    };
    match select(Box::pin(work), Box::pin(uploads)).await {
        Either::Left(_) => panic!("the baseline's worker ended"),
        Either::Right((times, _)) => times,
    }
}
