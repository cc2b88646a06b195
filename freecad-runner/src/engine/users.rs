//! The users that scripts run as: one a slot, and never the same for two runners on one machine.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use crate::config::FIRST_SLOT_UID;

/// How many ids are tried: as many slots as one machine may have in all of its runners.
const MANY: u32 = 4_096;

/// A user and group id that this runner alone uses for as long as this lives.
///
/// After a job every process of its user is killed, and limits count all of a user's processes; so two runners must
/// not share one. The claim is an abstract socket: it needs no file, and ends with the process however it ends.
#[derive(Debug)]
pub struct SlotUser {
    id: u32,
    _claim: UnixListener,
}

impl SlotUser {
    /// Claims one user for each slot.
    ///
    /// # Errors
    /// When so many are taken that there are not enough left.
    pub fn claim(slots: usize) -> std::io::Result<Vec<Self>> {
        let free = (FIRST_SLOT_UID..FIRST_SLOT_UID + MANY).filter_map(|id| Self::try_claim(id).transpose());
        let claimed: Vec<Self> = free.take(slots).collect::<Result<_, _>>()?;
        if claimed.len() == slots {
            return Ok(claimed);
        }
        Err(std::io::Error::other(format!("all {MANY} user ids from {FIRST_SLOT_UID} on are in use by other runners")))
    }

    /// The user and group id.
    pub fn id(&self) -> u32 {
        self.id
    }

    fn try_claim(id: u32) -> std::io::Result<Option<Self>> {
        let address = SocketAddr::from_abstract_name(format!("freecad-runner/user/{id}"))?;
        match UnixListener::bind_addr(&address) {
            Ok(claim) => Ok(Some(Self { id, _claim: claim })),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_user_is_given_twice() {
        let first = SlotUser::claim(3).unwrap();
        let second = SlotUser::claim(3).unwrap();
        let mut ids: Vec<u32> = first.iter().chain(&second).map(SlotUser::id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 6);
        drop((first, second));
    }
}
