//! The information that a script can read.

use crate::runner::is_root;
use crate::stack::Stack;
use crate::tools::script;
use crate::worker::ADMIN_TOKEN;

/// A script cannot read the runner's credentials or other processes, and it runs as its own user.
pub async fn a_script_cannot_read_secrets(stack: &Stack) {
    let project = stack.project("looks-around");
    project.upload(&script("looks_around")).await;
    project.completed(1).await;
    let log = project.log(1).await;
    for secret in [stack.store().secret(), ADMIN_TOKEN, "AWS_SECRET_ACCESS_KEY", "RUNNER_SCRATCH"] {
        assert!(!log.contains(secret), "the log contains {secret}:\n{log}");
    }
    let lines = |word: &str| -> Vec<&str> { log.lines().filter(|line| line.split(' ').next() == Some(word)).collect() };

    if is_root() {
        for word in ["uid", "gid"] {
            let ids: Vec<&str> = lines(word)[0].split(' ').skip(1).collect();
            assert!(ids.len() == 3, "{word}: {ids:?}");
            assert!(ids.iter().all(|id| id.parse::<u32>().unwrap() >= 20_000), "{word}: {ids:?}");
        }
        assert_eq!(lines("groups"), ["groups"], "no group of the runner");
    }
    assert_eq!(lines("read"), [""; 0], "nothing under /proc may open");
    assert!(lines("denied").len() > 2, "the script must have tried: {log}");

    let descriptors: Vec<(u32, &str)> = lines("fd")
        .into_iter()
        .map(|line| line["fd ".len()..].split_once(' ').unwrap())
        .map(|(number, target)| (number.parse().unwrap(), target))
        .collect();
    let beyond: Vec<&str> = descriptors.iter().filter(|(number, _)| *number > 2).map(|(_, target)| *target).collect();
    assert_eq!(descriptors.len() - beyond.len(), 3, "{descriptors:?}");
    assert!(beyond.len() == 1, "only the event pipe: {descriptors:?}");
    assert!(beyond[0].starts_with("pipe:"), "only the event pipe: {descriptors:?}");
}
