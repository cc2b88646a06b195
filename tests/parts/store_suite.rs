//! The requirements for a store. The same checks run on every store: in tests/store on the store in memory, and in the
//! whole-stack tests on real servers.

use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use s3::{Client, Condition, MAX_EXPIRY, PutOptions, S3Error, presign_get, probe};

/// Keys that break clients which encode twice, not at all, or in the wrong order.
const AWKWARD: [&str; 8] = [
    "plain.txt",
    "with space.txt",
    "plus+plus.txt",
    "per%cent%20.txt",
    "ünï/çødé/日本語.txt",
    "a&b=c;d,e@f:g$h!.txt",
    "quo'te(s)*~[x].txt",
    "x/y/z.txt",
];

/// Runs all checks under a new prefix.
pub async fn run(client: Client<'_>) {
    let prefix = format!("suite-{}", contract::RunId::random());
    probe(client).await.unwrap_or_else(|error| panic!("{error}"));
    awkward_keys(client, &format!("{prefix}/keys")).await;
    conditions(client, &format!("{prefix}/conditions")).await;
    one_winner(client, &format!("{prefix}/race")).await;
    metadata(client, &format!("{prefix}/metadata")).await;
    copies(client, &format!("{prefix}/copies")).await;
    pages(client, &format!("{prefix}/pages/")).await;
    missing_keys(client, &format!("{prefix}/missing")).await;
    limits(client, &format!("{prefix}/limits")).await;
    links(client, &format!("{prefix}/links")).await;
}

fn body(text: &str) -> Bytes {
    Bytes::from(text.to_owned())
}

async fn awkward_keys(client: Client<'_>, prefix: &str) {
    let mut expected = Vec::new();
    for name in AWKWARD {
        let key = format!("{prefix}/{name}");
        client.put(&key, body(name), &PutOptions::if_absent()).await.unwrap_or_else(|error| panic!("{key}: {error}"));
        assert_eq!(client.get(&key, 1_000).await.unwrap().bytes, name, "{key}");
        assert_eq!(client.head(&key).await.unwrap().size.unwrap_or(name.len() as u64), name.len() as u64, "{key}");
        expected.push(key);
    }
    let (entries, complete) = client.list(&format!("{prefix}/"), 10).await.unwrap();
    let mut listed: Vec<String> = entries.iter().map(|entry| entry.key.clone()).collect();
    expected.sort();
    listed.sort();
    assert_eq!(listed, expected);
    assert!(complete);
    for key in &expected {
        client.copy(key, &format!("{key}.copy"), &PutOptions::default()).await.unwrap_or_else(|e| panic!("{key}: {e}"));
        assert_eq!(
            client.get(&format!("{key}.copy"), 1_000).await.unwrap().bytes,
            client.get(key, 1_000).await.unwrap().bytes
        );
        client.delete(key).await.unwrap();
        assert_eq!(client.get(key, 1_000).await.unwrap_err(), S3Error::NotFound, "{key}");
    }
}

async fn conditions(client: Client<'_>, key: &str) {
    let first = client.put(key, body("1"), &PutOptions::if_absent()).await.unwrap();
    let again = client.put(key, body("2"), &PutOptions::if_absent()).await;
    assert_eq!(again, Err(S3Error::PreconditionFailed));
    assert_eq!(client.get(key, 10).await.unwrap().head.etag, first);

    let if_match = |etag: &str| PutOptions { condition: Condition::IfMatch(etag.to_owned()), ..PutOptions::default() };
    let second = client.put(key, body("2"), &if_match(&first)).await.unwrap();
    assert_ne!(first, second, "a rewritten object must have a new ETag");
    assert_eq!(client.put(key, body("3"), &if_match(&first)).await, Err(S3Error::PreconditionFailed));
    assert_eq!(client.get(key, 10).await.unwrap().bytes, "2");
    // A released attempt is an object that was overwritten with an empty one.
    let empty = client.put(key, Bytes::new(), &if_match(&second)).await.unwrap();
    assert_ne!(empty, second);
    let missing = client.put(&format!("{key}-none"), body("x"), &if_match(&first)).await;
    assert!(matches!(missing, Err(S3Error::PreconditionFailed | S3Error::NotFound)), "{missing:?}");
}

async fn one_winner(client: Client<'_>, key: &str) {
    let options = PutOptions::if_absent();
    let race = (0..64).map(|racer| client.put(key, body(&format!("racer {racer}")), &options));
    let outcomes = join_all(race).await;
    let winners: Vec<usize> = outcomes.iter().enumerate().filter(|(_, o)| o.is_ok()).map(|(i, _)| i).collect();
    assert_eq!(winners.len(), 1, "{outcomes:?}");
    let expected = format!("racer {}", winners[0]);
    assert_eq!(client.get(key, 100).await.unwrap().bytes, expected);
}

async fn metadata(client: Client<'_>, key: &str) {
    let options = PutOptions {
        content_type: Some("text/x-python; charset=utf-8".to_owned()),
        content_disposition: Some("attachment; filename=\"a b.py\"".to_owned()),
        metadata: vec![("upload-id".to_owned(), "00ff".to_owned()), ("user".to_owned(), "a b".to_owned())],
        ..PutOptions::if_absent()
    };
    client.put(key, body("x"), &options).await.unwrap();
    for head in [client.head(key).await.unwrap(), client.get(key, 10).await.unwrap().head] {
        assert_eq!(head.meta("upload-id"), Some("00ff"));
        assert_eq!(head.meta("user"), Some("a b"));
        assert!(head.last_modified.is_some());
    }
    // Tickets are empty objects.
    client.put(&format!("{key}-empty"), Bytes::new(), &PutOptions::if_absent()).await.unwrap();
    assert_eq!(client.get(&format!("{key}-empty"), 10).await.unwrap().bytes.len(), 0);
    let (entries, _) = client.list(&format!("{key}-empty"), 1).await.unwrap();
    assert_eq!(entries[0].size, 0);
}

async fn copies(client: Client<'_>, key: &str) {
    let options = PutOptions { metadata: vec![("version".to_owned(), "1".to_owned())], ..PutOptions::default() };
    client.put(key, body("content"), &options).await.unwrap();
    let target = format!("{key}-target");
    let options = PutOptions { metadata: vec![("version".to_owned(), "2".to_owned())], ..PutOptions::default() }
        .content_type("model/step");
    client.copy(key, &target, &options).await.unwrap();
    let copy = client.get(&target, 100).await.unwrap();
    assert_eq!((copy.bytes.as_ref(), copy.head.meta("version")), (&b"content"[..], Some("2")));
    let error = client.copy(&format!("{key}-none"), &target, &PutOptions::default()).await.unwrap_err();
    assert_eq!(error, S3Error::NotFound);
}

async fn pages(client: Client<'_>, prefix: &str) {
    let keys: Vec<String> = (0..25).map(|number| format!("{prefix}{number}")).collect();
    join_all(keys.iter().map(|key| async { client.put(key, body("x"), &PutOptions::if_absent()).await.unwrap() }))
        .await;
    let (mut found, mut token, mut rounds) = (Vec::new(), None, 0);
    loop {
        let page = client.list_page(prefix, token.as_deref(), 10).await.unwrap();
        assert!(page.entries.len() <= 10);
        found.extend(page.entries.into_iter().map(|entry| entry.key));
        rounds += 1;
        token = page.next;
        if token.is_none() {
            break;
        }
    }
    found.sort();
    let mut expected = keys;
    expected.sort();
    assert_eq!(found, expected);
    assert!((3..=4).contains(&rounds), "{rounds}");
}

async fn missing_keys(client: Client<'_>, key: &str) {
    assert_eq!(client.get(key, 10).await.unwrap_err(), S3Error::NotFound);
    assert_eq!(client.head(key).await.unwrap_err(), S3Error::NotFound);
    client.delete(key).await.unwrap();
    let (entries, complete) = client.list(key, 10).await.unwrap();
    assert!(entries.is_empty());
    assert!(complete);
}

async fn limits(client: Client<'_>, key: &str) {
    client.put(key, Bytes::from(vec![7; 300_000]), &PutOptions::default()).await.unwrap();
    assert_eq!(client.get(key, 300_000).await.unwrap().bytes.len(), 300_000);
    assert_eq!(client.get(key, 299_999).await.unwrap_err(), S3Error::TooLarge { limit: 299_999 });
}

/// Checks that links are well-formed. The whole-stack tests open them with plain HTTP.
async fn links(client: Client<'_>, key: &str) {
    let now = contract::Timestamp::from_millis(1_700_000_000_000);
    let link = |seconds| presign_get(client.bucket(), key, &[], Duration::from_secs(seconds), now);
    assert!(link(1).unwrap().contains("X-Amz-Expires=1&"));
    assert!(link(MAX_EXPIRY.as_secs()).is_ok());
    assert!(link(0).is_err());
    assert!(link(MAX_EXPIRY.as_secs() + 1).is_err());
}
