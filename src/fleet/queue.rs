//! A version's place in the queue, as one listing of `pending/` shows it. For people: nothing is decided by it.
//!
//! Runners take the oldest ticket of a project first, and projects in turn. Each runner remembers by itself which
//! project it served last; from outside, a project with a version at work counts as served.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use contract::{PendingTicket, PendingView, ProjectId, Timestamp, Version};
use s3::Entry;

/// A version's place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuePlace {
    /// How many versions runners will take before it.
    pub ahead: u64,
    /// How many wait in all, itself among them.
    pub waiting: u64,
    /// How many are held by a runner.
    pub held: u64,
    /// The queue was too long to be read whole: the figures are the least that they can be.
    pub at_least: bool,
}

/// The whole queue.
#[derive(Debug)]
pub(super) struct QueueView {
    places: HashMap<(ProjectId, Version), u64>,
    held: u64,
    complete: bool,
}

/// What waits of one project.
#[derive(Default)]
struct Line {
    /// A runner is at work for it.
    served: bool,
    tickets: Vec<(Option<Timestamp>, Version)>,
}

impl QueueView {
    /// From a listing of `pending/`, in any order; `complete` if that was all.
    pub(super) fn new(entries: &[Entry], complete: bool) -> Self {
        let mut lines: HashMap<ProjectId, Line> = HashMap::new();
        let mut held = 0;
        for ((project, version), shown) in PendingView::from_entries(entries).versions {
            // Without a ticket it is no work.
            let Some(PendingTicket { since }) = shown.ticket else { continue };
            let line = lines.entry(project).or_default();
            if shown.is_held() {
                held += 1;
                line.served = true;
            } else {
                line.tickets.push((since, version));
            }
        }
        Self { places: places(lines), held, complete }
    }

    /// Where a version stands; none if it does not wait.
    pub(super) fn place(&self, project: &ProjectId, version: Version) -> Option<QueuePlace> {
        let seen = self.places.len() as u64;
        let known = self.places.get(&(project.clone(), version)).copied();
        let place = |ahead, waiting| QueuePlace { ahead, waiting, held: self.held, at_least: !self.complete };
        match known {
            Some(ahead) => Some(place(ahead, seen)),
            // It is in the part that was not read.
            None if !self.complete => Some(place(seen, seen + 1)),
            None => None,
        }
    }
}

/// Who is taken when: round by round, one ticket of each project.
fn places(lines: HashMap<ProjectId, Line>) -> HashMap<(ProjectId, Version), u64> {
    let mut order: Vec<(ProjectId, Line)> = lines.into_iter().filter(|(_, line)| !line.tickets.is_empty()).collect();
    for (_, line) in &mut order {
        line.tickets.sort_unstable();
    }
    order.sort_unstable_by(|(a, first), (b, second)| {
        (first.served, &first.tickets[0], a).cmp(&(second.served, &second.tickets[0], b))
    });
    let mut places = HashMap::new();
    let mut round = 0;
    while !order.is_empty() {
        order.retain(|(project, line)| {
            let Some((_, version)) = line.tickets.get(round) else { return false };
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

    /// The versions in the order of their places, and how many are held.
    fn order(entries: &[Entry]) -> (Vec<String>, u64) {
        let view = QueueView::new(entries, true);
        let mut found: Vec<_> = view.places.iter().collect();
        found.sort_by_key(|(_, place)| **place);
        (found.into_iter().map(|((project, version), _)| format!("{project}{version}")).collect(), view.held)
    }

    #[test]
    fn oldest_first_within_a_project_in_turn_between_projects() {
        let entries = [ticket("a", 10, 3), ticket("b", 1, 9), ticket("a", 9, 1), ticket("a", 2, 2), ticket("b", 2, 10)];
        // As in the runner's own queue.
        assert_eq!(order(&entries).0, ["a9", "b1", "a2", "b2", "a10"]);
        let mut backwards = entries.to_vec();
        backwards.reverse();
        assert_eq!(order(&entries), order(&backwards), "listings are sets");
    }

    #[test]
    fn what_is_held_does_not_wait_and_its_project_comes_later() {
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
    fn an_attempt_without_a_ticket_and_a_stranger_s_key_are_no_work() {
        assert_eq!(order(&[attempt("a", 1, 1, 99), entry("a/notes.txt", 3, 0)]), (vec![], 0));
    }

    #[test]
    fn a_queue_that_was_not_read_whole_says_at_least() {
        let view = QueueView::new(&[ticket("a", 1, 1), ticket("a", 2, 2)], false);
        let told = |ahead, waiting| Some(QueuePlace { ahead, waiting, held: 0, at_least: true });
        assert_eq!(place(&view, "a", 2), told(1, 2));
        assert_eq!(place(&view, "z", 1), told(2, 3));
        let view = QueueView::new(&[ticket("a", 1, 1)], true);
        assert_eq!(place(&view, "z", 1), None);
    }
}
