//! A fake FreeCAD: it takes some time, returns small files made from the script, and sometimes fails.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use contract::{Format, JobError, Key, Outcome, Sha256};
use freecad_runner::job::Collected;
use freecad_runner::script_runner::{PreparedJob, ScriptRunner};
use futures::FutureExt;
use futures::future::{Either, LocalBoxFuture, select};
use sandbox::{EngineError, Finished, Log, Run, Watcher};
use tokio::time::sleep;

use crate::chance::{below, millis, permille, pick, seconds};
use crate::ledger::Job;
use crate::process::Process;
use crate::world::World;

/// A script that contains this text kills its runner.
pub const POISON: &str = "poison";

/// The engine of one runner process.
pub struct FakeEngine {
    pub world: Rc<World>,
    pub process: Rc<Process>,
    jobs: Cell<u64>,
}

struct FakeJob<'b> {
    engine: &'b FakeEngine,
    script: Vec<u8>,
}

impl FakeEngine {
    pub fn new(world: Rc<World>, process: Rc<Process>) -> Self {
        Self { world, process, jobs: Cell::new(0) }
    }

    /// True `times` times in a thousand, but never in a climate without deaths.
    fn fails(&self, times: u64) -> bool {
        let weather = &self.world.weather;
        weather.climate.has_deaths() && !weather.is_over.get() && permille(times)
    }
}

impl ScriptRunner for FakeEngine {
    fn warm_up(&self) -> LocalBoxFuture<'_, Result<(), EngineError>> {
        sleep(Duration::from_millis(500)).map(Ok).boxed_local()
    }

    fn prepare(&self, _: usize, script: &[u8]) -> Result<Box<dyn PreparedJob + '_>, EngineError> {
        if self.fails(20) {
            return Err(EngineError::MakeDirectory(io::Error::other("no room")));
        }
        Ok(Box::new(FakeJob { engine: self, script: script.to_vec() }))
    }
}

impl PreparedJob for FakeJob<'_> {
    fn run<'a>(
        &'a self,
        display_name: &'a str,
        stop: LocalBoxFuture<'a, ()>,
        _watcher: Watcher<'a>,
    ) -> LocalBoxFuture<'a, Result<Run, EngineError>> {
        async move {
            let FakeEngine { world, process, .. } = self.engine;
            let job = job_of(display_name);
            world.note(&process.name, &format!("starts {display_name}"));
            world.ledger.borrow_mut().script_started(&job, process);
            let takes = pick(&[millis(20, 300), millis(20, 300), seconds(1, 4), seconds(5, 70)]);
            if let Either::Right(_) = select(sleep(takes).boxed_local(), stop).await {
                return Ok(Run::Stopped);
            }
            if String::from_utf8_lossy(&self.script).contains(POISON) {
                world.note(&process.name, "is killed by the script");
                process.kill();
                return std::future::pending().await;
            }
            if self.engine.fails(40) {
                world.ledger.borrow_mut().engine_failures.insert((job, process.name.clone()));
                return Err(EngineError::WatchJob(io::Error::other("the fork server is gone")));
            }
            Ok(Run::Finished(Box::new(finished())))
        }
        .boxed_local()
    }

    fn gather<'a>(&'a self, finished: &'a mut Finished) -> LocalBoxFuture<'a, Vec<Collected>> {
        async move {
            if finished.outcome != Outcome::Completed {
                return Vec::new();
            }
            sleep(pick(&[millis(0, 20), millis(0, 2_000)])).await;
            let number = self.engine.jobs.replace(self.engine.jobs.get() + 1);
            let formats = [Format::FcStd, Format::Step, Format::Stl];
            let file = |format: &Format| {
                let mut bytes = self.script.clone();
                bytes.extend(format!(" as {format}, job {number} of {}", self.engine.process.name).bytes());
                let sha256 = Sha256::of(&bytes);
                Collected { format: *format, made_by: "runner".to_owned(), bytes: bytes.into(), sha256 }
            };
            formats[..1 + below(3) as usize].iter().map(file).collect()
        }
        .boxed_local()
    }
}

fn job_of(display_name: &str) -> Job {
    let project = display_name.rsplit_once("_v").map_or("", |(project, _)| project);
    match format!("input/{project}/{display_name}").parse() {
        Ok(Key::Script(project, version)) => (project, version),
        other => panic!("{display_name} is not the name of a script: {other:?}"),
    }
}

fn finished() -> Finished {
    let outcome =
        pick(&[Outcome::Completed, Outcome::Completed, Outcome::Completed, Outcome::Failed, Outcome::TimedOut]);
    let error = (outcome != Outcome::Completed).then(|| JobError::new("script_error", "a made-up error"));
    Finished {
        outcome,
        error,
        geometry: None,
        files: Vec::new(),
        mesh: None,
        timings_ms: BTreeMap::new(),
        warnings: Vec::new(),
        engine: Some("none".to_owned()),
        log: Log::default(),
    }
}
