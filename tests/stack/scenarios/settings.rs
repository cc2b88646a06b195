//! Invalid settings: errors name them.

use crate::project::Project;
use crate::stack::Stack;
use crate::tools::free_port;
use crate::worker::Worker;

/// A runner with an invalid setting does not start, and names the setting.
pub async fn a_runner_names_its_invalid_setting(stack: &Stack) {
    for (name, value) in [("RUNNER_SLOTS", "0"), ("S3_ADDRESSING", "bogus"), ("AWS_BUCKET_NAME", "")] {
        let runner = stack.start_runner(&format!("wrong-{name}"), &[(name, value)]);
        let (code, output) = runner.refuses_to_start().await;
        assert!(code.is_some_and(|code| code != 0), "{name}: {code:?}");
        assert!(output.lines().any(|line| line.contains(name)), "{name}: {output}");
    }
    let runner = stack.start_runner("wrong-secret", &[("AWS_SECRET_ACCESS_KEY", "not the secret")]);
    let (code, output) = runner.refuses_to_start().await;
    assert!(code.is_some_and(|code| code != 0), "{code:?}: {output}");
    assert!(output.contains("refuses"), "{code:?}: {output}");
}

/// A Worker with an invalid setting responds 503 to every request and names the setting. After a correction, refused
/// uploads have left nothing behind.
pub async fn a_worker_names_its_invalid_setting(stack: &Stack) {
    let mut worker = start(stack, &[("S3_ADDRESSING", "bogus")]);
    let answer = worker.ready(&stack.transport, 503).await;
    assert_eq!(answer.json()["code"], "bad_configuration", "{answer}");
    assert!(answer.json()["detail"].as_str().unwrap().contains("S3_ADDRESSING"), "{answer}");
    drop(worker);

    let mut worker = start(stack, &[("AUTH_MODE", ""), ("ADMIN_TOKEN", "")]);
    worker.ready(&stack.transport, 200).await;
    let answer = project(stack, &worker).send_script("print(1)").await.expect(503);
    assert_eq!(answer.json()["code"], "auth_not_configured", "{answer}");
    drop(worker);

    let mut worker = start(stack, &[("AWS_SECRET_ACCESS_KEY", "not-the-secret")]);
    worker.ready(&stack.transport, 503).await;
    let answer = project(stack, &worker).send_script("print(1)").await.expect(503);
    assert_eq!(answer.json()["code"], "bucket_refuses", "{answer}");
    assert!(!answer.header("retry-after").is_empty(), "{answer}");
    drop(worker);

    let mut worker = start(stack, &[]);
    worker.ready(&stack.transport, 200).await;
    let project = project(stack, &worker);
    assert_eq!(project.status().await["status"], "no_scripts");
    assert_eq!(project.upload("print(1)").await, 1);
}

fn project<'a>(stack: &'a Stack, worker: &'a Worker) -> Project<'a> {
    Project::new(worker.api(&stack.transport), stack.client(), "mended")
}

/// Starts a second Worker on the stack's bucket with changed settings. Each start continues with the same state.
fn start(stack: &Stack, changed: &[(&str, &str)]) -> Worker {
    let mut settings = stack.settings();
    for (name, value) in changed {
        settings.retain(|(other, _)| other != name);
        settings.push(((*name).to_owned(), (*value).to_owned()));
    }
    Worker::start(stack.folder(), "mended-worker", free_port(), &settings)
}
