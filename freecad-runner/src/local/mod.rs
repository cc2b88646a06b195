//! `freecad-runner run`: runs local files with the same engine, without a bucket.
//!
//! - `plan`: the scripts and their output directories
//! - `printer`: prints progress

mod plan;
mod printer;

use std::cell::{Cell, RefCell};
use std::fs;
use std::io::Write;
use std::slice::Iter;

use contract::{JobError, Outcome};
use futures::future::join_all;
use sandbox::{Engine, EngineConfig, Finished, Run, printable};
use serde_json::json;
use tokio::sync::watch;

use crate::job::gather;
use crate::transport::SystemClock;
pub use plan::LocalRun;
use plan::{LOG_FILE, REPORT_FILE, with_path};
use printer::{PrefixedOutput, Printer};

/// The state of `run_all`.
struct LocalRuns<'a> {
    engine: &'a Engine,
    config: &'a EngineConfig,
    printer: Printer,
    is_alone: bool,
    waiting: RefCell<Iter<'a, LocalRun>>,
    stopping: watch::Receiver<bool>,
    completed: Cell<usize>,
    /// One line for each script without a result.
    without_result: RefCell<Vec<String>>,
}

/// Runs the scripts, as many at once as there are slots, and prints their progress to `to`. After a failure of the engine
/// the other scripts still run. When `stopping` turns true, running scripts are ended. Gives whether all completed.
///
/// # Errors
/// When the engine does not start, when the run was stopped, or when a script has no result: it cannot be read, its output
/// directory cannot be written, or the engine failed. The message says which.
pub async fn run_all(
    engine: &Engine,
    config: &EngineConfig,
    runs: &[LocalRun],
    clock: &SystemClock,
    stopping: watch::Receiver<bool>,
    to: impl Write + Send + 'static,
) -> Result<bool, String> {
    let local = LocalRuns {
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
    let started = clock.monotonic();
    join_all((0..config.slots).map(|slot| local.work(slot))).await;
    if *local.stopping.borrow() {
        return Err("stopped by a signal".to_owned());
    }
    let completed = local.completed.get();
    if !local.is_alone {
        let took = (clock.monotonic() - started).as_secs_f64();
        let rate = runs.len() as f64 * 60.0 / took;
        let all = runs.len();
        local.printer.line(format!("{completed} of {all} completed in {took:.2} s ({rate:.0} jobs a minute)"));
    }
    local.all_printed().await;
    let without = local.without_result.into_inner();
    match without.len() {
        0 => Ok(completed == runs.len()),
        1 => Err(without.concat()),
        several => Err(format!("{several} of {} scripts have no result:\n{}", runs.len(), without.join("\n"))),
    }
}

impl LocalRuns<'_> {
    /// Runs one script after the other on this slot, until none waits or the run is stopped.
    async fn work(&self, slot: usize) {
        while !*self.stopping.borrow() {
            let next = self.waiting.borrow_mut().next();
            let Some(run) = next else { return };
            let name = run.name();
            let output = PrefixedOutput::new(&self.printer, &name, self.is_alone);
            match self.run(slot, run, &name, &output).await {
                Ok(None) => output.say("stopped"),
                Ok(Some(Outcome::Completed)) => {
                    self.completed.update(|completed| completed + 1);
                    output.say("completed");
                }
                Ok(Some(_)) => output.say("failed"),
                Err(problem) => {
                    output.say(&format!("no result: {problem}"));
                    self.without_result.borrow_mut().push(format!("{name}: {problem}"));
                }
            }
            // A slow reader limits the text that waits to one job per slot.
            self.all_printed().await;
        }
    }

    /// Runs one script. Gives `None` if it was stopped.
    async fn run(
        &self,
        slot: usize,
        run: &LocalRun,
        name: &str,
        output: &PrefixedOutput<'_>,
    ) -> Result<Option<Outcome>, String> {
        let script = fs::read(&run.script).map_err(|error| format!("it cannot be read: {error}"))?;
        run.clear_out()?;
        let directory = self.engine.prepare(slot, &script).map_err(|error| error.to_string())?;
        let ended = self.engine.run(slot, &directory, name, self.stopped(), &|progress| output.watch(progress)).await;
        let Run::Finished(mut finished) = ended.map_err(|error| error.to_string())? else { return Ok(None) };
        if finished.outcome == Outcome::Completed && finished.mesh.is_some() {
            output.say("drawing the picture");
        }
        let mut written = Vec::new();
        for file in gather(&directory.output(), &mut finished, self.config.limits.output).await {
            let path = run.out.join(file.format.file_name());
            fs::write(&path, &file.bytes).map_err(with_path(&path))?;
            output.say(&format!("{} ({} bytes)", path.display(), file.bytes.len()));
            written.push(json!({
                "format": file.format, "size": file.bytes.len(), "sha256": file.sha256, "made_by": file.made_by,
            }));
        }
        let Finished { outcome, error, geometry, timings_ms, warnings, engine, log, .. } = *finished;
        for warning in &warnings {
            output.say(&format!("warning: {}", in_a_line(warning)));
        }
        error.iter().for_each(|error| explain(error, output));
        let report = json!({
            "outcome": outcome, "error": error, "geometry": geometry, "files": written,
            "timings_ms": timings_ms, "warnings": warnings, "engine": engine,
        });
        for (file, text) in [(LOG_FILE, log.text()), (REPORT_FILE, format!("{report:#}\n"))] {
            let path = run.out.join(file);
            fs::write(&path, text).map_err(with_path(&path))?;
        }
        Ok(Some(outcome))
    }

    async fn stopped(&self) {
        if self.stopping.clone().wait_for(|stopping| *stopping).await.is_err() {
            // The sender is gone, so no stop can come.
            std::future::pending::<()>().await;
        }
    }

    /// Waits for the reader, but not after a signal.
    async fn all_printed(&self) {
        tokio::select! {
            () = self.printer.flush() => {}
            () = self.stopped() => {}
        }
    }
}

/// Prints why a script failed: the traceback, then the code, the message and the script's line.
fn explain(error: &JobError, output: &PrefixedOutput<'_>) {
    let traceback = error.traceback.iter().flat_map(|traceback| traceback.lines());
    traceback.filter_map(|line| printable(line.as_bytes())).for_each(|line| output.quote(&line));
    let place = match (error.line, &error.source) {
        (Some(line), Some(source)) => format!(" (line {line}: {})", in_a_line(source)),
        (Some(line), None) => format!(" (line {line})"),
        (None, _) => String::new(),
    };
    output.say(&format!("{}: {}{place}", in_a_line(error.code.as_str()), in_a_line(&error.message)));
}

/// The script decides this text, so it may hold control characters.
fn in_a_line(text: &str) -> String {
    printable(text.replace('\n', " ").as_bytes()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
