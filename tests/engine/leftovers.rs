//! Finds processes, files, directories and shared memory that a runner left behind.

use std::fs::{self, DirEntry};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;
use std::time::Duration;

/// The places where scripts try to leave files.
const PLACES: [&str; 9] =
    ["/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/run", "/run/lock", "/home", "/root", "/usr/local/lib"];

/// The name of files that scripts leave.
const LEAK: &str = "partwright-leak";

/// How often to look for leftovers, 20 ms apart. A killed process takes a moment to end, because the kernel frees its
/// memory first.
const MAX_CHECKS: usize = 500;

/// Describes everything that is left after the runner has ended.
pub fn leftovers(scratch: &Path, user: Option<u32>) -> Vec<String> {
    for _ in 1..MAX_CHECKS {
        if found_now(scratch, user).is_empty() {
            return Vec::new();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    found_now(scratch, user)
}

fn found_now(scratch: &Path, user: Option<u32>) -> Vec<String> {
    let mut found = Vec::new();
    for entry in entries(scratch) {
        found.push(format!("the scratch directory still holds {}", entry.path().display()));
    }
    let place = scratch.to_string_lossy();
    // The runner held this claim until it ended. While this test holds it, no other runner takes the user. A test that
    // runs as the same user skips it, because that user has other processes.
    let user = user.filter(|user| *user != nix::unistd::geteuid().as_raw());
    let claim = user.and_then(|user| {
        let address = SocketAddr::from_abstract_name(format!("freecad-runner/user/{user}")).ok()?;
        UnixListener::bind_addr(&address).ok()
    });
    let user = user.filter(|_| claim.is_some());
    for process in entries(Path::new("/proc")) {
        let read = |file: &str| fs::read_to_string(process.path().join(file)).unwrap_or_default();
        let id = process.file_name();
        if read("cmdline").contains(&*place) {
            found.push(format!("process {id:?} of the runner is still there"));
        }
        let status = read("status");
        let users = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap_or_default();
        if users.split_whitespace().any(|of| of.parse().ok() == user && user.is_some()) {
            found.push(format!("process {id:?} of user {users} is still there"));
        }
    }
    for place in PLACES {
        let left = entries(Path::new(place)).into_iter().filter(|entry| is_left(entry, user));
        found.extend(left.map(|entry| format!("{} was left there", entry.path().display())));
    }
    found
}

fn is_left(entry: &DirEntry, user: Option<u32>) -> bool {
    entry.file_name().to_string_lossy().contains(LEAK)
        || entry.metadata().is_ok_and(|metadata| Some(metadata.uid()) == user)
}

fn entries(directory: &Path) -> Vec<DirEntry> {
    fs::read_dir(directory).into_iter().flatten().flatten().collect()
}
