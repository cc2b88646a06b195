//! Each slot's own volume in memory, with a limited size and number of files, so that a job fills only its own.
//!
//! The runner mounts them if it may. If not, they can be mounted for it, or RUNNER_SCRATCH itself can be one volume for
//! all slots.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::statfs::{TMPFS_MAGIC, statfs};

/// The limit of files and directories of one job.
const MAX_FILES: u64 = 10_000;

/// The kind of volume that holds a job's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Volume {
    /// Each slot has its own volume of limited size.
    Own,
    /// All slots share one volume of limited size.
    Shared,
    /// The disk. Each file of a job is limited in size, but their number is not.
    Disk,
}

/// Gives this process a mount namespace of its own, so that its mounts end with it. False if that is not allowed.
pub(crate) fn unshare_mounts() -> bool {
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    unshare(CloneFlags::CLONE_NEWNS).is_ok() && mount(None::<&str>, "/", None::<&str>, private, None::<&str>).is_ok()
}

/// Mounts a volume of `bytes` at `path`, without devices, programs and set-user-id files.
pub(crate) fn mount_at(path: &Path, bytes: u64) -> io::Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let options = format!("size={bytes},nr_inodes={MAX_FILES},mode=711");
    Ok(mount(Some("tmpfs"), path, Some("tmpfs"), flags, Some(options.as_str()))?)
}

/// Finds the volumes that were mounted in `base` for the slots, `slot0`, `slot1` and so on, as for a container without
/// the right to mount. `None` unless each slot has its own, with a limited size and number of files.
pub(crate) fn premounted(base: &Path, slots: usize) -> Option<Vec<PathBuf>> {
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

/// The kind of volume below a directory on which no volume could be mounted.
pub(crate) fn found_at(path: &Path) -> Volume {
    match statfs(path) {
        // A tmpfs without a limit reports zero files, or half of the memory's pages, which is too many to be a limit.
        Ok(found) if found.filesystem_type() == TMPFS_MAGIC && (1..=1_000_000).contains(&found.files()) => {
            Volume::Shared
        }
        _ => Volume::Disk,
    }
}
