//! One probe, or one question for a place in the queue, at a time: whoever comes while one runs waits for it and is told its answer.
//!
//! Requests to one object interleave at every await, and the request that runs it may break off at any of them:
//! its caller may leave, and it may then end, or stay where it is for ever. Both leave the turn to another.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use futures::channel::oneshot::{Receiver, Sender, channel};

use crate::contract::Timestamp;

/// No probe takes longer: one that is under way for so long was broken off, or is to be.
pub(crate) const LONGEST: Duration = Duration::from_secs(60);

/// Whose turn it is.
#[derive(Debug)]
pub(crate) struct Turns<T> {
    running: RefCell<Option<Running<T>>>,
    begun: Cell<u64>,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self { running: RefCell::default(), begun: Cell::default() }
    }
}

#[derive(Debug)]
struct Running<T> {
    number: u64,
    since: Timestamp,
    waiting: Vec<Sender<T>>,
}

/// What to do.
pub(crate) enum Turn<'a, T> {
    /// Do it, and tell the others.
    Mine(Mine<'a, T>),
    /// Wait for this at most [`LONGEST`]. It is cancelled when the other breaks off; then ask again.
    Anothers(Receiver<T>),
}

/// The turn to do it, for as long as it lives.
pub(crate) struct Mine<'a, T> {
    turns: &'a Turns<T>,
    number: u64,
}

impl<T> Turns<T> {
    /// Takes the turn if nobody has it.
    pub(crate) fn take(&self, now: Timestamp) -> Turn<'_, T> {
        let mut running = self.running.borrow_mut();
        if let Some(running) = running.as_mut().filter(|running| now.since(running.since) < LONGEST) {
            let (tell, told) = channel();
            running.waiting.push(tell);
            return Turn::Anothers(told);
        }
        let number = self.begun.get() + 1;
        self.begun.set(number);
        *running = Some(Running { number, since: now, waiting: Vec::new() });
        Turn::Mine(Mine { turns: self, number })
    }
}

impl<T: Clone> Mine<'_, T> {
    /// Tells all who wait.
    pub(crate) fn tell(self, answer: &T) {
        for waiting in self.end() {
            // One who has left needs no answer.
            let _ = waiting.send(answer.clone());
        }
    }
}

impl<T> Mine<'_, T> {
    /// Ends the turn, unless it was taken away and is another's by now. Gives those who wait.
    fn end(&self) -> Vec<Sender<T>> {
        let ended = self.turns.running.borrow_mut().take_if(|running| running.number == self.number);
        ended.map(|running| running.waiting).unwrap_or_default()
    }
}

impl<T> Drop for Mine<'_, T> {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_millis(0)
    }

    fn mine(turns: &Turns<u32>, now: Timestamp) -> Option<Mine<'_, u32>> {
        match turns.take(now) {
            Turn::Mine(mine) => Some(mine),
            Turn::Anothers(_) => None,
        }
    }

    fn wait(turns: &Turns<u32>) -> Receiver<u32> {
        match turns.take(now()) {
            Turn::Mine(_) => panic!("nobody has the turn"),
            Turn::Anothers(told) => told,
        }
    }

    #[test]
    fn the_others_are_told() {
        let (turns, answer) = (Turns::default(), 7);
        let mine_first = mine(&turns, now()).unwrap();
        let (first, second) = (wait(&turns), wait(&turns));
        drop(first);
        mine_first.tell(&answer);
        assert_eq!(second.now_or_never(), Some(Ok(answer)));
        assert!(mine(&turns, now()).is_some(), "the turn has ended");
    }

    #[test]
    fn a_turn_that_breaks_off_is_free_again() {
        let turns = Turns::default();
        let broken = mine(&turns, now());
        let told = wait(&turns);
        drop(broken);
        assert!(matches!(told.now_or_never(), Some(Err(_))));
        assert!(mine(&turns, now()).is_some());
    }

    #[test]
    fn a_turn_that_never_ends_is_taken_away() {
        let (turns, later) = (Turns::default(), now().after(LONGEST));
        let stuck = mine(&turns, now());
        let told = wait(&turns);
        let taken = mine(&turns, later);
        assert!(taken.is_some() && matches!(told.now_or_never(), Some(Err(_))), "who waited asks again");
        drop(stuck);
        assert!(mine(&turns, later).is_none(), "the stuck one does not end another's turn");
    }
}
