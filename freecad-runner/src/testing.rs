//! For this package's tests: the store in memory, faults on demand, and engines without FreeCAD.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use contract::{Format, Outcome, Sha256};
use futures::FutureExt;
use futures::future::{LocalBoxFuture, ready};
use sandbox::{Engine, EngineError, Finished, Log, Run, testing};

use crate::config::Config;
use crate::job::Collected;
use crate::script_runner::{PreparedJob, ScriptRunner};

pub use testkit::faults::{Fault, Faulty};
pub use testkit::memory_store::MemoryStore;

/// A replacement for FreeCAD, with the settings of a runner that uses it.
pub struct FakeEngine {
    pub config: Config,
    fake: testing::FakeEngine,
}

impl FakeEngine {
    pub fn new(program: &str) -> Self {
        Self::on(testing::FakeEngine::new(program))
    }

    pub fn server(got: &str) -> Self {
        Self::on(testing::FakeEngine::server(got))
    }

    pub fn engine(&self) -> &Engine {
        self.fake.engine()
    }

    fn on(fake: testing::FakeEngine) -> Self {
        let config = Config::from_settings(&|name| match name {
            "RUNNER_NAME" => Some("test".to_owned()),
            name => MemoryStore::setting(name),
        });
        let config = Config { engine: fake.config.clone(), ..config.unwrap() };
        Self { config, fake }
    }
}

/// An engine without processes. Each script leaves one file.
pub struct QuickEngine {
    /// How long a script runs, on tokio's clock.
    takes: Duration,
    runs: Cell<usize>,
    stopped: Cell<usize>,
}

impl QuickEngine {
    pub fn new(takes: Duration) -> Self {
        Self { takes, runs: Cell::default(), stopped: Cell::default() }
    }

    /// The number of scripts that were started.
    pub fn runs(&self) -> usize {
        self.runs.get()
    }

    /// The number of scripts that were stopped.
    pub fn stopped(&self) -> usize {
        self.stopped.get()
    }
}

impl ScriptRunner for QuickEngine {
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
        _watcher: sandbox::Watcher<'a>,
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
