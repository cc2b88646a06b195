//! Runs one FreeCAD script in a jailed process and reports how it ended.
//!
//! [`Engine::new`] checks what the machine offers, [`Engine::warm_up`] starts one fork server per slot,
//! [`Engine::prepare`] makes a job's directory, and [`Engine::run`] runs its script. [`EngineConfig`] has one field per
//! setting and limit. `jail` lists the steps of the jail in their order.
//!
//! The modules, from the outside in:
//!
//! - `config`: the settings and the limits of one job
//! - `engine`: the slots, each with a user, a volume and a fork server
//! - `own_process`: prepares the runner's own process
//! - `error`: the runner's failures, which say nothing about the script
//! - `finished`: a job's result
//! - `progress`: output and phases for a watcher, while the job runs
//! - `scratch`: the directories of the runner and of each job
//! - `python`: the Python side, packed into this program
//! - `volume`: each slot's own volume
//! - `remove`: removes a job's files
//! - `users`: the users that scripts run as
//! - `jail`: what a script may do
//! - `zygote`: the fork server, FreeCAD with its modules loaded
//! - `child`: one job's process: its pipes, its time limit, its end
//! - `kill`: kills a job's process, and all processes of a slot's user
//! - `event`: the events that the job reports
//! - `log`: the output of the script
//! - `printed`: reads that output, however much it is
//! - `observed`: everything that is known of a process that has ended
//! - `verdict`: how the job ended
//! - `namespaces`: which namespaces a process may create, for `freecad-runner check`

mod child;
mod config;
mod engine;
mod error;
mod event;
mod finished;
mod jail;
mod kill;
mod log;
mod namespaces;
mod observed;
mod own_process;
mod printed;
mod progress;
mod python;
mod remove;
mod scratch;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod users;
mod verdict;
mod volume;
mod zygote;

pub use config::{EngineConfig, FIRST_SLOT_UID, JailMode, Limits};
pub use engine::Engine;
pub use error::EngineError;
pub use finished::{Finished, MadeFile, Run};
pub use jail::landlock_version;
pub use log::{Log, printable};
pub use namespaces::{Namespace, namespaces};
pub use progress::{Progress, Watcher, unwatched};
pub use scratch::JobDirectory;
pub use volume::Volume;
