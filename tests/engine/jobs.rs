//! Scripts as people and language models write them. Some make a model, others fail.

use crate::batch::Batch;
use crate::corpus::{Case, cases};

/// Checks every script of the batch, and gives all faults.
pub fn check(batch: &Batch, cases: &[Case]) -> Vec<String> {
    let wrong = cases.iter().filter_map(|Case { script, expected }| {
        let faults = match batch.result(&script.name) {
            Ok(result) => expected.faults(&result, &batch.out(&script.name)),
            Err(problem) => vec![problem],
        };
        (!faults.is_empty()).then(|| format!("{}:\n    {}", script.name, faults.join("\n    ")))
    });
    wrong.collect()
}

fn run(cases: &[Case], seconds: u32) {
    let scripts: Vec<_> = cases.iter().map(|case| &case.script).collect();
    let batch = Batch::run(&scripts, 2, seconds);
    let wrong = check(&batch, cases);
    assert!(wrong.is_empty(), "{} of {} scripts:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn good_scripts_become_models() {
    let good: Vec<Case> = cases("jobs").into_iter().filter(|case| case.expected.completes()).collect();
    assert!(good.len() >= 40, "{}", good.len());
    run(&good, 60);
}

#[test]
fn bad_scripts_get_a_clear_error() {
    let bad: Vec<Case> = cases("jobs").into_iter().filter(|case| !case.expected.completes()).collect();
    assert!(bad.len() >= 15, "{}", bad.len());
    // One of them never ends.
    run(&bad, 10);
}
