//! How long to keep trying: exponential backoff with full jitter.

use std::time::Duration;

/// How often and how long a call is tried. Only what may run twice is tried again; in this client that is all of it:
/// reads, deletes and copies by nature, puts because callers look whose the object is after a failed condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// How many tries in all; at least 1.
    pub tries: u32,
    /// The most that the first pause takes; each later one doubles it. The pause is random between zero and that.
    pub first_pause: Duration,
    /// No pause is longer.
    pub longest_pause: Duration,
    /// How long one try may take. A second is added for each MiB that is sent and, once the answer's head is there,
    /// for each MiB that is still to come: a store that says nothing gets no more time for what it might have said.
    pub timeout: Duration,
    /// When all tries and pauses together end, whatever they are at; by default they end with the last try.
    pub total: Option<Duration>,
}

impl Default for Patience {
    /// 4 tries of 10 s and about 2 s of pauses: a caller waits for the answer.
    fn default() -> Self {
        Self {
            tries: 4,
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(3),
            timeout: Duration::from_secs(10),
            total: None,
        }
    }
}

impl Patience {
    /// One try of 3 s: for health checks, which report a failure instead of hiding it.
    pub fn none() -> Self {
        Self { tries: 1, timeout: Duration::from_secs(3), ..Self::default() }
    }

    /// As many tries as by default, and an end to all of them after `total`: for those who have something better to do
    /// than wait. One try takes at most half of it, so that one lost connection leaves time for another.
    pub fn within(total: Duration) -> Self {
        let default = Self::default();
        Self { timeout: default.timeout.min(total / 2), total: Some(total), ..default }
    }

    /// The pause after try number `failed` (from 1); `random` is uniform over all of `u32`.
    pub(super) fn pause(&self, failed: u32, random: u32) -> Duration {
        let doubled = self.first_pause.saturating_mul(1 << failed.saturating_sub(1).min(16));
        doubled.min(self.longest_pause).mul_f64(f64::from(random) / f64::from(u32::MAX))
    }

    /// How much longer a try may take whose body, or answer, holds `length` bytes.
    pub(super) fn for_length(length: u64) -> Duration {
        Duration::from_secs(length >> 20)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let patience = Patience::default();
        let longest = |failed| patience.pause(failed, u32::MAX);
        assert_eq!(longest(1), Duration::from_millis(100));
        assert_eq!(longest(2), Duration::from_millis(200));
        assert_eq!(longest(3), Duration::from_millis(400));
        assert_eq!(longest(40), Duration::from_secs(3));
        assert_eq!(patience.pause(3, 0), Duration::ZERO);
    }

    #[test]
    fn an_end_to_all_tries_leaves_time_for_two() {
        let seconds = Duration::from_secs;
        let of = |total| (Patience::within(total).timeout, Patience::within(total).total);
        assert_eq!(of(seconds(4)), (seconds(2), Some(seconds(4))));
        assert_eq!(of(seconds(600)), (seconds(10), Some(seconds(600))));
    }
}
