//! Lists an area of the bucket, page by page.

use contract::Key;
use s3::{Client, Entry, S3Error};

/// The number of keys per page; stores allow no more.
const KEYS_PER_PAGE: u32 = 1_000;

/// Passes each entry of one page of `area` to `each`. Gives where the next page starts.
///
/// # Errors
/// When the store does not answer, or its listing does not advance.
pub async fn list_page(
    client: Client<'_>,
    area: &str,
    from: Option<String>,
    each: impl FnMut(Entry),
) -> Result<Option<String>, S3Error> {
    let page = client.list_page(area, from.as_deref(), KEYS_PER_PAGE).await?;
    if page.next.is_some() && page.next == from {
        return Err(S3Error::Unusable(format!("the listing of {area} does not advance")));
    }
    page.entries.into_iter().for_each(each);
    Ok(page.next)
}

/// Passes each valid key under `area` to `each`. Gives the number of pages.
///
/// # Errors
/// When the store does not answer. `each` has then seen a part.
pub async fn for_each_key(client: Client<'_>, area: &str, mut each: impl FnMut(Key)) -> Result<usize, S3Error> {
    let (mut pages, mut from) = (0, None);
    loop {
        from = list_page(client, area, from, |entry| entry.key.parse().into_iter().for_each(&mut each)).await?;
        pages += 1;
        if from.is_none() {
            return Ok(pages);
        }
    }
}

#[cfg(test)]
mod tests {
    use contract::prefix;
    use platform::Clock;

    use super::*;
    use crate::testing::MemoryStore;
    use crate::transport::SystemClock;

    #[tokio::test]
    async fn all_pages_are_listed() {
        let (store, clock, bucket) = (MemoryStore::new(), SystemClock::new(), MemoryStore::bucket());
        for version in 1..=2_001 {
            store.drop_in(&format!("processed/p/p_v{version}.py.done"), "");
        }
        store.drop_in("processed/p/notes.txt", "");
        let mut keys = 0;
        let client = Client::new(&store, &clock as &dyn Clock, &bucket);
        let pages = for_each_key(client, prefix::PROCESSED, |_| keys += 1).await.unwrap();
        assert_eq!((pages, keys), (3, 2_001));
    }
}
