//! The users that scripts run as: one per slot, and different ones for each runner on a machine.

use std::collections::HashSet;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::ops::Range;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use nix::unistd::{Gid, Group, Uid, User};

use crate::config::FIRST_SLOT_UID;

/// The default ids. They lie between systemd's dynamic users (61184 to 65519) and rootless containers (from 100000),
/// and apart from those of distributions, systemd's own containers and people.
const DEFAULT_IDS: Range<u32> = FIRST_SLOT_UID..100_000;

/// The default ids in a user namespace of 65,536 ids, as containers have. They lie above people, who begin at 1000, and
/// below systemd's dynamic users.
const NAMESPACE_IDS: Range<u32> = 20_000..50_000;

/// How many ids to try from the configured one on: as many as all runners of one machine may have slots.
const MAX_IDS_TRIED: u32 = 4_096;

/// The user and group `nobody`, which stands for ids unknown to a namespace or file server, and the former `-1`.
const NOBODY: [u32; 2] = [65_534, 65_535];

/// A user and group id that only this runner uses, until this value is dropped.
///
/// After a job every process of its user is killed, and limits count all of a user's processes. So an id with a name or
/// a process is not taken, and two runners do not share one.
///
/// The claim is an abstract socket: it needs no file, and always ends with the process. It holds within a network
/// namespace. Runners in separate containers do not see each other's claims, although the kernel counts a user's
/// processes in all containers together. Therefore each search begins at a random id.
#[derive(Debug)]
pub(crate) struct SlotUser {
    id: u32,
    _claim: UnixListener,
}

impl SlotUser {
    /// Claims one user for each slot: the first free ones from `first` on, or any free ones if `first` is `None`.
    ///
    /// # Errors
    /// When not enough ids are free.
    pub(crate) fn claim(slots: usize, first: Option<u32>) -> io::Result<Vec<Self>> {
        let candidates: Vec<u32> = match first {
            Some(first) => (first..first.saturating_add(MAX_IDS_TRIED)).collect(),
            None => from_random_start(DEFAULT_IDS).chain(from_random_start(NAMESPACE_IDS)).collect(),
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
            Some(first) => format!("the {MAX_IDS_TRIED} ids from {first} on (RUNNER_FIRST_UID)"),
            None => format!("the ids {DEFAULT_IDS:?} and {NAMESPACE_IDS:?}. Set RUNNER_FIRST_UID to try others"),
        };
        let claimed = claimed.len();
        Err(io::Error::other(format!(
            "{slots} are needed, but only {claimed} are free and known to this user namespace among {place}"
        )))
    }

    /// The user and group id.
    pub(crate) fn id(&self) -> u32 {
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

/// All ids of a range, from a random one on.
fn from_random_start(range: Range<u32>) -> impl Iterator<Item = u32> {
    // The keys of the standard library are random enough for this.
    let start = RandomState::new().hash_one(0) % u64::from(range.end - range.start);
    let start = range.start + u32::try_from(start).unwrap_or(0);
    (start..range.end).chain(range.start..start)
}

/// Whether this id is a known user or group. A directory service may give out any id.
fn has_name(id: u32) -> bool {
    // A directory service that cannot be asked must not stop the runner.
    matches!(User::from_uid(Uid::from_raw(id)), Ok(Some(_)))
        || matches!(Group::from_gid(Gid::from_raw(id)), Ok(Some(_)))
}

/// The users of all processes: real, effective, saved and file system ids.
fn users_of_processes() -> io::Result<HashSet<u32>> {
    let processes = fs::read_dir("/proc")?.flatten().filter(|entry| {
        entry.file_name().to_str().is_some_and(|name| name.bytes().all(|digit| digit.is_ascii_digit()))
    });
    // A process that has just ended no longer has a status.
    let statuses = processes.filter_map(|process| fs::read_to_string(process.path().join("status")).ok());
    Ok(statuses.flat_map(|status| users_in(&status)).collect())
}

fn users_in(status: &str) -> Vec<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap_or_default();
    line.split_whitespace().filter_map(|id| id.parse().ok()).collect()
}

/// The ranges of ids that a user namespace knows.
#[derive(Debug)]
struct Mapped(Vec<Range<u64>>);

impl Mapped {
    fn read(path: &str) -> io::Result<Self> {
        Ok(Self::parse(&fs::read_to_string(path)?))
    }

    /// Reads lines of three numbers: the first id inside, the first outside, and their count (user_namespaces(7)).
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
    fn no_user_is_claimed_twice() {
        let first = SlotUser::claim(3, Some(81_000)).unwrap();
        let second = SlotUser::claim(3, Some(81_000)).unwrap();
        let mut both = [ids(&first), ids(&second)].concat();
        both.sort_unstable();
        both.dedup();
        assert_eq!(both.len(), 6);
        assert!(both.iter().all(|id| (81_000..81_000 + MAX_IDS_TRIED).contains(id)));
    }

    #[test]
    fn default_ids_are_unreserved_and_random() {
        let users = SlotUser::claim(4, None).unwrap();
        let places = [DEFAULT_IDS, NAMESPACE_IDS];
        assert!(ids(&users).iter().all(|id| places.iter().any(|place| place.contains(id))), "{users:?}");
        for place in places {
            assert!(place.end <= 61_184 || place.start > 65_535, "systemd's dynamic users: {place:?}");
            assert!(place.start > 1_000 && place.end <= 100_000, "people and rootless containers: {place:?}");
        }
        let starts: HashSet<u32> = (0..20).filter_map(|_| from_random_start(DEFAULT_IDS).next()).collect();
        assert!(starts.len() > 10, "{starts:?}");
        let mut all: Vec<u32> = from_random_start(5..9).collect();
        all.sort_unstable();
        assert_eq!(all, [5, 6, 7, 8]);
    }

    #[test]
    fn ids_in_use_are_skipped() {
        // The user of this test has a process, and root has a name.
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
    fn the_id_map_of_a_namespace_is_read() {
        let mapped = Mapped::parse("         0     100000      65536\n     70000     300000          2\n");
        let held = [0, 20_000, 65_535, 65_536, 69_999, 70_000, 70_001, 70_002].map(|id| mapped.holds(id));
        assert_eq!(held, [true, true, true, false, false, true, true, false]);
        assert!(Mapped::parse("0 0 4294967295\n").holds(90_000));
    }
}
