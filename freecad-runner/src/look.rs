//! Listings: when to look at `pending/`; a look, in parts where it is long; and a walk through a whole area.

use std::time::Duration;

use contract::{Key, prefix};
use s3::{Client, Entry, S3Error};

/// The most pages of one look, so that what it holds in memory has an upper size.
const MAX_PAGES: usize = 100;

/// The most keys of a page, which is the stores' own limit.
const PAGE: u32 = 1_000;

/// The shortest time between the beginnings of two looks, however many are asked for: what a hint costs has a limit.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);

/// When to look next: every poll, and sooner where somebody asks. No clock: the time is an argument.
#[derive(Debug)]
pub struct Looks {
    poll: Duration,
    /// When the last one began.
    began: Option<Duration>,
    is_asked: bool,
}

impl Looks {
    /// Every `poll`, from now on.
    pub fn every(poll: Duration) -> Self {
        Self { poll, began: None, is_asked: false }
    }

    /// Asks for one. However often that is done, it is one.
    pub fn ask(&mut self) {
        self.is_asked = true;
    }

    /// Whether one is asked for and has not begun.
    pub fn is_asked(&self) -> bool {
        self.is_asked
    }

    /// One begins.
    pub fn begin(&mut self, now: Duration) {
        (self.began, self.is_asked) = (Some(now), false);
    }

    /// When the last one began.
    pub fn began(&self) -> Duration {
        self.began.unwrap_or_default()
    }

    /// How long until the next one is to begin.
    pub fn due_in(&self, now: Duration) -> Duration {
        let pause = if self.is_asked { SHORTEST_PAUSE.min(self.poll) } else { self.poll };
        self.began.map_or(Duration::ZERO, |began| (began + pause).saturating_sub(now))
    }
}

/// What one look at `pending/` showed.
#[derive(Debug)]
pub struct Look {
    /// The objects.
    pub entries: Vec<Entry>,
    /// It began at the beginning.
    pub is_first: bool,
    /// Where the next look goes on; none if this one came to the end.
    pub next: Option<String>,
}

impl Look {
    /// Whether it came to the end.
    pub fn is_last(&self) -> bool {
        self.next.is_none()
    }
}

/// Looks at `pending/` from where an earlier look ended, or from the beginning.
///
/// # Errors
/// When the store does not answer. A place that it does not know any more is such a case: begin anew.
pub async fn look(client: Client<'_>, from: Option<String>) -> Result<Look, S3Error> {
    look_at(client, from, MAX_PAGES).await
}

async fn look_at(client: Client<'_>, from: Option<String>, pages: usize) -> Result<Look, S3Error> {
    let mut look = Look { entries: Vec::new(), is_first: from.is_none(), next: from };
    for _ in 0..pages {
        look.next = page(client, prefix::PENDING, look.next.take(), |entry| look.entries.push(entry)).await?;
        if look.is_last() {
            break;
        }
    }
    Ok(look)
}

/// Shows `each` every key of the layout under `area`, a page at a time and to the end, however long it is. Gives the
/// number of pages.
///
/// # Errors
/// When the store does not answer; `each` has then seen a part.
pub async fn walk(client: Client<'_>, area: &str, mut each: impl FnMut(Key)) -> Result<usize, S3Error> {
    let (mut pages, mut from) = (0, None);
    loop {
        from = page(client, area, from, |entry| entry.key.parse().into_iter().for_each(&mut each)).await?;
        pages += 1;
        if from.is_none() {
            return Ok(pages);
        }
    }
}

/// One page of `area`; gives where the next one begins.
///
/// # Errors
/// When the store does not answer, or its listing does not go on.
pub async fn page(
    client: Client<'_>,
    area: &str,
    from: Option<String>,
    each: impl FnMut(Entry),
) -> Result<Option<String>, S3Error> {
    let page = client.list_page(area, from.as_deref(), PAGE).await?;
    if page.next.is_some() && page.next == from {
        // It would go on for ever.
        return Err(S3Error::Unusable(format!("the listing of {area} does not go on")));
    }
    page.entries.into_iter().for_each(each);
    Ok(page.next)
}

#[cfg(test)]
mod tests {
    use platform::Clock;

    use super::*;
    use crate::testing::MemoryStore;
    use crate::transport::SystemClock;

    /// A bucket with so many tickets, and the looks at it of at most `pages` pages each.
    async fn looks(tickets: u64, pages: usize) -> Vec<Look> {
        let (store, clock, bucket) = (MemoryStore::new(), SystemClock::new(), MemoryStore::bucket());
        for version in 1..=tickets {
            store.drop_in(&format!("pending/p/p_v{version}/ticket"), "");
        }
        let client = Client::new(&store, &clock as &dyn Clock, &bucket);
        let (mut looks, mut from) = (Vec::new(), None);
        loop {
            let look = look_at(client, from, pages).await.unwrap();
            from = look.next.clone();
            looks.push(look);
            if from.is_none() {
                return looks;
            }
        }
    }

    #[test]
    fn looks_come_with_each_poll_and_sooner_when_asked_for() {
        let (mut looks, ms) = (Looks::every(Duration::from_secs(1)), Duration::from_millis);
        assert_eq!(looks.due_in(ms(7)), ms(0));
        looks.begin(ms(7));
        assert_eq!(looks.due_in(ms(10)), ms(997));
        looks.ask();
        looks.ask();
        assert_eq!((looks.due_in(ms(10)), looks.due_in(ms(500))), (ms(47), ms(0)));
        looks.begin(ms(500));
        assert_eq!((looks.is_asked(), looks.due_in(ms(500))), (false, ms(1_000)));
    }

    #[tokio::test]
    async fn a_look_goes_on_where_the_last_one_ended() {
        let found = looks(2_500, 1).await;
        let shape: Vec<_> = found.iter().map(|look| (look.entries.len(), look.is_first, look.is_last())).collect();
        assert_eq!(shape, [(1_000, true, false), (1_000, false, false), (500, false, true)]);
        let mut keys: Vec<_> = found.into_iter().flat_map(|look| look.entries).map(|entry| entry.key).collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 2_500);
    }

    #[tokio::test]
    async fn a_short_listing_is_one_look() {
        for tickets in [0, 3, 1_500] {
            let found = looks(tickets, MAX_PAGES).await;
            assert_eq!(found.len(), 1);
            assert!(found[0].is_first && found[0].is_last());
        }
    }

    #[tokio::test]
    async fn a_walk_goes_to_the_end() {
        let (store, clock, bucket) = (MemoryStore::new(), SystemClock::new(), MemoryStore::bucket());
        for version in 1..=2_001 {
            store.drop_in(&format!("processed/p/p_v{version}.py.done"), "");
        }
        store.drop_in("processed/p/notes.txt", "");
        let mut seen = 0;
        let client = Client::new(&store, &clock as &dyn Clock, &bucket);
        let pages = walk(client, prefix::PROCESSED, |_| seen += 1).await.unwrap();
        assert_eq!((pages, seen), (3, 2_001));
    }
}
