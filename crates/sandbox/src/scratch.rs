//! The runner's scratch directory: the Python side, written out once, and a fresh directory for each job.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use contract::RunId;
use nix::fcntl::{Flock, FlockArg};
use nix::mount::{MntFlags, umount2};

use super::remove::{empty, remove_tree};
use super::volume::{self, Volume};

/// Pairs each name with the file's text.
macro_rules! python_files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../python/", $name)))),*]
    };
}

/// What runs inside FreeCAD, part of this program, so that the two cannot differ.
const PYTHON: &[(&str, &str)] = python_files![
    "partwright/__init__.py",
    "partwright/blocked_paths.py",
    "partwright/boolean_faces.py",
    "partwright/boxes.py",
    "partwright/colours.py",
    "partwright/compare.py",
    "partwright/copy_object_patch.py",
    "partwright/documents.py",
    "partwright/export.py",
    "partwright/failure.py",
    "partwright/formats.py",
    "partwright/geometry.py",
    "partwright/gui.py",
    "partwright/gui_document.py",
    "partwright/gui_modules.py",
    "partwright/jail.py",
    "partwright/job.py",
    "partwright/mesh_file.py",
    "partwright/null_object.py",
    "partwright/placed_shapes.py",
    "partwright/process.py",
    "partwright/recorder.py",
    "partwright/report.py",
    "partwright/results.py",
    "partwright/script.py",
    "partwright/script_outputs.py",
    "partwright/selection.py",
    "partwright/snapshot.py",
    "partwright/step_colours.py",
    "partwright/widget_values.py",
    "partwright/widgets.py",
    "zygote.py",
];

/// This runner's own directory under the configured one; removed with it.
#[derive(Debug)]
pub struct Scratch {
    root: PathBuf,
    /// The directory of each slot; jobs' directories are made there.
    slots: Vec<PathBuf>,
    volume: Volume,
    /// The size of the volumes that this runner has mounted on its slots; none where it may not mount.
    mounted: Option<u64>,
    /// Volumes that were mounted for the slots are this runner's for as long as it lives.
    _claims: Vec<Flock<File>>,
    /// Held for as long as the runner lives: who can lock it knows that its runner is gone.
    _lock: Flock<File>,
}

impl Scratch {
    /// Makes this runner's directory in `base`, with a volume of `bytes` for each slot where that is allowed, and removes
    /// the directories that dead runners left there.
    pub fn open(base: &Path, slots: usize, bytes: u64) -> io::Result<Self> {
        // Jobs' users pass through, and list nothing.
        DirBuilder::new().recursive(true).mode(0o711).create(base)?;
        // In a directory for everybody somebody else may have made it first, and could swap what lies in it.
        let metadata = fs::symlink_metadata(base)?;
        let is_own = metadata.is_dir() && metadata.uid() == nix::unistd::geteuid().as_raw();
        if !is_own || metadata.mode() & 0o022 != 0 {
            return Err(io::Error::other("it is not a directory that this user alone can write to"));
        }
        remove_left_overs(base);
        let root = base.join(format!("runner-{}", RunId::random()));
        DirBuilder::new().mode(0o711).create(&root)?;
        let lock = make_lock(&root)?;
        DirBuilder::new().mode(0o700).create(root.join("home"))?;
        let python = root.join("python");
        for (name, text) in PYTHON {
            let path = python.join(name);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
                fs::set_permissions(parent, Permissions::from_mode(0o755))?;
            }
            fs::write(&path, text)?;
            fs::set_permissions(&path, Permissions::from_mode(0o644))?;
        }
        let mounted = volume::own_view().then_some(bytes);
        let given = if mounted.is_none() { volume::given(base, slots) } else { None };
        let volume = if mounted.is_some() || given.is_some() { Volume::Own } else { volume::found_at(base) };
        let claims = given.iter().flatten().map(|slot| claim(slot)).collect::<io::Result<_>>()?;
        let slots = match given {
            Some(slots) => slots,
            None => (0..slots).map(|slot| make_slot(&root, slot, mounted)).collect::<io::Result<_>>()?,
        };
        Ok(Self { root, slots, volume, mounted, _claims: claims, _lock: lock })
    }

    /// What holds the jobs' files.
    pub fn volume(&self) -> Volume {
        self.volume
    }

    /// The Python side; scripts' processes may read it.
    pub fn python(&self) -> PathBuf {
        self.root.join("python")
    }

    /// The fork server's file.
    pub fn zygote(&self) -> PathBuf {
        self.root.join("python/zygote.py")
    }

    /// The fork servers' home and current directory.
    pub fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// A fresh directory for a job, its writable part owned by `user` where there is one. The slot has one job at a
    /// time: what an earlier one left there goes first.
    ///
    /// # Errors
    /// When the directory cannot be made; and when what is there cannot be removed, since the job would find less room
    /// than it is promised, and perhaps another's files.
    pub fn job(&self, slot: usize, user: Option<u32>, script: &[u8]) -> io::Result<JobDirectory> {
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
        // The script is the runner's own file: what runs is what was fetched.
        let mut file = File::options().write(true).create_new(true).mode(0o644).open(directory.script())?;
        file.write_all(script)?;
        Ok(directory)
    }

    /// Usually there is nothing to do: a job's directory is removed when the job is over.
    fn make_empty(&self, slot: usize) -> io::Result<()> {
        let path = &self.slots[slot];
        let Err(error) = empty(path) else { return Ok(()) };
        let Some(bytes) = self.mounted else {
            return Err(io::Error::new(error.kind(), format!("cannot remove what a job left there: {error}")));
        };
        tracing::error!(slot, %error, "what a job left cannot be removed; the slot gets a fresh volume");
        umount2(path, MntFlags::MNT_DETACH)?;
        volume::make(path, bytes)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A volume cannot be removed, only unmounted; what is left, the next runner removes.
        if self.mounted.is_some() {
            for slot in &self.slots {
                let _ = umount2(slot, MntFlags::MNT_DETACH);
            }
        }
        let _ = remove_tree(&self.root);
    }
}

/// One job's directory; removed when it is dropped.
#[derive(Debug)]
pub struct JobDirectory {
    root: PathBuf,
}

impl JobDirectory {
    /// The script.
    pub fn script(&self) -> PathBuf {
        self.root.join("script.py")
    }

    /// The process's home, current and temporary directory.
    pub fn work(&self) -> PathBuf {
        self.root.join("work")
    }

    /// Where the files are left; `FREECAD_OUTPUT`.
    pub fn output(&self) -> PathBuf {
        self.root.join("output")
    }
}

impl Drop for JobDirectory {
    fn drop(&mut self) {
        if let Err(error) = remove_tree(&self.root) {
            // The slot's next job tries again, and does not begin before it is gone.
            tracing::error!(path = %self.root.display(), %error, "what a job left cannot be removed");
        }
    }
}

/// A slot's directory in the runner's own, with a volume of so many bytes where one may be mounted.
fn make_slot(root: &Path, slot: usize, mounted: Option<u64>) -> io::Result<PathBuf> {
    let path = root.join(format!("slot{slot}"));
    DirBuilder::new().mode(0o711).create(&path)?;
    if let Some(bytes) = mounted {
        volume::make(&path, bytes)?;
    }
    Ok(path)
}

/// Takes a volume that was mounted for a slot. What lies there is removed before its first job.
fn claim(slot: &Path) -> io::Result<Flock<File>> {
    // Jobs' users pass through, and list nothing.
    fs::set_permissions(slot, Permissions::from_mode(0o711))?;
    Flock::lock(File::open(slot)?, FlockArg::LockExclusiveNonblock).map_err(|(_, error)| {
        io::Error::other(format!("{} cannot be locked; does another runner use it? ({error})", slot.display()))
    })
}

/// The lock gets its name when it is held: under that name nobody ever finds it free while its runner lives.
fn make_lock(root: &Path) -> io::Result<Flock<File>> {
    let unnamed = root.join("lock.new");
    let lock = lock(File::create_new(&unnamed)?)?;
    fs::rename(unnamed, root.join("lock"))?;
    Ok(lock)
}

fn lock(file: File) -> io::Result<Flock<File>> {
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, error)| error.into())
}

/// A directory whose lock is free belongs to a runner that was killed.
fn remove_left_overs(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else { return };
    for entry in entries.flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with("runner-");
        // A runner that starts right now has its directory a moment before its lock; without a lock file it stays.
        if is_ours
            && let Ok(_lock) = File::open(entry.path().join("lock")).and_then(lock)
            && let Err(error) = remove_tree(&entry.path())
        {
            tracing::warn!(path = %entry.path().display(), %error, "what a dead runner left cannot be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_python_file_is_packed() {
        fn collect(directory: &Path, base: &Path, found: &mut Vec<String>) {
            for entry in fs::read_dir(directory).unwrap().flatten() {
                let path = entry.path();
                let name = entry.file_name().to_string_lossy().into_owned();
                if path.is_dir() && name != "tests" && name != "__pycache__" {
                    collect(&path, base, found);
                } else if name.ends_with(".py") {
                    found.push(path.strip_prefix(base).unwrap().to_string_lossy().into_owned());
                }
            }
        }
        let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
        let mut found = Vec::new();
        collect(&base, &base, &mut found);
        found.sort();
        let mut packed: Vec<&str> = PYTHON.iter().map(|(name, _)| *name).collect();
        packed.sort_unstable();
        assert_eq!(found, packed);
    }

    #[test]
    fn a_dead_runner_s_directory_goes_a_living_one_s_stays() {
        let base = std::env::temp_dir().join(format!("partwright-scratch-{}", RunId::random()));
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
    fn runners_that_start_at_once_leave_one_another_alone() {
        let base = std::env::temp_dir().join(format!("partwright-scratch-{}", RunId::random()));
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
    fn a_directory_that_others_can_write_to_is_refused() {
        let base = std::env::temp_dir().join(format!("partwright-scratch-{}", RunId::random()));
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
        let base = std::env::temp_dir().join(format!("partwright-scratch-{}", RunId::random()));
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
    fn volumes_that_were_mounted_for_the_slots_are_found_and_claimed() {
        let base = std::env::temp_dir().join(format!("partwright-scratch-{}", RunId::random()));
        fs::create_dir_all(base.join("slot0")).unwrap();
        fs::create_dir(base.join("slot1")).unwrap();
        assert_eq!(volume::given(&base, 2), None, "plain directories");
        if volume::own_view() {
            volume::make(&base.join("slot0"), 1 << 20).unwrap();
            assert_eq!(volume::given(&base, 2), None, "one is missing");
            volume::make(&base.join("slot1"), 1 << 20).unwrap();
            let slots = volume::given(&base, 2).unwrap();
            assert_eq!(slots, [base.join("slot0"), base.join("slot1")]);
            assert_eq!(volume::given(&base, 3), None);
            let claims: Vec<_> = slots.iter().map(|slot| claim(slot).unwrap()).collect();
            let error = claim(&slots[1]).unwrap_err().to_string();
            assert!(error.contains("another runner"), "{error}");
            drop(claims);
            slots.iter().for_each(|slot| umount2(slot, MntFlags::empty()).unwrap());
        }
        remove_tree(&base).unwrap();
    }

    #[test]
    fn what_cannot_be_removed_costs_a_slot_nothing_but_its_volume() {
        let base = std::env::temp_dir().join(format!("partwright-scratch-{}", RunId::random()));
        let mut scratch = Scratch::open(&base, 1, 1 << 20).unwrap();
        // Only who may mount can make something here that cannot be removed.
        if scratch.mounted.is_some() {
            let block = |job: JobDirectory| {
                let place = job.work().join("place");
                fs::create_dir(&place).unwrap();
                volume::make(&place, 1 << 20).unwrap();
            };
            block(scratch.job(0, None, b"").unwrap());
            assert_eq!(fs::read_dir(&scratch.slots[0]).unwrap().count(), 1, "it is still there");
            let job = scratch.job(0, None, b"").unwrap();
            assert_eq!(fs::read_dir(&scratch.slots[0]).unwrap().count(), 1, "nothing but the new job");
            block(job);
            let mounted = scratch.mounted.take();
            let error = scratch.job(0, None, b"").unwrap_err().to_string();
            assert!(error.contains("what a job left"), "{error}");
            scratch.mounted = mounted;
        }
        drop(scratch);
        fs::remove_dir(&base).unwrap();
    }
}
