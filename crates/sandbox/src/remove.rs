//! Removes a job's files, whatever their depth and names.
//!
//! The standard library's removal holds one descriptor per level, and a script can make more levels than a process may
//! have descriptors. This one holds two at most, and uses no path longer than one name: it moves a directory that is
//! not empty up beside its parent, so the tree becomes flat. It follows no links, and touches nothing above the
//! directory.

use std::ffi::{CStr, CString};
use std::fs;
use std::io;
use std::path::Path;

use contract::RunId;
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, renameat};
use nix::sys::stat::{FchmodatFlags, Mode, fchmod, fchmodat};
use nix::unistd::{UnlinkatFlags, unlinkat};

/// Opens a directory, but not through a link.
const DIRECTORY: OFlag =
    OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_NONBLOCK).union(OFlag::O_CLOEXEC);

/// How many names to read at a time, because a directory may hold millions.
const NAMES_PER_READ: usize = 1_024;

/// Removes a directory with its contents.
pub(crate) fn remove_tree(path: &Path) -> io::Result<()> {
    empty(path)?;
    fs::remove_dir(path)
}

/// Removes the contents of a directory. The processes that wrote them must have ended.
pub(crate) fn empty(path: &Path) -> io::Result<()> {
    let mut top = Dir::open(path, DIRECTORY, Mode::empty())?;
    // A script cannot have guessed these names and used them.
    let run = RunId::random();
    let mut new_names = (1_u64..).filter_map(|number| CString::new(format!("{run}-{number}")).ok());
    loop {
        let names = names(&mut top)?;
        if names.is_empty() {
            return Ok(());
        }
        for name in names {
            if !is_removed(&top, &name)? {
                flatten(&top, &name, &mut new_names)?;
            }
        }
    }
}

/// Removes the directory `name` of `top`, and moves directories in it that are not empty up into `top`.
fn flatten(top: &Dir, name: &CStr, new_names: &mut impl Iterator<Item = CString>) -> nix::Result<()> {
    let mut directory = open_below(top, name)?;
    loop {
        let names = names(&mut directory)?;
        if names.is_empty() {
            return unlinkat(top, name, UnlinkatFlags::RemoveDir);
        }
        for name in names {
            if !is_removed(&directory, &name)?
                && let Some(new_name) = new_names.next()
            {
                let rename = || renameat(&directory, name.as_c_str(), top, new_name.as_c_str());
                with_mode(&directory, &name, rename)?;
            }
        }
    }
}

/// Some names in a directory; empty if there are none.
fn names(directory: &mut Dir) -> nix::Result<Vec<CString>> {
    let names = directory.iter().map(|entry| entry.map(|entry| entry.file_name().to_owned()));
    names.filter(|name| !matches!(name, Ok(name) if name == c"." || name == c"..")).take(NAMES_PER_READ).collect()
}

/// Removes a file or an empty directory. False for a directory that is not empty.
fn is_removed(directory: &Dir, name: &CStr) -> nix::Result<bool> {
    match unlinkat(directory, name, UnlinkatFlags::NoRemoveDir) {
        Err(Errno::EISDIR) => {}
        outcome => return outcome.map(|()| true),
    }
    match unlinkat(directory, name, UnlinkatFlags::RemoveDir) {
        Err(Errno::ENOTEMPTY | Errno::EEXIST) => Ok(false),
        outcome => outcome.map(|()| true),
    }
}

fn open_below(parent: &Dir, name: &CStr) -> nix::Result<Dir> {
    let directory = with_mode(parent, name, || Dir::openat(parent, name, DIRECTORY, Mode::empty()))?;
    // A directory that may be read may still be read-only.
    fchmod(&directory, Mode::S_IRWXU)?;
    Ok(directory)
}

/// Acts on a directory whose mode may forbid it. Modes do not stop root. A runner that is not root owns these files,
/// and so can change their modes.
fn with_mode<T>(parent: &Dir, name: &CStr, act: impl Fn() -> nix::Result<T>) -> nix::Result<T> {
    match act() {
        Err(Errno::EACCES) => {
            // It follows links, but this is a directory, and the processes that could swap it have ended.
            fchmodat(parent, name, Mode::S_IRWXU, FchmodatFlags::FollowSymlink)?;
            act()
        }
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{DirBuilderExt, symlink};
    use std::path::PathBuf;

    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    use nix::sys::stat::mkdirat;

    use super::*;

    fn place() -> PathBuf {
        let path = std::env::temp_dir().join(format!("partwright-remove-{}", RunId::random()));
        fs::create_dir(&path).unwrap();
        path
    }

    /// Nests directories to this depth, with a second directory beside each, using two descriptors.
    fn nest(path: &Path, depth: usize) {
        let mut here = Dir::open(path, DIRECTORY, Mode::empty()).unwrap();
        for _ in 0..depth {
            mkdirat(&here, "d", Mode::S_IRWXU).unwrap();
            mkdirat(&here, "e", Mode::S_IRWXU).unwrap();
            here = Dir::openat(&here, "d", DIRECTORY, Mode::empty()).unwrap();
        }
    }

    #[test]
    fn a_tree_deeper_than_the_descriptor_limit_goes() {
        let path = place();
        // A disk takes long for more. One of the hostile scripts goes deeper, in memory.
        nest(&path, 1_500);
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, soft.min(1_024), hard).unwrap();
        remove_tree(&path).unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn links_are_removed_and_not_followed() {
        let (path, other) = (place(), place());
        fs::write(other.join("file"), "kept").unwrap();
        symlink(&other, path.join("link")).unwrap();
        fs::create_dir_all(path.join("a/b/c")).unwrap();
        symlink("../../..", path.join("a/b/up")).unwrap();
        symlink(&other, path.join("a/b/c/link")).unwrap();
        remove_tree(&path).unwrap();
        assert_eq!(fs::read_to_string(other.join("file")).unwrap(), "kept");
        remove_tree(&other).unwrap();
        let link = place();
        fs::remove_dir(&link).unwrap();
        symlink("/tmp", &link).unwrap();
        assert!(remove_tree(&link).is_err(), "a link in place of the directory is not followed either");
        fs::remove_file(&link).unwrap();
    }

    #[test]
    fn modes_names_and_numbers_do_not_matter() {
        let path = place();
        for mode in [0o000, 0o100, 0o400, 0o500, 0o700] {
            let outer = path.join(format!("{mode:o}"));
            fs::create_dir_all(outer.join("in/in")).unwrap();
            fs::write(outer.join("in/file"), "").unwrap();
            fs::DirBuilder::new().mode(mode).create(outer.join("in/closed")).unwrap();
            for path in [outer.join("in"), outer] {
                fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
            }
        }
        let wide = path.join("\u{1b}[2J\n");
        fs::create_dir(&wide).unwrap();
        (0..3 * NAMES_PER_READ).for_each(|number| fs::write(wide.join(number.to_string()), "").unwrap());
        (0..2 * NAMES_PER_READ).for_each(|number| fs::create_dir_all(wide.join(format!("d{number}/d"))).unwrap());
        remove_tree(&path).unwrap();
        assert!(!path.exists());
    }
}
