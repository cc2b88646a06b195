//! Many jobs in a row through one runner: every report right, and nothing grows.
//!
//! A hundred in `make test`, a thousand with `PARTWRIGHT_SOAK=1` (`make soak`): five fork servers then.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use partwright::contract::RunId;
use serde_json::Value;

use crate::machine::left_overs;

/// What a process holds.
#[derive(Debug, Clone, Copy)]
struct Holding {
    resident_kib: u64,
    descriptors: usize,
}

/// How much more memory the runner may hold at the end: what one job's files and picture take.
const GROWTH_KIB: u64 = 64 << 10;

#[test]
fn many_jobs_in_a_row_leave_nothing_and_nothing_grows() {
    let jobs = if std::env::var_os("PARTWRIGHT_SOAK").is_some() { 1_000 } else { 100 };
    let root = std::env::temp_dir().join(format!("partwright-soak-{}", RunId::random()));
    fs::create_dir_all(root.join("in")).unwrap();
    let scripts: Vec<_> = (1..=jobs)
        .map(|number| {
            let path = root.join("in").join(format!("job{number}.py"));
            // Each job has a volume of its own, so a mix-up between jobs shows.
            let script = format!(
                "import FreeCAD as App\ndoc = App.newDocument()\nbox = doc.addObject('Part::Box', 'Box')\n\
                 box.Length = {number}\ndoc.recompute()\nprint('job', {number})\n"
            );
            fs::write(&path, script).unwrap();
            path
        })
        .collect();
    let mut command = Command::new(env!("CARGO_BIN_EXE_freecad-runner"));
    command.arg("run").args(&scripts).arg("--out").arg(root.join("out"));
    command.env("RUNNER_SCRATCH", root.join("scratch")).env("RUNNER_SLOTS", "2").stdout(Stdio::piped());
    if !nix::unistd::geteuid().is_root() {
        command.env("RUNNER_JAIL", "same-uid");
    }
    let mut runner = command.spawn().unwrap();

    let mut samples: Vec<Holding> = Vec::new();
    let mut done = 0;
    for line in BufReader::new(runner.stdout.take().unwrap()).lines() {
        if line.unwrap().ends_with(".py: completed") {
            done += 1;
            // The first tenth fills pools and caches.
            if done % (jobs / 10) == 0 {
                samples.extend(holding(runner.id()));
            }
        }
    }
    assert!(runner.wait().unwrap().success(), "all of them complete");
    assert_eq!(done, jobs);
    println!("{jobs} jobs; the runner after each tenth: {samples:?}");
    let (first, last) = (samples[0], samples[samples.len() - 1]);
    assert!(last.resident_kib <= first.resident_kib + GROWTH_KIB, "{first:?} {last:?}");
    assert!(last.descriptors <= first.descriptors + 8, "{first:?} {last:?}");

    for number in 1..=jobs {
        let out = root.join(format!("out/job{number}"));
        let report: Value = serde_json::from_str(&fs::read_to_string(out.join("report.json")).unwrap()).unwrap();
        let volume = report["geometry"]["volume_mm3"].as_f64().unwrap();
        assert!((volume - 100.0 * f64::from(number)).abs() < 0.01, "job {number}: {volume}");
        assert_eq!(fs::read_to_string(out.join("log.txt")).unwrap(), format!("job {number}\n"));
    }
    assert_eq!(left_overs(&root.join("scratch"), None), [""; 0]);
    fs::remove_dir_all(&root).unwrap();
}

/// None once the process is ending.
fn holding(process: u32) -> Option<Holding> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let descriptors = fs::read_dir(format!("/proc/{process}/fd")).ok()?.count();
    Some(Holding { resident_kib: resident.trim().trim_end_matches(" kB").parse().ok()?, descriptors })
}
