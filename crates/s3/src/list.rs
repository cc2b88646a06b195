//! LIST v2.

use bytes::Bytes;
use http::{HeaderMap, Method};

use super::client::{Call, Client, DOCUMENT_LIMIT};
use super::error::S3Error;
use super::xml::parse_page;
use contract::Timestamp;

/// One object of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its key, decoded.
    pub key: String,
    /// Its ETag, with quotes.
    pub etag: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last written, on the store's clock.
    pub last_modified: Option<Timestamp>,
}

/// One page of a listing. Some stores list in directory order: compare as sets, never by merging.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The objects.
    pub entries: Vec<Entry>,
    /// The common prefixes, where a delimiter was given.
    pub prefixes: Vec<String>,
    /// The token of the next page; none on the last.
    pub next: Option<String>,
}

/// The store's own largest page.
const PAGE: u32 = 1_000;

impl Client<'_> {
    /// One page of what lies under `prefix`, at most `max` keys, from `token` on.
    pub async fn list_page(&self, prefix: &str, token: Option<&str>, max: u32) -> Result<Page, S3Error> {
        let max = max.clamp(1, PAGE).to_string();
        // In the order of their names, as the canonical query has them.
        let mut query = Vec::with_capacity(5);
        if let Some(token) = token {
            query.push(("continuation-token", token));
        }
        query.extend([("encoding-type", "url"), ("list-type", "2"), ("max-keys", &max), ("prefix", prefix)]);
        let (headers, body) = (HeaderMap::new(), Bytes::new());
        let call = Call { method: Method::GET, key: "", query: &query, headers, body, limit: DOCUMENT_LIMIT };
        let answer = self.send(call).await?;
        parse_page(&answer.body)
    }

    /// Everything under `prefix`, at most `max_pages` pages of 1,000. The flag says whether that was all.
    pub async fn list(&self, prefix: &str, max_pages: usize) -> Result<(Vec<Entry>, bool), S3Error> {
        let mut entries = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..max_pages {
            let page = self.list_page(prefix, token.as_deref(), PAGE).await?;
            entries.extend(page.entries);
            token = page.next;
            if token.is_none() {
                return Ok((entries, true));
            }
        }
        Ok((entries, false))
    }
}
