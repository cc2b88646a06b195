//! `freecad-runner check`: reports what this machine offers, for people who set one up.

use contract::Outcome;
use sandbox::{Engine, EngineConfig, JailMode, Namespace, Run, Volume, unwatched};

use crate::transport::SystemClock;

/// The script to try.
const TRIAL_SCRIPT: &[u8] = b"import FreeCAD\nFreeCAD.newDocument('Trial').addObject('Part::Box', 'Box')\n";

/// Prints one line per finding. Gives whether scripts can run.
pub async fn check(config: &EngineConfig, clock: &SystemClock) -> bool {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    line("kernel", &read("/proc/sys/kernel/osrelease"));
    line(
        "cores",
        &std::thread::available_parallelism().map_or_else(|_| "unknown".to_owned(), |cores| cores.to_string()),
    );
    line("memory", &memory().unwrap_or_else(|| "unknown".to_owned()));
    line("user", if nix::unistd::geteuid().is_root() { "root" } else { "not root" });
    line(
        "landlock",
        &sandbox::landlock_version().map_or_else(
            || "none: scripts cannot run here".to_owned(),
            |version| {
                format!("version {version}{}", if version < 6 { ", without signal scope (Linux 6.12)" } else { "" })
            },
        ),
    );
    line("namespaces", &namespaces());
    line(
        "jail",
        &match config.jail {
            JailMode::Full => format!("full: own users from {}", sandbox::FIRST_SLOT_UID),
            JailMode::SameUid => "same-uid: for your own scripts only".to_owned(),
        },
    );
    let limits = config.limits;
    line(
        "job limits",
        &format!(
            "{} s, {} MiB of memory, {} MiB of files",
            limits.seconds.as_secs(),
            limits.memory >> 20,
            limits.output >> 20
        ),
    );
    match check_engine(config, clock).await {
        Ok(()) => true,
        Err(problem) => {
            line("engine", &problem);
            false
        }
    }
}

/// Starts the engine and runs one script in the jail, which shows what the other findings do not.
async fn check_engine(config: &EngineConfig, clock: &SystemClock) -> Result<(), String> {
    let engine = Engine::new(&EngineConfig { slots: 1, ..config.clone() })?;
    line(
        "scratch",
        &format!(
            "{}: {}",
            config.scratch.display(),
            match engine.volume() {
                Volume::Own => "a volume in memory for each slot, limited in size and number of files",
                Volume::Shared => "a volume in memory, limited in size and number of files, shared by all slots",
                Volume::Disk =>
                    "on disk; files are limited in size, not in number: give it a tmpfs with size and nr_inodes",
            }
        ),
    );
    let started = clock.monotonic();
    engine.warm_up().await.map_err(|error| error.to_string())?;
    line("engine", &format!("ready in {:.2} s ({})", (clock.monotonic() - started).as_secs_f64(), config.freecad));
    let started = clock.monotonic();
    let directory = engine.prepare(0, TRIAL_SCRIPT).map_err(|error| error.to_string())?;
    let ended = engine.run(0, &directory, "trial.py", std::future::pending(), &unwatched).await;
    let Run::Finished(finished) = ended.map_err(|error| error.to_string())? else {
        return Err("the trial was stopped".to_owned());
    };
    line("freecad", finished.engine.as_deref().unwrap_or("unknown"));
    if finished.outcome != Outcome::Completed {
        return Err(format!("a box did not become a model:\n{}", finished.log.text().trim_end()));
    }
    let took = (clock.monotonic() - started).as_secs_f64();
    line("trial", &format!("a box became a model in {:.0} ms, in the jail", took * 1000.0));
    Ok(())
}

fn line(name: &str, value: &str) {
    println!("{name:<12} {value}");
}

/// Lists the namespaces that can be created. The jail uses only the mount namespace, for the slots' volumes.
fn namespaces() -> String {
    let Ok(found) = sandbox::namespaces() else { return "unknown: no process could be started to try".to_owned() };
    let text = |(name, namespace): (&str, Namespace)| match namespace {
        Namespace::Yes => format!("{name} yes"),
        Namespace::WithUser => format!("{name} within a user namespace"),
        Namespace::No(why) => format!("{name} no ({why:?})"),
    };
    found.into_iter().map(text).collect::<Vec<_>>().join(", ")
}

fn memory() -> Option<String> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let kibibytes: u64 = text.lines().next()?.split_whitespace().nth(1)?.parse().ok()?;
    Some(format!("{} MiB", kibibytes >> 10))
}
