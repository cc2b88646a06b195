//! A version's place in the queue, from one listing of `pending/`. It is for people: nothing is decided by it.
//!
//! Runners take the oldest ticket of a project first, and the projects in turn. Each runner remembers which project it
//! served last. Seen from outside, a project with a claimed version counts as served.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use contract::{PendingTicket, PendingView, ProjectId, Timestamp, Version};
use s3::Entry;

/// A version's place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuePlace {
    /// The number of versions that runners take before it.
    pub ahead: u64,
    /// The number of versions that wait, including this one.
    pub waiting: u64,
    /// The number of versions that runners hold.
    pub held: u64,
    /// The queue was too long to read to its end: the true numbers may be higher.
    pub at_least: bool,
}

/// The queue of all projects.
#[derive(Debug)]
pub(super) struct QueueView {
    places: HashMap<(ProjectId, Version), u64>,
    held: u64,
    complete: bool,
}

/// The waiting versions of one project.
#[derive(Default)]
struct ProjectQueue {
    /// A runner holds a version of the project.
    served: bool,
    tickets: Vec<(Option<Timestamp>, Version)>,
}

impl QueueView {
    /// Reads a listing of `pending/` in any order; `complete` if it is the whole listing.
    pub(super) fn new(entries: &[Entry], complete: bool) -> Self {
        let mut queues: HashMap<ProjectId, ProjectQueue> = HashMap::new();
        let mut held = 0;
        for ((project, version), shown) in PendingView::from_entries(entries).versions {
            // Runners take no version without a ticket.
            let Some(PendingTicket { since }) = shown.ticket else { continue };
            let queue = queues.entry(project).or_default();
            if shown.is_held() {
                held += 1;
                queue.served = true;
            } else {
                queue.tickets.push((since, version));
            }
        }
        Self { places: places(queues), held, complete }
    }

    /// The place of a version; none if it does not wait.
    pub(super) fn place(&self, project: &ProjectId, version: Version) -> Option<QueuePlace> {
        let seen = self.places.len() as u64;
        let known = self.places.get(&(project.clone(), version)).copied();
        let place = |ahead, waiting| QueuePlace { ahead, waiting, held: self.held, at_least: !self.complete };
        match known {
            Some(ahead) => Some(place(ahead, seen)),
            // It may be in the part that was not read.
            None if !self.complete => Some(place(seen, seen + 1)),
            None => None,
        }
    }
}

/// The order in which runners take versions: round by round, one ticket of each project.
fn places(queues: HashMap<ProjectId, ProjectQueue>) -> HashMap<(ProjectId, Version), u64> {
    let mut order: Vec<(ProjectId, ProjectQueue)> =
        queues.into_iter().filter(|(_, queue)| !queue.tickets.is_empty()).collect();
    for (_, queue) in &mut order {
        queue.tickets.sort_unstable();
    }
    order.sort_unstable_by(|(a, first), (b, second)| {
        (first.served, &first.tickets[0], a).cmp(&(second.served, &second.tickets[0], b))
    });
    let mut places = HashMap::new();
    let mut round = 0;
    while !order.is_empty() {
        order.retain(|(project, queue)| {
            let Some((_, version)) = queue.tickets.get(round) else { return false };
            places.insert((project.clone(), *version), places.len() as u64);
            true
        });
        round += 1;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &str, size: u64, at: i64) -> Entry {
        let last_modified = Some(Timestamp::from_millis(at));
        Entry { key: format!("pending/{key}"), etag: String::new(), size, last_modified }
    }

    fn ticket(project: &str, version: u64, at: i64) -> Entry {
        entry(&format!("{project}/{project}_v{version}/ticket"), 0, at)
    }

    fn attempt(project: &str, version: u64, number: u32, size: u64) -> Entry {
        entry(&format!("{project}/{project}_v{version}/a{number}.json"), size, 0)
    }

    fn place(view: &QueueView, project: &str, version: u64) -> Option<QueuePlace> {
        view.place(&project.parse().unwrap(), version.try_into().unwrap())
    }

    /// The versions in the order of their places, and the number of held ones.
    fn order(entries: &[Entry]) -> (Vec<String>, u64) {
        let view = QueueView::new(entries, true);
        let mut found: Vec<_> = view.places.iter().collect();
        found.sort_by_key(|(_, place)| **place);
        (found.into_iter().map(|((project, version), _)| format!("{project}{version}")).collect(), view.held)
    }

    #[test]
    fn oldest_ticket_first_and_projects_in_turn() {
        let entries = [ticket("a", 10, 3), ticket("b", 1, 9), ticket("a", 9, 1), ticket("a", 2, 2), ticket("b", 2, 10)];
        // As in the runner's own queue.
        assert_eq!(order(&entries).0, ["a9", "b1", "a2", "b2", "a10"]);
        let mut backwards = entries.to_vec();
        backwards.reverse();
        assert_eq!(order(&entries), order(&backwards), "listings are sets");
    }

    #[test]
    fn a_held_version_delays_its_project() {
        let entries = [ticket("a", 1, 1), attempt("a", 1, 1, 99), ticket("a", 2, 2), ticket("b", 1, 3)];
        assert_eq!(order(&entries), (vec!["b1".to_owned(), "a2".to_owned()], 1));
    }

    #[test]
    fn a_released_attempt_waits_again() {
        let entries = [ticket("a", 1, 1), attempt("a", 1, 1, 99), attempt("a", 1, 2, 0)];
        assert_eq!(order(&entries), (vec!["a1".to_owned()], 0));
        let entries = [ticket("a", 1, 1), attempt("a", 1, 10, 99), attempt("a", 1, 2, 0)];
        assert_eq!(order(&entries).1, 1, "numbers, not texts, are compared");
    }

    #[test]
    fn keys_without_a_ticket_do_not_wait() {
        assert_eq!(order(&[attempt("a", 1, 1, 99), entry("a/notes.txt", 3, 0)]), (vec![], 0));
    }

    #[test]
    fn an_incomplete_listing_gives_least_numbers() {
        let view = QueueView::new(&[ticket("a", 1, 1), ticket("a", 2, 2)], false);
        let at_least = |ahead, waiting| Some(QueuePlace { ahead, waiting, held: 0, at_least: true });
        assert_eq!(place(&view, "a", 2), at_least(1, 2));
        assert_eq!(place(&view, "z", 1), at_least(2, 3));
        let view = QueueView::new(&[ticket("a", 1, 1)], true);
        assert_eq!(place(&view, "z", 1), None);
    }
}
