//! Scripts that attack: each is stopped, the next job is right, and nothing is left behind.

use std::fs;

use crate::batch::{Batch, Script};
use crate::corpus::{Case, cases, directory};
use crate::jobs::check;
use crate::leftovers::leftovers;

/// An honest job follows each group of so many attacks, on the same fork server.
const ATTACKS_PER_HONEST_JOB: usize = 5;

/// The time limit of a job. Several attacks use all of it.
const ATTACK_SECONDS: u32 = 5;

#[test]
fn attacks_fail_and_leave_nothing() {
    let prelude = fs::read(directory("hostile").join("prelude.py")).unwrap();
    let attacks: Vec<Case> = cases("hostile").into_iter().map(|case| with_prelude(&prelude, case)).collect();
    assert!(attacks.len() >= 30, "{}", attacks.len());
    let honest: Vec<Case> = (0..attacks.len().div_ceil(ATTACKS_PER_HONEST_JOB)).map(honest).collect();
    let scripts: Vec<&Script> = attacks
        .chunks(ATTACKS_PER_HONEST_JOB)
        .zip(&honest)
        .flat_map(|(attacks, honest)| attacks.iter().chain([honest]))
        .map(|case| &case.script)
        .collect();
    // One slot, so that each honest job runs where the attacks ran.
    let batch = Batch::run(&scripts, 1, ATTACK_SECONDS);
    let mut wrong = check(&batch, &attacks);
    wrong.extend(check(&batch, &honest));
    let user = honest.iter().find_map(|case| user(&batch.result(&case.script.name).ok()?.log));
    assert!(user.is_some(), "no honest job printed its user");
    wrong.extend(leftovers(&batch.scratch(), user));
    assert!(wrong.is_empty(), "{} of {} scripts:\n{}", wrong.len(), attacks.len(), wrong.join("\n"));
}

/// Attacks on files and processes that belong to the script's own user in this mode, and some on those of others.
const SAME_USER_ATTACKS: [&str; 17] = [
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

/// The time limit of a job, if no attack uses all of it.
const AMPLE_SECONDS: u32 = 60;

/// A user id that distributions and systemd leave unused.
const UNUSED_USER: u32 = 61_000;

#[test]
fn same_uid_protects_the_users_files_and_processes() {
    if !nix::unistd::geteuid().is_root() {
        // Without root, the other test runs all attacks this way.
        return;
    }
    let prelude = fs::read(directory("hostile").join("prelude.py")).unwrap();
    let all = cases("hostile").into_iter().filter(|case| SAME_USER_ATTACKS.contains(&case.script.name.as_str()));
    let attacks: Vec<Case> = all.map(|case| with_prelude(&prelude, case)).chain([honest(0)]).collect();
    assert_eq!(attacks.len(), SAME_USER_ATTACKS.len() + 1);
    let scripts: Vec<&Script> = attacks.iter().map(|case| &case.script).collect();
    let batch = Batch::run_with(Some(UNUSED_USER), &scripts, 1, AMPLE_SECONDS, &[]);
    if batch.stderr().contains("same-uid needs Linux") {
        eprintln!("skipped: {}", batch.stderr());
        return;
    }
    let mut wrong = check(&batch, &attacks);
    // This user also owns the directory of the batch.
    wrong.extend(leftovers(&batch.scratch(), None));
    assert!(wrong.is_empty(), "{} of {} scripts:\n{}", wrong.len(), attacks.len(), wrong.join("\n"));
}

/// Puts the prelude before the script.
fn with_prelude(prelude: &[u8], case: Case) -> Case {
    let script = Script { text: [prelude, &case.script.text].concat(), ..case.script };
    Case { script, ..case }
}

/// A job that no earlier job may affect.
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

/// The user id that the honest job printed.
fn user(log: &str) -> Option<u32> {
    log.lines().find_map(|line| line.strip_prefix("user ")?.parse().ok())
}
