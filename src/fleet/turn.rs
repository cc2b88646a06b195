//! One probe at a time: whoever comes while one runs waits for it and is told its answer.
//!
//! Requests to one object interleave at every await, and the request that runs the probe may break off at any of them:
//! its caller may leave, and it may then end, or stay where it is for ever. Both leave the turn to another.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use futures::channel::oneshot::{Receiver, Sender, channel};

use super::FleetAnswer;
use crate::contract::Timestamp;

/// No probe takes longer: one that is under way for so long was broken off, or is to be.
pub(super) const LONGEST: Duration = Duration::from_secs(60);

/// Whose turn it is.
#[derive(Debug, Default)]
pub(super) struct Turns {
    running: RefCell<Option<Running>>,
    begun: Cell<u64>,
}

#[derive(Debug)]
struct Running {
    number: u64,
    since: Timestamp,
    waiting: Vec<Sender<FleetAnswer>>,
}

/// What to do.
pub(super) enum Turn<'a> {
    /// Run the probe, and tell the others.
    Mine(Mine<'a>),
    /// Wait for this at most [`LONGEST`]. It is cancelled when the probe breaks off; then ask again.
    Anothers(Receiver<FleetAnswer>),
}

/// The turn to run the probe, for as long as it lives.
pub(super) struct Mine<'a> {
    turns: &'a Turns,
    number: u64,
}

impl Turns {
    /// Takes the turn if nobody has it.
    pub(super) fn take(&self, now: Timestamp) -> Turn<'_> {
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

impl Mine<'_> {
    /// Tells all who wait.
    pub(super) fn tell(self, answer: &FleetAnswer) {
        for waiting in self.end() {
            // One who has left needs no answer.
            let _ = waiting.send(answer.clone());
        }
    }

    /// Ends the turn, unless it was taken away and is another's by now. Gives those who wait.
    fn end(&self) -> Vec<Sender<FleetAnswer>> {
        let ended = self.turns.running.borrow_mut().take_if(|running| running.number == self.number);
        ended.map(|running| running.waiting).unwrap_or_default()
    }
}

impl Drop for Mine<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;
    use crate::fleet::StoreVerdict;

    fn now() -> Timestamp {
        Timestamp::from_millis(0)
    }

    fn mine(turns: &Turns, now: Timestamp) -> Option<Mine<'_>> {
        match turns.take(now) {
            Turn::Mine(mine) => Some(mine),
            Turn::Anothers(_) => None,
        }
    }

    fn wait(turns: &Turns) -> Receiver<FleetAnswer> {
        match turns.take(now()) {
            Turn::Mine(_) => panic!("nobody has the turn"),
            Turn::Anothers(told) => told,
        }
    }

    #[test]
    fn the_others_are_told() {
        let (turns, answer) =
            (Turns::default(), FleetAnswer { verdict: StoreVerdict::Fit, probed_at: None, latency_ms: None });
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
