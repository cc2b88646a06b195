//! The outbox of the API, which has no storage: in memory.

use std::cell::RefCell;
use std::time::Duration;

use super::metric::{Metric, Sample};
use super::object::send;
use super::outbox::Outbox;
use crate::object::Objects;
use contract::Timestamp;
use platform::{Backoff, Clock, InFlight};

/// The pause between two batches. It does not grow, because a request waits for it.
const PAUSES: Backoff = Backoff::new(Duration::from_secs(5), Duration::from_secs(5));

/// A request that sends for longer than this was dropped by the platform.
const MAX_SENDING: Duration = Duration::from_secs(60);

/// The counters of one isolate, shared by all requests that it serves.
#[derive(Debug, Default)]
pub struct Tally {
    outbox: RefCell<Outbox>,
    sending: InFlight,
}

impl Tally {
    /// Counts what has just happened. `label` is a word of this program.
    pub fn record(&self, metric: Metric, label: &'static str, now: Timestamp) {
        self.outbox.borrow_mut().record(&[Sample::once(metric, label)], now, now, PAUSES);
    }

    /// Sends the counters after a pause in which more may come. To be run after a response, so that no caller waits for
    /// it. One request at a time sends, also for the others.
    pub async fn send(&self, objects: &dyn Objects, clock: &dyn Clock) {
        let now = clock.now();
        let Some(due) = self.outbox.borrow().due else { return };
        let Some(_sending) = self.sending.try_start(now, MAX_SENDING) else { return };
        clock.sleep(due.since(now)).await;
        let now = clock.now();
        // Another request may have taken over.
        if self.outbox.borrow().due.is_none_or(|due| due > now) {
            return;
        }
        let Some(batch) = self.outbox.borrow_mut().next_batch(now, PAUSES) else { return };
        let number = batch.number;
        if send(objects, clock, batch).await {
            self.outbox.borrow_mut().acknowledge(number, now, PAUSES);
        }
    }
}
