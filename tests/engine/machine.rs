//! What must be left of a batch: no process, no file, no directory, no shared memory.

use std::fs::{self, DirEntry};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;
use std::time::Duration;

/// Where scripts try to leave something.
const PLACES: [&str; 9] =
    ["/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/run", "/run/lock", "/home", "/root", "/usr/local/lib"];

/// What the scripts call what they leave.
const LEAK: &str = "partwright-leak";

/// How often is looked, 20 ms apart, before a process that was killed counts as left: the kernel takes its memory apart
/// first.
const LOOKS: usize = 500;

/// What is left after the runner has ended, in words.
pub fn left_overs(scratch: &Path, user: Option<u32>) -> Vec<String> {
    for _ in 1..LOOKS {
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
    // The runner that has ended held this claim; while this test holds it, no other gets the user. Where scripts run as
    // the runner's own user, that has other processes.
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
