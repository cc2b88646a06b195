//! Runs many scripts through one runner, and with one slot through one fork server.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use contract::RunId;
use serde_json::Value;

/// A script for the runner.
pub struct Script {
    /// Its name, without `.py`.
    pub name: String,
    /// Its bytes, which need not be text.
    pub text: Vec<u8>,
}

/// The results of a batch. Dropping it removes the files, unless the test is panicking.
pub struct Batch {
    root: PathBuf,
    stderr: String,
}

/// The runner to test, with the strongest jail that this user can have.
pub fn runner(scratch: &Path) -> Command {
    let mut command = Command::new(program());
    command.env("RUNNER_SCRATCH", scratch).envs(jail());
    command
}

fn program() -> OsString {
    parts::tools::tool("PARTWRIGHT_RUNNER").into()
}

fn jail() -> Option<(&'static str, &'static str)> {
    (!nix::unistd::geteuid().is_root()).then_some(("RUNNER_JAIL", "same-uid"))
}

/// The result of one script.
pub struct Result {
    /// `report.json`.
    pub report: Value,
    /// `log.txt`.
    pub log: String,
}

impl Batch {
    /// Runs the scripts, each for at most `seconds`, and waits for the runner's end. With one slot, they run in this
    /// order.
    pub fn run(scripts: &[&Script], slots: u32, seconds: u32) -> Self {
        Self::run_with(None, scripts, slots, seconds, &[])
    }

    /// The same with more settings, and with the runner as another user. A `user` needs root.
    pub fn run_with(
        user: Option<u32>,
        scripts: &[&Script],
        slots: u32,
        seconds: u32,
        settings: &[(&str, &str)],
    ) -> Self {
        let root = std::env::temp_dir().join(format!("partwright-engine-{}", RunId::random()));
        let mut batch = Self { stderr: String::new(), root };
        fs::create_dir_all(batch.root.join("in")).unwrap();
        // The jobs' users must be able to pass through it.
        fs::set_permissions(&batch.root, Permissions::from_mode(0o711)).unwrap();
        let files: Vec<PathBuf> = scripts.iter().map(|script| batch.file(script)).collect();
        let program = PathBuf::from(program());
        // The descriptors of a usual login, because no script may need more.
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -n 1024; exec \"$@\"", "sh"]).env("RUNNER_SCRATCH", batch.scratch());
        if let Some(user) = user {
            // Only root may be able to reach the program in its own place.
            fs::copy(&program, batch.root.join("runner")).unwrap();
            command.arg(batch.root.join("runner")).uid(user).gid(user).env("RUNNER_JAIL", "same-uid");
            chown(&batch.root, Some(user), Some(user)).unwrap();
        } else {
            command.arg(program).envs(jail());
        }
        command.arg("run").args(&files).arg("--out").arg(batch.root.join("out"));
        command.env("RUNNER_JOB_SECONDS", seconds.to_string());
        command.env("RUNNER_SLOTS", slots.to_string()).envs(settings.iter().copied());
        // The status does not matter: it reports that a script failed, and many of these do.
        let output = command.output().unwrap_or_else(|error| panic!("the runner: {error}"));
        batch.stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        batch
    }

    pub fn stderr(&self) -> &str {
        &self.stderr
    }

    /// The runner's scratch directory.
    pub fn scratch(&self) -> PathBuf {
        self.root.join("scratch")
    }

    /// The result of a script.
    ///
    /// # Errors
    /// When it has no report, because the runner failed or ended early.
    pub fn result(&self, name: &str) -> std::result::Result<Result, String> {
        let read = |file: &str| {
            let path = self.out(name).join(file);
            fs::read_to_string(path)
                .map_err(|error| format!("{file}: {error}; the runner printed: {}", self.stderr.trim()))
        };
        let report = serde_json::from_str(&read("report.json")?).map_err(|error| format!("report.json: {error}"))?;
        Ok(Result { report, log: read("log.txt")? })
    }

    /// The directory with a script's files.
    pub fn out(&self, name: &str) -> PathBuf {
        self.root.join("out").join(name)
    }

    fn file(&self, script: &Script) -> PathBuf {
        let path = self.root.join("in").join(&script.name).with_extension("py");
        fs::write(&path, &script.text).unwrap();
        path
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.root);
        } else {
            eprintln!("the files are kept in {}", self.root.display());
        }
    }
}
