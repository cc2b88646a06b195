//! The counters that are not sent yet.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::metric::{Counter, Sample, hour_of};
use super::object::AddBatch;
use contract::{Timestamp, random_hex};
use platform::Backoff;

/// How long the first sample after a quiet time waits for others.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// An outbox keeps the counters of so many hours. Older ones are lost if the metrics object is away for longer.
const HELD_HOURS: i64 = 48;

/// The limit of counters that are not in the batch in flight. Samples beyond it are dropped.
const MAX_COUNTERS: usize = 2_000;

/// The counters of one writer, with the protocol that makes each count once.
///
/// A batch is sealed when it is first sent; later samples go into the next one. It is sent again after longer and longer
/// pauses until the metrics object acknowledges it. The object knows each writer's newest batch, so it counts once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Outbox {
    /// A random id.
    pub writer: String,
    /// The number of the newest batch.
    pub batch: u64,
    /// The counters of the next batch.
    pub open: Vec<Counter>,
    /// The batch in flight.
    pub sealed: Vec<Counter>,
    /// When to send; `None` if there is nothing to send.
    pub due: Option<Timestamp>,
    /// When the newest acknowledged batch was sent.
    pub sent_at: Timestamp,
    /// Since the newest acknowledged batch.
    pub failures: u32,
}

impl Default for Outbox {
    fn default() -> Self {
        let (open, sealed) = (Vec::new(), Vec::new());
        Self { writer: random_hex(), batch: 0, open, sealed, due: None, sent_at: Timestamp::EPOCH, failures: 0 }
    }
}

impl Outbox {
    /// Counts samples of the time `at`.
    pub fn record(&mut self, samples: &[Sample<'_>], at: Timestamp, now: Timestamp, pauses: Backoff) {
        let hour = hour_of(at.min(now));
        if hour <= hour_of(now) - HELD_HOURS {
            return;
        }
        for sample in samples {
            if let Some(counter) = self.open.iter_mut().find(|counter| counter.counts(hour, sample)) {
                counter.amount += sample.amount;
            } else if self.open.len() < MAX_COUNTERS {
                self.open.push(Counter::new(hour, sample));
            }
        }
        self.due = self.due.or(Some(now.after(FIRST_PAUSE).max(self.sent_at.after(pauses.first))));
    }

    /// The batch to send now. The next one is due after a pause, whatever becomes of this one.
    pub fn next_batch(&mut self, now: Timestamp, pauses: Backoff) -> Option<AddBatch> {
        let oldest = hour_of(now) - HELD_HOURS;
        self.sealed.retain(|counter| counter.hour > oldest);
        self.open.retain(|counter| counter.hour > oldest);
        if self.sealed.is_empty() && !self.open.is_empty() {
            self.sealed.append(&mut self.open);
            self.batch += 1;
        }
        if self.sealed.is_empty() {
            (self.due, self.failures) = (None, 0);
            return None;
        }
        self.failures = self.failures.saturating_add(1);
        self.due = Some(now.after(pauses.delay(self.failures)));
        Some(AddBatch { writer: self.writer.clone(), number: self.batch, counters: self.sealed.clone() })
    }

    /// The metrics object has the batch that was sent at `sent_at`, which may no longer be the newest.
    pub fn acknowledge(&mut self, number: u64, sent_at: Timestamp, pauses: Backoff) {
        if self.batch == number {
            self.sealed.clear();
            self.due = (!self.open.is_empty()).then(|| sent_at.after(pauses.first));
            (self.sent_at, self.failures) = (sent_at, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metric;

    const MINUTE: Duration = Duration::from_secs(60);
    const HOUR: Duration = Duration::from_secs(3_600);
    const PAUSES: Backoff = Backoff::new(MINUTE, HOUR);

    fn record(outbox: &mut Outbox, now: Timestamp) {
        outbox.record(&[Sample::once(Metric::Upload, "ai")], now, now, PAUSES);
    }

    #[test]
    fn a_sealed_batch_stays_the_same() {
        let (mut outbox, start) = (Outbox::default(), Timestamp::from_millis(1_700_000_000_000));
        record(&mut outbox, start);
        let mut pauses = Vec::new();
        let mut now = start;
        for _ in 0..8 {
            let due = outbox.due.unwrap();
            pauses.push(due.since(now).as_secs());
            now = due;
            let batch = outbox.next_batch(now, PAUSES).unwrap();
            assert_eq!((batch.number, batch.counters[0].amount), (1, 1));
            record(&mut outbox, now);
        }
        assert_eq!(pauses, [5, 60, 120, 240, 480, 960, 1_920, 3_600]);
        outbox.acknowledge(1, now, PAUSES);
        assert_eq!(outbox.due, Some(now.after(MINUTE)));
        let batch = outbox.next_batch(now.after(MINUTE), PAUSES).unwrap();
        let amounts = batch.counters.iter().map(|counter| counter.amount);
        assert_eq!((batch.number, amounts.sum()), (2, 8));
        outbox.acknowledge(1, now, PAUSES);
        assert_eq!(outbox.sealed, batch.counters, "an older batch was acknowledged");
        outbox.acknowledge(2, now, PAUSES);
        assert_eq!((outbox.due, outbox.next_batch(now, PAUSES)), (None, None));
    }

    #[test]
    fn two_days_are_held() {
        let (mut outbox, start) = (Outbox::default(), Timestamp::from_millis(1_700_000_000_000));
        for hour in 0..72 {
            record(&mut outbox, start.after(HOUR * hour));
        }
        let now = start.after(HOUR * 71);
        outbox.record(&[Sample::once(Metric::Link, "STEP")], start.after(HOUR * 23), now, PAUSES);
        assert_eq!(outbox.next_batch(now, PAUSES).unwrap().counters.len(), 48);
        assert_eq!(outbox.next_batch(now.after(HOUR * 48), PAUSES), None);
    }

    #[test]
    fn the_number_of_counters_is_limited() {
        let mut outbox = Outbox::default();
        for number in 0..5_000 {
            let (label, now) = (number.to_string(), Timestamp::EPOCH);
            outbox.record(&[Sample::once(Metric::Link, &label)], now, now, PAUSES);
        }
        assert_eq!(outbox.open.len(), MAX_COUNTERS);
    }
}
