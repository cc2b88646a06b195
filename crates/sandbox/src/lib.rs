//! The engine: runs one script with real FreeCAD in a process that is not trusted, and says truthfully how it ended.
//!
//! - `scratch`: the directories of the runner and of each job
//! - `jail`: what a script may do
//! - `zygote`: FreeCAD with its modules loaded, which forks for each job
//! - `volume`: each slot's own volume
//! - `remove`: removing what a job left
//! - `users`: the users that scripts run as
//! - `child`: one job's process: its pipes, its time, its end
//! - `event`: what the Python side in `python/` says while it runs
//! - `progress`: what of that a watcher is told at once
//! - `log`: what the script prints
//! - `printed`: reading it, however much it is
//! - `verdict`: how the job ended, from what was said and how the process died
//! - `namespaces`: which ones a process may make; jobs need none

mod child;
mod config;
mod event;
mod jail;
mod log;
mod namespaces;
mod printed;
mod progress;
mod remove;
mod scratch;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod users;
mod verdict;
mod volume;
mod zygote;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::CString;
use std::io;
use std::path::{Path, PathBuf};

use contract::{BASE_NAME, Format, Geometry, JobError, JobErrorCode, Outcome};
use futures::future::try_join_all;
use serde_json::json;

pub use config::{EngineConfig, FIRST_SLOT_UID, JailMode, Limits};

use jail::Policy;
pub use jail::landlock_version;
pub use log::{Log, shown};
pub use namespaces::{Namespace, namespaces};
pub use progress::{Progress, Watcher, unwatched};
pub use scratch::{JobDirectory, Scratch};
use users::SlotUser;
pub use volume::Volume;
use zygote::{Request, Zygote};

/// The formats that are asked for; GLB and PNG are drawn from the mesh that the job leaves.
const FORMATS: [Format; 6] = Format::ALL;

/// Runs scripts.
#[derive(Debug)]
pub struct Engine {
    freecad: CString,
    limits: Limits,
    jobs_a_server: u32,
    jail: JailMode,
    scratch: Scratch,
    /// The seccomp filters, as the child loads them.
    seccomp: Vec<String>,
    /// One a slot; empty where scripts run as the runner's own user.
    users: Vec<SlotUser>,
    /// One a slot; none while it is in use, or after it failed.
    servers: Vec<RefCell<Option<Zygote>>>,
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
    /// The name of the mesh file that pictures are drawn from, where there is one.
    pub mesh: Option<String>,
    /// Milliseconds a phase.
    pub timings_ms: BTreeMap<String, f64>,
    /// Things worth knowing.
    pub warnings: Vec<String>,
    /// Such as `FreeCAD 0.20.2`.
    pub engine: Option<String>,
    /// What was printed.
    pub log: Log,
}

impl Finished {
    /// Makes it a failed job.
    pub fn fail(&mut self, code: JobErrorCode, message: &str) {
        self.log.note(&format!("{code}: {message}"));
        self.outcome = Outcome::Failed;
        self.error = Some(JobError::new(code, message));
    }

    /// Adds a warning, to the log as well.
    pub fn warn(&mut self, warning: &str) {
        self.log.note(&format!("warning: {warning}"));
        self.warnings.push(warning.to_owned());
    }
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
    cause: io::Error,
    script_may_have_run: bool,
}

impl EngineError {
    /// Before the script had any part in it.
    pub fn new(doing: &'static str) -> impl Fn(io::Error) -> Self {
        move |cause| Self { doing, cause, script_may_have_run: false }
    }

    /// While the script may have had a part in it.
    #[must_use]
    pub fn with_the_script(self) -> Self {
        Self { script_may_have_run: true, ..self }
    }

    /// Whether the script may be the reason: the fork server failed while it had the job. Where not, another attempt
    /// owes nothing to this one.
    pub fn script_may_have_run(&self) -> bool {
        self.script_may_have_run
    }
}

impl From<child::Failed> for EngineError {
    fn from(failed: child::Failed) -> Self {
        let new = Self::new("run FreeCAD");
        match failed {
            child::Failed::Before(cause) => new(cause),
            child::Failed::During(cause) => new(cause).with_the_script(),
        }
    }
}

impl Engine {
    /// Prepares the scratch directory and looks whether the jail that is asked for can be had.
    ///
    /// # Errors
    /// When it cannot: not root, a kernel too old, no FreeCAD. The message says what to do.
    pub fn new(config: &EngineConfig) -> Result<Self, String> {
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
        // The script's own files, the exports that are made beside them, and temporary ones.
        let bytes = config.limits.output.saturating_mul(2).saturating_add(64 << 20);
        let scratch = Scratch::open(&config.scratch, config.slots, bytes)
            .map_err(|error| format!("RUNNER_SCRATCH: {}: {error}", config.scratch.display()))?;
        let users = match config.jail {
            JailMode::Full => SlotUser::claim(config.slots, config.first_uid)
                .map_err(|error| format!("no users for scripts: {error}"))?,
            JailMode::SameUid => Vec::new(),
        };
        let servers = (0..config.slots).map(|_| RefCell::default()).collect();
        let engine = Self {
            freecad,
            limits: config.limits,
            jobs_a_server: config.jobs_a_server,
            jail: config.jail,
            scratch,
            seccomp: jail::seccomp(config.jail)?,
            users,
            servers,
        };
        engine.check_landlock()?;
        Ok(engine)
    }

    /// What holds the jobs' files.
    pub fn volume(&self) -> Volume {
        self.scratch.volume()
    }

    /// Whether the script's process is another user's.
    pub fn jail(&self) -> JailMode {
        self.jail
    }

    /// The users that scripts run as; none where they run as the runner's own.
    pub fn users(&self) -> Vec<u32> {
        self.users.iter().map(SlotUser::id).collect()
    }

    /// What one job may use.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// A fresh directory for a job on `slot`.
    ///
    /// # Errors
    /// When it cannot be made: the disk is full, say.
    pub fn prepare(&self, slot: usize, script: &[u8]) -> Result<JobDirectory, EngineError> {
        let user = self.user(slot);
        self.scratch.job(slot, user, script).map_err(EngineError::new("make the job's directory"))
    }

    /// Starts the fork servers of all slots, so that the first job finds its own ready.
    ///
    /// # Errors
    /// When FreeCAD does not start.
    pub async fn warm_up(&self) -> Result<(), EngineError> {
        let servers = try_join_all(self.servers.iter().map(|_| self.start_server())).await?;
        for (slot, server) in self.servers.iter().zip(servers) {
            *slot.borrow_mut() = Some(server);
        }
        Ok(())
    }

    /// Runs the script of `directory`; ends it at once when `stop` is ready. Tells `watcher` how it goes, as it goes.
    ///
    /// # Errors
    /// Only where the runner is at fault.
    pub async fn run(
        &self,
        slot: usize,
        directory: &JobDirectory,
        display_name: &str,
        stop: impl Future<Output = ()>,
        watcher: Watcher<'_>,
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
        let failed = EngineError::new("run FreeCAD");
        let ruleset =
            jail::ruleset(directory, &self.scratch.python()).map_err(|error| failed(io::Error::other(error)))?;
        let kept = self.servers[slot].borrow_mut().take();
        let mut server = match kept {
            Some(server) => server,
            None => self.start_server().await?,
        };
        let work = directory.work();
        let policy = Policy::new(server.id(), self.user(slot), directory, &work, self.limits, &self.seccomp);
        let request = Request { jail: policy, spec: &spec };
        // A server that fails is dropped, and so killed with all that it forked; the next job gets another.
        let ended = child::run(&mut server, &request, ruleset, self.limits.seconds, stop, watcher).await?;
        if server.jobs() < self.jobs_a_server {
            *self.servers[slot].borrow_mut() = Some(server);
        }
        Ok(match ended {
            child::Ended::Stopped => Run::Stopped,
            child::Ended::Observed(observed) => {
                if let Some(why) = verdict::never_began(&observed) {
                    return Err(failed(io::Error::other(why)));
                }
                Run::Finished(Box::new(verdict::judge(*observed, display_name, self.limits)))
            }
        })
    }

    async fn start_server(&self) -> Result<Zygote, EngineError> {
        let (main, home) = (self.scratch.zygote(), self.scratch.home());
        Zygote::start(&self.freecad, &main, &home).await.map_err(EngineError::new("start FreeCAD"))
    }

    /// Whether the kernel can hold a job to its files. Without, nothing is run.
    fn check_landlock(&self) -> Result<(), String> {
        let directory = self.scratch.job(0, None, b"").map_err(|error| format!("RUNNER_SCRATCH: {error}"))?;
        jail::ruleset(&directory, &self.scratch.python()).map(drop).map_err(|error| {
            format!(
                "{error}. Scripts are run on kernels with Landlock only (Linux 6.2 and newer, not turned off by lsm=)"
            )
        })
    }

    /// The user and group id of a slot; none where the script runs as the runner's own user.
    fn user(&self, slot: usize) -> Option<u32> {
        self.users.get(slot).map(SlotUser::id)
    }
}

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
