//! Measures a runner, its fork servers and its jobs while they run.

use std::fs;
use std::path::Path;

use nix::sys::statfs::{TMPFS_MAGIC, statfs};

/// Memory, descriptors, processes and files at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub struct Holding {
    pub runner_kib: u64,
    pub runner_descriptors: usize,
    /// The number of fork servers.
    pub servers: usize,
    /// Resident memory of all fork servers. The proportional share would halve pages while a child shares them.
    pub servers_kib: u64,
    pub servers_descriptors: usize,
    /// Processes of the slots' users.
    pub jobs: usize,
    /// Files and directories on the slots' volumes, including those without a name.
    pub files: u64,
}

/// `None` if the runner is ending.
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

/// Counts through the runner's own root, because only the runner sees its mounts.
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

/// Counts the entries of a directory and of all directories in it.
fn count(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .map(|entry| 1 + if entry.file_type().is_ok_and(|kind| kind.is_dir()) { count(&entry.path()) } else { 0 })
        .sum()
}
