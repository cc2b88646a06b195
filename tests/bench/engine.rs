//! The engine, by its own measurement (`engine.py`), and what the Worker weighs.

use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

use crate::many;
use crate::process::command;
use crate::runner::is_root;
use crate::stack::Stack;
use crate::table::{Row, Table};
use crate::tools::{root, tool};

/// What the Worker may weigh, in KB of 1,000 bytes, gzipped.
const WORKER_KB: usize = 700;

/// What one job may cost beyond FreeCAD's own work, in ms.
const OVERHEAD_MS: f64 = 15.0;

/// Jobs a minute on two cores: the script, and how many.
const RATES: [(&str, f64); 2] = [("one_box", 4_000.0), ("seven_objects", 1_000.0)];

/// How many times faster than two parallel cold `freecadcmd`.
const AGAINST_COLD: f64 = 3.0;

/// The engine without a bucket.
pub async fn measure(stack: &Stack, table: &mut Table) {
    let (wall, own) = one_slot(stack).await;
    table.row(Row {
        what: "engine overhead a job (fork, jail, collecting, GLB and picture), one box".to_owned(),
        target: format!("≤ {OVERHEAD_MS} ms"),
        baseline: format!("FreeCAD's own work (script, export): {own:.1} ms"),
        measured: format!("{:.1} ms of {wall:.1} ms", wall - own),
        ratio: format!("{:.2} times", wall / own),
        met: Some(wall - own <= OVERHEAD_MS),
    });
    if crate::is_quick() {
        return;
    }
    let mut python = Command::new("python3");
    python.arg(root().join("tests/bench/engine.py")).stdin(Stdio::null()).stderr(Stdio::inherit());
    let said = python.output().await.unwrap();
    assert!(said.status.success(), "engine.py failed");
    let said = String::from_utf8(said.stdout).unwrap();
    for (script, target) in RATES {
        let row = said.lines().find(|line| line.starts_with(script)).unwrap_or_else(|| panic!("{script}: {said}"));
        // Columns of "ms (jobs a minute)": cold one by one, cold two at once, engine on one slot, engine on all cores.
        let rates: Vec<f64> =
            row.split('(').skip(1).filter_map(|column| column.split_once(')')?.0.parse().ok()).collect();
        let [_, two_cold, _, engine, ..] = rates[..] else { panic!("engine.py says: {row}") };
        table.row(Row {
            what: format!("jobs a minute on all cores, {script}"),
            target: format!("≥ {target} on 2 cores, ≥ {AGAINST_COLD} times"),
            baseline: format!("two cold freecadcmd at once: {two_cold:.0}"),
            measured: format!("{engine:.0}"),
            ratio: format!("{:.1} times", engine / two_cold),
            met: Some(engine >= target && engine / two_cold >= AGAINST_COLD),
        });
    }
    table.note(format!("The engine by itself (`make bench-engine`):\n\n```\n{said}```"));
}

/// Milliseconds a job on one slot, and those of FreeCAD's own work in it.
async fn one_slot(stack: &Stack) -> (f64, f64) {
    let folder = stack.folder().join("one-slot");
    std::fs::create_dir(&folder).unwrap();
    let jobs = many(300, 20);
    let paths = (0..jobs).map(|job| {
        let path = folder.join(format!("job{job}.py"));
        std::fs::write(&path, include_str!("scripts/one_box.py")).unwrap();
        path
    });
    let mut run = command(&tool("PARTWRIGHT_RUNNER"), nix::sys::signal::Signal::SIGKILL);
    run.arg("run").args(paths).arg("--out").arg(folder.join("out"));
    run.env("RUNNER_SLOTS", "1").env("RUNNER_SCRATCH", folder.join("scratch"));
    if !is_root() {
        run.env("RUNNER_JAIL", "same-uid");
    }
    let said = Command::from(run).output().await.unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    let words: Vec<&str> = said.lines().last().unwrap_or_default().split(' ').collect();
    let [_, "of", _, "completed", "in", seconds, ..] = words[..] else { panic!("the engine says: {said}") };
    let own: f64 = (0..jobs)
        .map(|job| {
            let report = std::fs::read(folder.join(format!("out/job{job}/report.json"))).unwrap();
            let report: Value = serde_json::from_slice(&report).unwrap();
            ["script", "export"].iter().map(|phase| report["timings_ms"][phase].as_f64().unwrap()).sum::<f64>()
        })
        .sum();
    let jobs = f64::from(jobs);
    (seconds.parse::<f64>().unwrap() * 1e3 / jobs, own / jobs)
}

/// The Worker as it is deployed.
pub fn worker_size(table: &mut Table) {
    let gzipped = "cat build/index_bg.wasm build/index.js | gzip -9 | wc -c";
    let said = std::process::Command::new("sh").args(["-c", gzipped]).current_dir(root()).output().unwrap();
    let bytes: usize = String::from_utf8(said.stdout).unwrap().trim().parse().unwrap();
    table.row(Row {
        what: "the Worker, gzipped".to_owned(),
        target: format!("≤ {WORKER_KB} KB"),
        baseline: "—".to_owned(),
        measured: format!("{} KB", bytes / 1_000),
        ratio: "—".to_owned(),
        met: Some(bytes <= WORKER_KB * 1_000),
    });
}
