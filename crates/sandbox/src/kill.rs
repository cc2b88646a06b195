//! Kills a job's process, and all processes of a slot's user.

use std::fs::{self, DirEntry};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long killed processes may take to disappear.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);

/// The time between two looks for processes that are left. They are children of init, so nothing reports their end.
const KILL_INTERVAL: Duration = Duration::from_millis(10);

/// Opens a pidfd, which never means another process that got the same number later.
pub(crate) fn pidfd(process: i32) -> io::Result<OwnedFd> {
    // SAFETY: plain numbers go in; nothing else owns the descriptor that comes out.
    #[expect(unsafe_code, reason = "pidfd_open has no safe form in the libraries used")]
    unsafe {
        let descriptor = libc::syscall(libc::SYS_pidfd_open, process, 0);
        if descriptor == -1 {
            return Err(io::Error::last_os_error());
        }
        Ok(OwnedFd::from_raw_fd(RawFd::try_from(descriptor).unwrap_or(-1)))
    }
}

/// Kills through a pidfd. It does nothing if the process is gone.
pub(crate) fn kill_by_pidfd(pidfd: &OwnedFd) {
    // SAFETY: plain numbers and a null pointer, which stands for the default.
    #[expect(unsafe_code, reason = "pidfd_send_signal has no safe form in the libraries used")]
    unsafe {
        libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), libc::SIGKILL, std::ptr::null::<()>(), 0);
    }
}

/// Kills every process of a slot's user. The jail lets a job start none; this is the safeguard if the jail fails.
pub(crate) async fn kill_all_of(user: u32) {
    let rounds = KILL_TIMEOUT.as_millis() / KILL_INTERVAL.as_millis();
    for _ in 0..rounds {
        let left = processes_of(user);
        if left.is_empty() {
            return;
        }
        for process in left {
            let _ = kill(Pid::from_raw(process), Signal::SIGKILL);
        }
        tokio::time::sleep(KILL_INTERVAL).await;
    }
    tracing::error!(user, "failed to kill the processes of a job's user");
}

/// The processes of a user, without zombies.
pub(crate) fn processes_of(user: u32) -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let of_user = |entry: DirEntry| {
        let id: i32 = entry.file_name().to_str()?.parse().ok()?;
        if entry.metadata().ok()?.uid() != user {
            return None;
        }
        // The state follows the name, which is in brackets and may contain anything.
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        let is_zombie = stat.rsplit_once(')')?.1.trim_start().starts_with('Z');
        (!is_zombie).then_some(id)
    };
    entries.flatten().filter_map(of_user).collect()
}
