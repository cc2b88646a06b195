//! `freecad-runner`: polls a bucket for FreeCAD scripts, runs them, and publishes the models.
//!
//! In reading order; the library's `contract` and `s3` do the rest:
//!
//! - `config`: the settings
//! - `transport`: HTTP and the clock
//! - `queue`: what a listing of `pending/` means
//! - `claim`: holding a version
//! - `engine`: running a script that is not trusted
//! - `collect`: taking its files
//! - `publish`: files, log, report
//! - `job`: one job from claim to commit
//! - `sweep`: scripts without a ticket
//! - `daemon`: the loop
//!
//! Invariants: the runner needs nothing but the bucket; nothing is committed but by the report; no credential reaches
//! a script's process.

mod claim;
mod collect;
mod config;
mod daemon;
mod engine;
mod job;
mod publish;
mod queue;
mod sweep;
mod transport;

use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

use config::{Config, JailMode};
use engine::Engine;
use transport::{SystemClock, Transport};

const USAGE: &str = "freecad-runner: runs the FreeCAD scripts of a bucket

usage: freecad-runner              poll the bucket until SIGTERM or SIGINT
       freecad-runner --help       this text
       freecad-runner --version

Settings come from the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_BUCKET_NAME and more;
README.md, Configuration, lists them. RUST_LOG sets how much is said (default: info).
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {}
        ["--help" | "-h"] => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        ["--version" | "-V"] => {
            println!("freecad-runner {}", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        _ => {
            eprint!("freecad-runner: unknown arguments: {}\n\n{USAGE}", arguments.join(" "));
            return ExitCode::from(2);
        }
    }
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_target(false)
        .init();
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("freecad-runner: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn start() -> Result<(), String> {
    let config = Config::from_settings(&|name| std::env::var(name).ok()).map_err(|error| error.to_string())?;
    let engine = Engine::new(&config)?;
    match engine.jail() {
        JailMode::Full => tracing::info!("scripts run as users of their own, from id {}", config::FIRST_SLOT_UID),
        JailMode::SameUid => tracing::warn!("RUNNER_JAIL=same-uid: scripts run as your own user; run only your own"),
    }
    // One thread: the library's futures stay on it, and the jobs' processes die with it.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let transport =
            Transport::new().map_err(|error| format!("the system's certificates cannot be read: {error}"))?;
        let clock = SystemClock::new();
        let (stop, stopping) = watch::channel(false);
        let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
        let wait_for_signal = async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            // The daemon holds a receiver for as long as it runs.
            let _ = stop.send(true);
            // A second signal is a person who will not wait: the default action is restored by leaving at once.
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        tokio::select! {
            outcome = daemon::run(&config, &engine, &transport, &clock, stopping) => outcome,
            () = wait_for_signal => Err("stopped at once by a second signal; unfinished attempts expire".to_owned()),
        }
    })
}
