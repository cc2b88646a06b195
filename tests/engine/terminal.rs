//! `freecad-runner run` at a terminal: lines appear as they are printed, and a signal leaves nothing behind.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use contract::RunId;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::batch::runner;
use crate::leftovers::leftovers;

/// Prints its user, and does not end.
const SCRIPT: &str = "import os, time\nprint('user', os.getuid())\nwhile True:\n    time.sleep(1)\n";

/// A runner whose script is running and does not end.
struct Running {
    root: PathBuf,
    runner: Child,
    user: u32,
}

impl Running {
    fn start() -> Self {
        let root = std::env::temp_dir().join(format!("partwright-terminal-{}", RunId::random()));
        fs::create_dir(&root).unwrap();
        // The job's user must be able to pass through it.
        fs::set_permissions(&root, Permissions::from_mode(0o711)).unwrap();
        fs::write(root.join("endless.py"), SCRIPT).unwrap();
        let mut runner = runner(&root.join("scratch"))
            .arg("run")
            .arg(root.join("endless.py"))
            .arg("--out")
            .arg(root.join("out"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(runner.stdout.take().unwrap()).lines();
        let user = lines.map_while(Result::ok).find_map(|line| line.strip_prefix("user ")?.parse().ok());
        let user = user.unwrap_or_else(|| panic!("the line of the script was not printed"));
        assert!(runner.try_wait().unwrap().is_none(), "the line came only after the end");
        Self { root, runner, user }
    }

    fn signal(&mut self, signal: Signal) -> std::process::ExitStatus {
        kill(Pid::from_raw(self.runner.id().try_into().unwrap()), signal).unwrap();
        self.runner.wait().unwrap()
    }

    fn leftovers(&self) -> Vec<String> {
        leftovers(&self.root.join("scratch"), Some(self.user))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.runner.kill();
        let _ = fs::remove_dir_all(&self.root);
    }
}

#[test]
fn a_signal_ends_the_run_and_leaves_nothing() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut running = Running::start();
        let status = running.signal(signal);
        assert_eq!(status.code(), Some(1), "it exits by itself after {signal}");
        assert_eq!(running.leftovers(), [""; 0], "{signal}");
        assert!(!running.root.join("out/report.json").exists(), "a stopped script has no report");
    }
}

#[test]
fn the_next_runner_tidies_up_after_a_killed_one() {
    let mut running = Running::start();
    running.signal(Signal::SIGKILL);
    // The kernel kills the server, and then the server's child. Both take a moment.
    let is_process = |line: &String| line.starts_with("process ");
    for _ in 0..1000 {
        if !running.leftovers().iter().any(is_process) {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let left = running.leftovers();
    assert!(!left.iter().any(is_process), "{left:?}");
    let output = runner(&running.root.join("scratch")).arg("check").output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}");
    for line in ["namespaces   user ", "freecad      FreeCAD ", "engine       ready in ", "trial        a box became"] {
        assert!(printed.contains(line), "{line:?} is not in:\n{printed}");
    }
    assert_eq!(running.leftovers(), [""; 0]);
}
