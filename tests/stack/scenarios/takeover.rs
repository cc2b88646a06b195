//! Runners that leave their jobs, and the runner that completes them.

use contract::{Key, Outcome, prefix};
use s3::S3Error;

use super::RUNNERS;
use crate::project::{Project, number};
use crate::runner::Runner;
use crate::stack::Stack;
use crate::tools::script;
use crate::wait::until;

const KILLED: &str = "killed";
const STOPPED: &str = "stopped";

/// One runner is killed in the middle of a job. Another one is stopped, waits for its drain time, and releases its job.
pub async fn a_killed_and_a_stopped_runner_leave_jobs(stack: &Stack) {
    let (runner, killed) = runner_at_work(stack, KILLED).await;
    runner.kill().await;
    assert!(attempt_size(stack, &killed).await > 0, "a killed runner cannot release its attempt");

    // It leaves the first job alone, because that holder may still be alive.
    let (runner, stopped) = runner_at_work(stack, STOPPED).await;
    assert_eq!(runner.stop().await, Some(0));
    assert_eq!(attempt_size(stack, &stopped).await, 0, "the attempt must be released");

    for project in [killed, stopped] {
        let processed = project.keys(&prefix::processed(&project.id)).await;
        assert!(processed.is_empty(), "nothing must be committed: {processed:?}");
    }
}

/// A runner whose only slot is busy with version 1 of a new project.
async fn runner_at_work<'a>(stack: &'a Stack, name: &str) -> (Runner, Project<'a>) {
    let project = stack.project(name);
    assert_eq!(project.upload(&script("slow")).await, 1);
    let runner = stack.start_runner(name, &[("RUNNER_SLOTS", "1"), ("RUNNER_DRAIN", "0.5")]);
    until("the claim", async || match stack.client().head(&attempt_key(&project)).await {
        Ok(_) => Ok(()),
        Err(S3Error::NotFound) => Err(runner.output()),
        Err(error) => Err(error.to_string()),
    })
    .await;
    (runner, project)
}

async fn attempt_size(stack: &Stack, project: &Project<'_>) -> usize {
    stack.client().get(&attempt_key(project), 1 << 16).await.unwrap().bytes.len()
}

fn attempt_key(project: &Project<'_>) -> String {
    Key::Attempt(project.id.clone(), number(1), 1).to_string()
}

/// The next runner takes the released job at once, and the other one after its lease. Each is committed once.
pub async fn another_runner_completes_their_jobs(stack: &Stack) {
    for name in [STOPPED, KILLED] {
        let project = stack.known(name);
        let outputs = project.completed(1).await;
        let report = project.report(1).await;
        assert_eq!((report.outcome, report.attempt), (Outcome::Completed, Some(2)), "{name}");
        assert!(RUNNERS.contains(&report.runner.as_deref().unwrap()), "{report:?}");
        let processed = project.keys(&prefix::processed(&project.id)).await;
        assert_eq!(processed, [Key::Done(project.id.clone(), number(1)).to_string()]);
        let mut committed: Vec<&str> = report.files.iter().map(|file| file.key.as_str()).collect();
        committed.sort_unstable();
        let found = project.keys(&prefix::output_version(&project.id, number(1))).await;
        assert_eq!(found, committed, "the first attempt left no files");
        assert_eq!(outputs["total_files"], committed.len());
    }
}
