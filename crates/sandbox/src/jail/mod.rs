//! The rights of a script. The runner decides it here; the forked child takes the steps (`python/partwright/jail.py`).
//!
//! The child takes them in this order, and does not run the script if one fails. JAIL.md says what each step stops.
//!
//! | step | decided by |
//! |---|---|
//! | 1. Close all descriptors except the job's | `zygote::Descriptors` |
//! | 2. Start a session of its own | |
//! | 3. Set the environment | [`Policy::environment`] |
//! | 4. Enter its own directory | [`Policy::work`] |
//! | 5. Set the resource limits | [`Policy::limits`] |
//! | 6. Become the slot's user | [`Policy::user`] |
//! | 7. Die with the fork server | [`Policy::server`] |
//! | 8. Give up gaining rights | |
//! | 9. Enter the Landlock ruleset | `landlock` |
//! | 10. Load the seccomp filters | `seccomp`, `system_calls` |

mod landlock;
mod seccomp;
mod system_calls;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::config::Limits;
use crate::scratch::JobDirectory;

pub use self::landlock::landlock_version;
pub(crate) use self::landlock::ruleset;
pub(crate) use self::seccomp::seccomp;

/// Tasks of the job's user: FreeCAD's own threads, and room for those that numerical libraries start.
const MAX_TASKS: u64 = 256;

/// Open files of a job.
const MAX_OPEN_FILES: u64 = 256;

/// Seconds of processor time between SIGXCPU, which a script can ignore, and SIGKILL.
pub(crate) const CPU_GRACE_SECONDS: u64 = 2;

/// The steps that differ from job to job, as the child reads them.
#[derive(Debug, Serialize)]
pub(crate) struct Policy<'a> {
    /// The process id of the fork server, which must still be the child's parent.
    pub server: u32,
    /// The user and group to become; `None` to stay.
    pub user: Option<u32>,
    /// The whole environment.
    pub environment: BTreeMap<&'static str, String>,
    /// The current, home and temporary directory.
    pub work: PathBuf,
    /// Resource limits by name, soft and hard.
    pub limits: BTreeMap<&'static str, (u64, u64)>,
    /// The seccomp filters in hex, in the order of loading.
    pub seccomp: &'a [String],
}

impl<'a> Policy<'a> {
    pub(crate) fn new(
        server: u32,
        user: Option<u32>,
        directory: &JobDirectory,
        limits: Limits,
        seccomp: &'a [String],
    ) -> Self {
        let work = directory.work();
        let environment = environment(&work, &directory.output());
        Self { server, user, environment, work, limits: resource_limits(limits, user), seccomp }
    }
}

fn environment(work: &Path, output: &Path) -> BTreeMap<&'static str, String> {
    let text = |path: &Path| path.display().to_string();
    BTreeMap::from([
        ("PATH", "/usr/bin:/bin".to_owned()),
        ("LANG", "C.UTF-8".to_owned()),
        ("HOME", text(work)),
        ("TMPDIR", text(work)),
        ("FREECAD_USER_HOME", text(work)),
        ("FREECAD_OUTPUT", text(output)),
        // One thread, because the limits apply to all threads together.
        ("OPENBLAS_NUM_THREADS", "1".to_owned()),
    ])
}

fn resource_limits(limits: Limits, user: Option<u32>) -> BTreeMap<&'static str, (u64, u64)> {
    let seconds = limits.seconds.as_secs();
    let mut all = BTreeMap::from([
        // SIGXCPU at the soft limit marks a timeout; SIGKILL comes at the hard one (see `verdict`).
        ("RLIMIT_CPU", (seconds, seconds + CPU_GRACE_SECONDS)),
        ("RLIMIT_AS", (limits.memory, limits.memory)),
        ("RLIMIT_FSIZE", (limits.output, limits.output)),
        ("RLIMIT_NOFILE", (MAX_OPEN_FILES, MAX_OPEN_FILES)),
        ("RLIMIT_CORE", (0, 0)),
        ("RLIMIT_MEMLOCK", (0, 0)),
        ("RLIMIT_MSGQUEUE", (0, 0)),
    ]);
    if user.is_some() {
        // It counts all tasks of a user, so it suits only a user without other processes.
        all.insert("RLIMIT_NPROC", (MAX_TASKS, MAX_TASKS));
    }
    all
}
