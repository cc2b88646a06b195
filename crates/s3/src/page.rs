//! One page of a listing (ListObjectsV2), and its XML.

use contract::{ListedObject, Timestamp};
use percent_encoding::percent_decode_str;
use quick_xml::de::from_str;
use serde::Deserialize;

use super::error::S3Error;

/// One object of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key, decoded.
    pub key: String,
    /// The ETag with its quotes.
    pub etag: String,
    /// In bytes.
    pub size: u64,
    /// When the object was last written, on the store's clock.
    pub last_modified: Option<Timestamp>,
}

/// One page of a listing. Some stores list in directory order: compare pages as sets, never merge them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    pub entries: Vec<Entry>,
    /// The token of the next page; `None` on the last page.
    pub next: Option<String>,
}

impl<'a> From<&'a Entry> for ListedObject<'a> {
    fn from(entry: &'a Entry) -> Self {
        Self { key: &entry.key, etag: &entry.etag, size: entry.size, last_modified: entry.last_modified }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListBucketResult {
    #[serde(default)]
    is_truncated: bool,
    next_continuation_token: Option<String>,
    encoding_type: Option<String>,
    #[serde(default)]
    contents: Vec<Contents>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Contents {
    key: String,
    last_modified: Option<String>,
    #[serde(rename = "ETag")]
    etag: Option<String>,
    #[serde(default)]
    size: u64,
}

impl Page {
    /// Reads a response. Decodes keys if the response says `EncodingType` `url`; `+` then means a space.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, S3Error> {
        let unusable = |problem: String| S3Error::Unusable(format!("the store's listing: {problem}"));
        let text = std::str::from_utf8(body).map_err(|error| unusable(error.to_string()))?;
        let result: ListBucketResult = from_str(text).map_err(|error| unusable(error.to_string()))?;
        let is_encoded = result.encoding_type.as_deref() == Some("url");
        let decode = |key: String| {
            if !is_encoded {
                return Ok(key);
            }
            let decoded = percent_decode_str(&key.replace('+', " ")).decode_utf8().map(|text| text.into_owned());
            decoded.map_err(|error| unusable(error.to_string()))
        };
        let mut entries = Vec::with_capacity(result.contents.len());
        for item in result.contents {
            entries.push(Entry {
                key: decode(item.key)?,
                etag: item.etag.unwrap_or_default(),
                size: item.size,
                last_modified: item.last_modified.and_then(|text| text.parse().ok()),
            });
        }
        if !result.is_truncated {
            return Ok(Self { entries, next: None });
        }
        // Without a token the next request would list the first page again.
        let token = result.next_continuation_token.filter(|token| !token.is_empty());
        let next = token.ok_or_else(|| unusable("it is truncated but has no NextContinuationToken".to_owned()))?;
        Ok(Self { entries, next: Some(next) })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn encoded_keys_are_decoded() {
        let page = Page::parse(
            br#"<?xml version="1.0" encoding="UTF-8"?>
            <ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
              <Name>b</Name><Prefix/><KeyCount>2</KeyCount><MaxKeys>2</MaxKeys>
              <EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>
              <NextContinuationToken>t+1/=</NextContinuationToken>
              <Contents><Key>a+b%2Bc%25d/%C3%A9</Key><LastModified>2023-11-14T22:13:20.000Z</LastModified>
                <ETag>&quot;e1&quot;</ETag><Size>7</Size><StorageClass>STANDARD</StorageClass></Contents>
            </ListBucketResult>"#,
        );
        let entry = Entry {
            key: "a b+c%d/é".to_owned(),
            etag: "\"e1\"".to_owned(),
            size: 7,
            last_modified: Some(Timestamp::from_millis(1_700_000_000_000)),
        };
        assert_eq!(page, Ok(Page { entries: vec![entry], next: Some("t+1/=".to_owned()) }));
    }

    #[test]
    fn plain_keys_are_not_decoded() {
        let body = b"<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a+b &amp; %41</Key>\
            <Size>0</Size></Contents></ListBucketResult>";
        let page = Page::parse(body).unwrap();
        assert_eq!(page.entries[0].key, "a+b & %41");
        assert_eq!(page.next, None);
    }

    #[test]
    fn nonsense_is_an_error() {
        assert!(Page::parse(b"<html>oops").is_err());
        assert!(Page::parse(b"\xff\xfe").is_err());
        assert!(Page::parse(b"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>").is_err());
    }

    /// Bytes, text, and pieces of XML.
    pub(crate) fn any_body() -> impl Strategy<Value = Vec<u8>> {
        let xml = "(<[!?/]?(ListBucketResult|Contents|Key|Error|Code|Size)?>?|&[a-z#0-9]{0,4};?|[ a-z0-9]){0,40}";
        prop_oneof![any::<Vec<u8>>(), any::<String>().prop_map(String::into_bytes), xml.prop_map(String::into_bytes),]
    }

    fn escaped(text: &str) -> String {
        text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
    }

    fn listing(keys: impl IntoIterator<Item = String>, more: &str) -> String {
        let contents = keys.into_iter().map(|key| format!("<Contents><Key>{key}</Key><Size>7</Size></Contents>"));
        let contents: String = contents.collect();
        format!("<ListBucketResult>{more}<IsTruncated>false</IsTruncated>{contents}</ListBucketResult>")
    }

    fn keys_of(body: &str) -> Vec<String> {
        Page::parse(body.as_bytes()).unwrap().entries.into_iter().map(|entry| entry.key).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_body_panics(bytes in any_body()) {
            let _ = Page::parse(&bytes);
        }

        #[test]
        fn encoded_keys_survive(keys in prop::collection::vec(any::<String>(), 0..20)) {
            let encoded = keys.iter().map(|key| utf8_percent_encode(key, NON_ALPHANUMERIC).to_string());
            prop_assert_eq!(keys_of(&listing(encoded, "<EncodingType>url</EncodingType>")), keys);
        }

        #[test]
        fn plain_keys_survive(keys in prop::collection::vec("[!-~\u{a1}-\u{2fff}]{1,30}", 0..20)) {
            prop_assert_eq!(keys_of(&listing(keys.iter().map(|key| escaped(key)), "")), keys);
        }

        #[test]
        fn a_truncated_page_is_an_error(cut in any::<prop::sample::Index>()) {
            let body = listing(["a".to_owned(), "b".to_owned()], "");
            let cut = cut.index(body.len());
            prop_assert!(Page::parse(&body.as_bytes()[..cut]).is_err(), "{}", &body[..cut]);
        }
    }
}
