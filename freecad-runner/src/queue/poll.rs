//! Polls `pending/`: when, and what one poll lists.

use std::time::Duration;

use contract::prefix;
use s3::{Client, Entry, S3Error};

use crate::listing::list_page;

/// The most pages of one poll. It limits the memory that a listing needs.
const PAGES_PER_POLL: usize = 100;

/// The shortest time between the starts of two polls. It limits what requests for polls cost.
const MIN_POLL_INTERVAL: Duration = Duration::from_millis(50);

/// When to poll: every interval, or sooner on request.
#[derive(Debug)]
pub struct PollTimer {
    interval: Duration,
    started: Option<Duration>,
    is_requested: bool,
}

impl PollTimer {
    pub fn every(interval: Duration) -> Self {
        Self { interval, started: None, is_requested: false }
    }

    /// Requests a poll. Several requests before it starts count as one.
    pub fn request(&mut self) {
        self.is_requested = true;
    }

    /// Whether a requested poll has not started yet.
    pub fn is_requested(&self) -> bool {
        self.is_requested
    }

    /// Records that a poll starts at `now`.
    pub fn start(&mut self, now: Duration) {
        (self.started, self.is_requested) = (Some(now), false);
    }

    /// When the last poll started.
    pub fn started(&self) -> Duration {
        self.started.unwrap_or_default()
    }

    /// The time until the next poll.
    pub fn due_in(&self, now: Duration) -> Duration {
        let pause = if self.is_requested { MIN_POLL_INTERVAL.min(self.interval) } else { self.interval };
        self.started.map_or(Duration::ZERO, |started| (started + pause).saturating_sub(now))
    }
}

/// The result of one poll: all of `pending/`, or a part if it is long. The parts from first to last are a round.
#[derive(Debug)]
pub struct Listing {
    pub entries: Vec<Entry>,
    /// It starts at the beginning of `pending/`.
    pub is_first: bool,
    /// Where the next part starts. `None` if this is the last.
    pub next: Option<String>,
}

impl Listing {
    pub fn is_last(&self) -> bool {
        self.next.is_none()
    }
}

/// Lists `pending/` from the end of an earlier part, or from the beginning.
///
/// # Errors
/// When the store does not answer, or no longer knows the place. Start at the beginning then.
pub async fn list_pending(client: Client<'_>, from: Option<String>) -> Result<Listing, S3Error> {
    list_part(client, from, PAGES_PER_POLL).await
}

async fn list_part(client: Client<'_>, from: Option<String>, pages: usize) -> Result<Listing, S3Error> {
    let mut listing = Listing { entries: Vec::new(), is_first: from.is_none(), next: from };
    for _ in 0..pages {
        let from = listing.next.take();
        listing.next = list_page(client, prefix::PENDING, from, |entry| listing.entries.push(entry)).await?;
        if listing.is_last() {
            break;
        }
    }
    Ok(listing)
}

#[cfg(test)]
mod tests {
    use platform::Clock;

    use super::*;
    use crate::testing::MemoryStore;
    use crate::transport::SystemClock;

    /// Lists a bucket with `tickets` tickets, `pages` pages at a time.
    async fn round(tickets: u64, pages: usize) -> Vec<Listing> {
        let (store, clock, bucket) = (MemoryStore::new(), SystemClock::new(), MemoryStore::bucket());
        for version in 1..=tickets {
            store.drop_in(&format!("pending/p/p_v{version}/ticket"), "");
        }
        let client = Client::new(&store, &clock as &dyn Clock, &bucket);
        let (mut parts, mut from) = (Vec::new(), None);
        loop {
            let part = list_part(client, from, pages).await.unwrap();
            from = part.next.clone();
            parts.push(part);
            if from.is_none() {
                return parts;
            }
        }
    }

    #[test]
    fn polls_come_at_intervals_or_on_request() {
        let (mut timer, ms) = (PollTimer::every(Duration::from_secs(1)), Duration::from_millis);
        assert_eq!(timer.due_in(ms(7)), ms(0));
        timer.start(ms(7));
        assert_eq!(timer.due_in(ms(10)), ms(997));
        timer.request();
        timer.request();
        assert_eq!((timer.due_in(ms(10)), timer.due_in(ms(500))), (ms(47), ms(0)));
        timer.start(ms(500));
        assert_eq!((timer.is_requested(), timer.due_in(ms(500))), (false, ms(1_000)));
    }

    #[tokio::test]
    async fn a_long_listing_continues_where_it_ended() {
        let parts = round(2_500, 1).await;
        let shape: Vec<_> = parts.iter().map(|part| (part.entries.len(), part.is_first, part.is_last())).collect();
        assert_eq!(shape, [(1_000, true, false), (1_000, false, false), (500, false, true)]);
        let mut keys: Vec<_> = parts.into_iter().flat_map(|part| part.entries).map(|entry| entry.key).collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 2_500);
    }

    #[tokio::test]
    async fn a_short_listing_has_one_part() {
        for tickets in [0, 3, 1_500] {
            let parts = round(tickets, PAGES_PER_POLL).await;
            assert_eq!(parts.len(), 1);
            assert!(parts[0].is_first && parts[0].is_last());
        }
    }
}
