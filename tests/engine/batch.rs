//! Many scripts through one runner, and so through one fork server.

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

/// What a runner has left of a batch; removed when it is dropped.
pub struct Batch {
    root: PathBuf,
    said: String,
}

/// The runner that is tested, with the jail that this user can have.
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

/// What one script came to.
pub struct Result {
    /// `report.json`.
    pub report: Value,
    /// `log.txt`.
    pub log: String,
}

impl Batch {
    /// Runs the scripts, each for at most `seconds`, on so many slots; on one in the order given. Returns when the runner
    /// has ended.
    pub fn run(scripts: &[&Script], slots: u32, seconds: u32) -> Self {
        Self::run_with(None, scripts, slots, seconds, &[])
    }

    /// The same, with more settings, and with the runner as another user, where this test is root.
    pub fn run_with(
        user: Option<u32>,
        scripts: &[&Script],
        slots: u32,
        seconds: u32,
        settings: &[(&str, &str)],
    ) -> Self {
        let root = std::env::temp_dir().join(format!("partwright-engine-{}", RunId::random()));
        let mut batch = Self { said: String::new(), root };
        fs::create_dir_all(batch.root.join("in")).unwrap();
        // The jobs' users pass through it.
        fs::set_permissions(&batch.root, Permissions::from_mode(0o711)).unwrap();
        let files: Vec<PathBuf> = scripts.iter().map(|script| batch.file(script)).collect();
        let program = PathBuf::from(program());
        // Few descriptors, as many as a login usually gets: none of what scripts do may depend on more.
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -n 1024; exec \"$@\"", "sh"]).env("RUNNER_SCRATCH", batch.scratch());
        if let Some(user) = user {
            // The program may lie where root alone passes through.
            fs::copy(&program, batch.root.join("runner")).unwrap();
            command.arg(batch.root.join("runner")).uid(user).gid(user).env("RUNNER_JAIL", "same-uid");
            chown(&batch.root, Some(user), Some(user)).unwrap();
        } else {
            command.arg(program).envs(jail());
        }
        command.arg("run").args(&files).arg("--out").arg(batch.root.join("out"));
        command.env("RUNNER_JOB_SECONDS", seconds.to_string());
        command.env("RUNNER_SLOTS", slots.to_string()).envs(settings.iter().copied());
        // Its status is not looked at: it says that some script failed, which many here do.
        let output = command.output().unwrap_or_else(|error| panic!("the runner: {error}"));
        batch.said = String::from_utf8_lossy(&output.stderr).into_owned();
        batch
    }

    /// What the runner said on its error stream.
    pub fn said(&self) -> &str {
        &self.said
    }

    /// The runner's scratch directory.
    pub fn scratch(&self) -> PathBuf {
        self.root.join("scratch")
    }

    /// What came of a script.
    ///
    /// # Errors
    /// When there is no report: the runner has failed, or ended before.
    pub fn result(&self, name: &str) -> std::result::Result<Result, String> {
        let read = |file: &str| {
            let path = self.out(name).join(file);
            fs::read_to_string(path).map_err(|error| format!("{file}: {error}; the runner said: {}", self.said.trim()))
        };
        let report = serde_json::from_str(&read("report.json")?).map_err(|error| format!("report.json: {error}"))?;
        Ok(Result { report, log: read("log.txt")? })
    }

    /// The directory that a script's files were written to.
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
        // Kept where somebody will want to look at it.
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.root);
        } else {
            eprintln!("left for you to look at: {}", self.root.display());
        }
    }
}
