//! Which namespaces a process of this user may make. Jobs need none; a person who sets up a container asks.

use std::io;

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};

/// The kinds that `freecad-runner check` tells of.
const KINDS: [(&str, CloneFlags); 4] = [
    ("user", CloneFlags::CLONE_NEWUSER),
    ("mount", CloneFlags::CLONE_NEWNS),
    ("pid", CloneFlags::CLONE_NEWPID),
    ("net", CloneFlags::CLONE_NEWNET),
];

/// Whether a namespace of one kind can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Namespace {
    /// By itself.
    Yes,
    /// Together with a user namespace, in which it is root.
    WithUser,
    /// Not at all, for this reason.
    No(Errno),
}

/// Tries each kind in a process of its own, which ends at once. For a program that has one thread still.
///
/// # Errors
/// When no process can be made to try in.
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

/// Why the kernel refuses these; none where it does not.
fn refusal(flags: CloneFlags) -> io::Result<Option<Errno>> {
    // SAFETY: the child makes one system call and ends; it allocates nothing and takes no lock.
    #[expect(unsafe_code, reason = "unshare changes the process that calls it for good, so another one must")]
    let forked = unsafe { fork() }?;
    match forked {
        ForkResult::Child => {
            let status = unshare(flags).map_or_else(|why| why as i32, |()| 0);
            // SAFETY: a plain number; `exit` would run what the parent has left for its own end.
            #[expect(unsafe_code, reason = "_exit has no safe form in the libraries used")]
            unsafe {
                libc::_exit(status)
            }
        }
        ForkResult::Parent { child } => match waitpid(child, None)? {
            WaitStatus::Exited(_, 0) => Ok(None),
            WaitStatus::Exited(_, status) => Ok(Some(Errno::from_raw(status))),
            other => Err(io::Error::other(format!("a process that tried it ended with {other:?}"))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_tried_and_this_process_stays_where_it_is() {
        let own = || std::fs::read_link("/proc/self/ns/net").unwrap();
        let before = own();
        let found = namespaces().unwrap();
        assert_eq!(found.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["user", "mount", "pid", "net"]);
        assert_eq!(own(), before);
    }
}
