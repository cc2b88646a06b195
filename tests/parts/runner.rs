//! The real `freecad-runner`.

use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::process::{Process, command};
use crate::tools::tool;
use crate::wait::until;

/// How long a job may take before it is stopped, in seconds: short enough to wait for, long enough for real FreeCAD on
/// a machine that compiles something else meanwhile.
pub const JOB_SECONDS: u32 = 30;

/// A runner.
pub struct Runner(Process);

impl Runner {
    /// Starts one and gives it at once; `more` comes on top of the tests' own settings.
    pub fn start(folder: &Path, name: &str, store: &[(String, String)], more: &[(&str, &str)]) -> Self {
        let mut runner = command(&tool("PARTWRIGHT_RUNNER"), Signal::SIGTERM);
        runner.envs(store.iter().map(|(name, value)| (name, value)));
        runner.env("RUNNER_NAME", name).env("RUNNER_SCRATCH", folder.join("scratch")).env("RUNNER_POLL", "0.2");
        runner.env("RUNNER_LEASE", "15").env("RUNNER_JOB_SECONDS", JOB_SECONDS.to_string());
        if !is_root() {
            // The full jail changes users.
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

    /// What it has output so far.
    pub fn output(&self) -> String {
        self.0.output()
    }

    /// SIGTERM, as container engines send it; gives its exit code.
    pub async fn stop(mut self) -> Option<i32> {
        self.0.signal(Signal::SIGTERM);
        self.0.ended().await.code()
    }

    /// SIGKILL: it can do nothing about it.
    pub async fn kill(mut self) {
        self.0.signal(Signal::SIGKILL);
        self.0.ended().await;
    }

    /// Waits for an end of its own accord; gives its exit code and what it output.
    pub async fn refuses_to_start(mut self) -> (Option<i32>, String) {
        let code = self.0.ended().await.code();
        (code, self.0.output())
    }
}

/// Whether scripts run as users of their own.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}
