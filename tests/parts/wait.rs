//! Waiting for something to come true. Nothing here sleeps for a fixed time and hopes.

use std::time::Duration;

/// How long anything may take. Generous: no test is about speed, and machines are busy.
const DEADLINE: Duration = Duration::from_secs(120);

/// How long to wait between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// Asks until the answer is `Ok` and gives it. Fails the test after [`DEADLINE`] with the last `Err`, which says what
/// was seen instead.
pub async fn until<T>(what: &str, ask: impl AsyncFnMut() -> Result<T, String>) -> T {
    until_within(DEADLINE, what, ask).await
}

/// The same with another deadline.
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
        Err(_) => panic!("waited {} s in vain for {what}; seen last: {seen}", deadline.as_secs()),
    }
}
