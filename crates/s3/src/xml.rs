//! The store's XML: listings and errors.

use percent_encoding::percent_decode_str;
use quick_xml::de::from_str;
use serde::Deserialize;

use super::error::S3Error;
use super::list::{Entry, Page};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListBucketResult {
    #[serde(default)]
    is_truncated: bool,
    next_continuation_token: Option<String>,
    encoding_type: Option<String>,
    #[serde(default)]
    contents: Vec<Contents>,
    #[serde(default)]
    common_prefixes: Vec<CommonPrefix>,
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

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CommonPrefix {
    prefix: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ErrorBody {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// Reads a ListObjectsV2 answer. `EncodingType` `url` is undone, with `+` as a space.
pub(crate) fn parse_page(body: &[u8]) -> Result<Page, S3Error> {
    let unusable = |what: String| S3Error::Unusable(format!("the store's listing: {what}"));
    let text = std::str::from_utf8(body).map_err(|error| unusable(error.to_string()))?;
    let result: ListBucketResult = from_str(text).map_err(|error| unusable(error.to_string()))?;
    let encoded = result.encoding_type.as_deref() == Some("url");
    let decode = |key: String| {
        if !encoded {
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
    let prefixes = result.common_prefixes.into_iter().map(|item| decode(item.prefix)).collect::<Result<_, _>>()?;
    let next = if result.is_truncated {
        let token = result.next_continuation_token.filter(|token| !token.is_empty());
        // Going on without a token would list the first page for ever.
        Some(token.ok_or_else(|| unusable("it is truncated and has no NextContinuationToken".to_owned()))?)
    } else {
        None
    };
    Ok(Page { entries, prefixes, next })
}

/// Code and message of an error body; both empty when it is none.
pub(crate) fn parse_error(body: &[u8]) -> (String, String) {
    let parsed = std::str::from_utf8(body).ok().and_then(|text| from_str::<ErrorBody>(text).ok());
    let (code, message) = parsed.map(|error| (error.code, error.message)).unwrap_or_default();
    (code.chars().take(100).collect(), message.chars().take(500).collect())
}

/// Whether a 200 carries an error all the same, as COPY's may.
pub(crate) fn is_error(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body);
    let root = text.trim_start().strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")).map(|(_, rest)| rest);
    root.unwrap_or(&text).trim_start().starts_with("<Error")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_with_encoded_keys() {
        let page = parse_page(
            br#"<?xml version="1.0" encoding="UTF-8"?>
            <ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
              <Name>b</Name><Prefix/><KeyCount>2</KeyCount><MaxKeys>2</MaxKeys>
              <EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>
              <NextContinuationToken>t+1/=</NextContinuationToken>
              <Contents><Key>a+b%2Bc%25d/%C3%A9</Key><LastModified>2023-11-14T22:13:20.000Z</LastModified>
                <ETag>&quot;e1&quot;</ETag><Size>7</Size><StorageClass>STANDARD</StorageClass></Contents>
              <CommonPrefixes><Prefix>x+y/</Prefix></CommonPrefixes>
            </ListBucketResult>"#,
        )
        .unwrap();
        assert_eq!(page.entries[0].key, "a b+c%d/é");
        assert_eq!(page.entries[0].etag, "\"e1\"");
        assert_eq!(page.entries[0].size, 7);
        assert_eq!(page.entries[0].last_modified.unwrap().as_millis(), 1_700_000_000_000);
        assert_eq!(page.prefixes, ["x y/"]);
        assert_eq!(page.next.as_deref(), Some("t+1/="));
    }

    #[test]
    fn keys_that_are_not_encoded_stay() {
        let body = b"<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a+b &amp; %41</Key>\
            <Size>0</Size></Contents></ListBucketResult>";
        let page = parse_page(body).unwrap();
        assert_eq!(page.entries[0].key, "a+b & %41");
        assert_eq!(page.next, None);
    }

    #[test]
    fn nonsense_is_an_error() {
        assert!(parse_page(b"<html>oops").is_err());
        assert!(parse_page(b"\xff\xfe").is_err());
        assert!(parse_page(b"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>").is_err());
    }

    #[test]
    fn error_bodies() {
        let body = b"<?xml version=\"1.0\"?>\n<Error><Code>NoSuchKey</Code><Message>gone</Message></Error>";
        assert_eq!(parse_error(body), ("NoSuchKey".to_owned(), "gone".to_owned()));
        assert!(is_error(body));
        assert!(!is_error(b"<CopyObjectResult><ETag>x</ETag></CopyObjectResult>"));
        assert_eq!(parse_error(b"teapot"), Default::default());
    }
}

/// The same, tried with whatever a store may send. `PROPTEST_CASES` says how often.
#[cfg(test)]
mod properties {
    use proptest::prelude::*;

    use super::*;

    /// Text as XML carries it: no character that XML forbids, and the marks escaped.
    fn escaped(text: &str) -> String {
        text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
    }

    fn listing(keys: &[String], more: &str) -> String {
        let contents = keys.iter().map(|key| format!("<Contents><Key>{key}</Key><Size>7</Size></Contents>"));
        format!(
            "<ListBucketResult>{more}<IsTruncated>false</IsTruncated>{}</ListBucketResult>",
            contents.collect::<String>()
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn nothing_that_comes_makes_it_panic(
            bytes in prop_oneof![
                any::<Vec<u8>>(),
                any::<String>().prop_map(String::into_bytes),
                "(<[!?/]?(ListBucketResult|Contents|Key|Error|Code|Size)?>?|&[a-z#0-9]{0,4};?|[ a-z0-9]){0,40}"
                    .prop_map(String::into_bytes),
            ],
        ) {
            let _ = parse_page(&bytes);
            let (code, message) = parse_error(&bytes);
            prop_assert!(code.chars().count() <= 100 && message.chars().count() <= 500);
            let _ = is_error(&bytes);
        }

        #[test]
        fn encoded_keys_come_back_as_they_were(keys in prop::collection::vec(any::<String>(), 0..20)) {
            let encode = |key: &String| {
                percent_encoding::utf8_percent_encode(key, percent_encoding::NON_ALPHANUMERIC).to_string()
            };
            let body = listing(&keys.iter().map(encode).collect::<Vec<_>>(), "<EncodingType>url</EncodingType>");
            let page = parse_page(body.as_bytes()).unwrap();
            prop_assert_eq!(page.entries.into_iter().map(|entry| entry.key).collect::<Vec<_>>(), keys);
        }

        #[test]
        fn plain_keys_come_back_as_they_were(keys in prop::collection::vec("[!-~\u{a1}-\u{2fff}]{1,30}", 0..20)) {
            let body = listing(&keys.iter().map(|key| escaped(key)).collect::<Vec<_>>(), "");
            let page = parse_page(body.as_bytes()).unwrap();
            prop_assert_eq!(page.entries.into_iter().map(|entry| entry.key).collect::<Vec<_>>(), keys);
        }

        #[test]
        fn a_page_cut_off_is_no_page(cut in any::<prop::sample::Index>()) {
            let body = listing(&["a".to_owned(), "b".to_owned()], "");
            let cut = cut.index(body.len());
            prop_assert!(parse_page(&body.as_bytes()[..cut]).is_err(), "{}", &body[..cut]);
        }
    }
}
