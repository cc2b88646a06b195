//! What stands for FreeCAD: it takes some time, leaves small files of the script's own, and fails now and then.

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
use crate::life::Life;
use crate::world::World;

/// A script that holds this kills the runner that runs it.
pub const POISON: &str = "poison";

/// The engine of one runner's life.
pub struct Bench {
    pub world: Rc<World>,
    pub life: Rc<Life>,
    jobs: Cell<u64>,
}

struct BenchJob<'b> {
    bench: &'b Bench,
    script: Vec<u8>,
}

impl Bench {
    pub fn new(world: Rc<World>, life: Rc<Life>) -> Self {
        Self { world, life, jobs: Cell::new(0) }
    }

    /// In a thousand jobs; none where nothing goes wrong but the store.
    fn fails(&self, times: u64) -> bool {
        let weather = &self.world.weather;
        weather.climate.has_deaths() && !weather.is_over.get() && permille(times)
    }
}

impl ScriptRunner for Bench {
    fn warm_up(&self) -> LocalBoxFuture<'_, Result<(), EngineError>> {
        sleep(Duration::from_millis(500)).map(Ok).boxed_local()
    }

    fn prepare(&self, _: usize, script: &[u8]) -> Result<Box<dyn PreparedJob + '_>, EngineError> {
        if self.fails(20) {
            return Err(EngineError::new("make the job's directory")(io::Error::other("no room")));
        }
        Ok(Box::new(BenchJob { bench: self, script: script.to_vec() }))
    }
}

impl PreparedJob for BenchJob<'_> {
    fn run<'a>(
        &'a self,
        display_name: &'a str,
        stop: LocalBoxFuture<'a, ()>,
        _watcher: Watcher<'a>,
    ) -> LocalBoxFuture<'a, Result<Run, EngineError>> {
        async move {
            let Bench { world, life, .. } = self.bench;
            let job = job_of(display_name);
            world.note(&life.name, &format!("begins {display_name}"));
            world.ledger.borrow_mut().begins(&job, life);
            let takes = pick(&[millis(20, 300), millis(20, 300), seconds(1, 4), seconds(5, 70)]);
            if let Either::Right(_) = select(sleep(takes).boxed_local(), stop).await {
                return Ok(Run::Stopped);
            }
            if String::from_utf8_lossy(&self.script).contains(POISON) {
                world.note(&life.name, "dies of the script");
                life.kill();
                return std::future::pending().await;
            }
            if self.bench.fails(40) {
                world.ledger.borrow_mut().excused.insert((job, life.name.clone()));
                let failed = EngineError::new("run FreeCAD")(io::Error::other("the fork server is gone"));
                return Err(failed.with_the_script());
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
            let number = self.bench.jobs.replace(self.bench.jobs.get() + 1);
            let formats = [Format::FcStd, Format::Step, Format::Stl];
            let file = |format: &Format| {
                let mut bytes = self.script.clone();
                bytes.extend(format!(" as {format}, job {number} of {}", self.bench.life.name).bytes());
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
        other => panic!("{display_name} is no script's name: {other:?}"),
    }
}

fn finished() -> Finished {
    let outcome =
        pick(&[Outcome::Completed, Outcome::Completed, Outcome::Completed, Outcome::Failed, Outcome::TimedOut]);
    let error = (outcome != Outcome::Completed).then(|| JobError::new("script_error", "it does not like it"));
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
