//! Holds a version: claim it by creating an attempt, keep it by heartbeats, release it.

use std::cell::{Cell, RefCell};

use bytes::Bytes;
use contract::{Attempt, Key, RunId, Timestamp};
use s3::{Client, Condition, PutOptions, RetryPolicy, S3Error};

use super::Candidate;

/// The largest attempt object that is read, in bytes.
pub const ATTEMPT_LIMIT: usize = 64 << 10;

/// A version that this runner holds.
#[derive(Debug)]
pub struct Claim {
    key: String,
    attempt: RefCell<Attempt>,
    etag: RefCell<String>,
    is_released: Cell<bool>,
}

/// The result of a heartbeat.
#[derive(Debug, PartialEq, Eq)]
pub enum Heartbeat {
    /// The attempt is still this runner's.
    Held,
    /// The attempt is gone, or another runner's.
    Lost,
    /// The store did not answer.
    Unknown,
}

impl Claim {
    /// Creates the attempt object. Gives `None` if another runner was first.
    ///
    /// # Errors
    /// When the store does not answer or refuses.
    pub async fn create(
        client: Client<'_>,
        candidate: &Candidate,
        runner: &str,
        now: Timestamp,
    ) -> Result<Option<Self>, S3Error> {
        let (project, version) = candidate.job.clone();
        let key = Key::Attempt(project, version, candidate.attempt);
        Self::put(client, &key, Condition::IfAbsent, runner, now).await
    }

    /// Writes an attempt at `key` if `condition` holds. Gives `None` if not, because another runner was first.
    ///
    /// # Errors
    /// When the store does not answer or refuses.
    pub async fn put(
        client: Client<'_>,
        key: &Key,
        condition: Condition,
        runner: &str,
        now: Timestamp,
    ) -> Result<Option<Self>, S3Error> {
        let key = key.to_string();
        let attempt = Attempt::new(runner, RunId::random(), now);
        // For a missing object that must match, stores answer 412 or 404.
        let is_new = condition == Condition::IfAbsent;
        let is_lost = |error: &S3Error| match error {
            S3Error::PreconditionFailed => true,
            S3Error::NotFound => !is_new,
            _ => false,
        };
        let options = PutOptions { condition, ..PutOptions::default() }.content_type("application/json");
        let body = body(&attempt)?;
        // Runners race for free versions, so most refusals are genuine. After a single try the object cannot be this
        // runner's own, which saves a read.
        let once = client.with_retry_policy(RetryPolicy { tries: 1, ..RetryPolicy::default() });
        let etag = match once.put(&key, body.clone(), &options).await {
            Ok(etag) => etag,
            Err(error) if is_lost(&error) => return Ok(None),
            Err(error) if !error.is_transient() => return Err(error),
            Err(_) => match client.put(&key, body, &options).await {
                Ok(etag) => etag,
                Err(error) if is_lost(&error) => match own_etag(client, &key, &attempt.run).await? {
                    Some(etag) => etag,
                    None => return Ok(None),
                },
                Err(error) => return Err(error),
            },
        };
        let (attempt, etag) = (RefCell::new(attempt), RefCell::new(etag));
        Ok(Some(Self { key, attempt, etag, is_released: Cell::default() }))
    }

    /// The id of this run.
    pub fn run(&self) -> RunId {
        self.attempt.borrow().run.clone()
    }

    /// When it was claimed, on this runner's clock. The log's key contains this time, so that the attempt's object gives
    /// the key.
    pub fn claimed_at(&self) -> Timestamp {
        self.attempt.borrow().claimed_at
    }

    /// Rewrites the attempt with another counter, if it is still this runner's.
    pub async fn heartbeat(&self, client: Client<'_>) -> Heartbeat {
        let attempt = {
            let mut attempt = self.attempt.borrow_mut();
            attempt.heartbeat += 1;
            attempt.clone()
        };
        let Ok(body) = body(&attempt) else { return Heartbeat::Unknown };
        self.rewrite(client, body, &attempt.run).await
    }

    /// Releases the version, so that the next attempt may follow at once.
    pub async fn release(&self, client: Client<'_>) -> Heartbeat {
        self.is_released.set(true);
        let run = self.run();
        self.rewrite(client, Bytes::new(), &run).await
    }

    async fn rewrite(&self, client: Client<'_>, body: Bytes, run: &RunId) -> Heartbeat {
        match self.rewrite_once(client, body.clone(), run).await {
            // An earlier heartbeat whose answer was lost had changed the ETag. The attempt is not released yet.
            Rewritten::Before if self.is_released.get() => self.rewrite_once(client, body, run).await.into(),
            rewritten => rewritten.into(),
        }
    }

    async fn rewrite_once(&self, client: Client<'_>, body: Bytes, run: &RunId) -> Rewritten {
        let condition = Condition::IfMatch(self.etag.borrow().clone());
        let options = PutOptions { condition, ..PutOptions::default() }.content_type("application/json");
        match client.put(&self.key, body, &options).await {
            Ok(etag) => {
                *self.etag.borrow_mut() = etag;
                Rewritten::Now
            }
            // For a missing key stores answer 412 or 404. A 412 may also mean an own write whose answer was lost.
            Err(S3Error::PreconditionFailed | S3Error::NotFound) => match own_etag(client, &self.key, run).await {
                Ok(Some(etag)) => {
                    *self.etag.borrow_mut() = etag;
                    Rewritten::Before
                }
                // It is empty, as a released attempt should be.
                Ok(None) if self.is_released.get() => Rewritten::Now,
                Ok(None) => Rewritten::Lost,
                Err(_) => Rewritten::Unknown,
            },
            Err(_) => Rewritten::Unknown,
        }
    }
}

/// The result of one try to rewrite the attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rewritten {
    /// It holds the new body.
    Now,
    /// It is still this runner's, but may hold the body of an earlier write.
    Before,
    Lost,
    Unknown,
}

impl From<Rewritten> for Heartbeat {
    fn from(rewritten: Rewritten) -> Self {
        match rewritten {
            Rewritten::Now | Rewritten::Before => Self::Held,
            Rewritten::Lost => Self::Lost,
            Rewritten::Unknown => Self::Unknown,
        }
    }
}

/// The attempt's ETag if it names this run.
async fn own_etag(client: Client<'_>, key: &str, run: &RunId) -> Result<Option<String>, S3Error> {
    match client.get(key, ATTEMPT_LIMIT).await {
        Ok(object) => {
            let stored: Option<Attempt> = serde_json::from_slice(&object.bytes).ok();
            Ok(stored.filter(|attempt| attempt.run == *run).map(|_| object.head.etag))
        }
        Err(S3Error::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

fn body(attempt: &Attempt) -> Result<Bytes, S3Error> {
    serde_json::to_vec(attempt).map(Bytes::from).map_err(|error| S3Error::Unusable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use platform::Clock;
    use s3::RetryPolicy;

    use super::*;
    use crate::testing::{Fault, Faulty, MemoryStore};
    use crate::transport::SystemClock;

    #[tokio::test]
    async fn release_works_after_a_lost_heartbeat_answer() {
        let (store, clock, bucket) = (Faulty::new(MemoryStore::new()), SystemClock::new(), MemoryStore::bucket());
        let client = Client::new(&store, &clock, &bucket).with_retry_policy(RetryPolicy::once());
        let candidate = Candidate { job: ("p".parse().unwrap(), 1.try_into().unwrap()), attempt: 1, died: 0 };
        let claim = Claim::create(client, &candidate, "test", clock.now()).await.unwrap().unwrap();
        store.plan("PUT", "a1.json", Fault::LostAnswer);
        assert_eq!(claim.heartbeat(client).await, Heartbeat::Unknown);
        assert_eq!(claim.release(client).await, Heartbeat::Held);
        assert!(store.inner.object("pending/p/p_v1/a1.json").unwrap().bytes.is_empty());
    }
}
