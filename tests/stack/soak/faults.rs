//! A store that responds with errors, late, partly, or not at all, for Worker and runners.

use futures::future::join_all;

use super::is_soak;
use super::scripts::{Scripts, Sent};
use super::verify::{ProjectRecord, each_report_was_written_once, verify};
use crate::project::Project;
use crate::proxy::Proxy;
use crate::random::Random;
use crate::stack::Stack;
use crate::tools::free_port;

/// How many projects get scripts.
const PROJECTS: u64 = 4;

/// One request in this many meets a fault.
const ONE_IN: u64 = 6;

/// Uploads to several projects at once, while every sixth request of Worker and runners to the store meets a fault.
pub async fn at_random(stack: &Stack, mut random: Random) {
    let proxy = Proxy::start(stack.store().address());
    proxy.break_at_random(random.fork(), ONE_IN);
    let mut worker = stack.start_worker_through(proxy.port, "faulty-worker", free_port());
    let mut runners = ["one", "two"].map(|name| stack.start_runner_through(proxy.port, name, &[("RUNNER_SLOTS", "2")]));
    // The health page tries the bucket once, which may meet a fault.
    worker.ready(&stack.transport, 200).await;
    for runner in &mut runners {
        runner.ready().await;
    }

    let (scripts, api) = (Scripts::default(), worker.api(&stack.transport));
    let each = if is_soak() { 200 } else { 40 } / PROJECTS;
    let records = join_all((0..PROJECTS).map(|id| {
        let project = Project::new(api, stack.client(), &format!("faults-{id}"));
        uploads(project, &scripts, each)
    }))
    .await;
    verify(stack, api, &records).await;
    each_report_was_written_once(&proxy);
    println!("{} of {} requests met a fault", proxy.broken(), proxy.broken() + proxy.exchanges().len());
    for runner in runners {
        assert_eq!(runner.stop().await, Some(0));
    }
}

async fn uploads<'a>(project: Project<'a>, scripts: &Scripts, count: u64) -> ProjectRecord<'a> {
    let mut sent = Sent::default();
    for _ in 0..count {
        let (mark, script) = scripts.next();
        let answer = project.send_script(&script).await;
        assert!([201, 202].contains(&answer.status), "{answer}");
        sent.accepted.insert(mark);
    }
    ProjectRecord { project, sent }
}
