//! The engine's slots: which are free, which rest because the engine or the store failed there, and how a job gives its
//! own back before it is over. No I/O, no clock.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// How long a slot rests after a first failure; each further one doubles it.
const FIRST_REST: Duration = Duration::from_secs(1);

/// How long it rests at most: when the fault is mended, this is what is lost.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// The slots.
#[derive(Debug)]
pub struct Slots(Vec<Slot>);

/// What failed a job before its script was run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Culprit {
    /// The engine of that slot.
    Engine,
    /// The store, which all slots share.
    Store,
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    taken: bool,
    /// None where all works.
    culprit: Option<Culprit>,
    /// Zero where all works.
    rest: Duration,
    /// On a monotonic clock.
    rests_until: Duration,
}

impl Slots {
    /// So many, all free.
    pub fn new(number: usize) -> Self {
        Self(vec![Slot::default(); number])
    }

    /// A slot that can be used at `now`. Those where all works come first: a slot that has rested claims a version to
    /// find out whether it works again.
    pub fn free(&self, now: Duration) -> Option<usize> {
        let free = self.0.iter().enumerate().filter(|(_, slot)| !slot.taken && slot.rests_until <= now);
        free.min_by_key(|(_, slot)| slot.rest).map(|(number, _)| number)
    }

    /// How long it takes until a slot has rested; none where none rests.
    pub fn rested_in(&self, now: Duration) -> Option<Duration> {
        let resting = self.0.iter().filter(|slot| !slot.taken && slot.rests_until > now);
        resting.map(|slot| slot.rests_until - now).min()
    }

    /// A job begins on it.
    pub fn take(&mut self, number: usize) {
        self.0[number].taken = true;
    }

    /// The job on it is over, which says nothing of the engine.
    pub fn give_back(&mut self, number: usize) {
        self.0[number].taken = false;
    }

    /// A job failed there; the slot rests. True if that is news: of the engine, that it fails on this slot; of the store,
    /// that it fails at all.
    pub fn failed(&mut self, number: usize, culprit: Culprit, now: Duration) -> bool {
        let is_known = |slot: &Slot| slot.culprit == Some(culprit);
        let is_news = match culprit {
            Culprit::Engine => !is_known(&self.0[number]),
            Culprit::Store => !self.0.iter().any(is_known),
        };
        let slot = &mut self.0[number];
        slot.culprit = Some(culprit);
        slot.rest = (slot.rest * 2).clamp(FIRST_REST, LONGEST_REST);
        slot.rests_until = now + slot.rest;
        is_news
    }

    /// The engine worked there. True if it failed before.
    pub fn worked(&mut self, number: usize) -> bool {
        let slot = &mut self.0[number];
        if slot.culprit != Some(Culprit::Engine) {
            return false;
        }
        *slot = Slot { taken: slot.taken, ..Slot::default() };
        true
    }

    /// The store did what it failed to do: no slot need rest for it any longer. True if one did.
    pub fn store_worked(&mut self) -> bool {
        let mut is_news = false;
        for slot in self.0.iter_mut().filter(|slot| slot.culprit == Some(Culprit::Store)) {
            *slot = Slot { taken: slot.taken, ..Slot::default() };
            is_news = true;
        }
        is_news
    }
}

/// A slot that a job has given back before it was over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freed {
    /// Which one.
    pub number: usize,
    /// The engine has run a script there; if not, nothing is known of it.
    pub has_run: bool,
}

/// A job's slot, which it gives back as soon as the engine has done its part and the files are in memory: the next job
/// runs while this one publishes.
#[derive(Debug)]
pub struct HeldSlot {
    number: usize,
    is_held: Cell<bool>,
    freed: mpsc::UnboundedSender<Freed>,
    /// How many jobs may publish without a slot. Each has its files in memory, so that they are no more than the slots.
    publishing: Arc<Semaphore>,
}

impl HeldSlot {
    /// Slot `number`, whose return is told to `freed`.
    pub fn new(number: usize, freed: mpsc::UnboundedSender<Freed>, publishing: Arc<Semaphore>) -> Self {
        Self { number, is_held: Cell::new(true), freed, publishing }
    }

    /// Which one.
    pub fn number(&self) -> usize {
        self.number
    }

    /// Its number, if the job still holds it.
    pub fn held(&self) -> Option<usize> {
        self.is_held.get().then_some(self.number)
    }

    /// Gives the slot back, after the engine has run, once there is room to publish without one, until what is given is
    /// dropped.
    pub async fn leave(&self) -> Option<OwnedSemaphorePermit> {
        // Never closed; if it were, the slot would be held to the job's end.
        let permit = self.publishing.clone().acquire_owned().await.ok()?;
        self.give_back(true);
        Some(permit)
    }

    /// Gives the slot back without having used it.
    pub fn leave_unused(&self) {
        self.give_back(false);
    }

    fn give_back(&self, has_run: bool) {
        self.is_held.set(false);
        // A daemon that is gone needs no slots.
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
    fn a_slot_that_fails_rests_longer_each_time_and_heals_at_once() {
        let mut slots = Slots::new(1);
        let mut now = Duration::ZERO;
        let mut rests = Vec::new();
        for failure in 0..9 {
            let number = slots.free(now).unwrap();
            slots.take(number);
            slots.give_back(number);
            assert_eq!(slots.failed(number, Culprit::Engine, now), failure == 0, "said once");
            assert_eq!(slots.free(now), None);
            let rest = slots.rested_in(now).unwrap();
            rests.push(rest.as_secs());
            now += rest;
        }
        assert_eq!(rests, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(slots.rested_in(now), None);
        assert!(slots.worked(0));
        assert!(!slots.worked(0), "said once");
        assert!(slots.failed(0, Culprit::Engine, now));
        assert_eq!(slots.rested_in(now), Some(seconds(1)));
    }

    #[test]
    fn the_store_s_failure_is_said_once_of_all_slots_and_ends_for_all() {
        let mut slots = Slots::new(3);
        assert!(slots.failed(2, Culprit::Engine, Duration::ZERO));
        assert!(slots.failed(0, Culprit::Store, Duration::ZERO));
        assert!(!slots.failed(1, Culprit::Store, Duration::ZERO));
        assert_eq!(slots.free(Duration::ZERO), None);
        assert!(slots.store_worked());
        assert!(!slots.store_worked(), "said once");
        assert_eq!((slots.free(Duration::ZERO), slots.rested_in(Duration::ZERO)), (Some(0), Some(seconds(1))));
        assert!(slots.worked(2), "the engine's failure is another matter");
    }

    #[test]
    fn the_others_go_on() {
        let mut slots = Slots::new(2);
        slots.take(0);
        slots.give_back(0);
        slots.failed(0, Culprit::Engine, Duration::ZERO);
        assert_eq!(slots.free(Duration::ZERO), Some(1));
        assert_eq!(slots.free(seconds(5)), Some(1), "those that work come first");
        slots.take(1);
        assert_eq!(slots.free(Duration::ZERO), None);
        assert_eq!(slots.free(seconds(1)), Some(0));
    }

    #[tokio::test]
    async fn a_slot_is_left_when_there_is_room_to_publish() {
        let (freed, mut told) = mpsc::unbounded_channel();
        let room = Arc::new(Semaphore::new(1));
        let [first, second] = [0, 1].map(|number| HeldSlot::new(number, freed.clone(), room.clone()));
        let publishing = first.leave().await;
        assert_eq!((first.held(), second.held()), (None, Some(1)));
        let leaving = second.leave();
        futures::pin_mut!(leaving);
        assert!(futures::poll!(&mut leaving).is_pending(), "the first still publishes");
        drop(publishing);
        assert!(leaving.await.is_some());
        let told: Vec<_> =
            [told.recv().await, told.recv().await].into_iter().flatten().map(|freed| freed.number).collect();
        assert_eq!(told, [0, 1]);
    }
}
