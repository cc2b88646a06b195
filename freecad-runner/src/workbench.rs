//! The seam between a job and what runs its script: the engine with FreeCAD, or what a simulation puts in its place.

use futures::FutureExt;
use futures::future::LocalBoxFuture;

use crate::collect::Collected;
use crate::products::gather;
use sandbox::{Engine, EngineError, Finished, JobDirectory, Run, Watcher};

/// Runs scripts, one a slot at a time.
pub trait Workbench {
    /// Gets ready, so that the first job need not wait.
    ///
    /// # Errors
    /// When scripts cannot be run here.
    fn warm_up(&self) -> LocalBoxFuture<'_, Result<(), EngineError>>;

    /// Makes a place for a job on `slot`; it is gone when the job is dropped.
    ///
    /// # Errors
    /// When it cannot be made: the disk is full, say.
    fn prepare(&self, slot: usize, script: &[u8]) -> Result<Box<dyn PreparedJob + '_>, EngineError>;
}

/// A job that has its place and can be run.
pub trait PreparedJob {
    /// Runs the script; ends it at once when `stop` is ready. What it tells meanwhile goes to `watcher`.
    ///
    /// # Errors
    /// Only where the runner is at fault.
    fn run<'a>(
        &'a self,
        display_name: &'a str,
        stop: LocalBoxFuture<'a, ()>,
        watcher: Watcher<'a>,
    ) -> LocalBoxFuture<'a, Result<Run, EngineError>>;

    /// Takes the files of the job that has `finished`; what is wrong with them is its failure, and it says so.
    fn gather<'a>(&'a self, finished: &'a mut Finished) -> LocalBoxFuture<'a, Vec<Collected>>;
}

/// A job of the engine.
struct EngineJob<'e> {
    engine: &'e Engine,
    slot: usize,
    directory: JobDirectory,
}

impl Workbench for Engine {
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
