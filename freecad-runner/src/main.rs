//! The program `freecad-runner`: reads command line, environment and signals, and calls the library.

use std::process::ExitCode;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::stat::Mode;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

use freecad_runner::command_line::{self, Command};
use freecad_runner::config::{Config, engine_config};
use freecad_runner::hints::{self, Hints};
use freecad_runner::local::LocalRun;
use freecad_runner::transport::{SystemClock, Transport};
use freecad_runner::{check, daemon, local};
use sandbox::{Engine, EngineConfig, JailMode};

fn main() -> ExitCode {
    // Jobs run as other users, who must reach their files through the runner's directories, whatever umask it inherits.
    nix::sys::stat::umask(Mode::from_bits_truncate(0o022));
    raise_descriptors();
    let command = match command_line::parse(std::env::args_os().skip(1)) {
        Ok(command) => command,
        Err(problem) => {
            eprintln!("freecad-runner: {problem}");
            return ExitCode::from(2);
        }
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_target(false)
        .init();
    let outcome = match command {
        Command::Print(text) => {
            print!("{text}");
            Ok(true)
        }
        Command::Poll => poll().map(|()| true),
        Command::Run(runs) => run_all(&runs),
        Command::Check => check_machine(),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("freecad-runner: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Each job needs several descriptors, and the usual soft limit of 1,024 is for programs that use `select`. A failure is
/// ignored.
fn raise_descriptors() {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

/// Uses one thread: the library's futures stay on it, and the jobs' processes die with it.
fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())
}

/// Takes over SIGTERM and SIGINT, which no longer end this process. While the future is polled, the first signal turns the
/// value true, and the second makes the future ready, for people who do not want to wait.
fn signals() -> Result<(watch::Receiver<bool>, impl Future<Output = ()>), String> {
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
    let (stop, stopping) = watch::channel(false);
    let second = async move {
        for _ in 0..2 {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            // Without a receiver nothing runs that could be stopped.
            let _ = stop.send(true);
        }
    };
    Ok((stopping, second))
}

fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn check_machine() -> Result<bool, String> {
    let config = engine_config(&setting).map_err(|error| error.to_string())?;
    runtime()?.block_on(async {
        let (mut stopping, second) = signals()?;
        let clock = SystemClock::new();
        tokio::select! {
            can_run = check::check(&config, &clock) => Ok(can_run),
            // `second` receives the signals, also the first.
            _ = stopping.wait_for(|stopping| *stopping) => Err("stopped by a signal".to_owned()),
            () = second => Err("stopped by signals".to_owned()),
        }
    })
}

fn run_all(runs: &[LocalRun]) -> Result<bool, String> {
    let config = engine_config(&setting).map_err(|error| error.to_string())?;
    let config = EngineConfig { slots: config.slots.min(runs.len()), ..config };
    runtime()?.block_on(async {
        let (stopping, second) = signals()?;
        let (engine, clock) = (Engine::new(&config)?, SystemClock::new());
        tokio::select! {
            outcome = local::run_all(&engine, &config, runs, &clock, stopping, std::io::stdout()) => outcome,
            () = second => Err("stopped at once by a second signal".to_owned()),
        }
    })
}

fn poll() -> Result<(), String> {
    let config = Config::from_settings(&setting).map_err(|error| error.to_string())?;
    runtime()?.block_on(async {
        // First, so that a signal during the start is kept, also if the runner is process 1.
        let (stopping, second) = signals()?;
        let engine = Engine::new(&config.engine)?;
        match engine.jail() {
            JailMode::Full => {
                tracing::info!(ids = ?engine.users(), "each slot has its own user");
            }
            JailMode::SameUid => {
                tracing::warn!("RUNNER_JAIL=same-uid: scripts run as your own user; run only scripts that you trust");
            }
        }
        tracing::info!(
            landlock = sandbox::landlock_version(),
            seccomp = true,
            scratch = ?engine.volume(),
            "jail"
        );
        let transport =
            Transport::new().map_err(|error| format!("the system's certificates cannot be read: {error}"))?;
        let clock = SystemClock::new();
        let hints = Hints::new(config.worker.is_some());
        let daemon = daemon::run(&config, &engine, &transport, &clock, &hints, stopping);
        let exchange = hints::exchange_during(config.worker.as_ref(), &transport, &clock, &hints, daemon);
        tokio::select! {
            outcome = exchange => outcome,
            () = second => Err("stopped at once by a second signal; unfinished attempts expire after a lease".to_owned()),
        }
    })
}
