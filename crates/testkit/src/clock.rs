//! A clock on Tokio's paused time: sleeping takes no time, and events keep their order.

use std::time::{Duration, SystemTime};

use contract::Timestamp;
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use platform::Clock;

/// Starts ten minutes before the real time. The store accepts signatures that are up to 15 minutes off, so a test can
/// last 25 minutes.
pub struct TestClock {
    base: i64,
    started: tokio::time::Instant,
}

impl TestClock {
    #[expect(clippy::disallowed_methods, reason = "the store verifies signatures with the real time")]
    pub fn new() -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        Self { base: since.as_millis() as i64 - 600_000, started: tokio::time::Instant::now() }
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.base + self.started.elapsed().as_millis() as i64)
    }

    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'_, ()> {
        tokio::time::sleep(duration).boxed_local()
    }
}
