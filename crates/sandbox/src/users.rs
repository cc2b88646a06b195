//! The users that scripts run as: one a slot, and never the same for two runners on one machine.

use std::collections::HashSet;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::ops::Range;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use nix::unistd::{Gid, Group, Uid, User};

use crate::config::FIRST_SLOT_UID;

/// Where ids are taken from when nothing is set. Between what systemd gives out by itself (61184 to 65519) and what
/// rootless containers get (from 100000); distributions, systemd's own containers and people are elsewhere too.
const USUAL: Range<u32> = FIRST_SLOT_UID..100_000;

/// Where a user namespace of 65,536 ids, as containers have, does not hold those. Above people, who begin at 1000, and
/// below systemd's.
const IN_NAMESPACE: Range<u32> = 20_000..50_000;

/// How many ids from the configured one on are tried: as many slots as one machine may have in all of its runners.
const MANY: u32 = 4_096;

/// The user and group `nobody`, which stands for everything that a namespace or a file server does not know, and the id
/// that was `-1` once.
const NOBODY: [u32; 2] = [65_534, 65_535];

/// A user and group id that this runner alone uses for as long as this lives.
///
/// After a job every process of its user is killed, and limits count all of a user's processes; so no id is taken that
/// has a name or a process, and two runners do not share one. The claim is an abstract socket: it needs no file, and
/// ends with the process however it ends. It holds within a network namespace. Runners in containers of their own do
/// not see each other's claims, and the kernel counts a user's processes in all containers together; therefore the
/// search begins at a place of its own each time.
#[derive(Debug)]
pub struct SlotUser {
    id: u32,
    _claim: UnixListener,
}

impl SlotUser {
    /// Claims one user for each slot: the first free ones from `first` on, or any where nothing is set.
    ///
    /// # Errors
    /// When so many are taken that there are not enough left.
    pub fn claim(slots: usize, first: Option<u32>) -> io::Result<Vec<Self>> {
        let candidates: Vec<u32> = match first {
            Some(first) => (first..first.saturating_add(MANY)).collect(),
            None => from_anywhere(USUAL).chain(from_anywhere(IN_NAMESPACE)).collect(),
        };
        let (users, groups) = (Mapped::read("/proc/self/uid_map")?, Mapped::read("/proc/self/gid_map")?);
        let in_use = users_of_processes()?;
        let free = candidates
            .into_iter()
            .filter(|id| !NOBODY.contains(id) && users.holds(*id) && groups.holds(*id))
            .filter(|id| !in_use.contains(id) && !has_name(*id))
            .filter_map(|id| Self::try_claim(id).transpose());
        let claimed: Vec<Self> = free.take(slots).collect::<Result<_, _>>()?;
        if claimed.len() == slots {
            return Ok(claimed);
        }
        let place = match first {
            Some(first) => format!("the {MANY} ids from {first} on (RUNNER_FIRST_UID)"),
            None => format!("the ids {USUAL:?} and {IN_NAMESPACE:?}; RUNNER_FIRST_UID names others"),
        };
        let claimed = claimed.len();
        Err(io::Error::other(format!(
            "{slots} are wanted, and {claimed} are free and known to this user namespace of {place}"
        )))
    }

    /// The user and group id.
    pub fn id(&self) -> u32 {
        self.id
    }

    fn try_claim(id: u32) -> io::Result<Option<Self>> {
        let address = SocketAddr::from_abstract_name(format!("freecad-runner/user/{id}"))?;
        match UnixListener::bind_addr(&address) {
            Ok(claim) => Ok(Some(Self { id, _claim: claim })),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The ids of a range, all of them once, from a random one on.
fn from_anywhere(range: Range<u32>) -> impl Iterator<Item = u32> {
    // The standard library's own keys are random, and nothing here needs better.
    let start = RandomState::new().hash_one(0) % u64::from(range.end - range.start);
    let start = range.start + u32::try_from(start).unwrap_or(0);
    (start..range.end).chain(range.start..start)
}

/// Whether somebody has this id as a user or a group: a directory service may give out any.
fn has_name(id: u32) -> bool {
    // One that cannot be asked is no reason to run nothing.
    matches!(User::from_uid(Uid::from_raw(id)), Ok(Some(_)))
        || matches!(Group::from_gid(Gid::from_raw(id)), Ok(Some(_)))
}

/// The users of everything that runs now: real, effective, saved and of files.
fn users_of_processes() -> io::Result<HashSet<u32>> {
    let processes = fs::read_dir("/proc")?.flatten().filter(|entry| {
        entry.file_name().to_str().is_some_and(|name| name.bytes().all(|digit| digit.is_ascii_digit()))
    });
    // One that ends meanwhile has no status any more.
    let statuses = processes.filter_map(|process| fs::read_to_string(process.path().join("status")).ok());
    Ok(statuses.flat_map(|status| users_in(&status)).collect())
}

fn users_in(status: &str) -> Vec<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap_or_default();
    line.split_whitespace().filter_map(|id| id.parse().ok()).collect()
}

/// Which ids a user namespace knows: ranges of them.
#[derive(Debug)]
struct Mapped(Vec<Range<u64>>);

impl Mapped {
    fn read(path: &str) -> io::Result<Self> {
        Ok(Self::parse(&fs::read_to_string(path)?))
    }

    /// Lines of the first id inside, the first outside, and how many.
    fn parse(text: &str) -> Self {
        let ranges = text.lines().filter_map(|line| {
            let mut numbers = line.split_whitespace().map_while(|number| number.parse::<u64>().ok());
            let (first, _, count) = (numbers.next()?, numbers.next()?, numbers.next()?);
            Some(first..first + count)
        });
        Self(ranges.collect())
    }

    fn holds(&self, id: u32) -> bool {
        self.0.iter().any(|range| range.contains(&u64::from(id)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(users: &[SlotUser]) -> Vec<u32> {
        users.iter().map(SlotUser::id).collect()
    }

    #[test]
    fn no_user_is_given_twice() {
        let first = SlotUser::claim(3, Some(81_000)).unwrap();
        let second = SlotUser::claim(3, Some(81_000)).unwrap();
        let mut both = [ids(&first), ids(&second)].concat();
        both.sort_unstable();
        both.dedup();
        assert_eq!(both.len(), 6);
        assert!(both.iter().all(|id| (81_000..81_000 + MANY).contains(id)));
    }

    #[test]
    fn without_a_setting_the_ids_are_reserved_for_nobody_and_rarely_the_same() {
        let users = SlotUser::claim(4, None).unwrap();
        let places = [USUAL, IN_NAMESPACE];
        assert!(ids(&users).iter().all(|id| places.iter().any(|place| place.contains(id))), "{users:?}");
        for place in places {
            assert!(place.end <= 61_184 || place.start > 65_535, "systemd's dynamic users: {place:?}");
            assert!(place.start > 1_000 && place.end <= 100_000, "people and rootless containers: {place:?}");
        }
        let starts: HashSet<u32> = (0..20).filter_map(|_| from_anywhere(USUAL).next()).collect();
        assert!(starts.len() > 10, "{starts:?}");
        let mut all: Vec<u32> = from_anywhere(5..9).collect();
        all.sort_unstable();
        assert_eq!(all, [5, 6, 7, 8]);
    }

    #[test]
    fn ids_of_others_are_left_out() {
        // The user and group of whoever runs this have a process, root a name.
        let own = nix::unistd::geteuid().as_raw();
        let users = SlotUser::claim(2, Some(own)).unwrap();
        assert!(!ids(&users).contains(&own));
        assert!(has_name(0) && !has_name(4_294_000_000));
        assert!(users_of_processes().unwrap().contains(&own));
        assert_eq!(users_in("Name:\tx\nUid:\t0\t70001\t7\t7\nGid:\t9\t9\t9\t9\n"), [0, 70_001, 7, 7]);
        let users = SlotUser::claim(4, Some(65_532)).unwrap();
        assert!(ids(&users).iter().all(|id| !NOBODY.contains(id)), "{users:?}");
    }

    #[test]
    fn a_namespace_s_map_says_which_ids_there_are() {
        let mapped = Mapped::parse("         0     100000      65536\n     70000     300000          2\n");
        let held = [0, 20_000, 65_535, 65_536, 69_999, 70_000, 70_001, 70_002].map(|id| mapped.holds(id));
        assert_eq!(held, [true, true, true, false, false, true, true, false]);
        assert!(Mapped::parse("0 0 4294967295\n").holds(90_000));
    }
}
