//! The S3 client on a bad connection or a failing store: retries, timeouts, and what it reports.

use std::time::Duration;

use bytes::Bytes;
use futures::future::{FutureExt, LocalBoxFuture, TryFutureExt};
use platform::Clock;
use s3::{Client, Condition, PutOptions, RetryPolicy, S3Error, probe};

use testkit::clock::TestClock;
use testkit::faults::{Fault, Faulty};
use testkit::memory_store::MemoryStore;

/// A store behind a bad connection, a clock, and a client.
macro_rules! bad_line {
    ($store:ident, $clock:ident, $client:ident) => {
        let ($store, $clock, bucket) = (Faulty::new(MemoryStore::new()), TestClock::new(), MemoryStore::bucket());
        let $client = Client::new(&$store, &$clock, &bucket);
    };
}

#[tokio::test(start_paused = true)]
async fn transient_faults_are_retried() {
    bad_line!(store, clock, client);
    client.put("a", Bytes::from_static(b"whole"), &PutOptions::default()).await.unwrap();
    for fault in [
        Fault::NoConnection,
        Fault::LostAnswer,
        Fault::Status(500),
        Fault::Status(503),
        Fault::Status(409),
        Fault::Status(429),
        Fault::HalfBody,
        Fault::Silence,
    ] {
        store.plan("GET", "/a", fault);
        store.plan("GET", "/a", fault);
        assert_eq!(client.get("a", 100).await.unwrap().bytes, "whole", "{fault:?}");
    }
    assert!(clock.now().as_millis() > 0);
}

#[tokio::test(start_paused = true)]
async fn retries_are_limited() {
    bad_line!(store, clock, client);
    store.always(Some(Fault::Status(503)));
    let before = clock.now();
    let error = client.get("a", 100).await.unwrap_err();
    assert!(matches!(error, S3Error::Unavailable(_)), "{error}");
    assert_eq!(store.seen.borrow().len(), 4);
    assert!(clock.now().since(before) < Duration::from_secs(2));
    store.seen.borrow_mut().clear();
    assert!(client.with_retry_policy(RetryPolicy::once()).get("a", 100).await.unwrap_err().is_transient());
    assert_eq!(store.seen.borrow().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_not_retried() {
    bad_line!(store, _clock, client);
    store.plan("GET", "/a", Fault::Status(403));
    let error = client.get("a", 100).await.unwrap_err();
    assert!(matches!(&error, S3Error::Refused { status: 403, code, .. } if code == "AccessDenied"), "{error:?}");
    assert_eq!(store.seen.borrow().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn silence_ends_in_a_timeout() {
    bad_line!(store, clock, client);
    store.always(Some(Fault::Silence));
    let before = clock.now();
    let error = client.with_retry_policy(RetryPolicy::once()).get("a", 100).await.unwrap_err();
    assert!(error.to_string().contains("no response within 3 s"), "{error}");
    assert_eq!(clock.now().since(before), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn only_sent_bytes_extend_the_timeout() {
    bad_line!(store, clock, client);
    store.always(Some(Fault::Silence));
    let took = async |call: LocalBoxFuture<'_, Result<(), S3Error>>| {
        let before = clock.now();
        assert!(call.await.unwrap_err().is_transient());
        clock.now().since(before).as_secs()
    };
    let options = PutOptions::default();
    // Four tries of 10 s, and pauses of less than a second in total.
    let small = client.put("a", Bytes::from_static(b"x"), &options).map_ok(drop);
    assert_eq!(took(small.boxed_local()).await, 40);
    assert_eq!(took(client.list("a", 1).map_ok(drop).boxed_local()).await, 40);
    assert_eq!(took(client.delete("a").boxed_local()).await, 40);
    assert_eq!(took(client.get("a", 64 << 20).map_ok(drop).boxed_local()).await, 40);
    // A large request body extends the timeout.
    let large = client.put("a", Bytes::from(vec![7; 5 << 20]), &options).map_ok(drop);
    assert_eq!(took(large.boxed_local()).await, 60);
}

#[tokio::test(start_paused = true)]
async fn a_long_response_extends_the_timeout() {
    bad_line!(store, _clock, client);
    client.put("long", Bytes::from(vec![7; 5 << 20]), &PutOptions::default()).await.unwrap();
    client.put("short", Bytes::from_static(b"x"), &PutOptions::default()).await.unwrap();
    store.always(Some(Fault::SlowBody(Duration::from_secs(14))));
    assert_eq!(client.get("long", 64 << 20).await.unwrap().bytes.len(), 5 << 20);
    assert!(client.get("short", 64 << 20).await.unwrap_err().is_transient());
    // A HEAD of a large object has a short response.
    assert!(client.head("long").await.unwrap_err().is_transient());
}

#[tokio::test(start_paused = true)]
async fn the_total_time_is_limited() {
    bad_line!(store, clock, client);
    let total = Duration::from_secs(5);
    let client = client.with_retry_policy(RetryPolicy::within(total));
    for fault in [Fault::Silence, Fault::SlowBody(Duration::from_secs(60)), Fault::Slow(Duration::from_secs(60))] {
        store.always(Some(fault));
        let before = clock.now();
        assert!(client.get("a", 64 << 20).await.unwrap_err().is_transient(), "{fault:?}");
        assert!((total / 2..=total).contains(&clock.now().since(before)), "{fault:?}");
    }
    // One silent connection leaves time for another try.
    store.always(None);
    store.plan("PUT", "/a", Fault::Silence);
    client.put("a", Bytes::from_static(b"whole"), &PutOptions::default()).await.unwrap();
    assert_eq!(client.get("a", 100).await.unwrap().bytes, "whole");
}

#[tokio::test(start_paused = true)]
async fn an_unanswered_conditional_put_shows_as_taken() {
    bad_line!(store, _clock, client);
    store.plan("PUT", "/a", Fault::LostAnswer);
    let outcome = client.put("a", Bytes::from_static(b"mine"), &PutOptions::if_absent()).await;
    // The caller reads the object and finds its own bytes.
    assert_eq!(outcome, Err(S3Error::PreconditionFailed));
    assert_eq!(client.get("a", 100).await.unwrap().bytes, "mine");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_after_a_lost_put_is_not_final() {
    bad_line!(store, _clock, client);
    let put = async |options: PutOptions| client.put("a", Bytes::from_static(b"mine"), &options).await.unwrap_err();
    for fault in [Fault::LostAnswer, Fault::Silence, Fault::Status(500)] {
        for status in [403, 404] {
            store.plan("PUT", "/a", fault);
            store.plan("PUT", "/a", Fault::Status(status));
            let error = put(PutOptions::if_absent()).await;
            assert!(error.is_transient(), "{fault:?} {status}: {error}");
            assert!(error.to_string().contains("an earlier try"), "{fault:?} {status}: {error}");
        }
    }
    // The refusal of a first try is final.
    store.plan("PUT", "/a", Fault::Status(403));
    assert!(matches!(put(PutOptions::if_absent()).await, S3Error::Refused { status: 403, .. }));
    // The caller handles a failed condition itself; some stores answer If-Match with 404.
    store.plan("PUT", "/a", Fault::Status(500));
    store.plan("PUT", "/a", Fault::Status(404));
    let options = PutOptions { condition: Condition::IfMatch("\"other\"".to_owned()), ..PutOptions::default() };
    assert_eq!(put(options).await, S3Error::NotFound);
    // A read has no effect, so its refusal is final.
    store.plan("GET", "/a", Fault::Silence);
    store.plan("GET", "/a", Fault::Status(403));
    assert!(matches!(client.get("a", 10).await, Err(S3Error::Refused { status: 403, .. })));
}

#[tokio::test(start_paused = true)]
async fn the_probe_survives_throttling() {
    bad_line!(store, _clock, client);
    for _ in 0..40 {
        store.plan("PUT", "/probe/", Fault::Status(429));
    }
    probe(client).await.unwrap();
    assert_eq!(store.inner.keys(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn the_probe_survives_a_lost_response() {
    bad_line!(store, _clock, client);
    store.plan("PUT", "/probe/", Fault::LostAnswer);
    probe(client).await.unwrap();
}
