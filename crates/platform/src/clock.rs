//! Time and waiting.

use std::pin::pin;
use std::time::Duration;

use contract::Timestamp;
use futures::future::{Either, LocalBoxFuture, select};

/// The current time, and waiting.
///
/// Code that does not wait takes `now` as an argument instead. Code that waits needs both, because the time after a wait
/// cannot be an argument.
pub trait Clock {
    /// The time now.
    fn now(&self) -> Timestamp;

    /// Waits for `duration`.
    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'_, ()>;
}

/// A timeout on any [`Clock`].
pub trait ClockExt: Clock {
    /// Runs `future` for at most `limit`. Returns `None`, and drops the future, when the time is up.
    fn timeout<F: Future>(&self, limit: Duration, future: F) -> impl Future<Output = Option<F::Output>> {
        async move {
            match select(pin!(future), self.sleep(limit)).await {
                Either::Left((output, _)) => Some(output),
                Either::Right(((), _)) => None,
            }
        }
    }
}

impl<C: Clock + ?Sized> ClockExt for C {}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use futures::FutureExt;
    use futures::executor::block_on;

    use super::*;

    struct Instant;

    impl Clock for Instant {
        fn now(&self) -> Timestamp {
            Timestamp::EPOCH
        }

        fn sleep(&self, _: Duration) -> LocalBoxFuture<'_, ()> {
            ready(()).boxed_local()
        }
    }

    #[test]
    fn a_timeout_ends_only_what_is_not_done() {
        let clock: &dyn Clock = &Instant;
        assert_eq!(block_on(clock.timeout(Duration::ZERO, ready(7))), Some(7));
        assert_eq!(block_on(clock.timeout(Duration::from_secs(9), pending::<u8>())), None);
    }
}
