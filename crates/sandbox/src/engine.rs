//! The engine: a fixed number of slots, each with a user, a volume and a fork server.

use std::cell::RefCell;
use std::ffi::CString;
use std::path::{Path, PathBuf};

use contract::{BASE_NAME, Format};
use futures::future::try_join_all;
use serde_json::json;

use crate::child::{self, Ended, Job};
use crate::config::{EngineConfig, JailMode, Limits};
use crate::error::EngineError;
use crate::finished::Run;
use crate::jail::{self, Policy};
use crate::own_process;
use crate::progress::Watcher;
use crate::scratch::{JobDirectory, Scratch};
use crate::users::SlotUser;
use crate::verdict;
use crate::volume::Volume;
use crate::zygote::{Request, Zygote};

/// The formats to export. The runner draws GLB and PNG from the mesh that the job leaves.
const FORMATS: [Format; 6] = Format::ALL;

/// Runs scripts.
#[derive(Debug)]
pub struct Engine {
    freecad: CString,
    limits: Limits,
    jobs_a_server: u32,
    jail: JailMode,
    scratch: Scratch,
    /// The seccomp filters, in the form that the child loads.
    seccomp: Vec<String>,
    /// One per slot; empty if scripts run as the runner's own user.
    users: Vec<SlotUser>,
    /// One per slot; `None` while it is in use, or after a failure.
    servers: Vec<RefCell<Option<Zygote>>>,
}

impl Engine {
    /// Prepares the scratch directory and checks that the configured jail is possible.
    ///
    /// # Errors
    /// When it is not: no root, a kernel that is too old, no FreeCAD. The message says what to do.
    pub fn new(config: &EngineConfig) -> Result<Self, String> {
        check_user(config.jail)?;
        let freecad = find_freecad(&config.freecad)?;
        own_process::keep_descriptor_three_taken().map_err(|error| format!("Failed to open /dev/null: {error}"))?;
        own_process::hide_from_own_children().map_err(|error| format!("Failed to become undumpable: {error}"))?;
        // Room for the script's own files, the exports beside them, and temporary files.
        let bytes = config.limits.output.saturating_mul(2).saturating_add(64 << 20);
        let scratch = Scratch::open(&config.scratch, config.slots, bytes)
            .map_err(|error| format!("RUNNER_SCRATCH: {}: {error}", config.scratch.display()))?;
        let users = match config.jail {
            JailMode::Full => SlotUser::claim(config.slots, config.first_uid)
                .map_err(|error| format!("Failed to find users for scripts: {error}"))?,
            JailMode::SameUid => Vec::new(),
        };
        let engine = Self {
            freecad,
            limits: config.limits,
            jobs_a_server: config.jobs_a_server,
            jail: config.jail,
            scratch,
            seccomp: jail::seccomp(config.jail)?,
            users,
            servers: (0..config.slots).map(|_| RefCell::default()).collect(),
        };
        engine.check_landlock()?;
        Ok(engine)
    }

    /// The kind of volume that holds the jobs' files.
    pub fn volume(&self) -> Volume {
        self.scratch.volume()
    }

    pub fn jail(&self) -> JailMode {
        self.jail
    }

    /// The users that scripts run as; empty if they run as the runner's own.
    pub fn users(&self) -> Vec<u32> {
        self.users.iter().map(SlotUser::id).collect()
    }

    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Starts the fork servers of all slots, so that no first job waits for its server.
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

    /// Makes a fresh directory with the script for a job on `slot`.
    ///
    /// # Errors
    /// When it cannot be made, for example because the disk is full.
    pub fn prepare(&self, slot: usize, script: &[u8]) -> Result<JobDirectory, EngineError> {
        self.scratch.job(slot, self.user(slot), script).map_err(EngineError::MakeDirectory)
    }

    /// Runs the script of `directory`, and kills it at once when `stop` is ready. `watcher` gets its output and phases.
    ///
    /// # Errors
    /// Only when the runner is at fault.
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
        let ruleset = jail::ruleset(directory, &self.scratch.python()).map_err(EngineError::MakeRuleset)?;
        let mut server = self.take_server(slot).await?;
        let policy = Policy::new(server.id(), self.user(slot), directory, self.limits, &self.seccomp);
        let request = Request { jail: policy, spec: &spec };
        let job = Job { request, ruleset, time_limit: self.limits.seconds, watcher };
        // On failure the server is dropped, which kills it and its child. The next job starts another.
        let ended = child::run(&mut server, job, stop).await?;
        if server.jobs() < self.jobs_a_server {
            *self.servers[slot].borrow_mut() = Some(server);
        }
        match ended {
            Ended::Stopped => Ok(Run::Stopped),
            Ended::Observed(observed) => {
                if let Some(reason) = verdict::failed_before_script(&observed) {
                    return Err(EngineError::StartScript(reason));
                }
                Ok(Run::Finished(Box::new(verdict::judge(*observed, display_name, self.limits))))
            }
        }
    }

    async fn take_server(&self, slot: usize) -> Result<Zygote, EngineError> {
        let ready = self.servers[slot].borrow_mut().take();
        match ready {
            Some(server) => Ok(server),
            None => self.start_server().await,
        }
    }

    async fn start_server(&self) -> Result<Zygote, EngineError> {
        let (main, home) = (self.scratch.zygote(), self.scratch.home());
        Zygote::start(&self.freecad, &main, &home).await.map_err(EngineError::StartServer)
    }

    /// Checks that the kernel can confine a job to its files. Without that, no script may run.
    fn check_landlock(&self) -> Result<(), String> {
        let directory = self.scratch.job(0, None, b"").map_err(|error| format!("RUNNER_SCRATCH: {error}"))?;
        jail::ruleset(&directory, &self.scratch.python()).map(drop).map_err(|error| {
            format!("Landlock: {error}. Scripts need Linux 6.2 or newer, with Landlock not disabled by lsm=")
        })
    }

    /// The user and group id of a slot; `None` if scripts run as the runner's own user.
    fn user(&self, slot: usize) -> Option<u32> {
        self.users.get(slot).map(SlotUser::id)
    }
}

fn check_user(jail: JailMode) -> Result<(), String> {
    let is_root = nix::unistd::geteuid().is_root();
    let problem = match jail {
        JailMode::Full if !is_root => {
            "scripts run as users of their own, which needs root. Run the runner as root (in a container, its root is \
             enough), or set RUNNER_JAIL=same-uid to run your own scripts on your own machine"
        }
        JailMode::SameUid if is_root => "same-uid would run scripts as root. Leave RUNNER_JAIL unset",
        JailMode::SameUid if !kernel_is_at_least(6, 12) => {
            "same-uid needs Linux 6.12 or newer, which can stop a script from sending signals to its own user's processes"
        }
        _ => return Ok(()),
    };
    Err(format!("RUNNER_JAIL: {problem}"))
}

fn find_freecad(name: &str) -> Result<CString, String> {
    let program = find_program(name).ok_or_else(|| {
        format!(
            "RUNNER_FREECAD: program {name:?} not found. Install FreeCAD (Debian and Ubuntu: apt-get install \
             --no-install-recommends freecad-python3), or set RUNNER_FREECAD to its freecadcmd"
        )
    })?;
    CString::new(program.into_os_string().into_encoded_bytes())
        .map_err(|_| "RUNNER_FREECAD: the path contains a NUL byte".to_owned())
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
