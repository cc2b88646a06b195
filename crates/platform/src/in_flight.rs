//! Work that must not run twice at once in one instance.

use std::cell::Cell;
use std::time::Duration;

use contract::Timestamp;

/// Holds whether some work is in flight.
///
/// The platform can drop a future at any await, or leave it without ever polling it again. A dropped guard ends the work;
/// a guard that is never dropped stops counting after a maximum.
#[derive(Debug, Default)]
pub struct InFlight {
    started: Cell<Option<Started>>,
    count: Cell<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Started {
    at: Timestamp,
    number: u64,
}

/// The work is in flight while this lives.
#[derive(Debug)]
pub struct InFlightGuard<'a> {
    in_flight: &'a InFlight,
    number: u64,
}

impl InFlight {
    /// Whether work that started less than `max` ago is still in flight.
    pub fn is_busy(&self, now: Timestamp, max: Duration) -> bool {
        self.started.get().is_some_and(|started| now.since(started.at) < max)
    }

    /// Starts the work, unless it is in flight already.
    pub fn try_start(&self, now: Timestamp, max: Duration) -> Option<InFlightGuard<'_>> {
        if self.is_busy(now, max) {
            return None;
        }
        let number = self.count.get() + 1;
        self.count.set(number);
        self.started.set(Some(Started { at: now, number }));
        Some(InFlightGuard { in_flight: self, number })
    }
}

impl Drop for InFlightGuard<'_> {
    fn drop(&mut self) {
        // Another may have taken over after the maximum.
        if self.in_flight.started.get().is_some_and(|started| started.number == self.number) {
            self.in_flight.started.set(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: Duration = Duration::from_secs(60);

    #[test]
    fn a_second_start_waits_for_the_guard() {
        let (in_flight, now) = (InFlight::default(), Timestamp::EPOCH);
        let guard = in_flight.try_start(now, MAX);
        assert!(guard.is_some() && in_flight.is_busy(now, MAX));
        assert!(in_flight.try_start(now, MAX).is_none());
        drop(guard);
        assert!(!in_flight.is_busy(now, MAX));
    }

    #[test]
    fn a_stuck_guard_is_taken_over_and_ends_nothing() {
        let (in_flight, later) = (InFlight::default(), Timestamp::EPOCH.after(MAX));
        let stuck = in_flight.try_start(Timestamp::EPOCH, MAX);
        let taken = in_flight.try_start(later, MAX);
        assert!(taken.is_some());
        drop(stuck);
        assert!(in_flight.is_busy(later, MAX));
    }
}
