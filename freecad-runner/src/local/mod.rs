//! `freecad-runner run`: the same engine on files of one's own, without a bucket.
//!
//! - `plan`: which files, and where what comes of them is written
//! - `printer`: what is printed as it goes

mod plan;
mod printer;

use std::cell::{Cell, RefCell};
use std::fs;
use std::io::Write;
use std::slice::Iter;

use contract::{JobError, Outcome};
use futures::future::join_all;
use serde_json::json;
use tokio::sync::watch;

use crate::products::gather;
use crate::transport::SystemClock;
pub use plan::LocalRun;
use plan::{LOG, REPORT, told};
use printer::{Printer, Voice};
use sandbox::{Engine, EngineConfig, Finished, Run, printable};

/// What `run_all` works with, and what has come of it so far.
struct Local<'a> {
    engine: &'a Engine,
    config: &'a EngineConfig,
    printer: Printer,
    is_alone: bool,
    waiting: RefCell<Iter<'a, LocalRun>>,
    stopping: watch::Receiver<bool>,
    completed: Cell<usize>,
    /// One line for each script of which nothing is known.
    without_result: RefCell<Vec<String>>,
}

/// Runs the scripts, as many at once as there are slots, and prints to `to` how they go, as they go. One of which the
/// engine fails does not keep the others from being run. True if all completed. When `stopping` turns true, the scripts
/// that run are ended.
///
/// # Errors
/// When the engine does not start, when it was stopped, or when there is no result of some script: it cannot be read, its
/// directory cannot be written, or the engine failed. The message says which.
pub async fn run_all(
    engine: &Engine,
    config: &EngineConfig,
    runs: &[LocalRun],
    clock: &SystemClock,
    stopping: watch::Receiver<bool>,
    to: impl Write + Send + 'static,
) -> Result<bool, String> {
    let local = Local {
        engine,
        config,
        printer: Printer::start(to),
        is_alone: runs.len() == 1,
        waiting: RefCell::new(runs.iter()),
        stopping,
        completed: Cell::default(),
        without_result: RefCell::default(),
    };
    tokio::select! {
        ready = engine.warm_up() => ready.map_err(|error| error.to_string())?,
        () = local.stopped() => {}
    }
    let began = clock.monotonic();
    join_all((0..config.slots).map(|slot| local.work(slot))).await;
    if *local.stopping.borrow() {
        return Err("stopped by a signal".to_owned());
    }
    let completed = local.completed.get();
    if !local.is_alone {
        let took = (clock.monotonic() - began).as_secs_f64();
        let rate = runs.len() as f64 * 60.0 / took;
        let all = runs.len();
        local.printer.line(format!("{completed} of {all} completed in {took:.2} s ({rate:.0} jobs a minute)"));
    }
    local.all_printed().await;
    let without = local.without_result.into_inner();
    match without.len() {
        0 => Ok(completed == runs.len()),
        1 => Err(without.concat()),
        some => Err(format!("no result of {some} of {} scripts:\n{}", runs.len(), without.join("\n"))),
    }
}

impl Local<'_> {
    /// Runs one script after the other on this slot, until none waits or all is stopped.
    async fn work(&self, slot: usize) {
        while !*self.stopping.borrow() {
            let next = self.waiting.borrow_mut().next();
            let Some(run) = next else { return };
            let name = run.name();
            let voice = Voice::new(&self.printer, &name, self.is_alone);
            match self.run(slot, run, &name, &voice).await {
                Ok(None) => voice.say("stopped"),
                Ok(Some(Outcome::Completed)) => {
                    self.completed.update(|completed| completed + 1);
                    voice.say("completed");
                }
                Ok(Some(_)) => voice.say("failed"),
                Err(problem) => {
                    voice.say(&format!("no result: {problem}"));
                    self.without_result.borrow_mut().push(format!("{name}: {problem}"));
                }
            }
            // A reader who is slow has what one job a slot prints to read, and no more.
            self.all_printed().await;
        }
    }

    /// Runs one script. None when it was stopped.
    async fn run(&self, slot: usize, run: &LocalRun, name: &str, voice: &Voice<'_>) -> Result<Option<Outcome>, String> {
        let script = fs::read(&run.script).map_err(|error| format!("it cannot be read: {error}"))?;
        run.clear_out()?;
        let directory = self.engine.prepare(slot, &script).map_err(|error| error.to_string())?;
        let ended = self.engine.run(slot, &directory, name, self.stopped(), &|progress| voice.watch(progress)).await;
        let Run::Finished(mut finished) = ended.map_err(|error| error.to_string())? else { return Ok(None) };
        if finished.outcome == Outcome::Completed && finished.mesh.is_some() {
            voice.say("drawing the picture");
        }
        let mut written = Vec::new();
        for file in gather(&directory.output(), &mut finished, self.config.limits.output).await {
            let path = run.out.join(file.format.file_name());
            fs::write(&path, &file.bytes).map_err(told(&path))?;
            voice.say(&format!("{} ({} bytes)", path.display(), file.bytes.len()));
            written.push(json!({
                "format": file.format, "size": file.bytes.len(), "sha256": file.sha256, "made_by": file.made_by,
            }));
        }
        let Finished { outcome, error, geometry, timings_ms, warnings, engine, log, .. } = *finished;
        for warning in &warnings {
            voice.say(&format!("warning: {}", in_a_line(warning)));
        }
        error.iter().for_each(|error| explain(error, voice));
        let report = json!({
            "outcome": outcome, "error": error, "geometry": geometry, "files": written,
            "timings_ms": timings_ms, "warnings": warnings, "engine": engine,
        });
        for (file, text) in [(LOG, log.text()), (REPORT, format!("{report:#}\n"))] {
            let path = run.out.join(file);
            fs::write(&path, text).map_err(told(&path))?;
        }
        Ok(Some(outcome))
    }

    async fn stopped(&self) {
        if self.stopping.clone().wait_for(|stopping| *stopping).await.is_err() {
            // Nobody is left who could want it.
            std::future::pending::<()>().await;
        }
    }

    /// Waits for the reader, though not for one who keeps a signal waiting.
    async fn all_printed(&self) {
        tokio::select! {
            () = self.printer.reached() => {}
            () = self.stopped() => {}
        }
    }
}

/// Why a script did not complete: the traceback, then the code, the message, and the script's line.
fn explain(error: &JobError, voice: &Voice<'_>) {
    let traceback = error.traceback.iter().flat_map(|traceback| traceback.lines());
    traceback.filter_map(|line| printable(line.as_bytes())).for_each(|line| voice.quote(&line));
    let place = match (error.line, &error.source) {
        (Some(line), Some(source)) => format!(" (line {line}: {})", in_a_line(source)),
        (Some(line), None) => format!(" (line {line})"),
        (None, _) => String::new(),
    };
    voice.say(&format!("{}: {}{place}", in_a_line(error.code.as_str()), in_a_line(&error.message)));
}

/// What the job says of itself may hold anything.
fn in_a_line(text: &str) -> String {
    printable(text.replace('\n', " ").as_bytes()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
