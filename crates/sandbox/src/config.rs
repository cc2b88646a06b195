//! How scripts are run.

use std::path::PathBuf;
use std::time::Duration;

/// How scripts are run; all that `freecad-runner run` needs.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// `RUNNER_SLOTS`: how many jobs run at once. Default: the number of cores.
    pub slots: usize,
    /// What one job may use.
    pub limits: Limits,
    /// `RUNNER_SERVER_JOBS`: how many jobs a fork server runs before a fresh one takes its place, from 1: what leaks, leaks
    /// no further. Default: 1,000.
    pub jobs_a_server: u32,
    /// `RUNNER_JAIL`: `full` (default) or `same-uid`.
    pub jail: JailMode,
    /// `RUNNER_FIRST_UID`: the first user and group id that scripts run as, from 1000. Default: from 70000 to 99999,
    /// beginning anywhere; where a user namespace has none of these, from 20000 to 49999.
    pub first_uid: Option<u32>,
    /// `RUNNER_SCRATCH`: the directory for jobs' files. Default: `freecad-runner` in the system's temporary directory.
    pub scratch: PathBuf,
    /// `RUNNER_FREECAD`: the program that hosts FreeCAD. Default: `freecadcmd` on `PATH`.
    pub freecad: String,
}

/// What one job may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// `RUNNER_JOB_SECONDS`: wall and CPU seconds. Default: 120.
    pub seconds: Duration,
    /// `RUNNER_JOB_MEMORY`: bytes of address space; takes `MiB` and `GiB`. Default: 2 GiB.
    pub memory: u64,
    /// `RUNNER_JOB_OUTPUT`: bytes of all files together; takes `MiB` and `GiB`. Default: 256 MiB.
    pub output: u64,
}

/// Whether the script's process runs as another user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JailMode {
    /// As a user of its slot's own; needs root.
    Full,
    /// As the runner's own user, for a person without root on their own machine.
    SameUid,
}

/// The first user and group id that scripts run as where nothing is set.
pub const FIRST_SLOT_UID: u32 = 70_000;
