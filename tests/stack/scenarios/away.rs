//! A bucket that is away and comes back.

use crate::gate::Gate;
use crate::http::Answer;
use crate::project::Project;
use crate::stack::Stack;
use crate::tools::free_port;

/// An upload to a bucket that is away is answered with 503 and leaves no version, neither at the first contact nor
/// later; what was there before stays readable.
pub async fn a_bucket_that_is_away_takes_nothing(stack: &Stack) {
    let mut gate = Gate::closed(stack.store().address());
    let mut worker = stack.start_worker_through(gate.port, "away-worker", free_port());
    worker.ready(&stack.transport, 503).await;
    let project = Project::new(worker.api(&stack.transport), stack.client(), "away");
    refused(&project.send_script("# first").await);

    gate.open();
    assert_eq!(project.status().await["status"], "no_scripts");
    assert_eq!(project.upload("# second").await, 1);

    gate.close().await;
    refused(&project.send_script("# third").await);
    assert_eq!(project.status().await["version"], 1);

    gate.open();
    let version = project.upload("# fourth").await;
    let scripts = project.get("scripts").await;
    assert_eq!(scripts["total_versions"], 2, "{scripts}");
    assert_eq!(scripts["scripts"][0]["version"], version, "{scripts}");
    assert_eq!((project.script(1).await, project.script(version).await), ("# second".into(), "# fourth".into()));
}

fn refused(answer: &Answer) {
    assert_eq!(answer.status, 503, "{answer}");
    assert_eq!(answer.json()["code"], "bucket_unavailable", "{answer}");
    assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0, "{answer}");
}
