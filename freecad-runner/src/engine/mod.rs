//! The engine: runs one script with real FreeCAD in a process that is not trusted, and says truthfully how it ended.
//!
//! - `scratch`: the directories of the runner and of each job
//! - `users`: the users that scripts run as
//! - `child`: the process: its environment, user, limits, descriptors, and its end
//! - `event`: what the Python side in `python/` says while it runs
//! - `log`: what the script prints
//! - `verdict`: how the job ended, from what was said and how the process died

mod child;
mod event;
mod log;
mod scratch;
mod users;
mod verdict;

use std::collections::BTreeMap;
use std::ffi::CString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use partwright::contract::{BASE_NAME, Format, Geometry, JobError, Outcome};
use serde_json::json;

use crate::config::{Config, JailMode, Limits};
pub use log::Log;
pub use scratch::{JobDirectory, Scratch};
use users::SlotUser;

/// The formats that the engine makes.
const FORMATS: [Format; 4] = [Format::FcStd, Format::Step, Format::Stl, Format::Obj];

/// Runs scripts.
#[derive(Debug)]
pub struct Engine {
    freecad: CString,
    limits: Limits,
    jail: JailMode,
    scratch: Scratch,
    /// One a slot; empty where scripts run as the runner's own user.
    users: Vec<SlotUser>,
}

/// A job as it ended.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub outcome: Outcome,
    /// Why it did not complete.
    pub error: Option<JobError>,
    /// What the model measures.
    pub geometry: Option<Geometry>,
    /// The files that the job says it made; the collector looks whether it is true.
    pub files: Vec<MadeFile>,
    /// Milliseconds a phase.
    pub timings_ms: BTreeMap<String, f64>,
    /// Things worth knowing.
    pub warnings: Vec<String>,
    /// Such as `FreeCAD 0.20.2`.
    pub engine: Option<String>,
    /// What was printed.
    pub log: Log,
}

/// A file that the job says it made, in its output directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeFile {
    /// Its format.
    pub format: Format,
    /// Its name there.
    pub name: String,
    /// `script` or `runner`.
    pub made_by: String,
}

/// How a run ended, from the runner's side.
#[derive(Debug)]
pub enum Run {
    /// By itself or by its limits.
    Finished(Box<Finished>),
    /// Because the runner wanted it to.
    Stopped,
}

/// The runner is at fault, not the script: nothing is known about the script, and nothing may be committed.
#[derive(Debug, thiserror::Error)]
#[error("the engine failed to {doing}: {cause}")]
pub struct EngineError {
    doing: &'static str,
    cause: std::io::Error,
}

impl EngineError {
    fn new(doing: &'static str) -> impl Fn(std::io::Error) -> Self {
        move |cause| Self { doing, cause }
    }
}

impl Engine {
    /// Prepares the scratch directory and looks whether the jail that is asked for can be had.
    ///
    /// # Errors
    /// When it cannot: not root, a kernel too old, no FreeCAD. The message says what to do.
    pub fn new(config: &Config) -> Result<Self, String> {
        let is_root = nix::unistd::geteuid().is_root();
        match config.jail {
            JailMode::Full if !is_root => {
                return Err(
                    "RUNNER_JAIL: scripts run as another user, which takes root. Run the runner as root (in a \
                            container, that is root there), or set RUNNER_JAIL=same-uid to run your own scripts on \
                            your own machine"
                        .to_owned(),
                );
            }
            JailMode::SameUid if is_root => {
                return Err("RUNNER_JAIL: same-uid would run scripts as root. Leave RUNNER_JAIL unset".to_owned());
            }
            JailMode::SameUid if !kernel_is_at_least(6, 12) => {
                return Err("RUNNER_JAIL: same-uid needs Linux 6.12 or newer, which can keep a script from sending \
                            signals to its own user's processes"
                    .to_owned());
            }
            _ => {}
        }
        let program = find_program(&config.freecad).ok_or_else(|| {
            format!(
                "RUNNER_FREECAD: there is no program {:?}. Install FreeCAD (Debian and Ubuntu: apt-get install \
                 --no-install-recommends freecad-python3) or name its freecadcmd",
                config.freecad
            )
        })?;
        child::keep_descriptor_three_taken().map_err(|error| format!("cannot open /dev/null: {error}"))?;
        child::hide_from_own_children().map_err(|error| format!("cannot make the process undumpable: {error}"))?;
        let freecad = CString::new(program.into_os_string().into_encoded_bytes())
            .map_err(|_| "RUNNER_FREECAD: the path holds a NUL byte".to_owned())?;
        let scratch = Scratch::open(&config.scratch)
            .map_err(|error| format!("RUNNER_SCRATCH: {}: {error}", config.scratch.display()))?;
        let users = match config.jail {
            JailMode::Full => {
                SlotUser::claim(config.slots).map_err(|error| format!("no users for scripts: {error}"))?
            }
            JailMode::SameUid => Vec::new(),
        };
        Ok(Self { freecad, limits: config.limits, jail: config.jail, scratch, users })
    }

    /// Whether the script's process is another user's.
    pub fn jail(&self) -> JailMode {
        self.jail
    }

    /// A fresh directory for a job on `slot`.
    ///
    /// # Errors
    /// When it cannot be made: the disk is full, say.
    pub fn prepare(&self, slot: usize, script: &[u8]) -> Result<JobDirectory, EngineError> {
        let user = self.user(slot);
        self.scratch.job(slot, user, script).map_err(EngineError::new("make the job's directory"))
    }

    /// Runs the script of `directory`; ends it at once when `stop` is ready.
    ///
    /// # Errors
    /// Only where the runner is at fault.
    pub async fn run(
        &self,
        slot: usize,
        directory: &JobDirectory,
        display_name: &str,
        stop: impl Future<Output = ()>,
    ) -> Result<Run, EngineError> {
        let spec = json!({
            "script": directory.script(),
            "display_name": display_name,
            "output": directory.output(),
            "base_name": BASE_NAME,
            "formats": FORMATS,
            "linear_deflection": 0.1,
            "angular_deflection": 0.5,
        });
        let plan = child::Plan {
            program: &self.freecad,
            main: &self.scratch.main(),
            directory,
            user: self.user(slot),
            limits: self.limits,
        };
        let ended = child::run(&plan, spec.to_string(), stop).await.map_err(EngineError::new("run FreeCAD"))?;
        Ok(match ended {
            child::Ended::Stopped => Run::Stopped,
            child::Ended::Observed(observed) => {
                Run::Finished(Box::new(verdict::judge(*observed, display_name, self.limits)))
            }
        })
    }

    /// The user and group id of a slot; none where the script runs as the runner's own user.
    fn user(&self, slot: usize) -> Option<u32> {
        self.users.get(slot).map(SlotUser::id)
    }
}

/// How long a process that was told to end may take to be gone.
const REAP: Duration = Duration::from_secs(5);

fn find_program(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return Path::new(name).is_file().then(|| PathBuf::from(name));
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(name)).find(|program| program.is_file())
}

fn kernel_is_at_least(major: u32, minor: u32) -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.split(['.', '-']).map_while(|part| part.trim().parse::<u32>().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (major, minor)
}
