//! The seam between a job and the engine, which runs its script. Tests and the simulation use another implementation.

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use sandbox::{Engine, EngineError, Finished, JobDirectory, Run, Watcher};

use crate::job::{Collected, gather};

/// Runs scripts, one per slot at a time.
pub trait ScriptRunner {
    /// Starts the engine, so that the first job does not wait for it.
    ///
    /// # Errors
    /// When scripts cannot run here.
    fn warm_up(&self) -> LocalBoxFuture<'_, Result<(), EngineError>>;

    /// Makes the directory for a job on `slot`. Dropping the job removes it.
    ///
    /// # Errors
    /// When it cannot be made, for example because the disk is full.
    fn prepare(&self, slot: usize, script: &[u8]) -> Result<Box<dyn PreparedJob + '_>, EngineError>;
}

/// A job that is ready to run.
pub trait PreparedJob {
    /// Runs the script, and ends it at once when `stop` is ready. `watcher` gets its progress.
    ///
    /// # Errors
    /// Only when the runner is at fault.
    fn run<'a>(
        &'a self,
        display_name: &'a str,
        stop: LocalBoxFuture<'a, ()>,
        watcher: Watcher<'a>,
    ) -> LocalBoxFuture<'a, Result<Run, EngineError>>;

    /// Reads the files of a finished job. A file that cannot be used fails the job, and `finished` says why.
    fn gather<'a>(&'a self, finished: &'a mut Finished) -> LocalBoxFuture<'a, Vec<Collected>>;
}

struct EngineJob<'e> {
    engine: &'e Engine,
    slot: usize,
    directory: JobDirectory,
}

impl ScriptRunner for Engine {
    fn warm_up(&self) -> LocalBoxFuture<'_, Result<(), EngineError>> {
        Engine::warm_up(self).boxed_local()
    }

    fn prepare(&self, slot: usize, script: &[u8]) -> Result<Box<dyn PreparedJob + '_>, EngineError> {
        Ok(Box::new(EngineJob { engine: self, slot, directory: Engine::prepare(self, slot, script)? }))
    }
}

impl PreparedJob for EngineJob<'_> {
    fn run<'a>(
        &'a self,
        display_name: &'a str,
        stop: LocalBoxFuture<'a, ()>,
        watcher: Watcher<'a>,
    ) -> LocalBoxFuture<'a, Result<Run, EngineError>> {
        self.engine.run(self.slot, &self.directory, display_name, stop, watcher).boxed_local()
    }

    fn gather<'a>(&'a self, finished: &'a mut Finished) -> LocalBoxFuture<'a, Vec<Collected>> {
        async move { gather(&self.directory.output(), finished, self.engine.limits().output).await }.boxed_local()
    }
}
