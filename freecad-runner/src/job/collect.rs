//! Reads the files that a script left. They are not trusted: the script could write anything into its directory.

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

/// A file in memory.
#[derive(Debug)]
pub struct Collected {
    pub format: Format,
    /// `script` or `runner`.
    pub made_by: String,
    pub bytes: Bytes,
    /// The digest of `bytes`.
    pub sha256: Sha256,
}

/// Why the files cannot be used. It is the script's fault, and its author reads the message.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    #[error("{name}: {problem}")]
    Unusable { name: String, problem: String },
    /// `limit` is in bytes.
    #[error("the files are larger than {limit} bytes together, the limit for one job")]
    TooLarge { limit: u64 },
}

/// Reads `files` from `directory`, at most `limit` bytes together.
///
/// # Errors
/// When a file is missing, empty, a link, a directory or a pipe, or when the files are too large.
pub fn collect(directory: &Path, files: &[MadeFile], limit: u64) -> Result<Vec<Collected>, CollectError> {
    let root = open_directory(directory)?;
    let mut remaining = limit;
    let mut collected: Vec<Collected> = Vec::new();
    for made in files {
        // Each format has one file, with a fixed name.
        if made.name != made.format.file_name() || collected.iter().any(|other| other.format == made.format) {
            let problem = io::Error::other("its format has two files, or its name is not the format's");
            return Err(unusable(&made.name, &problem));
        }
        let bytes = read(&root, &made.name, remaining).map_err(|error| match error.kind() {
            io::ErrorKind::FileTooLarge => CollectError::TooLarge { limit },
            _ => unusable(&made.name, &error),
        })?;
        remaining -= bytes.len() as u64;
        let made_by = if made.made_by == "script" { "script" } else { "runner" }.to_owned();
        collected.push(Collected { format: made.format, made_by, sha256: Sha256::of(&bytes), bytes: bytes.into() });
    }
    collected.sort_by_key(|file| Format::ALL.iter().position(|format| *format == file.format));
    Ok(collected)
}

/// Reads one file that is not published: the mesh for GLB file and picture.
///
/// # Errors
/// As [`collect`].
pub fn read_one(directory: &Path, name: &str, limit: u64) -> Result<Vec<u8>, CollectError> {
    let root = open_directory(directory)?;
    read(&root, name, limit).map_err(|error| unusable(name, &error))
}

/// The size of a file that [`read_one`] would read, in bytes.
///
/// # Errors
/// As [`collect`].
pub fn size_of(directory: &Path, name: &str) -> Result<u64, CollectError> {
    let root = open_directory(directory)?;
    let size = open_file(&root, name).and_then(|file| Ok(file.metadata()?.len()));
    size.map_err(|error| unusable(name, &error))
}

fn open_directory(directory: &Path) -> Result<OwnedFd, CollectError> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    open(directory, flags, Mode::empty()).map_err(|error| unusable("the output directory", &error.into()))
}

fn unusable(name: &str, error: &io::Error) -> CollectError {
    CollectError::Unusable { name: name.to_owned(), problem: error.to_string() }
}

fn open_file(root: &OwnedFd, name: &str) -> io::Result<File> {
    // Follows no links and stays in the directory; a pipe does not block.
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
    // One byte more than the limit shows that the file is too large. The size in the metadata could be a sparse file's.
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

    /// A temporary directory.
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
    fn a_plain_file_is_read() {
        let output = Output::new();
        fs::write(output.file(), "ISO-10303-21;").unwrap();
        let files = output.take(13).unwrap();
        assert_eq!(files[0].bytes, "ISO-10303-21;");
        assert_eq!(files[0].sha256, Sha256::of(b"ISO-10303-21;"));
        assert!(matches!(output.take(12), Err(CollectError::TooLarge { limit: 12 })));
    }

    #[test]
    fn other_files_are_refused() {
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
    fn a_name_is_not_a_path() {
        let output = Output::new();
        for name in ["../MyHeadlessModel.STEP", "/etc/passwd", "other.STEP"] {
            let made = MadeFile { format: Format::Step, name: name.to_owned(), made_by: "script".to_owned() };
            assert!(collect(&output.0, &[made], 100).is_err(), "{name}");
        }
    }
}
