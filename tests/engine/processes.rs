//! What a runner and its fork servers hold while they run.

use std::fs;
use std::path::Path;

use nix::sys::statfs::{TMPFS_MAGIC, statfs};

/// What was held at one moment by a runner, by its fork servers together, and by its jobs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Holding {
    /// Of the runner.
    pub runner_kib: u64,
    /// Of the runner.
    pub runner_descriptors: usize,
    /// How many fork servers there are.
    pub servers: usize,
    /// Of all fork servers. Resident memory, not a share of it: what a server shares with a child would count half while
    /// there is one.
    pub servers_kib: u64,
    /// Of all fork servers.
    pub servers_descriptors: usize,
    /// Processes of the slots' users: the jobs.
    pub jobs: usize,
    /// Files and directories of the slots' volumes, those that have no name any more included.
    pub files: u64,
}

/// None once the runner is ending.
pub fn holding(runner: u32, users: &[u32], scratch: &Path) -> Option<Holding> {
    let mut held = Holding {
        runner_kib: resident_kib(runner)?,
        runner_descriptors: descriptors(runner)?,
        files: files(runner, scratch),
        ..Holding::default()
    };
    for process in processes() {
        let Some(status) = Status::of(process) else { continue };
        if status.parent == runner {
            held.servers += 1;
            held.servers_kib += resident_kib(process).unwrap_or(0);
            held.servers_descriptors += descriptors(process).unwrap_or(0);
        } else if users.contains(&status.user) {
            held.jobs += 1;
        }
    }
    Some(held)
}

struct Status {
    parent: u32,
    user: u32,
}

impl Status {
    fn of(process: u32) -> Option<Self> {
        Some(Self { parent: field(process, "PPid:")?, user: field(process, "Uid:")? })
    }
}

/// The first number of a line of `/proc/…/status`.
fn field<T: std::str::FromStr>(process: u32, name: &str) -> Option<T> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let value = status.lines().find_map(|line| line.strip_prefix(name))?;
    value.split_whitespace().next()?.parse().ok()
}

fn resident_kib(process: u32) -> Option<u64> {
    field(process, "VmRSS:")
}

fn descriptors(process: u32) -> Option<usize> {
    Some(fs::read_dir(format!("/proc/{process}/fd")).ok()?.count())
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The slots' volumes are mounted where the runner alone sees them: they are looked at through its own root.
fn files(runner: u32, scratch: &Path) -> u64 {
    let scratch = Path::new("/proc").join(runner.to_string()).join("root").join(scratch.strip_prefix("/").unwrap());
    let under = |path: &Path| fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    let slots = under(&scratch).flat_map(|of_runner| under(&of_runner).collect::<Vec<_>>());
    let slots = slots.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("slot")));
    slots
        .map(|slot| match statfs(slot.as_path()) {
            Ok(volume) if volume.filesystem_type() == TMPFS_MAGIC => volume.files() - volume.files_free(),
            _ => count(&slot),
        })
        .sum()
}

/// Entries of a directory and of those in it; what vanishes meanwhile does not count.
fn count(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .map(|entry| 1 + if entry.file_type().is_ok_and(|kind| kind.is_dir()) { count(&entry.path()) } else { 0 })
        .sum()
}
