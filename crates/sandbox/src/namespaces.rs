//! The namespaces that a process of this user may create, for people who set up a container. Jobs need none.

use std::io;

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};

/// The kinds that `freecad-runner check` reports.
const KINDS: [(&str, CloneFlags); 4] = [
    ("user", CloneFlags::CLONE_NEWUSER),
    ("mount", CloneFlags::CLONE_NEWNS),
    ("pid", CloneFlags::CLONE_NEWPID),
    ("net", CloneFlags::CLONE_NEWNET),
];

/// Whether a process can create a namespace of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Namespace {
    Yes,
    /// Only together with a user namespace, in which it is root.
    WithUser,
    No(Errno),
}

/// Tries each kind in a short-lived process of its own. The calling program must have only one thread.
///
/// # Errors
/// When no process can be started.
pub fn namespaces() -> io::Result<Vec<(&'static str, Namespace)>> {
    KINDS.iter().map(|(name, flag)| Ok((*name, namespace(*flag)?))).collect()
}

fn namespace(flag: CloneFlags) -> io::Result<Namespace> {
    let Some(why) = refusal(flag)? else { return Ok(Namespace::Yes) };
    Ok(match refusal(flag | CloneFlags::CLONE_NEWUSER)? {
        None => Namespace::WithUser,
        Some(_) => Namespace::No(why),
    })
}

/// The kernel's reason to refuse these flags, or `None` if it allows them.
fn refusal(flags: CloneFlags) -> io::Result<Option<Errno>> {
    // SAFETY: the child makes one system call and ends; it allocates nothing and takes no lock.
    #[expect(unsafe_code, reason = "unshare changes its caller for good, so another process calls it")]
    let forked = unsafe { fork() }?;
    match forked {
        ForkResult::Child => {
            let status = unshare(flags).map_or_else(|why| why as i32, |()| 0);
            // SAFETY: a plain number. `exit` would run the parent's exit handlers.
            #[expect(unsafe_code, reason = "_exit has no safe form in the libraries used")]
            unsafe {
                libc::_exit(status)
            }
        }
        ForkResult::Parent { child } => match waitpid(child, None)? {
            WaitStatus::Exited(_, 0) => Ok(None),
            WaitStatus::Exited(_, status) => Ok(Some(Errno::from_raw(status))),
            other => Err(io::Error::other(format!("the process that tried it ended with {other:?}"))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trying_does_not_change_this_process() {
        let own = || std::fs::read_link("/proc/self/ns/net").unwrap();
        let before = own();
        let found = namespaces().unwrap();
        assert_eq!(found.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["user", "mount", "pid", "net"]);
        assert_eq!(own(), before);
    }
}
