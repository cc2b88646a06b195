//! Elects the runner that sweeps. It holds `sweep/holder.json` by heartbeats, as it holds a version. The others watch the
//! ETag, each on its own clock, and one of them takes over when it has not changed for a lease.

use std::time::Duration;

use contract::Key;
use platform::Clock;
use s3::{Client, Condition, RetryPolicy, S3Error};

use crate::config::Config;
use crate::queue::{Claim, Heartbeat};
use crate::transport::SystemClock;

/// One runner's part in the election.
#[derive(Debug)]
pub struct Election<'a> {
    runner: &'a str,
    lease: Duration,
    role: Role,
}

#[derive(Debug)]
enum Role {
    /// Another runner sweeps, or none is known to.
    Watching(Option<WatchedHolder>),
    /// This runner sweeps. The time is that of its last confirmed heartbeat.
    Holding(Claim, Duration),
}

#[derive(Debug)]
struct WatchedHolder {
    etag: String,
    /// How long the ETag has been unchanged, in time that counts.
    unchanged: Duration,
    seen: Duration,
}

impl<'a> Election<'a> {
    pub fn new(config: &'a Config) -> Self {
        Self { runner: &config.name, lease: config.lease, role: Role::Watching(None) }
    }

    /// The time from the start of one vote to the start of the next.
    pub fn interval(&self) -> Duration {
        (self.lease / 3).max(Duration::from_secs(5))
    }

    /// Whether this runner is the sweeper.
    pub fn is_won(&self) -> bool {
        matches!(self.role, Role::Holding(..))
    }

    /// Sends a heartbeat, or looks at the other runner's. If the store does not answer, nothing changes.
    pub async fn vote(&mut self, client: Client<'_>, clock: &SystemClock) {
        let client = client.with_retry_policy(RetryPolicy::within(self.lease / 6));
        let started = clock.monotonic();
        match &mut self.role {
            Role::Holding(claim, confirmed) => match claim.heartbeat(client).await {
                Heartbeat::Held => *confirmed = started,
                Heartbeat::Unknown if started - *confirmed < self.lease => {}
                // After a lease without an answer another runner may have taken over.
                Heartbeat::Unknown | Heartbeat::Lost => self.role = Role::Watching(None),
            },
            Role::Watching(before) => {
                let before = before.take();
                // After an error, watching starts again, or the next vote finds this runner's own claim.
                let role = watch(client, clock, self.runner, self.lease, before).await;
                self.role = role.unwrap_or(Role::Watching(None));
            }
        }
    }

    /// Hands the sweep over, so that another runner need not wait for a lease.
    pub async fn leave(self, client: Client<'_>) {
        if let Role::Holding(claim, _) = self.role {
            // Without an answer the claim dies.
            claim.release(client.with_retry_policy(RetryPolicy::within(Duration::from_secs(2)))).await;
        }
    }
}

/// Looks at the holder once. Takes over if there is none.
async fn watch(
    client: Client<'_>,
    clock: &SystemClock,
    runner: &str,
    lease: Duration,
    before: Option<WatchedHolder>,
) -> Result<Role, S3Error> {
    let condition = match client.head(&Key::Sweeper.to_string()).await {
        Err(S3Error::NotFound) => Condition::IfAbsent,
        Err(error) if error.is_transient() => return Ok(Role::Watching(before)),
        Err(error) => return Err(error),
        Ok(head) => {
            let seen = clock.monotonic();
            // As in the queue, a gap counts for a part of the lease only, so that an outage cannot expire it by itself.
            let counted = |before: &WatchedHolder| before.unchanged + (seen - before.seen).min(lease / 2);
            let same = before.filter(|before| before.etag == head.etag);
            let unchanged = same.as_ref().map_or(Duration::ZERO, counted);
            // After a handover it is empty.
            if head.size != Some(0) && unchanged < lease {
                return Ok(Role::Watching(Some(WatchedHolder { etag: head.etag, unchanged, seen })));
            }
            Condition::IfMatch(head.etag)
        }
    };
    let now = clock.monotonic();
    let claim = Claim::put(client, &Key::Sweeper, condition, runner, clock.now()).await?;
    Ok(claim.map_or(Role::Watching(None), |claim| Role::Holding(claim, now)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fault, Faulty, MemoryStore};

    const KEY: &str = "sweep/holder.json";

    fn config(name: &str) -> Config {
        let setting = |key: &str| if key == "RUNNER_NAME" { Some(name.to_owned()) } else { MemoryStore::setting(key) };
        Config::from_settings(&setting).unwrap()
    }

    /// Two runners and their store.
    struct Fixture {
        store: Faulty<MemoryStore>,
        clock: SystemClock,
        configs: [Config; 2],
    }

    impl Fixture {
        fn new() -> Self {
            let store = Faulty::new(MemoryStore::new());
            Self { store, clock: SystemClock::new(), configs: [config("a"), config("b")] }
        }

        fn client(&self) -> Client<'_> {
            Client::new(&self.store, &self.clock, &self.configs[0].bucket)
        }

        /// Votes every ten seconds for `seconds`. Gives the time at which the election was won.
        async fn votes(&self, election: &mut Election<'_>, seconds: u64) -> Option<u64> {
            for second in (0..=seconds).step_by(10) {
                election.vote(self.client(), &self.clock).await;
                if election.is_won() {
                    return Some(second);
                }
                self.clock.sleep(Duration::from_secs(10)).await;
            }
            None
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_runner_is_elected_and_replaced_when_it_dies() {
        let fixture = Fixture::new();
        let [mut a, mut b] = [0, 1].map(|which| Election::new(&fixture.configs[which]));
        for _ in 0..20 {
            a.vote(fixture.client(), &fixture.clock).await;
            b.vote(fixture.client(), &fixture.clock).await;
            assert!(a.is_won() && !b.is_won());
            fixture.clock.sleep(Duration::from_secs(10)).await;
        }
        // Ten seconds have passed since the last heartbeat.
        assert_eq!(fixture.votes(&mut b, 100).await, Some(20));
        a.vote(fixture.client(), &fixture.clock).await;
        assert!(!a.is_won(), "it was suspended and finds the other runner's claim");
        b.vote(fixture.client(), &fixture.clock).await;
        assert!(b.is_won());
    }

    #[tokio::test(start_paused = true)]
    async fn a_handover_is_followed_at_once() {
        let fixture = Fixture::new();
        let [mut a, mut b] = [0, 1].map(|which| Election::new(&fixture.configs[which]));
        assert_eq!(fixture.votes(&mut a, 0).await, Some(0));
        a.leave(fixture.client()).await;
        assert!(fixture.store.inner.object(KEY).unwrap().bytes.is_empty());
        assert_eq!(fixture.votes(&mut b, 0).await, Some(0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_handover_works_after_a_lost_heartbeat_answer() {
        let fixture = Fixture::new();
        let [mut a, mut b] = [0, 1].map(|which| Election::new(&fixture.configs[which]));
        assert_eq!(fixture.votes(&mut a, 0).await, Some(0));
        // The heartbeat is written, but neither it nor the reads after it are answered.
        fixture.store.plan("PUT", KEY, Fault::LostAnswer);
        fixture.store.each("GET", KEY, Fault::NoConnection);
        a.vote(fixture.client(), &fixture.clock).await;
        assert!(a.is_won());
        fixture.store.end_each();
        a.leave(fixture.client()).await;
        assert!(fixture.store.inner.object(KEY).unwrap().bytes.is_empty());
        assert_eq!(fixture.votes(&mut b, 0).await, Some(0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_short_outage_changes_no_sweeper() {
        let fixture = Fixture::new();
        let [mut a, mut b] = [0, 1].map(|which| Election::new(&fixture.configs[which]));
        a.vote(fixture.client(), &fixture.clock).await;
        b.vote(fixture.client(), &fixture.clock).await;
        fixture.store.always(Some(Fault::NoConnection));
        for _ in 0..3 {
            a.vote(fixture.client(), &fixture.clock).await;
            b.vote(fixture.client(), &fixture.clock).await;
        }
        assert!(a.is_won() && !b.is_won());
        fixture.clock.sleep(Duration::from_secs(3_600)).await;
        a.vote(fixture.client(), &fixture.clock).await;
        assert!(!a.is_won(), "a lease without an answer has passed");
        fixture.store.always(None);
        b.vote(fixture.client(), &fixture.clock).await;
        assert!(!b.is_won(), "no runner could write");
        assert_eq!(fixture.votes(&mut b, 100).await, Some(20));
    }

    #[tokio::test(start_paused = true)]
    async fn watching_costs_one_request_per_vote() {
        let fixture = Fixture::new();
        let [mut a, mut b] = [0, 1].map(|which| Election::new(&fixture.configs[which]));
        a.vote(fixture.client(), &fixture.clock).await;
        fixture.store.seen.borrow_mut().clear();
        b.vote(fixture.client(), &fixture.clock).await;
        assert_eq!(*fixture.store.seen.borrow(), [format!("HEAD /models/{KEY}")]);
    }
}
