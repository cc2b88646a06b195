//! The engine's slots: which are free, which rest after a failure, and how a job gives its slot back early. No I/O, no
//! clock.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use platform::Backoff;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// How long a slot rests after a failure. The maximum is the time that is lost after the fault is repaired.
const SLOT_REST: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));

#[derive(Debug)]
pub struct Slots(Vec<Slot>);

/// The part that failed a job before its script ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Culprit {
    /// The engine of one slot.
    Engine,
    /// The store, which all slots share.
    Store,
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    taken: bool,
    /// `None` if the slot works.
    culprit: Option<Culprit>,
    /// The number of failures in a row.
    failures: u32,
    /// On a monotonic clock.
    rests_until: Duration,
}

impl Slots {
    /// Creates `number` free slots.
    pub fn new(number: usize) -> Self {
        Self(vec![Slot::default(); number])
    }

    /// A slot that can be used at `now`. Slots that work come first, because a slot that has rested may fail again.
    pub fn free(&self, now: Duration) -> Option<usize> {
        let free = self.0.iter().enumerate().filter(|(_, slot)| !slot.taken && slot.rests_until <= now);
        free.min_by_key(|(_, slot)| slot.failures).map(|(number, _)| number)
    }

    /// The time until the first resting slot may be used. `None` if no slot rests.
    pub fn rested_in(&self, now: Duration) -> Option<Duration> {
        let resting = self.0.iter().filter(|slot| !slot.taken && slot.rests_until > now);
        resting.map(|slot| slot.rests_until - now).min()
    }

    pub fn take(&mut self, number: usize) {
        self.0[number].taken = true;
    }

    /// The slot is free. This does not mean that its engine works.
    pub fn give_back(&mut self, number: usize) {
        self.0[number].taken = false;
    }

    /// A job failed on the slot, so it rests. Gives whether this failure is the first: of this slot for the engine, of all
    /// slots for the store.
    pub fn failed(&mut self, number: usize, culprit: Culprit, now: Duration) -> bool {
        let has_failed = |slot: &Slot| slot.culprit == Some(culprit);
        let is_first = match culprit {
            Culprit::Engine => !has_failed(&self.0[number]),
            Culprit::Store => !self.0.iter().any(has_failed),
        };
        let slot = &mut self.0[number];
        slot.culprit = Some(culprit);
        slot.failures += 1;
        slot.rests_until = now + SLOT_REST.delay(slot.failures);
        is_first
    }

    /// The engine worked on the slot. Gives whether it had failed before.
    pub fn worked(&mut self, number: usize) -> bool {
        let slot = &mut self.0[number];
        if slot.culprit != Some(Culprit::Engine) {
            return false;
        }
        *slot = Slot { taken: slot.taken, ..Slot::default() };
        true
    }

    /// The store works, so no slot rests because of it. Gives whether one did.
    pub fn store_worked(&mut self) -> bool {
        let mut had_failed = false;
        for slot in self.0.iter_mut().filter(|slot| slot.culprit == Some(Culprit::Store)) {
            *slot = Slot { taken: slot.taken, ..Slot::default() };
            had_failed = true;
        }
        had_failed
    }
}

/// A slot that a job gave back before the job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freed {
    pub number: usize,
    /// The engine ran a script on it. If not, the engine may or may not work.
    pub has_run: bool,
}

/// A job's slot. The job gives it back as soon as the files are in memory, so that the next job runs while this one
/// publishes.
#[derive(Debug)]
pub struct HeldSlot {
    number: usize,
    is_held: Cell<bool>,
    freed: mpsc::UnboundedSender<Freed>,
    /// Permits for jobs that publish without a slot, as many as there are slots. It limits the memory for their files.
    publishing: Arc<Semaphore>,
}

impl HeldSlot {
    /// Holds slot `number` and sends it to `freed` when the job gives it back.
    pub fn new(number: usize, freed: mpsc::UnboundedSender<Freed>, publishing: Arc<Semaphore>) -> Self {
        Self { number, is_held: Cell::new(true), freed, publishing }
    }

    pub fn number(&self) -> usize {
        self.number
    }

    /// The number, if the job still holds the slot.
    pub fn held(&self) -> Option<usize> {
        self.is_held.get().then_some(self.number)
    }

    /// Gives the slot back after the engine ran. Waits for a permit to publish without a slot.
    pub async fn leave(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed. If it were, the job would keep its slot.
        let permit = self.publishing.clone().acquire_owned().await.ok()?;
        self.give_back(true);
        Some(permit)
    }

    /// Gives the slot back unused.
    pub fn leave_unused(&self) {
        self.give_back(false);
    }

    fn give_back(&self, has_run: bool) {
        self.is_held.set(false);
        // Without a daemon there is no use for it.
        let _ = self.freed.send(Freed { number: self.number, has_run });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(number: u64) -> Duration {
        Duration::from_secs(number)
    }

    #[test]
    fn rests_grow_and_end_with_success() {
        let mut slots = Slots::new(1);
        let mut now = Duration::ZERO;
        let mut rests = Vec::new();
        for failure in 0..9 {
            let number = slots.free(now).unwrap();
            slots.take(number);
            slots.give_back(number);
            assert_eq!(slots.failed(number, Culprit::Engine, now), failure == 0, "only once");
            assert_eq!(slots.free(now), None);
            let rest = slots.rested_in(now).unwrap();
            rests.push(rest.as_secs());
            now += rest;
        }
        assert_eq!(rests, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(slots.rested_in(now), None);
        assert!(slots.worked(0));
        assert!(!slots.worked(0), "only once");
        assert!(slots.failed(0, Culprit::Engine, now));
        assert_eq!(slots.rested_in(now), Some(seconds(1)));
    }

    #[test]
    fn a_store_failure_is_shared_by_all_slots() {
        let mut slots = Slots::new(3);
        assert!(slots.failed(2, Culprit::Engine, Duration::ZERO));
        assert!(slots.failed(0, Culprit::Store, Duration::ZERO));
        assert!(!slots.failed(1, Culprit::Store, Duration::ZERO));
        assert_eq!(slots.free(Duration::ZERO), None);
        assert!(slots.store_worked());
        assert!(!slots.store_worked(), "only once");
        assert_eq!((slots.free(Duration::ZERO), slots.rested_in(Duration::ZERO)), (Some(0), Some(seconds(1))));
        assert!(slots.worked(2), "the engine's failure is separate");
    }

    #[test]
    fn other_slots_stay_usable() {
        let mut slots = Slots::new(2);
        slots.take(0);
        slots.give_back(0);
        slots.failed(0, Culprit::Engine, Duration::ZERO);
        assert_eq!(slots.free(Duration::ZERO), Some(1));
        assert_eq!(slots.free(seconds(5)), Some(1), "working slots come first");
        slots.take(1);
        assert_eq!(slots.free(Duration::ZERO), None);
        assert_eq!(slots.free(seconds(1)), Some(0));
    }

    #[tokio::test]
    async fn giving_a_slot_back_waits_for_a_permit() {
        let (freed, mut returned) = mpsc::unbounded_channel();
        let permits = Arc::new(Semaphore::new(1));
        let [first, second] = [0, 1].map(|number| HeldSlot::new(number, freed.clone(), permits.clone()));
        let publishing = first.leave().await;
        assert_eq!((first.held(), second.held()), (None, Some(1)));
        let leaving = second.leave();
        futures::pin_mut!(leaving);
        assert!(futures::poll!(&mut leaving).is_pending(), "the first still publishes");
        drop(publishing);
        assert!(leaving.await.is_some());
        let numbers: Vec<_> =
            [returned.recv().await, returned.recv().await].into_iter().flatten().map(|freed| freed.number).collect();
        assert_eq!(numbers, [0, 1]);
    }
}
