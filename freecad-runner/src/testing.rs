//! What this program's own tests stand on: the library's strict store in memory, faults on demand, and programs that
//! behave as FreeCAD with a fork server does, or as it should not.
#![allow(dead_code, reason = "the shared files hold more than these tests use")]

#[path = "../../tests/support/faults.rs"]
mod faults;
#[path = "../../tests/support/memory_store.rs"]
mod memory_store;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{LocalBoxFuture, ready};
use partwright::contract::{Format, Outcome, RunId, Sha256};

use crate::collect::Collected;
use crate::config::Config;
use crate::engine::{Engine, EngineError, Finished, Log, Run};
use crate::workbench::{PreparedJob, Workbench};

pub use faults::{Fault, Faulty};
pub use memory_store::MemoryStore;

/// A fork server that gets ready and takes jobs; what stands for `GOT` runs with each. It knows whether it is the
/// first one of its engine.
pub const SERVER: &str = r#"#!/usr/bin/python3 -I
import os, socket, time
is_second = os.path.exists("started")
open("started", "a").close()
channel = socket.socket(fileno=3)
channel.sendall(b'{"ready": true}\n')
while True:
    length, descriptors, _, _ = socket.recv_fds(channel, 4, 4)
    if len(length) < 4:
        os._exit(0)
    packet = channel.recv(int.from_bytes(length, "big"), socket.MSG_WAITALL)
    # GOT
"#;

/// An engine on a program that is not FreeCAD, and the directory of both; removed when it is dropped.
pub struct FakeEngine {
    /// The settings it was made with.
    pub config: Config,
    /// The engine. An option for the order of the ends alone.
    engine: Option<Engine>,
    directory: PathBuf,
}

impl FakeEngine {
    /// With one slot, on an executable file that holds `program`.
    pub fn new(program: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("partwright-fake-{}", RunId::random()));
        fs::create_dir(&directory).unwrap();
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o711)).unwrap();
        let path = directory.join("program");
        fs::write(&path, program).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let is_root = nix::unistd::geteuid().is_root();
        let config = Config::from_settings(&|name| {
            Some(match name {
                "RUNNER_SCRATCH" => directory.join("scratch").display().to_string(),
                "RUNNER_FREECAD" => path.display().to_string(),
                "RUNNER_SLOTS" => "1".to_owned(),
                "RUNNER_NAME" => "test".to_owned(),
                "RUNNER_JAIL" if !is_root => "same-uid".to_owned(),
                name => return MemoryStore::setting(name),
            })
        });
        let config = config.unwrap();
        let engine = Engine::new(&config.engine).unwrap();
        Self { config, engine: Some(engine), directory }
    }

    /// On a fork server that does `got` (indented by four) with each job.
    pub fn server(got: &str) -> Self {
        Self::new(&SERVER.replace("    # GOT\n", got))
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
    }
}

impl Drop for FakeEngine {
    fn drop(&mut self) {
        self.engine = None;
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// An engine without processes: each script takes so long on tokio's clock and leaves one file.
pub struct QuickEngine {
    takes: Duration,
    runs: Cell<usize>,
    stopped: Cell<usize>,
}

impl QuickEngine {
    pub fn new(takes: Duration) -> Self {
        Self { takes, runs: Cell::default(), stopped: Cell::default() }
    }

    /// How many scripts it began to run.
    pub fn runs(&self) -> usize {
        self.runs.get()
    }

    /// How many of them it was told to stop.
    pub fn stopped(&self) -> usize {
        self.stopped.get()
    }
}

impl Workbench for QuickEngine {
    fn warm_up(&self) -> LocalBoxFuture<'_, Result<(), EngineError>> {
        ready(Ok(())).boxed_local()
    }

    fn prepare(&self, _slot: usize, _script: &[u8]) -> Result<Box<dyn PreparedJob + '_>, EngineError> {
        Ok(Box::new(QuickJob(self)))
    }
}

struct QuickJob<'e>(&'e QuickEngine);

impl PreparedJob for QuickJob<'_> {
    fn run<'a>(
        &'a self,
        _display_name: &'a str,
        stop: LocalBoxFuture<'a, ()>,
        _watcher: crate::engine::Watcher<'a>,
    ) -> LocalBoxFuture<'a, Result<Run, EngineError>> {
        self.0.runs.set(self.0.runs.get() + 1);
        async move {
            tokio::select! {
                () = stop => {
                    self.0.stopped.set(self.0.stopped.get() + 1);
                    return Ok(Run::Stopped);
                }
                () = tokio::time::sleep(self.0.takes) => {}
            }
            Ok(Run::Finished(Box::new(Finished {
                outcome: Outcome::Completed,
                error: None,
                geometry: None,
                files: Vec::new(),
                mesh: None,
                timings_ms: BTreeMap::new(),
                warnings: Vec::new(),
                engine: None,
                log: Log::default(),
            })))
        }
        .boxed_local()
    }

    fn gather<'a>(&'a self, _finished: &'a mut Finished) -> LocalBoxFuture<'a, Vec<Collected>> {
        let bytes = Bytes::from_static(b"ISO-10303-21;");
        let sha256 = Sha256::of(&bytes);
        ready(vec![Collected { format: Format::Step, made_by: "runner".to_owned(), bytes, sha256 }]).boxed_local()
    }
}
