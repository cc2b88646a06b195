//! The runner's scratch directory: the Python files, and a fresh directory for each job.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use contract::RunId;
use nix::fcntl::{Flock, FlockArg};
use nix::mount::{MntFlags, umount2};

use crate::python::write_python_files;
use crate::remove::{empty, remove_tree};
use crate::volume::{self, Volume};

/// This runner's own directory below the configured one. Dropping it removes the directory.
#[derive(Debug)]
pub(crate) struct Scratch {
    root: PathBuf,
    /// The directory of each slot, in which the jobs' directories are made.
    slots: Vec<PathBuf>,
    volume: Volume,
    /// The size of the volumes that this runner has mounted on its slots; `None` if it may not mount.
    mounted: Option<u64>,
    /// Locks on the volumes that were mounted for the slots.
    _claims: Vec<Flock<File>>,
    /// Held until the runner ends. If another process can take this lock, the runner is dead.
    _lock: Flock<File>,
}

impl Scratch {
    /// Makes this runner's directory in `base`, with a volume of `bytes` for each slot if the runner may mount. Removes
    /// the directories of dead runners from `base`.
    pub(crate) fn open(base: &Path, slots: usize, bytes: u64) -> io::Result<Self> {
        // Jobs' users may pass through it, but not list it.
        DirBuilder::new().recursive(true).mode(0o711).create(base)?;
        // In a shared directory another user may have made it first, and could swap its contents.
        let metadata = fs::symlink_metadata(base)?;
        let is_own = metadata.is_dir() && metadata.uid() == nix::unistd::geteuid().as_raw();
        if !is_own || metadata.mode() & 0o022 != 0 {
            return Err(io::Error::other("it is not a directory that only this user can write to"));
        }
        remove_dead_runners(base);
        let root = base.join(format!("runner-{}", RunId::random()));
        DirBuilder::new().mode(0o711).create(&root)?;
        let lock = make_lock(&root)?;
        DirBuilder::new().mode(0o700).create(root.join("home"))?;
        write_python_files(&root.join("python"))?;
        let mounted = volume::unshare_mounts().then_some(bytes);
        let premounted = if mounted.is_none() { volume::premounted(base, slots) } else { None };
        let volume = if mounted.is_some() || premounted.is_some() { Volume::Own } else { volume::found_at(base) };
        let claims = premounted.iter().flatten().map(|slot| claim(slot)).collect::<io::Result<_>>()?;
        let slots = match premounted {
            Some(slots) => slots,
            None => (0..slots).map(|slot| make_slot(&root, slot, mounted)).collect::<io::Result<_>>()?,
        };
        Ok(Self { root, slots, volume, mounted, _claims: claims, _lock: lock })
    }

    pub(crate) fn volume(&self) -> Volume {
        self.volume
    }

    /// The Python files. Scripts' processes may read them.
    pub(crate) fn python(&self) -> PathBuf {
        self.root.join("python")
    }

    /// The Python file that the fork servers run.
    pub(crate) fn zygote(&self) -> PathBuf {
        self.root.join("python/zygote.py")
    }

    /// The fork servers' home and current directory.
    pub(crate) fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// Makes a fresh directory for a job, and removes the files of earlier jobs first. `user` owns its writable part. A
    /// slot has one job at a time.
    ///
    /// # Errors
    /// When the directory cannot be made, or when earlier files cannot be removed: they would take the job's space, and
    /// the job could find them.
    pub(crate) fn job(&self, slot: usize, user: Option<u32>, script: &[u8]) -> io::Result<JobDirectory> {
        self.make_empty(slot)?;
        let root = self.slots[slot].join(RunId::random().to_string());
        DirBuilder::new().mode(0o711).create(&root)?;
        let directory = JobDirectory { root };
        for path in [directory.work(), directory.output()] {
            DirBuilder::new().mode(0o700).create(&path)?;
            if let Some(user) = user {
                chown(&path, Some(user), Some(user))?;
            }
        }
        // The runner owns the script, so the job cannot change it.
        let mut file = File::options().write(true).create_new(true).mode(0o644).open(directory.script())?;
        file.write_all(script)?;
        Ok(directory)
    }

    /// Empties a slot. Usually it is empty already, because a job's directory is removed after the job.
    fn make_empty(&self, slot: usize) -> io::Result<()> {
        let path = &self.slots[slot];
        let Err(error) = empty(path) else { return Ok(()) };
        let Some(bytes) = self.mounted else {
            return Err(io::Error::new(error.kind(), format!("cannot remove the files of an earlier job: {error}")));
        };
        tracing::error!(slot, %error, "failed to remove the files of an earlier job; the slot gets a fresh volume");
        umount2(path, MntFlags::MNT_DETACH)?;
        volume::mount_at(path, bytes)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A mounted volume cannot be removed, only unmounted. The next runner removes the rest.
        if self.mounted.is_some() {
            for slot in &self.slots {
                let _ = umount2(slot, MntFlags::MNT_DETACH);
            }
        }
        let _ = remove_tree(&self.root);
    }
}

/// One job's directory. Dropping it removes the directory.
#[derive(Debug)]
pub struct JobDirectory {
    root: PathBuf,
}

impl JobDirectory {
    pub fn script(&self) -> PathBuf {
        self.root.join("script.py")
    }

    /// The home, current and temporary directory of the job's process.
    pub fn work(&self) -> PathBuf {
        self.root.join("work")
    }

    /// The directory for the job's files, `FREECAD_OUTPUT`.
    pub fn output(&self) -> PathBuf {
        self.root.join("output")
    }
}

impl Drop for JobDirectory {
    fn drop(&mut self) {
        if let Err(error) = remove_tree(&self.root) {
            // The slot's next job removes it before it begins.
            tracing::error!(path = %self.root.display(), %error, "failed to remove the files of a job");
        }
    }
}

/// Makes a slot's directory, with a volume of `mounted` bytes on it if the runner may mount.
fn make_slot(root: &Path, slot: usize, mounted: Option<u64>) -> io::Result<PathBuf> {
    let path = root.join(format!("slot{slot}"));
    DirBuilder::new().mode(0o711).create(&path)?;
    if let Some(bytes) = mounted {
        volume::mount_at(&path, bytes)?;
    }
    Ok(path)
}

/// Locks a volume that was mounted for a slot. Its first job removes the files there.
fn claim(slot: &Path) -> io::Result<Flock<File>> {
    // Jobs' users may pass through it, but not list it.
    fs::set_permissions(slot, Permissions::from_mode(0o711))?;
    Flock::lock(File::open(slot)?, FlockArg::LockExclusiveNonblock).map_err(|(_, error)| {
        io::Error::other(format!(
            "{} cannot be locked. Check whether another runner uses it. ({error})",
            slot.display()
        ))
    })
}

/// Takes the lock before it gets its name, so that under this name it is never free while its runner lives.
fn make_lock(root: &Path) -> io::Result<Flock<File>> {
    let unnamed = root.join("lock.new");
    let lock = lock(File::create_new(&unnamed)?)?;
    fs::rename(unnamed, root.join("lock"))?;
    Ok(lock)
}

fn lock(file: File) -> io::Result<Flock<File>> {
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, error)| error.into())
}

/// Removes the directories whose lock is free: their runners were killed.
fn remove_dead_runners(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else { return };
    for entry in entries.flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with("runner-");
        // A runner that is starting has its directory a moment before its lock, so a directory without a lock stays.
        if is_ours
            && let Ok(_lock) = File::open(entry.path().join("lock")).and_then(lock)
            && let Err(error) = remove_tree(&entry.path())
        {
            tracing::warn!(path = %entry.path().display(), %error, "failed to remove the directory of a dead runner");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new_base() -> PathBuf {
        std::env::temp_dir().join(format!("partwright-scratch-{}", RunId::random()))
    }

    #[test]
    fn only_dead_runners_lose_their_directories() {
        let base = new_base();
        let living = Scratch::open(&base, 1, 1 << 20).unwrap();
        let dead = base.join("runner-dead");
        fs::create_dir(&dead).unwrap();
        fs::write(dead.join("lock"), "").unwrap();
        let other = Scratch::open(&base, 1, 1 << 20).unwrap();
        assert!(!dead.exists());
        assert!(living.zygote().exists() && other.zygote().exists());
        drop((living, other));
        assert_eq!(fs::read_dir(&base).unwrap().count(), 0);
        fs::remove_dir(&base).unwrap();
    }

    #[test]
    fn runners_can_start_at_the_same_time() {
        let base = new_base();
        for _ in 0..50 {
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        let scratch = Scratch::open(&base, 1, 1 << 20).unwrap();
                        assert!(scratch.zygote().exists());
                        scratch.job(0, None, b"").unwrap();
                    });
                }
            });
        }
        assert_eq!(fs::read_dir(&base).unwrap().count(), 0);
        fs::remove_dir(&base).unwrap();
    }

    #[test]
    fn a_directory_writable_by_others_is_refused() {
        let base = new_base();
        fs::create_dir(&base).unwrap();
        fs::set_permissions(&base, Permissions::from_mode(0o777)).unwrap();
        assert!(Scratch::open(&base, 1, 1 << 20).is_err());
        fs::remove_dir(&base).unwrap();
        std::os::unix::fs::symlink("/tmp", &base).unwrap();
        assert!(Scratch::open(&base, 1, 1 << 20).is_err());
        fs::remove_file(&base).unwrap();
    }

    #[test]
    fn a_job_leaves_nothing() {
        let base = new_base();
        let scratch = Scratch::open(&base, 1, 1 << 20).unwrap();
        let job = scratch.job(0, None, b"print(1)").unwrap();
        let root = job.root.clone();
        fs::create_dir(job.output().join("a directory.step")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", job.work().join("link")).unwrap();
        drop(job);
        assert!(!root.exists() && Path::new("/etc/passwd").exists());
        drop(scratch);
        fs::remove_dir(&base).unwrap();
    }

    #[test]
    fn premounted_volumes_are_found_and_claimed() {
        let base = new_base();
        fs::create_dir_all(base.join("slot0")).unwrap();
        fs::create_dir(base.join("slot1")).unwrap();
        assert_eq!(volume::premounted(&base, 2), None, "plain directories");
        if volume::unshare_mounts() {
            volume::mount_at(&base.join("slot0"), 1 << 20).unwrap();
            assert_eq!(volume::premounted(&base, 2), None, "one is missing");
            volume::mount_at(&base.join("slot1"), 1 << 20).unwrap();
            let slots = volume::premounted(&base, 2).unwrap();
            assert_eq!(slots, [base.join("slot0"), base.join("slot1")]);
            assert_eq!(volume::premounted(&base, 3), None);
            let claims: Vec<_> = slots.iter().map(|slot| claim(slot).unwrap()).collect();
            let error = claim(&slots[1]).unwrap_err().to_string();
            assert!(error.contains("another runner"), "{error}");
            drop(claims);
            slots.iter().for_each(|slot| umount2(slot, MntFlags::empty()).unwrap());
        }
        remove_tree(&base).unwrap();
    }

    #[test]
    fn files_that_cannot_be_removed_cost_the_volume() {
        let base = new_base();
        let mut scratch = Scratch::open(&base, 1, 1 << 20).unwrap();
        // A mount point cannot be removed, and only a runner that may mount can make one.
        if scratch.mounted.is_some() {
            let block = |job: JobDirectory| {
                let place = job.work().join("place");
                fs::create_dir(&place).unwrap();
                volume::mount_at(&place, 1 << 20).unwrap();
            };
            block(scratch.job(0, None, b"").unwrap());
            assert_eq!(fs::read_dir(&scratch.slots[0]).unwrap().count(), 1, "it is still there");
            let job = scratch.job(0, None, b"").unwrap();
            assert_eq!(fs::read_dir(&scratch.slots[0]).unwrap().count(), 1, "only the new job is there");
            block(job);
            let mounted = scratch.mounted.take();
            let error = scratch.job(0, None, b"").unwrap_err().to_string();
            assert!(error.contains("files of an earlier job"), "{error}");
            scratch.mounted = mounted;
        }
        drop(scratch);
        fs::remove_dir(&base).unwrap();
    }
}
