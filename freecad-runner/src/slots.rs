//! The engine's slots: which are free, which rest because the engine failed there, and how a job gives its own back
//! before it is over. No I/O, no clock.

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

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    taken: bool,
    /// Zero where the engine works.
    rest: Duration,
    /// On a monotonic clock.
    rests_until: Duration,
}

impl Slots {
    /// So many, all free.
    pub fn new(number: usize) -> Self {
        Self(vec![Slot::default(); number])
    }

    /// A slot that can be used at `now`. Those where the engine works come first: a slot that has rested claims a
    /// version to find out whether it works again.
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

    /// The job on it is over, and nothing is known of the engine.
    pub fn give_back(&mut self, number: usize) {
        self.0[number].taken = false;
    }

    /// The engine failed there; the slot rests. True if it worked before.
    pub fn failed(&mut self, number: usize, now: Duration) -> bool {
        let slot = &mut self.0[number];
        let is_news = slot.rest.is_zero();
        slot.rest = if is_news { FIRST_REST } else { (slot.rest * 2).min(LONGEST_REST) };
        slot.rests_until = now + slot.rest;
        is_news
    }

    /// The engine worked there. True if it failed before.
    pub fn worked(&mut self, number: usize) -> bool {
        !std::mem::take(&mut self.0[number].rest).is_zero()
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
            assert_eq!(slots.failed(number, now), failure == 0, "said once");
            assert_eq!(slots.free(now), None);
            let rest = slots.rested_in(now).unwrap();
            rests.push(rest.as_secs());
            now += rest;
        }
        assert_eq!(rests, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(slots.rested_in(now), None);
        assert!(slots.worked(0));
        assert!(!slots.worked(0), "said once");
        assert!(slots.failed(0, now));
        assert_eq!(slots.rested_in(now), Some(seconds(1)));
    }

    #[test]
    fn the_others_go_on() {
        let mut slots = Slots::new(2);
        slots.take(0);
        slots.give_back(0);
        slots.failed(0, Duration::ZERO);
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
