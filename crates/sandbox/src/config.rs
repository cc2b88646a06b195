//! The engine's settings.

use std::path::PathBuf;
use std::time::Duration;

/// How scripts are run.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// `RUNNER_SLOTS`: how many jobs run at the same time. Default: the number of cores.
    pub slots: usize,
    /// The limits of each job.
    pub limits: Limits,
    /// `RUNNER_SERVER_JOBS`: the number of jobs, from 1, after which a fork server is replaced. Replacing it limits
    /// slow leaks. Default: 1,000.
    pub jobs_a_server: u32,
    /// `RUNNER_JAIL`: `full` (default) or `same-uid`.
    pub jail: JailMode,
    /// `RUNNER_FIRST_UID`: the first user and group id for scripts, from 1000. Default: a random start between 70000
    /// and 99999, or between 20000 and 49999 if the user namespace has none of those.
    pub first_uid: Option<u32>,
    /// `RUNNER_SCRATCH`: the directory for jobs' files. Default: `freecad-runner` in the system's temporary directory.
    pub scratch: PathBuf,
    /// `RUNNER_FREECAD`: the program that hosts FreeCAD. Default: `freecadcmd` on `PATH`.
    pub freecad: String,
}

/// The limits of one job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// `RUNNER_JOB_SECONDS`: seconds of wall-clock time, and of processor time. Default: 120.
    pub seconds: Duration,
    /// `RUNNER_JOB_MEMORY`: bytes of address space; takes `MiB` and `GiB`. Default: 2 GiB.
    pub memory: u64,
    /// `RUNNER_JOB_OUTPUT`: bytes of all files together; takes `MiB` and `GiB`. Default: 256 MiB.
    pub output: u64,
}

/// Which user a script runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JailMode {
    /// A user of the slot's own. Needs root.
    Full,
    /// The runner's own user, for a person without root on their own machine.
    SameUid,
}

/// The first user and group id for scripts by default.
pub const FIRST_SLOT_UID: u32 = 70_000;
