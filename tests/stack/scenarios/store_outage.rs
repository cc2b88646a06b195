//! A store that is unavailable and comes back.

use crate::gate::Gate;
use crate::project::Project;
use crate::stack::Stack;
use crate::tools::free_port;
use crate::wait::until;

/// Uploads during an outage are kept, on the first contact and later, and delivered after it. Earlier versions stay
/// readable.
pub async fn uploads_arrive_after_an_outage(stack: &Stack) {
    let mut gate = Gate::closed(stack.store().address());
    let mut worker = stack.start_worker_through(gate.port, "outage-worker", free_port());
    worker.ready(&stack.transport, 503).await;
    let project = Project::new(worker.api(&stack.transport), stack.client(), "outage");
    assert_eq!(kept(&project, "# first").await, 1);
    assert_eq!(project.script(1).await, "# first", "the object must keep the script");

    gate.open();
    delivered(&project, 1).await;
    assert_eq!(project.upload("# second").await, 2);

    gate.close().await;
    assert_eq!(kept(&project, "# third").await, 3);
    let status = project.status().await;
    assert_eq!((&status["version"], &status["status"]), (&3.into(), &"processing".into()), "{status}");

    gate.open();
    delivered(&project, 3).await;
    let scripts = project.get("scripts").await;
    assert_eq!(scripts["total_versions"], 3, "{scripts}");
    for (version, script) in [(1, "# first"), (2, "# second"), (3, "# third")] {
        assert_eq!(project.script(version).await, script);
    }
}

/// Uploads a script, expects 202, and returns the version.
async fn kept(project: &Project<'_>, script: &str) -> u64 {
    let answer = project.send_script(script).await.expect(202).json();
    assert_eq!(answer["data"]["phase"], "stored", "{answer}");
    answer["version"].as_u64().unwrap()
}

/// Waits until the bucket has the script and its ticket.
async fn delivered(project: &Project<'_>, version: u64) {
    until(&format!("version {version} in the bucket"), async || {
        let keys = [project.keys("input/outage/").await, project.keys("pending/outage/").await].concat();
        let there = |text: &str| keys.iter().any(|key| key.contains(text));
        let both = there(&format!("outage_v{version}.py")) && there(&format!("outage_v{version}/ticket"));
        if both { Ok(()) } else { Err(format!("{keys:?}")) }
    })
    .await
}
