//! Which runner sweeps: the one that holds `sweep/holder.json`, by heartbeats as it holds a version. The others watch
//! its ETag, each on its own clock, and one of them takes over when it has stood still for a lease.

use std::time::Duration;

use contract::Key;
use platform::Clock;
use s3::{Client, Condition, RetryPolicy, S3Error};

use crate::claim::{Claim, Heartbeat};
use crate::config::Config;
use crate::transport::SystemClock;

/// A runner's part in the election.
#[derive(Debug)]
pub struct Election<'a> {
    runner: &'a str,
    lease: Duration,
    standing: Standing,
}

#[derive(Debug)]
enum Standing {
    /// Another holds it, or nobody is known to.
    Watching(Option<Watched>),
    /// This runner does; when it last was certain of that.
    Holding(Claim, Duration),
}

#[derive(Debug)]
struct Watched {
    etag: String,
    /// How long it has stood unchanged, in time that counts.
    quiet: Duration,
    shown: Duration,
}

impl<'a> Election<'a> {
    /// One that nobody has voted in.
    pub fn new(config: &'a Config) -> Self {
        Self { runner: &config.name, lease: config.lease, standing: Standing::Watching(None) }
    }

    /// How long from one vote to the next.
    pub fn pause(&self) -> Duration {
        (self.lease / 3).max(Duration::from_secs(5))
    }

    /// Whether this runner is the sweeper.
    pub fn is_won(&self) -> bool {
        matches!(self.standing, Standing::Holding(..))
    }

    /// One heartbeat, or one look at another's. A store that does not answer changes nothing.
    pub async fn vote(&mut self, client: Client<'_>, clock: &SystemClock) {
        let client = client.with_retry_policy(RetryPolicy::within(self.lease / 6));
        let began = clock.monotonic();
        match &mut self.standing {
            Standing::Holding(claim, certain) => match claim.heartbeat(client).await {
                Heartbeat::Held => *certain = began,
                // By now another may have taken over.
                Heartbeat::Unknown if began - *certain < self.lease => {}
                Heartbeat::Unknown | Heartbeat::Lost => self.standing = Standing::Watching(None),
            },
            Standing::Watching(before) => {
                let before = before.take();
                // The worst of an error is that the watching begins anew, or that the next vote sees oneself.
                let standing = watch(client, clock, self.runner, self.lease, before).await;
                self.standing = standing.unwrap_or(Standing::Watching(None));
            }
        }
    }

    /// Gives the post up, so that another need not wait for it.
    pub async fn leave(self, client: Client<'_>) {
        if let Standing::Holding(claim, _) = self.standing {
            // Without an answer it dies.
            claim.release(client.with_retry_policy(RetryPolicy::within(Duration::from_secs(2)))).await;
        }
    }
}

/// One look at the holder; takes over where there is none.
async fn watch(
    client: Client<'_>,
    clock: &SystemClock,
    runner: &str,
    lease: Duration,
    before: Option<Watched>,
) -> Result<Standing, S3Error> {
    let condition = match client.head(&Key::Sweeper.to_string()).await {
        Err(S3Error::NotFound) => Condition::IfAbsent,
        Err(error) if error.is_transient() => return Ok(Standing::Watching(before)),
        Err(error) => return Err(error),
        Ok(head) => {
            let shown = clock.monotonic();
            // As in the queue: what was not watched counts as no more than a usual gap, so that an outage deposes
            // nobody.
            let counted = |before: &Watched| before.quiet + (shown - before.shown).min(lease / 2);
            let unchanged = before.filter(|before| before.etag == head.etag);
            let quiet = unchanged.as_ref().map_or(Duration::ZERO, counted);
            // Given up, it is empty.
            if head.size != Some(0) && quiet < lease {
                return Ok(Standing::Watching(Some(Watched { etag: head.etag, quiet, shown })));
            }
            Condition::IfMatch(head.etag)
        }
    };
    let now = clock.monotonic();
    let claim = Claim::put(client, &Key::Sweeper, condition, runner, clock.now()).await?;
    Ok(claim.map_or(Standing::Watching(None), |claim| Standing::Holding(claim, now)))
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

    /// Two runners on a store.
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

        /// Votes every ten seconds for so many of them, and says after how many it had won.
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
    async fn one_of_two_is_elected_and_the_other_follows_when_it_dies() {
        let fixture = Fixture::new();
        let [mut a, mut b] = [0, 1].map(|which| Election::new(&fixture.configs[which]));
        for _ in 0..20 {
            a.vote(fixture.client(), &fixture.clock).await;
            b.vote(fixture.client(), &fixture.clock).await;
            assert!(a.is_won() && !b.is_won());
            fixture.clock.sleep(Duration::from_secs(10)).await;
        }
        // It has stood for ten seconds before the first of these.
        assert_eq!(fixture.votes(&mut b, 100).await, Some(20));
        a.vote(fixture.client(), &fixture.clock).await;
        assert!(!a.is_won(), "one that was stopped for a while sees that another has it");
        b.vote(fixture.client(), &fixture.clock).await;
        assert!(b.is_won());
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_leaves_is_followed_at_once() {
        let fixture = Fixture::new();
        let [mut a, mut b] = [0, 1].map(|which| Election::new(&fixture.configs[which]));
        assert_eq!(fixture.votes(&mut a, 0).await, Some(0));
        a.leave(fixture.client()).await;
        assert!(fixture.store.inner.object(KEY).unwrap().bytes.is_empty());
        assert_eq!(fixture.votes(&mut b, 0).await, Some(0));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_leaves_after_a_heartbeat_of_which_nobody_knows_is_followed_at_once() {
        let fixture = Fixture::new();
        let [mut a, mut b] = [0, 1].map(|which| Election::new(&fixture.configs[which]));
        assert_eq!(fixture.votes(&mut a, 0).await, Some(0));
        // It is written, and neither that nor the looks after it are answered.
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
    async fn an_outage_deposes_nobody_who_comes_back_in_time() {
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
        assert!(!a.is_won(), "after a lease without an answer it may be another's");
        fixture.store.always(None);
        b.vote(fixture.client(), &fixture.clock).await;
        assert!(!b.is_won(), "nobody could write");
        assert_eq!(fixture.votes(&mut b, 100).await, Some(20));
    }

    #[tokio::test(start_paused = true)]
    async fn watching_costs_one_request_a_vote() {
        let fixture = Fixture::new();
        let [mut a, mut b] = [0, 1].map(|which| Election::new(&fixture.configs[which]));
        a.vote(fixture.client(), &fixture.clock).await;
        fixture.store.seen.borrow_mut().clear();
        b.vote(fixture.client(), &fixture.clock).await;
        assert_eq!(*fixture.store.seen.borrow(), [format!("HEAD /models/{KEY}")]);
    }
}
