//! A fresh fork server replaces one that has run its number of jobs.

use crate::batch::{Batch, Script};

const JOBS: u32 = 7;
const JOBS_PER_SERVER: &str = "3";

#[test]
fn a_fork_server_is_replaced_between_jobs() {
    let scripts: Vec<Script> = (1..=JOBS).map(script).collect();
    let settings = [("RUNNER_SERVER_JOBS", JOBS_PER_SERVER)];
    let batch = Batch::run_with(None, &scripts.iter().collect::<Vec<_>>(), 1, 60, &settings);
    let mut servers = Vec::new();
    for (number, script) in (1..).zip(&scripts) {
        let result = batch.result(&script.name).unwrap_or_else(|problem| panic!("{}: {problem}", script.name));
        assert_eq!(result.report["outcome"], "completed", "{}", result.log);
        let volume = result.report["geometry"]["volume_mm3"].as_f64().unwrap();
        assert!((volume - 100.0 * f64::from(number)).abs() < 0.01, "{}: {volume}", script.name);
        let server = result.log.lines().find_map(|line| line.strip_prefix("server ")).unwrap();
        servers.push(server.to_owned());
    }
    let changes: Vec<usize> = (1..servers.len()).filter(|at| servers[*at] != servers[at - 1]).collect();
    assert_eq!(changes, [3, 6], "{servers:?}");
}

/// Makes a box of this length, and prints the process id of its server.
fn script(number: u32) -> Script {
    let text = format!(
        "import os\nimport FreeCAD as App\nprint('server', os.getppid())\n\
         App.newDocument().addObject('Part::Box', 'Box').Length = {number}\n"
    );
    Script { name: format!("job{number}"), text: text.into() }
}
