//! What the API has counted and not told yet: in memory, since it has no storage.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use super::batch::{AddBatch, hour_of, tell};
use super::fact::Figure;
use super::histogram::SUM;
use crate::object::Objects;
use contract::{Timestamp, random_hex};
use platform::Clock;

/// How long counts are gathered before they are told. Who ends an isolate in that time takes them along.
const PAUSE: Duration = Duration::from_secs(5);

/// Whoever tells for longer than this was broken off.
const LONGEST: Duration = Duration::from_secs(60);

/// The most sums that are held, should a shard be away; what would be one more is not counted.
const MOST: usize = 1_000;

/// Counts of one isolate, over all the requests that it serves.
#[derive(Debug, Default)]
pub struct Tally {
    open: RefCell<Vec<Count>>,
    /// The cells that were sent, perhaps in vain: nothing is added to them any more. Empty where there are none.
    sealed: RefCell<String>,
    writer: RefCell<String>,
    /// The number of the newest batch.
    number: Cell<u64>,
    /// Somebody is about to tell, since then.
    telling: Cell<Option<Timestamp>>,
}

#[derive(Debug)]
struct Count {
    hour: i64,
    figure: Figure,
    label: &'static str,
    amount: u64,
}

impl Tally {
    /// Counts what has just happened; `label` is a word of this program.
    pub fn note(&self, figure: Figure, label: &'static str, now: Timestamp) {
        let hour = hour_of(now);
        let mut open = self.open.borrow_mut();
        let known = open.iter_mut().find(|count| (count.hour, count.figure, count.label) == (hour, figure, label));
        if let Some(count) = known {
            count.amount += 1;
        } else if open.len() < MOST {
            open.push(Count { hour, figure, label, amount: 1 });
        }
    }

    /// Tells a shard what was counted, after a pause in which more may be. For after an answer: nobody waits for it. While
    /// one request does so, others leave theirs to it.
    pub async fn tell(&self, objects: &dyn Objects, clock: &dyn Clock) {
        let now = clock.now();
        let is_empty = self.open.borrow().is_empty() && self.sealed.borrow().is_empty();
        if is_empty || self.telling.get().is_some_and(|since| now.since(since) < LONGEST) {
            return;
        }
        self.telling.set(Some(now));
        clock.sleep(PAUSE).await;
        if !self.seal() {
            self.telling.set(None);
            return;
        }
        let (writer, number, cells) = (self.writer.borrow().clone(), self.number.get(), self.sealed.borrow().clone());
        let batch = AddBatch { writer, number, cells };
        if tell(objects, clock, batch).await && self.number.get() == number {
            self.sealed.borrow_mut().clear();
        }
        self.telling.set(None);
    }

    /// Makes a batch of all that there is, unless the last one was not taken yet; false where there is nothing to send, as
    /// when somebody who was slower than [`LONGEST`] has told it meanwhile.
    fn seal(&self) -> bool {
        let mut sealed = self.sealed.borrow_mut();
        if !sealed.is_empty() || self.open.borrow().is_empty() {
            return !sealed.is_empty();
        }
        if self.number.get() == 0 {
            self.writer.replace(random_hex());
        }
        self.number.set(self.number.get() + 1);
        for Count { hour, figure, label, amount } in self.open.take() {
            let comma = if sealed.is_empty() { '[' } else { ',' };
            // Words of this program need no escapes.
            sealed.push_str(&format!("{comma}[{hour},\"{}\",\"{label}\",{SUM},{amount}]", figure.as_str()));
        }
        sealed.push(']');
        true
    }
}
