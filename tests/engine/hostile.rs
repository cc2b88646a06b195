//! Scripts that attack: each is stopped, the next job is right, and nothing is left behind.

use std::fs;

use crate::batch::{Batch, Script};
use crate::corpus::{Case, cases, directory};
use crate::jobs::check;
use crate::machine;

/// How many attacks come between two honest jobs on the same fork server.
const BETWEEN: usize = 5;

/// What a job gets: several of them use all of it.
const SECONDS: u32 = 5;

#[test]
fn attacks_are_stopped_and_leave_nothing() {
    let prelude = fs::read(directory("hostile").join("prelude.py")).unwrap();
    let attacks: Vec<Case> = cases("hostile").into_iter().map(|case| after(&prelude, case)).collect();
    assert!(attacks.len() >= 30, "{}", attacks.len());
    let honest: Vec<Case> = (0..attacks.len().div_ceil(BETWEEN)).map(honest).collect();
    let scripts: Vec<&Script> = attacks
        .chunks(BETWEEN)
        .zip(&honest)
        .flat_map(|(attacks, honest)| attacks.iter().chain([honest]))
        .map(|case| &case.script)
        .collect();
    // One slot: what comes after an attack runs where the attack ran.
    let batch = Batch::run(&scripts, 1, SECONDS);
    let mut wrong = check(&batch, &attacks);
    wrong.extend(check(&batch, &honest));
    let user = honest.iter().find_map(|case| user(&batch.result(&case.script.name).ok()?.log));
    assert!(user.is_some(), "no honest job said who it ran as");
    wrong.extend(machine::left_overs(&batch.scratch(), user));
    assert!(wrong.is_empty(), "{} of {} scripts:\n{}", wrong.len(), attacks.len(), wrong.join("\n"));
}

/// Attacks on what belongs to the user that the script runs as, from which another user would keep it, and some on what
/// does not.
const ON_ONE_S_OWN: [&str; 17] = [
    "closed_output_directory",
    "environments_of_others",
    "exec",
    "files_of_others",
    "fork",
    "kill",
    "limits",
    "links_in_the_output",
    "memory_of_others",
    "modes",
    "other_jobs",
    "pidfd",
    "process_vm",
    "ptrace",
    "runner_s_own_files",
    "signal_by_a_descriptor",
    "writes_outside",
];

/// What a job gets where none uses all of it.
const AMPLE: u32 = 60;

/// A user that no distribution gives out and systemd leaves unused.
const NOBODY_S: u32 = 61_000;

#[test]
fn a_person_s_own_files_and_processes_are_out_of_reach_where_scripts_run_as_that_person() {
    if !nix::unistd::geteuid().is_root() {
        // The other test runs all of them in this way.
        return;
    }
    let prelude = fs::read(directory("hostile").join("prelude.py")).unwrap();
    let all = cases("hostile").into_iter().filter(|case| ON_ONE_S_OWN.contains(&case.script.name.as_str()));
    let attacks: Vec<Case> = all.map(|case| after(&prelude, case)).chain([honest(0)]).collect();
    assert_eq!(attacks.len(), ON_ONE_S_OWN.len() + 1);
    let scripts: Vec<&Script> = attacks.iter().map(|case| &case.script).collect();
    let batch = Batch::run_with(Some(NOBODY_S), &scripts, 1, AMPLE, &[]);
    if batch.said().contains("same-uid needs Linux") {
        eprintln!("passed over: {}", batch.said());
        return;
    }
    let mut wrong = check(&batch, &attacks);
    // The batch's own directory is that user's.
    wrong.extend(machine::left_overs(&batch.scratch(), None));
    assert!(wrong.is_empty(), "{} of {} scripts:\n{}", wrong.len(), attacks.len(), wrong.join("\n"));
}

/// The script with the prelude before it.
fn after(prelude: &[u8], case: Case) -> Case {
    let script = Script { text: [prelude, &case.script.text].concat(), ..case.script };
    Case { script, ..case }
}

/// A job that must not notice what ran before it.
fn honest(number: usize) -> Case {
    let text = "import os\nimport FreeCAD as App\nprint('user', os.getuid())\nprint('here', os.listdir('.'))\n\
                App.newDocument('Demo').addObject('Part::Box', 'Box').Length = 20\n";
    let expected = serde_json::json!({
        "outcome": "completed", "volume_mm3": 2000.0, "solids": 1, "objects": ["Box"],
        "bounding_box": {"min": [0, 0, 0], "max": [20, 10, 10]}, "log_has": ["here []"],
    });
    let script = Script { name: format!("honest_{number:02}"), text: text.into() };
    Case { script, expected: serde_json::from_value(expected).unwrap() }
}

/// The user that the jobs ran as.
fn user(log: &str) -> Option<u32> {
    log.lines().find_map(|line| line.strip_prefix("user ")?.parse().ok())
}
