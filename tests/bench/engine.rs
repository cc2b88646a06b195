//! The engine, measured by `engine.py`, and the size of the Worker.

use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

use crate::stack::Stack;
use crate::table::{Row, Table};
use crate::tools::root;

/// The Worker's largest size, gzipped, in KB of 1,000 bytes.
const WORKER_KB: usize = 700;

/// The largest overhead of one job beyond FreeCAD's own work, in ms.
const OVERHEAD_MS: f64 = 15.0;

/// The least jobs a minute on two cores, by script.
const RATES: [(&str, f64); 2] = [("one_box", 4_000.0), ("seven_objects", 1_000.0)];

/// How many times faster than two parallel cold `freecadcmd` the engine must be.
const AGAINST_COLD: f64 = 3.0;

/// Measures the engine without a bucket.
pub async fn measure(stack: &Stack, table: &mut Table) {
    if crate::is_quick() {
        println!("skipped in a quick run; `make bench-engine` measures it");
        return;
    }
    let path = stack.folder().join("engine.json");
    let mut python = Command::new("python3");
    python.arg(root().join("tests/bench/engine.py")).arg(&path).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = python.output().await.unwrap();
    assert!(output.status.success(), "engine.py failed");
    let results: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let result = |script: &str, name: &str| results[script][name].as_f64().unwrap();

    let (wall, own) = (result("one_box", "one_slot_ms"), result("one_box", "own_ms"));
    table.row(Row {
        what: "engine overhead a job beyond FreeCAD's own work, one box".to_owned(),
        target: format!("≤ {OVERHEAD_MS} ms"),
        baseline: format!("the same in a warm FreeCAD, without a jail: {own:.1} ms"),
        measured: format!("{:.1} ms of {wall:.1} ms", wall - own),
        ratio: format!("{:.1} times", wall / own),
        met: Some(wall - own <= OVERHEAD_MS),
    });
    for (script, target) in RATES {
        let (two_cold, engine) = (result(script, "two_cold"), result(script, "engine"));
        table.row(Row {
            what: format!("jobs a minute on all cores, {script}"),
            target: format!("≥ {target} on 2 cores, ≥ {AGAINST_COLD} times"),
            baseline: format!("two cold freecadcmd at once: {two_cold:.0}"),
            measured: format!("{engine:.0}"),
            ratio: format!("{:.1} times", engine / two_cold),
            met: Some(engine >= target && engine / two_cold >= AGAINST_COLD),
        });
    }
    let output = String::from_utf8(output.stdout).unwrap();
    table.note(format!("The engine by itself (`make bench-engine`):\n\n```\n{output}```"));
}

/// Measures the Worker as it is deployed.
pub fn worker_size(table: &mut Table) {
    let gzipped = "cat build/index_bg.wasm build/index.js | gzip -9 | wc -c";
    let output = std::process::Command::new("sh").args(["-c", gzipped]).current_dir(root()).output().unwrap();
    let bytes: usize = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
    table.row(Row {
        what: "the Worker, gzipped".to_owned(),
        target: format!("≤ {WORKER_KB} KB"),
        baseline: "—".to_owned(),
        measured: format!("{} KB", bytes / 1_000),
        ratio: "—".to_owned(),
        met: Some(bytes <= WORKER_KB * 1_000),
    });
}
