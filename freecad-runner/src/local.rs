//! `freecad-runner run`: the same engine on a file of one's own, without a bucket.

use std::cell::RefCell;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use futures::future::try_join_all;
use partwright::contract::Outcome;
use serde_json::json;

use crate::config::{EngineConfig, Limits};
use crate::engine::{Engine, Finished, Run};
use crate::products::gather;
use crate::transport::SystemClock;

/// What to run, and where to put what comes out.
#[derive(Debug)]
pub struct LocalRun {
    /// The script.
    pub script: PathBuf,
    /// The directory for files, `log.txt` and `report.json`; made if it is not there.
    pub out: PathBuf,
}

/// Runs the scripts, as many at once as there are slots, and prints how each went. True if all completed.
///
/// # Errors
/// When a script cannot be read, a directory cannot be written, or the engine fails; the message says which.
pub async fn run_all(
    engine: &Engine,
    config: &EngineConfig,
    runs: &[LocalRun],
    clock: &SystemClock,
) -> Result<bool, String> {
    engine.warm_up().await.map_err(|error| error.to_string())?;
    let began = clock.monotonic();
    let waiting = RefCell::new(runs.iter());
    let slots = (0..config.slots).map(|slot| {
        let waiting = &waiting;
        async move {
            let mut completed = 0;
            loop {
                let next = waiting.borrow_mut().next();
                let Some(local) = next else { return Ok::<_, String>(completed) };
                completed += usize::from(run(engine, slot, config.limits, local).await?);
            }
        }
    });
    let completed: usize = try_join_all(slots).await?.into_iter().sum();
    if let [_, _, ..] = runs {
        let took = (clock.monotonic() - began).as_secs_f64();
        let rate = runs.len() as f64 * 60.0 / took;
        println!("{completed} of {} completed in {took:.2} s ({rate:.0} jobs a minute)", runs.len());
    }
    Ok(completed == runs.len())
}

async fn run(engine: &Engine, slot: usize, limits: Limits, run: &LocalRun) -> Result<bool, String> {
    let told = |path: &Path| {
        let path = path.display().to_string();
        move |error: io::Error| format!("{path}: {error}")
    };
    let script = fs::read(&run.script).map_err(told(&run.script))?;
    let name = run.script.file_name().unwrap_or_default().to_string_lossy().into_owned();
    fs::create_dir_all(&run.out).map_err(told(&run.out))?;
    let directory = engine.prepare(slot, &script).map_err(|error| error.to_string())?;
    println!("running {name}");
    let outcome =
        engine.run(slot, &directory, &name, std::future::pending()).await.map_err(|error| error.to_string())?;
    let Run::Finished(mut finished) = outcome else { return Err(format!("{name} was stopped")) };
    let mut written = Vec::new();
    for file in gather(&directory.output(), &mut finished, limits.output).await {
        let path = run.out.join(file.format.file_name());
        fs::write(&path, &file.bytes).map_err(told(&path))?;
        println!("{} ({} bytes)", path.display(), file.bytes.len());
        written.push(json!({
            "format": file.format, "size": file.bytes.len(), "sha256": file.sha256, "made_by": file.made_by,
        }));
    }
    let Finished { outcome, error, geometry, timings_ms, warnings, engine, log, .. } = *finished;
    let log = log.text();
    print!("{log}");
    let report = json!({
        "outcome": outcome, "error": error, "geometry": geometry, "files": written,
        "timings_ms": timings_ms, "warnings": warnings, "engine": engine,
    });
    for (file, text) in [("log.txt", log), ("report.json", format!("{report:#}\n"))] {
        let path = run.out.join(file);
        fs::write(&path, text).map_err(told(&path))?;
    }
    println!("{name}: {}", if outcome == Outcome::Completed { "completed" } else { "failed" });
    Ok(outcome == Outcome::Completed)
}
