//! An outage of the store, for Worker and runners.

use std::time::Duration;

use futures::future::join_all;

use super::scripts::{Scripts, Sent};
use super::verify::{ProjectRecord, verify};
use super::{is_soak, tenth_of};
use crate::gate::Gate;
use crate::project::Project;
use crate::stack::Stack;
use crate::tools::free_port;

/// How many scripts a soak uploads.
const UPLOADS: u64 = 200;

const PROJECTS: u64 = 5;

/// Uploads before, during and after an outage of a minute (6 s in `make test`). Each is accepted at once or kept for
/// later, and each becomes a model.
pub async fn during_uploads(stack: &Stack) {
    let outage = Duration::from_secs(if is_soak() { 60 } else { 6 });
    let mut gate = Gate::closed(stack.store().address());
    gate.open();
    let mut worker = stack.start_worker_through(gate.port, "gated-worker", free_port());
    worker.ready(&stack.transport, 200).await;
    let mut runners = ["one", "two"].map(|name| stack.start_runner_through(gate.port, name, &[("RUNNER_SLOTS", "2")]));
    for runner in &mut runners {
        runner.ready().await;
    }

    let scripts = Scripts::default();
    let api = worker.api(&stack.transport);
    let project = |id| Project::new(api, stack.client(), &format!("outage-{id}"));
    let mut records: Vec<ProjectRecord<'_>> =
        (0..PROJECTS).map(|id| ProjectRecord { project: project(id), sent: Sent::default() }).collect();
    // A sixth of the scripts comes before the outage and a sixth after it.
    let uploads = tenth_of(UPLOADS);
    let pause = outage.mul_f64(1.5) / u32::try_from(uploads).unwrap();
    let sent = join_all((0..uploads).map(|id| {
        let (mark, script) = scripts.next();
        let project = &records[usize::try_from(id % PROJECTS).unwrap()].project;
        async move {
            tokio::time::sleep(pause * u32::try_from(id).unwrap()).await;
            let answer = project.send_script(&script).await;
            assert!([201, 202].contains(&answer.status), "{answer}");
            (id % PROJECTS, mark, answer.status)
        }
    }));
    let cut_off = async {
        tokio::time::sleep(outage / 4).await;
        gate.close().await;
        tokio::time::sleep(outage).await;
        gate.open();
    };
    let (sent, ()) = tokio::join!(sent, cut_off);
    let kept = sent.iter().filter(|(_, _, status)| *status == 202).count();
    println!("{kept} of {uploads} uploads got 202");
    assert!(kept > 0, "no upload met the outage");
    for (id, mark, _) in sent {
        records[usize::try_from(id).unwrap()].sent.accepted.insert(mark);
    }
    verify(stack, api, &records).await;
    for runner in runners {
        assert_eq!(runner.stop().await, Some(0));
    }
}
