//! What the API has counted and not told yet: in memory, since it has no storage.

use std::cell::{Cell as Kept, RefCell};
use std::time::Duration;

use super::batch::{Batch, Cell, hour_of};
use super::fact::Fact;
use crate::contract::{Timestamp, random_hex};
use crate::http::Clock;
use crate::object::Objects;

/// How long counts are gathered before they are told. Who ends an isolate in that time takes them along.
const PAUSE: Duration = Duration::from_secs(5);

/// Whoever tells for longer than this was broken off.
const LONGEST: Duration = Duration::from_secs(60);

/// The most sums that are held, should a shard be away; what would be one more is not counted.
const MOST: usize = 1_000;

/// Counts of one isolate, over all the requests that it serves.
#[derive(Debug, Default)]
pub struct Tally {
    open: RefCell<Vec<Cell>>,
    /// What was sent, perhaps in vain: nothing is added to it any more.
    sealed: RefCell<Option<Batch>>,
    /// Writer and number of the newest batch.
    newest: RefCell<Option<(String, u64)>>,
    /// Somebody is about to tell, since then.
    telling: Kept<Option<Timestamp>>,
}

impl Tally {
    /// Counts what has just happened.
    pub fn note(&self, fact: &Fact, now: Timestamp) {
        let cell = Cell::new(hour_of(now), fact);
        let mut open = self.open.borrow_mut();
        let is_same = |held: &&mut Cell| (&held.0, &held.1, &held.2, &held.3) == (&cell.0, &cell.1, &cell.2, &cell.3);
        if let Some(held) = open.iter_mut().find(is_same) {
            held.4 += cell.4;
        } else if open.len() < MOST {
            open.push(cell);
        }
    }

    /// Tells a shard what was counted, after a pause in which more may be. For after an answer: nobody waits for it. While
    /// one request does so, others leave theirs to it.
    pub async fn tell(&self, objects: &dyn Objects, clock: &dyn Clock) {
        let now = clock.now();
        let is_empty = self.open.borrow().is_empty() && self.sealed.borrow().is_none();
        if is_empty || self.telling.get().is_some_and(|since| now.since(since) < LONGEST) {
            return;
        }
        self.telling.set(Some(now));
        clock.sleep(PAUSE).await;
        if let Some(batch) = self.seal() {
            let number = batch.number;
            if batch.tell(objects, clock).await {
                self.sealed.borrow_mut().take_if(|sealed| sealed.number == number);
            }
        }
        self.telling.set(None);
    }

    /// The batch that is to be sent: the one that was not taken, else all that there is.
    fn seal(&self) -> Option<Batch> {
        let mut sealed = self.sealed.borrow_mut();
        if sealed.is_none() {
            let cells = self.open.take();
            if cells.is_empty() {
                return None;
            }
            let mut newest = self.newest.borrow_mut();
            let (writer, number) = newest.get_or_insert_with(|| (random_hex(), 0));
            *number += 1;
            *sealed = Some(Batch { writer: writer.clone(), number: *number, cells });
        }
        sealed.clone()
    }
}
