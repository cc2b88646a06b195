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
