//! The real `freecad-runner`.

use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::process::{Process, command};
use crate::tools::tool;
use crate::wait::until;

/// The time limit of a job in seconds: short enough to wait for, long enough for real FreeCAD on a busy machine.
pub const JOB_SECONDS: u32 = 30;

pub struct Runner(Process);

impl Runner {
    /// Starts a runner without waiting for it. `more` adds to the tests' own settings.
    pub fn start(folder: &Path, name: &str, store: &[(String, String)], more: &[(&str, &str)]) -> Self {
        let mut runner = command(&tool("PARTWRIGHT_RUNNER"), Signal::SIGTERM);
        runner.envs(store.iter().map(|(name, value)| (name, value)));
        runner.env("RUNNER_NAME", name).env("RUNNER_SCRATCH", folder.join("scratch")).env("RUNNER_POLL", "0.2");
        runner.env("RUNNER_LEASE", "15").env("RUNNER_JOB_SECONDS", JOB_SECONDS.to_string());
        if !is_root() {
            // Only root can change users, as the full jail does.
            runner.env("RUNNER_JAIL", "same-uid");
        }
        runner.envs(more.iter().copied());
        Self(Process::start(folder, name, Duration::from_secs(20), runner))
    }

    /// Waits until it has probed the store and polls.
    pub async fn ready(&mut self) {
        let process = &mut self.0;
        until("the runner", async || {
            process.must_live();
            let output = process.output();
            if output.contains(" ready ") { Ok(()) } else { Err(output) }
        })
        .await;
    }

    /// Its output so far.
    pub fn output(&self) -> String {
        self.0.output()
    }

    /// Sends SIGTERM, as container engines do, and returns the exit code.
    pub async fn stop(mut self) -> Option<i32> {
        self.0.signal(Signal::SIGTERM);
        self.0.ended().await.code()
    }

    /// Sends SIGKILL.
    pub async fn kill(mut self) {
        self.0.signal(Signal::SIGKILL);
        self.0.ended().await;
    }

    /// Waits until it ends by itself. Returns its exit code and its output.
    pub async fn refuses_to_start(mut self) -> (Option<i32>, String) {
        let code = self.0.ended().await.code();
        (code, self.0.output())
    }
}

/// Whether each script runs as its own user.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}
