//! Holding a version: claim it by creating an attempt, keep it by heartbeats, give it back.

use std::cell::{Cell, RefCell};

use bytes::Bytes;
use contract::{Attempt, Key, RunId, Timestamp};
use s3::{Client, Condition, PutOptions, RetryPolicy, S3Error};

use crate::queue::Candidate;

/// The most that is read of an attempt object.
pub const ATTEMPT_LIMIT: usize = 64 << 10;

/// A version that this runner holds.
#[derive(Debug)]
pub struct Claim {
    key: String,
    attempt: RefCell<Attempt>,
    etag: RefCell<String>,
    released: Cell<bool>,
    committing: Cell<bool>,
    hurried: Cell<bool>,
}

/// What a heartbeat found.
#[derive(Debug, PartialEq, Eq)]
pub enum Heartbeat {
    /// The attempt is still this runner's.
    Held,
    /// It is gone or another's: the job is lost.
    Lost,
    /// The store did not answer; nothing is known.
    Unknown,
}

impl Claim {
    /// Creates the attempt object; none if another runner was first.
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

    /// Writes an attempt at `key` where `condition` holds; none where it does not, because another runner was first.
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
        // Stores differ in which of the two they say where an object that must match is gone.
        let is_new = condition == Condition::IfAbsent;
        let is_lost = |error: &S3Error| match error {
            S3Error::PreconditionFailed => true,
            S3Error::NotFound => !is_new,
            _ => false,
        };
        let options = PutOptions { condition, ..PutOptions::default() }.content_type("application/json");
        let body = body(&attempt)?;
        // Runners race for what is free, so most noes are true ones: after a single try there is no doubt whose the
        // object is, and nobody need look.
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
        Ok(Some(Self {
            key,
            attempt,
            etag,
            released: Cell::default(),
            committing: Cell::default(),
            hurried: Cell::default(),
        }))
    }

    /// The id of this attempt.
    pub fn run(&self) -> RunId {
        self.attempt.borrow().run.clone()
    }

    /// When it was claimed, on this runner's clock. The attempt's log is named by it, so that whoever finds the attempt
    /// can name the log.
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

    /// Gives the version back: the next attempt may follow at once.
    pub async fn release(&self, client: Client<'_>) -> Heartbeat {
        self.released.set(true);
        let run = self.run();
        self.rewrite(client, Bytes::new(), &run).await
    }

    /// The report is about to be written: a report that is found from here on, or an attempt that is gone, may be this
    /// one's own doing, and the commit alone tells.
    pub fn begin_commit(&self) {
        self.committing.set(true);
    }

    /// Whether the report is being written.
    pub fn is_committing(&self) -> bool {
        self.committing.get()
    }

    /// The runner is to stop: a store that does not take the results is not waited for any longer.
    pub fn hurry(&self) {
        self.hurried.set(true);
    }

    /// Whether the runner is to stop.
    pub fn is_hurried(&self) -> bool {
        self.hurried.get()
    }

    async fn rewrite(&self, client: Client<'_>, body: Bytes, run: &RunId) -> Heartbeat {
        let found = self.rewrite_once(client, body.clone(), run).await;
        // What changed the ETag may have been an earlier heartbeat, whose answer was lost or not waited for. The attempt
        // is still to be given back then.
        match found {
            Rewritten::Before if self.released.get() => self.rewrite_once(client, body, run).await.into(),
            found => found.into(),
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
            // Stores differ in which of the two they say of a missing key. It may also be one's own write, whose
            // answer was lost.
            Err(S3Error::PreconditionFailed | S3Error::NotFound) => match own_etag(client, &self.key, run).await {
                Ok(Some(etag)) => {
                    *self.etag.borrow_mut() = etag;
                    Rewritten::Before
                }
                // Released and then read back empty: it is as it should be.
                Ok(None) if self.released.get() => Rewritten::Now,
                Ok(None) => Rewritten::Lost,
                Err(_) => Rewritten::Unknown,
            },
            Err(_) => Rewritten::Unknown,
        }
    }
}

/// What became of one try to rewrite the attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rewritten {
    /// It holds what was to be written.
    Now,
    /// It is still this runner's, by this try or by an earlier write.
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
    async fn a_heartbeat_of_which_nobody_knows_keeps_no_attempt_from_being_given_back() {
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
