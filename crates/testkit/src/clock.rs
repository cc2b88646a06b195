//! Tokio's paused time: waiting takes none, and the order of events stays that of real time.

use std::time::{Duration, SystemTime};

use contract::Timestamp;
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use platform::Clock;

/// Starts ten minutes before the real time: the store takes signatures that are up to a quarter of an hour off, and
/// this leaves tests 25 minutes of their own.
pub struct TestClock {
    base: i64,
    started: tokio::time::Instant,
}

impl TestClock {
    #[expect(clippy::disallowed_methods, reason = "signatures are checked against the real time")]
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
