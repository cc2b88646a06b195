//! The program `freecad-runner`: reads the command line, the environment and signals, and hands on to the library.

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
    // Jobs run as users of their own, who must pass through the runner's directories; whoever started it may have
    // another umask.
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

/// Each job takes several descriptors, and the usual soft limit of 1,024 is for programs that use `select`. Where the
/// limit cannot be raised it is lived with.
fn raise_descriptors() {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

/// One thread: the library's futures stay on it, and the jobs' processes die with it.
fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())
}

/// From here on SIGTERM and SIGINT do not end this process. The first turns the value true, as long as the future is
/// polled; at the second the future is ready: a person who will not wait.
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
            // Where nobody listens, nothing runs that could be stopped.
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
            // The signals are waited for by the last line, which goes on to wait for a second.
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
        // Before all that takes time: a signal that comes meanwhile is kept, also where the runner is process 1.
        let (stopping, second) = signals()?;
        let engine = Engine::new(&config.engine)?;
        match engine.jail() {
            JailMode::Full => {
                tracing::info!(ids = ?engine.users(), "scripts run as users of their own");
            }
            JailMode::SameUid => {
                tracing::warn!("RUNNER_JAIL=same-uid: scripts run as your own user; run only your own");
            }
        }
        tracing::info!(
            landlock = sandbox::landlock_version(),
            seccomp = true,
            scratch = ?engine.volume(),
            "the jail's layers"
        );
        let transport =
            Transport::new().map_err(|error| format!("the system's certificates cannot be read: {error}"))?;
        let clock = SystemClock::new();
        let (link, hints) = (config.worker.as_ref(), Hints::new(config.worker.is_some()));
        let daemon = daemon::run(&config, &engine, &transport, &clock, &hints, stopping);
        tokio::select! {
            outcome = hints::beside(link, (&transport, &transport), &clock, &hints, daemon) => outcome,
            () = second => Err("stopped at once by a second signal; unfinished attempts expire".to_owned()),
        }
    })
}
