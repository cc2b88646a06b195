//! Listings: ListObjectsV2.

use bytes::Bytes;
use http::{HeaderMap, Method};

use super::client::{Call, Client, DOCUMENT_LIMIT};
use super::error::S3Error;
use super::page::{Entry, Page};

/// The largest page of S3, in keys.
const MAX_KEYS: u32 = 1_000;

impl Client<'_> {
    /// Reads one page of the keys under `prefix`: at most `max` keys (1 to 1,000), from `token` on.
    pub async fn list_page(&self, prefix: &str, token: Option<&str>, max: u32) -> Result<Page, S3Error> {
        let max = max.clamp(1, MAX_KEYS).to_string();
        // In order of their names, as in the canonical query.
        let mut query = Vec::with_capacity(5);
        if let Some(token) = token {
            query.push(("continuation-token", token));
        }
        query.extend([("encoding-type", "url"), ("list-type", "2"), ("max-keys", &max), ("prefix", prefix)]);
        let (headers, body) = (HeaderMap::new(), Bytes::new());
        let call = Call { method: Method::GET, key: "", query: &query, headers, body, limit: DOCUMENT_LIMIT };
        Page::parse(&self.send(call).await?.body)
    }

    /// Reads at most `max_pages` pages of 1,000 keys under `prefix`. The flag says whether the listing is complete.
    pub async fn list(&self, prefix: &str, max_pages: usize) -> Result<(Vec<Entry>, bool), S3Error> {
        let mut entries = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..max_pages {
            let page = self.list_page(prefix, token.as_deref(), MAX_KEYS).await?;
            entries.extend(page.entries);
            token = page.next;
            if token.is_none() {
                return Ok((entries, true));
            }
        }
        Ok((entries, false))
    }
}
