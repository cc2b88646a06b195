//! A fake FreeCAD: programs that act like a fork server, well or badly.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use contract::RunId;

use crate::{Engine, EngineConfig, JailMode, Limits};

/// A fork server that gets ready and takes jobs. Code in place of `GOT` runs with each job; `is_second` is true for all
/// but the first server of an engine.
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

/// An engine with one slot and a program in place of FreeCAD. Dropping it removes its directory.
pub struct FakeEngine {
    pub config: EngineConfig,
    /// `None` only during `drop`, which must drop it before it removes the directory.
    engine: Option<Engine>,
    directory: PathBuf,
}

impl FakeEngine {
    /// Runs `program` as an executable file.
    pub fn new(program: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("partwright-fake-{}", RunId::random()));
        fs::create_dir(&directory).unwrap();
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o711)).unwrap();
        let path = directory.join("program");
        fs::write(&path, program).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let is_root = nix::unistd::geteuid().is_root();
        let config = EngineConfig {
            slots: 1,
            limits: Limits { seconds: Duration::from_secs(120), memory: 2 << 30, output: 256 << 20 },
            jobs_a_server: 1_000,
            jail: if is_root { JailMode::Full } else { JailMode::SameUid },
            first_uid: None,
            scratch: directory.join("scratch"),
            freecad: path.display().to_string(),
        };
        let engine = Engine::new(&config).unwrap();
        Self { config, engine: Some(engine), directory }
    }

    /// Runs a fork server that executes `on_job`, Python code indented by four spaces, for each job.
    pub fn server(on_job: &str) -> Self {
        Self::new(&SERVER.replace("    # GOT\n", on_job))
    }

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
