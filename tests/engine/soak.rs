//! Many jobs in a row through one runner: every report is right, and nothing grows.
//!
//! A hundred in `make test`, a thousand with `PARTWRIGHT_SOAK=1` (`make soak`). One fork server runs all jobs of a
//! slot, so that leaks show. `servers.rs` tests that servers are replaced.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use contract::RunId;
use serde_json::Value;

use crate::batch::runner;
use crate::leftovers::leftovers;
use crate::processes::{Holding, holding};

const SLOTS: usize = 2;

/// How much memory the runner may gain: as much as one job's files and picture take.
const RUNNER_GROWTH_KIB: u64 = 64 << 10;

/// How much memory all fork servers together may gain. They only fork; allocators round up, and keep far less than a
/// kilobyte per job.
const SERVERS_GROWTH_KIB: u64 = 4 << 10;

/// How many descriptors may be added: those of the running jobs.
const DESCRIPTORS_GROWTH: usize = 16;

/// The limit of files and directories of the running jobs, on all slots.
const MAX_FILES: u64 = 64;

#[test]
fn many_jobs_leave_and_leak_nothing() {
    let jobs = if std::env::var_os("PARTWRIGHT_SOAK").is_some() { 1_000 } else { 100 };
    let root = std::env::temp_dir().join(format!("partwright-soak-{}", RunId::random()));
    fs::create_dir_all(root.join("in")).unwrap();
    let scripts: Vec<_> = (1..=jobs)
        .map(|number| {
            let path = root.join("in").join(format!("job{number}.py"));
            // Each box has a different volume, so a mix-up between jobs shows.
            let script = format!(
                "import os\nimport FreeCAD as App\ndoc = App.newDocument()\nbox = doc.addObject('Part::Box', 'Box')\n\
                 box.Length = {number}\ndoc.recompute()\nprint('job {number}, user', os.getuid())\n"
            );
            fs::write(&path, script).unwrap();
            path
        })
        .collect();
    let scratch = root.join("scratch");
    let mut command = runner(&scratch);
    command.arg("run").args(&scripts).arg("--out").arg(root.join("out"));
    command.env("RUNNER_SLOTS", SLOTS.to_string()).stdout(Stdio::piped());
    let has_users = nix::unistd::geteuid().is_root();
    let mut runner = command.spawn().unwrap();

    let mut samples: Vec<Holding> = Vec::new();
    let mut users: BTreeSet<u32> = BTreeSet::new();
    let mut done = 0;
    for line in BufReader::new(runner.stdout.take().unwrap()).lines().map(Result::unwrap) {
        // With the same user, jobs cannot be told from other processes.
        users.extend(line.split_once(", user ").and_then(|(_, user)| user.parse::<u32>().ok()).filter(|_| has_users));
        if line.ends_with(".py: completed") {
            done += 1;
            // The first tenth fills pools and caches.
            if done % (jobs / 10) == 0 {
                let users: Vec<u32> = users.iter().copied().collect();
                samples.extend(holding(runner.id(), &users, &scratch));
            }
        }
    }
    assert!(runner.wait().unwrap().success(), "all jobs complete");
    assert_eq!(done, jobs);
    println!("{jobs} jobs; held after each tenth:");
    samples.iter().for_each(|sample| println!("{sample:?}"));
    check(&samples);
    (1..=jobs).for_each(|number| check_job(&root.join(format!("out/job{number}")), number));
    assert_eq!(users.len(), if has_users { SLOTS } else { 0 });
    let user = || users.iter().copied().map(Some);
    for user in user().chain(user().next().is_none().then_some(None)) {
        assert_eq!(leftovers(&scratch, user), [""; 0]);
    }
    fs::remove_dir_all(&root).unwrap();
}

fn check(samples: &[Holding]) {
    let (first, last) = (samples[0], samples[samples.len() - 1]);
    let grown = format!("from {first:?} to {last:?}");
    assert!(last.runner_kib <= first.runner_kib + RUNNER_GROWTH_KIB, "{grown}");
    assert!(last.runner_descriptors <= first.runner_descriptors + DESCRIPTORS_GROWTH, "{grown}");
    assert!(last.servers_kib <= first.servers_kib + SERVERS_GROWTH_KIB, "{grown}");
    assert!(last.servers_descriptors <= first.servers_descriptors + DESCRIPTORS_GROWTH, "{grown}");
    for sample in samples {
        assert_eq!(sample.servers, SLOTS, "{sample:?}");
        assert!(sample.jobs <= SLOTS && sample.files <= MAX_FILES, "{sample:?}");
    }
}

fn check_job(out: &Path, number: u32) {
    let report: Value = serde_json::from_str(&fs::read_to_string(out.join("report.json")).unwrap()).unwrap();
    let volume = report["geometry"]["volume_mm3"].as_f64().unwrap();
    assert!((volume - 100.0 * f64::from(number)).abs() < 0.01, "job {number}: {volume}");
    let log = fs::read_to_string(out.join("log.txt")).unwrap();
    assert!(log.starts_with(&format!("job {number}, user ")) && log.lines().count() == 1, "{log}");
}
