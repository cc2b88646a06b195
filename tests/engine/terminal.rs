//! `freecad-runner run` as a person meets it: lines come as they are printed, and a signal leaves nothing.

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
use crate::machine::left_overs;

/// Says who it is, and does not end.
const SCRIPT: &str = "import os, time\nprint('user', os.getuid())\nwhile True:\n    time.sleep(1)\n";

/// A runner whose script has begun and does not end.
struct Running {
    root: PathBuf,
    runner: Child,
    user: u32,
}

impl Running {
    fn start() -> Self {
        let root = std::env::temp_dir().join(format!("partwright-terminal-{}", RunId::random()));
        fs::create_dir(&root).unwrap();
        // The job's user passes through it.
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
        let user = user.unwrap_or_else(|| panic!("the script's line was not printed"));
        assert!(runner.try_wait().unwrap().is_none(), "the line came when all was over");
        Self { root, runner, user }
    }

    fn signal(&mut self, signal: Signal) -> std::process::ExitStatus {
        kill(Pid::from_raw(self.runner.id().try_into().unwrap()), signal).unwrap();
        self.runner.wait().unwrap()
    }

    fn left_overs(&self) -> Vec<String> {
        left_overs(&self.root.join("scratch"), Some(self.user))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.runner.kill();
        let _ = fs::remove_dir_all(&self.root);
    }
}

#[test]
fn lines_come_as_they_are_printed_and_a_signal_leaves_nothing() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut running = Running::start();
        let status = running.signal(signal);
        assert_eq!(status.code(), Some(1), "it ends by itself, after {signal}");
        assert_eq!(running.left_overs(), [""; 0], "{signal}");
        assert!(!running.root.join("out/report.json").exists(), "nothing is known of the script");
    }
}

#[test]
fn a_runner_that_is_killed_takes_its_script_along_and_the_next_one_tidies_up() {
    let mut running = Running::start();
    running.signal(Signal::SIGKILL);
    // The kernel kills the server, then the server's child; both take it a moment.
    let is_process = |line: &String| line.starts_with("process ");
    for _ in 0..1000 {
        if !running.left_overs().iter().any(is_process) {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let left = running.left_overs();
    assert!(!left.iter().any(is_process), "{left:?}");
    let output = runner(&running.root.join("scratch")).arg("check").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    for line in ["namespaces   user ", "freecad      FreeCAD ", "engine       ready in ", "trial        a box became"] {
        assert!(said.contains(line), "{line:?} is not in:\n{said}");
    }
    assert_eq!(running.left_overs(), [""; 0]);
}
