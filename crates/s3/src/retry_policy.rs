//! How long to keep trying.

use std::time::Duration;

use platform::{Backoff, Jitter};

/// The number of tries of one call, and the time that it may take.
///
/// Every call of this client may run twice: reads, deletes and copies by nature, puts because the caller checks who wrote
/// the object after a failed condition.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryPolicy {
    /// Tries in all; at least 1.
    pub tries: u32,
    /// The pause between two tries.
    pub backoff: Backoff,
    /// The time for one try. A second is added for each MiB that is sent and, once the response's head has arrived, for
    /// each MiB that is still to come. A silent store gets no more time for what it might have sent.
    pub timeout: Duration,
    /// The time for all tries and pauses together. Default: none.
    pub deadline: Option<Duration>,
}

impl Default for RetryPolicy {
    /// 4 tries of 10 s and about 2 s of pauses: a caller waits for the response.
    fn default() -> Self {
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(3)).with_jitter(Jitter::Full);
        Self { tries: 4, backoff, timeout: Duration::from_secs(10), deadline: None }
    }
}

impl RetryPolicy {
    /// One try of 3 s: for health checks, which report a failure instead of hiding it.
    pub fn once() -> Self {
        Self { tries: 1, timeout: Duration::from_secs(3), ..Self::default() }
    }

    /// The default tries within a `deadline`. One try takes at most half of it, so that a lost connection leaves time for
    /// another.
    pub fn within(deadline: Duration) -> Self {
        let default = Self::default();
        Self { timeout: default.timeout.min(deadline / 2), deadline: Some(deadline), ..default }
    }

    /// The time that a body of `length` bytes adds to a try.
    pub(crate) fn extra_time(length: u64) -> Duration {
        Duration::from_secs(length >> 20)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_leaves_time_for_two_tries() {
        let seconds = Duration::from_secs;
        let of = |deadline| (RetryPolicy::within(deadline).timeout, RetryPolicy::within(deadline).deadline);
        assert_eq!(of(seconds(4)), (seconds(2), Some(seconds(4))));
        assert_eq!(of(seconds(600)), (seconds(10), Some(seconds(600))));
    }
}
