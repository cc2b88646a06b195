//! `freecad-runner check`: what this machine offers, for people who set one up.

use crate::config::{EngineConfig, JailMode};
use crate::engine::{self, Engine, Volume};

/// Prints what was found, a line each. True if scripts can be run.
pub async fn check(config: &EngineConfig) -> bool {
    let line = |name: &str, value: String| println!("{name:<12} {value}");
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    line("kernel", read("/proc/sys/kernel/osrelease"));
    line(
        "cores",
        std::thread::available_parallelism().map_or_else(|_| "unknown".to_owned(), |cores| cores.to_string()),
    );
    line("memory", memory().unwrap_or_else(|| "unknown".to_owned()));
    line("user", if nix::unistd::geteuid().is_root() { "root".to_owned() } else { "not root".to_owned() });
    line(
        "landlock",
        engine::landlock_version().map_or_else(
            || "none: scripts cannot be run here".to_owned(),
            |version| {
                format!("version {version}{}", if version < 6 { ", without signal scope (Linux 6.12)" } else { "" })
            },
        ),
    );
    line(
        "jail",
        match config.jail {
            JailMode::Full => format!("full: own users from {}", crate::config::FIRST_SLOT_UID),
            JailMode::SameUid => "same-uid: for your own scripts only".to_owned(),
        },
    );
    let limits = config.limits;
    line(
        "job limits",
        format!(
            "{} s, {} MiB of memory, {} MiB of files",
            limits.seconds.as_secs(),
            limits.memory >> 20,
            limits.output >> 20
        ),
    );
    let engine = match Engine::new(&EngineConfig { slots: 1, ..config.clone() }) {
        Ok(engine) => engine,
        Err(problem) => {
            line("engine", problem);
            return false;
        }
    };
    line(
        "scratch",
        format!(
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
    match engine.warm_up().await {
        Ok(()) => {
            line("engine", format!("FreeCAD is ready ({})", config.freecad));
            true
        }
        Err(problem) => {
            line("engine", problem.to_string());
            false
        }
    }
}

fn memory() -> Option<String> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let kibibytes: u64 = text.lines().next()?.split_whitespace().nth(1)?.parse().ok()?;
    Some(format!("{} MiB", kibibytes >> 10))
}
