//! Takes the files that a job made. Nothing about them is believed: the directory belonged to a stranger's script.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use bytes::Bytes;
use contract::{Format, Sha256};
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::Mode;

use sandbox::MadeFile;

/// A file's bytes, read once and summed.
#[derive(Debug)]
pub struct Collected {
    /// Its format.
    pub format: Format,
    /// `script` or `runner`.
    pub made_by: String,
    /// The bytes.
    pub bytes: Bytes,
    /// Their sum.
    pub sha256: Sha256,
}

/// Why a file cannot be taken. The script's fault, told to its author.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// It is not there, or not a plain file.
    #[error("{name}: {problem}")]
    Unfit {
        /// The file's name.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// All of them together are too large.
    #[error("the files are larger than {limit} bytes together, the most that a job may leave")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
}

/// Reads the files out of `directory`, at most `limit` bytes together.
///
/// # Errors
/// When one is missing, is a link, a directory or a pipe, is empty, or they are too large.
pub fn collect(directory: &Path, files: &[MadeFile], limit: u64) -> Result<Vec<Collected>, CollectError> {
    let root = open_directory(directory)?;
    let mut left = limit;
    let mut collected: Vec<Collected> = Vec::new();
    for made in files {
        // Only the layout's own names: one job has one file a format.
        if made.name != made.format.file_name() || collected.iter().any(|other| other.format == made.format) {
            let problem = io::Error::other("it is named twice, or not as its format is");
            return Err(unfit(&made.name, &problem));
        }
        let bytes = read(&root, &made.name, left).map_err(|error| match error.kind() {
            io::ErrorKind::FileTooLarge => CollectError::TooLarge { limit },
            _ => unfit(&made.name, &error),
        })?;
        left -= bytes.len() as u64;
        let made_by = if made.made_by == "script" { "script" } else { "runner" }.to_owned();
        collected.push(Collected { format: made.format, made_by, sha256: Sha256::of(&bytes), bytes: bytes.into() });
    }
    collected.sort_by_key(|file| Format::ALL.iter().position(|format| *format == file.format));
    Ok(collected)
}

/// Reads one file that is not published: the mesh that pictures are drawn from.
///
/// # Errors
/// As [`collect`].
pub fn read_one(directory: &Path, name: &str, limit: u64) -> Result<Vec<u8>, CollectError> {
    let root = open_directory(directory)?;
    read(&root, name, limit).map_err(|error| unfit(name, &error))
}

/// How large a file is that [`read_one`] would read.
///
/// # Errors
/// As [`collect`].
pub fn size_of(directory: &Path, name: &str) -> Result<u64, CollectError> {
    let root = open_directory(directory)?;
    let size = open_file(&root, name).and_then(|file| Ok(file.metadata()?.len()));
    size.map_err(|error| unfit(name, &error))
}

fn open_directory(directory: &Path) -> Result<OwnedFd, CollectError> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    open(directory, flags, Mode::empty()).map_err(|error| unfit("the output directory", &error.into()))
}

fn unfit(name: &str, error: &io::Error) -> CollectError {
    CollectError::Unfit { name: name.to_owned(), problem: error.to_string() }
}

fn open_file(root: &OwnedFd, name: &str) -> io::Result<File> {
    // No link on any step of the way, nothing outside the directory; a pipe does not block.
    let how = OpenHow::new()
        .flags(OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_NO_XDEV);
    let file = File::from(openat2(root.as_fd(), name, how)?);
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    if metadata.nlink() != 1 {
        return Err(io::Error::other("it has another name (a hard link)"));
    }
    Ok(file)
}

fn read(root: &OwnedFd, name: &str, limit: u64) -> io::Result<Vec<u8>> {
    let file = open_file(root, name)?;
    let mut bytes = Vec::new();
    // One byte more than is left tells too much from just enough; the size in the metadata may be a hole's.
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.is_empty() {
        return Err(io::Error::other("it is empty"));
    }
    if bytes.len() as u64 > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    use contract::RunId;

    use super::*;

    /// A directory of its own, removed at the end.
    struct Output(PathBuf);

    impl Output {
        fn new() -> Self {
            let path = std::env::temp_dir().join(format!("partwright-collect-{}", RunId::random()));
            fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn take(&self, limit: u64) -> Result<Vec<Collected>, CollectError> {
            let step = MadeFile { format: Format::Step, name: Format::Step.file_name(), made_by: "runner".to_owned() };
            collect(&self.0, &[step], limit)
        }

        fn file(&self) -> PathBuf {
            self.0.join(Format::Step.file_name())
        }
    }

    impl Drop for Output {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn a_plain_file_is_taken() {
        let output = Output::new();
        fs::write(output.file(), "ISO-10303-21;").unwrap();
        let files = output.take(13).unwrap();
        assert_eq!(files[0].bytes, "ISO-10303-21;");
        assert_eq!(files[0].sha256, Sha256::of(b"ISO-10303-21;"));
        assert!(matches!(output.take(12), Err(CollectError::TooLarge { limit: 12 })));
    }

    #[test]
    fn everything_else_is_not() {
        type Plant = fn(&Path);
        let plants: [(&str, Plant); 6] = [
            ("No such file", |_| {}),
            ("Too many levels of symbolic links", |file| symlink("/etc/hostname", file).unwrap()),
            ("not a regular file", |file| fs::create_dir(file).unwrap()),
            ("not a regular file", |file| nix::unistd::mkfifo(file, Mode::S_IRWXU).unwrap()),
            ("it is empty", |file| fs::write(file, "").unwrap()),
            ("hard link", |file| {
                fs::write(file, "x").unwrap();
                fs::hard_link(file, file.with_extension("other")).unwrap();
            }),
        ];
        for (problem, plant) in plants {
            let output = Output::new();
            plant(&output.file());
            let error = output.take(100).unwrap_err().to_string();
            assert!(error.contains(problem), "{problem}: {error}");
        }
    }

    #[test]
    fn names_from_the_job_are_not_paths() {
        let output = Output::new();
        for name in ["../MyHeadlessModel.STEP", "/etc/passwd", "other.STEP"] {
            let made = MadeFile { format: Format::Step, name: name.to_owned(), made_by: "script".to_owned() };
            assert!(collect(&output.0, &[made], 100).is_err(), "{name}");
        }
    }
}
