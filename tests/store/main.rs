//! The S3 client on a store in memory that verifies signatures independently, and the probe on a store that ignores
//! conditions.

mod faults;

use parts::store_suite as suite;
use s3::{Client, ProbeError, probe};
use testkit::clock::TestClock;
use testkit::memory_store::MemoryStore;

#[tokio::test(start_paused = true)]
async fn the_memory_store_passes_the_suite() {
    let (store, clock, bucket) = (MemoryStore::new(), TestClock::new(), MemoryStore::bucket());
    suite::run(Client::new(&store, &clock, &bucket)).await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_ignores_conditions_is_unfit() {
    let (store, clock, bucket) = (MemoryStore::with_conditions(false), TestClock::new(), MemoryStore::bucket());
    let error = probe(Client::new(&store, &clock, &bucket)).await.unwrap_err();
    assert!(matches!(error, ProbeError::Unfit { winners: 17, .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("http://store.test:9000"), "{text}");
    assert!(text.contains("AWS_ENDPOINT_URL_S3"), "{text}");
    assert_eq!(store.keys(), [""; 0], "the probe cleans up");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_secret_is_refused() {
    let (store, clock) = (MemoryStore::new(), TestClock::new());
    let bucket = s3::Bucket::from_settings(&|name| match name {
        "AWS_SECRET_ACCESS_KEY" => Some("another".to_owned()),
        name => MemoryStore::setting(name),
    });
    let bucket = bucket.unwrap();
    let client = Client::new(&store, &clock, &bucket);
    let error = client.get("a", 10).await.unwrap_err();
    assert!(matches!(&error, s3::S3Error::Refused { status: 403, .. }), "{error:?}");
}
