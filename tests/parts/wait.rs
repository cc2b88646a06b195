//! Waiting until something is true, without sleeps of a fixed length.

use std::time::Duration;

/// The default time limit. It is generous, because no test measures speed and machines are busy.
const DEADLINE: Duration = Duration::from_secs(120);

/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// Calls `ask` until it returns `Ok`. After [`DEADLINE`] the test fails with the last `Err`.
pub async fn until<T>(what: &str, ask: impl AsyncFnMut() -> Result<T, String>) -> T {
    until_within(DEADLINE, what, ask).await
}

/// The same with another time limit.
pub async fn until_within<T>(deadline: Duration, what: &str, mut ask: impl AsyncFnMut() -> Result<T, String>) -> T {
    let mut seen = "nothing yet".to_owned();
    let asking = async {
        loop {
            match ask().await {
                Ok(found) => return found,
                Err(instead) => seen = instead,
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    match tokio::time::timeout(deadline, asking).await {
        Ok(found) => found,
        Err(_) => panic!("timed out after {} s waiting for {what}; last result: {seen}", deadline.as_secs()),
    }
}
