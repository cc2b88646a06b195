//! Each slot's own volume: files in memory with an upper size and an upper number, so that a job can fill nothing but its
//! own. Made where the runner may mount; where it may not, they can be mounted for it, or RUNNER_SCRATCH itself can be such
//! a volume for all.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::statfs::{TMPFS_MAGIC, statfs};

/// Files and directories of one job.
const MAX_FILES: u64 = 10_000;

/// What holds a job's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Volume {
    /// Each slot has its own, of limited size.
    Own,
    /// One of limited size holds all slots.
    Shared,
    /// The disk: a job's files are limited each, not in number.
    Disk,
}

/// Puts a view of the mounts of its own around this process, so that what is mounted ends with it, however it ends.
/// False where that is not allowed.
pub(crate) fn own_view() -> bool {
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    unshare(CloneFlags::CLONE_NEWNS).is_ok() && mount(None::<&str>, "/", None::<&str>, private, None::<&str>).is_ok()
}

/// Mounts a volume of `bytes` at `path`. Nothing on it is a device, is executed, or gives a right.
pub(crate) fn make(path: &Path, bytes: u64) -> io::Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let options = format!("size={bytes},nr_inodes={MAX_FILES},mode=711");
    Ok(mount(Some("tmpfs"), path, Some("tmpfs"), flags, Some(options.as_str()))?)
}

/// The volumes that somebody has mounted in `base` for the slots, `slot0` to the last: a container without the right to
/// mount can be started with them. None unless each slot has one, of limited size and number of files, for itself.
pub(crate) fn given(base: &Path, slots: usize) -> Option<Vec<PathBuf>> {
    let paths: Vec<PathBuf> = (0..slots).map(|slot| base.join(format!("slot{slot}"))).collect();
    let device = |path: &Path| fs::symlink_metadata(path).ok().filter(fs::Metadata::is_dir).map(|found| found.dev());
    let mut devices = vec![device(base)?];
    for path in &paths {
        let device = device(path)?;
        if devices.contains(&device) || found_at(path) != Volume::Shared {
            return None;
        }
        devices.push(device);
    }
    Some(paths)
}

/// What a directory lies on, where no volume could be made.
pub(crate) fn found_at(path: &Path) -> Volume {
    match statfs(path) {
        // A tmpfs without a limit on files says zero, or half of the memory's pages: that is no limit here.
        Ok(found) if found.filesystem_type() == TMPFS_MAGIC && (1..=1_000_000).contains(&found.files()) => {
            Volume::Shared
        }
        _ => Volume::Disk,
    }
}
