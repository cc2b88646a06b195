//! Many uploads at once to one project.

use std::collections::BTreeSet;

use contract::prefix;
use futures::future::join_all;
use tokio::time::Instant;

use crate::stack::Stack;
use crate::table::{Row, Table};

const UPLOADS: u64 = 64;

/// Checks that the numbers have no gap and that each has its own script.
pub async fn measure(stack: &Stack, table: &mut Table) {
    let project = stack.project("at-once");
    let texts: Vec<String> = (0..UPLOADS).map(|id| format!("# upload {id}\n")).collect();
    let began = Instant::now();
    let numbers = join_all(texts.iter().map(|text| project.upload(text))).await;
    let took = began.elapsed().as_secs_f64();
    let different: BTreeSet<u64> = numbers.iter().copied().collect();
    let mut right = 0;
    for (version, text) in numbers.iter().zip(&texts) {
        right += u64::from(project.script(*version).await == *text);
    }
    let stored = project.keys(&prefix::input(&project.id)).await.len() as u64;
    table.row(Row {
        what: format!("{UPLOADS} uploads at once to one project"),
        target: format!("{UPLOADS} different numbers, no gap, no lost script"),
        baseline: "—".to_owned(),
        measured: format!("{} numbers, {right} scripts as sent, {stored} in the bucket; {took:.2} s", different.len()),
        ratio: "—".to_owned(),
        met: Some(different.into_iter().eq(1..=UPLOADS) && right == UPLOADS && stored == UPLOADS),
    });
    table.row(Row {
        what: "runner killed with -9 at any instant, 100 times".to_owned(),
        target: "every version `completed` with exactly one report and files that match it".to_owned(),
        baseline: "—".to_owned(),
        measured: "shown by `make soak`, which fails where it is not so".to_owned(),
        ratio: "—".to_owned(),
        met: None,
    });
}
