//! Work that several callers share: the first does it, and the others wait for its result.

use std::cell::RefCell;
use std::time::Duration;

use contract::Timestamp;
use futures::channel::oneshot::{Receiver, Sender, channel};

/// Work that runs once at a time, whatever the number of callers.
///
/// Requests to one object interleave at every await, and the caller that does the work can be dropped at any of them, or
/// never be polled again. Both let another caller take over.
#[derive(Debug)]
pub struct SingleFlight<T> {
    state: RefCell<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    running: Option<Running<T>>,
    count: u64,
}

#[derive(Debug)]
struct Running<T> {
    number: u64,
    since: Timestamp,
    followers: Vec<Sender<T>>,
}

/// The part of one caller.
pub enum Flight<'a, T> {
    /// Do the work, and pass the result to [`Leader::complete`].
    Leader(Leader<'a, T>),
    /// Wait for the result. It is cancelled when the leader gives up; then join again.
    Follower(Receiver<T>),
}

/// The caller that does the work, for as long as this lives.
pub struct Leader<'a, T> {
    flight: &'a SingleFlight<T>,
    number: u64,
}

impl<T> Default for SingleFlight<T> {
    fn default() -> Self {
        Self { state: RefCell::new(State { running: None, count: 0 }) }
    }
}

impl<T> SingleFlight<T> {
    /// Leads if no caller leads, or if the leader has taken longer than `max`; otherwise follows.
    pub fn join(&self, now: Timestamp, max: Duration) -> Flight<'_, T> {
        let mut state = self.state.borrow_mut();
        if let Some(running) = state.running.as_mut().filter(|running| now.since(running.since) < max) {
            let (sender, receiver) = channel();
            running.followers.push(sender);
            return Flight::Follower(receiver);
        }
        state.count += 1;
        let number = state.count;
        state.running = Some(Running { number, since: now, followers: Vec::new() });
        Flight::Leader(Leader { flight: self, number })
    }
}

impl<T: Clone> Leader<'_, T> {
    /// Ends the work and sends `result` to every follower.
    pub fn complete(self, result: &T) {
        for follower in self.end() {
            // A follower may have left.
            let _ = follower.send(result.clone());
        }
    }
}

impl<T> Leader<'_, T> {
    /// Ends the work, unless another has taken over. Returns the followers.
    fn end(&self) -> Vec<Sender<T>> {
        let mut state = self.flight.state.borrow_mut();
        let ended = state.running.take_if(|running| running.number == self.number);
        ended.map(|running| running.followers).unwrap_or_default()
    }
}

impl<T> Drop for Leader<'_, T> {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    const NOW: Timestamp = Timestamp::EPOCH;
    const MAX: Duration = Duration::from_secs(60);

    fn lead(flight: &SingleFlight<u32>, now: Timestamp) -> Option<Leader<'_, u32>> {
        match flight.join(now, MAX) {
            Flight::Leader(leader) => Some(leader),
            Flight::Follower(_) => None,
        }
    }

    fn follow(flight: &SingleFlight<u32>) -> Receiver<u32> {
        match flight.join(NOW, MAX) {
            Flight::Leader(_) => panic!("there is no leader"),
            Flight::Follower(receiver) => receiver,
        }
    }

    #[test]
    fn followers_get_the_result() {
        let flight = SingleFlight::default();
        let leader = lead(&flight, NOW).unwrap();
        let (gone, waiting) = (follow(&flight), follow(&flight));
        drop(gone);
        leader.complete(&7);
        assert_eq!(waiting.now_or_never(), Some(Ok(7)));
        assert!(lead(&flight, NOW).is_some(), "the flight has ended");
    }

    #[test]
    fn a_dropped_leader_cancels_its_followers() {
        let flight = SingleFlight::default();
        let leader = lead(&flight, NOW);
        let waiting = follow(&flight);
        drop(leader);
        assert!(matches!(waiting.now_or_never(), Some(Err(_))));
        assert!(lead(&flight, NOW).is_some());
    }

    #[test]
    fn a_stuck_leader_is_replaced_and_ends_nothing() {
        let (flight, later) = (SingleFlight::default(), NOW.after(MAX));
        let stuck = lead(&flight, NOW);
        let waiting = follow(&flight);
        let taken = lead(&flight, later);
        assert!(taken.is_some() && matches!(waiting.now_or_never(), Some(Err(_))));
        drop(stuck);
        assert!(lead(&flight, later).is_none());
    }
}
