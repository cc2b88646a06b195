//! Many jobs in a row through one runner: every report right, and nothing grows.
//!
//! A hundred in `make test`, a thousand with `PARTWRIGHT_SOAK=1` (`make soak`). All of a slot's jobs are one fork server's,
//! so that what leaks there shows; that servers are replaced is `servers.rs`'s to test.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use contract::RunId;
use serde_json::Value;

use crate::batch::runner;
use crate::machine::left_overs;
use crate::processes::{Holding, holding};

const SLOTS: usize = 2;

/// How much more memory the runner may hold at the end: what one job's files and picture take.
const GROWTH_KIB: u64 = 64 << 10;

/// How much more the fork servers may hold together: they do nothing but fork. Allocators round up, and what they do not
/// give back is far less than a kilobyte a job.
const SERVERS_GROWTH_KIB: u64 = 4 << 10;

/// The most descriptors that may be more at the end: those of the jobs that run at the moment.
const DESCRIPTORS_GROWTH: usize = 16;

/// The most files of the jobs that run at the moment, with their directories, on all slots.
const FILES: u64 = 64;

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
        // As the same user there is no telling whose a process is.
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
    assert!(runner.wait().unwrap().success(), "all of them complete");
    assert_eq!(done, jobs);
    println!("{jobs} jobs; what was held after each tenth:");
    samples.iter().for_each(|sample| println!("{sample:?}"));
    check(&samples);
    (1..=jobs).for_each(|number| check_job(&root.join(format!("out/job{number}")), number));
    assert_eq!(users.len(), if has_users { SLOTS } else { 0 });
    let user = || users.iter().copied().map(Some);
    for user in user().chain(user().next().is_none().then_some(None)) {
        assert_eq!(left_overs(&scratch, user), [""; 0]);
    }
    fs::remove_dir_all(&root).unwrap();
}

fn check(samples: &[Holding]) {
    let (first, last) = (samples[0], samples[samples.len() - 1]);
    let grown = format!("from {first:?} to {last:?}");
    assert!(last.runner_kib <= first.runner_kib + GROWTH_KIB, "{grown}");
    assert!(last.runner_descriptors <= first.runner_descriptors + DESCRIPTORS_GROWTH, "{grown}");
    assert!(last.servers_kib <= first.servers_kib + SERVERS_GROWTH_KIB, "{grown}");
    assert!(last.servers_descriptors <= first.servers_descriptors + DESCRIPTORS_GROWTH, "{grown}");
    for sample in samples {
        assert_eq!(sample.servers, SLOTS, "{sample:?}");
        assert!(sample.jobs <= SLOTS && sample.files <= FILES, "{sample:?}");
    }
}

fn check_job(out: &Path, number: u32) {
    let report: Value = serde_json::from_str(&fs::read_to_string(out.join("report.json")).unwrap()).unwrap();
    let volume = report["geometry"]["volume_mm3"].as_f64().unwrap();
    assert!((volume - 100.0 * f64::from(number)).abs() < 0.01, "job {number}: {volume}");
    let log = fs::read_to_string(out.join("log.txt")).unwrap();
    assert!(log.starts_with(&format!("job {number}, user ")) && log.lines().count() == 1, "{log}");
}
