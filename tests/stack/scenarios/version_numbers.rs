//! Many uploads to one project: their numbers and their queue.

use std::collections::BTreeMap;

use contract::{Key, prefix};
use futures::future::join_all;

use crate::project::number;
use crate::stack::Stack;
use crate::tools::script;

const NAME: &str = "numbers";
const UPLOADS: u64 = 64;

/// 64 concurrent uploads get 64 numbers without a gap, and each number has its own script.
pub async fn concurrent_uploads_get_distinct_numbers(stack: &Stack) {
    let project = stack.project(NAME);
    let texts: Vec<String> = (0..UPLOADS).map(|id| format!("# upload {id}\n{}", script("box"))).collect();
    let numbers = join_all(texts.iter().map(|text| project.upload(text))).await;
    let by_number: BTreeMap<u64, &String> = numbers.into_iter().zip(&texts).collect();
    assert!(by_number.keys().copied().eq(1..=UPLOADS), "{:?}", by_number.keys());

    join_all(by_number.iter().map(async |(version, text)| {
        assert_eq!(project.script(*version).await, **text, "version {version}");
        let key = Key::Script(project.id.clone(), number(*version)).to_string();
        assert_eq!(stack.client().get(&key, 10_000).await.unwrap().bytes, text.as_bytes(), "{key}");
    }))
    .await;
    let listed = project.get("scripts?limit=200").await;
    let versions = listed["scripts"].as_array().unwrap().iter().map(|script| script["version"].as_u64().unwrap());
    assert!(versions.eq((1..=UPLOADS).rev()), "newest first: {listed}");
    assert_eq!(listed["total_versions"], UPLOADS);

    let keys = |key: fn(_, _) -> Key| {
        let mut keys: Vec<_> = (1..=UPLOADS).map(|n| key(project.id.clone(), number(n)).to_string()).collect();
        keys.sort();
        keys
    };
    assert_eq!(project.keys(&prefix::input(&project.id)).await, keys(Key::Script));
    assert_eq!(project.keys(&prefix::pending(&project.id)).await, keys(Key::Ticket));
}

/// Runners that start later process all of them, each version once.
pub async fn two_runners_empty_a_full_queue(stack: &Stack) {
    let project = stack.known(NAME);
    for version in 1..=UPLOADS {
        project.completed(version).await;
        assert_eq!(project.report(version).await.attempt, Some(1), "version {version}");
    }
    assert_eq!(project.keys(&prefix::processed(&project.id)).await.len(), 64);
}
