//! Random requests to the API: uploads, batches, paths and tokens. `PROPTEST_CASES` sets the number of cases.

use bytes::Bytes;
use contract::Sha256;
use platform::{Body, Clock};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use crate::support::issuer;
use crate::support::memory_store::MemoryStore;
use crate::support::signer::Signer;
use crate::support::world::{Answer, World, url};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(future)
}

/// Any JSON of little depth.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(any::<String>(), inner, 0..6).prop_map(|fields| fields.into_iter().collect()),
        ]
    })
}

/// The body of an upload: bytes, text, JSON, and JSON that is an upload or almost one.
fn upload_body() -> impl Strategy<Value = Vec<u8>> {
    let fields = || (any::<String>(), json_value());
    prop_oneof![
        any::<Vec<u8>>(),
        any::<String>().prop_map(String::into_bytes),
        json_value().prop_map(|value| value.to_string().into_bytes()),
        fields().prop_map(|(code, metadata)| json!({"code": code, "metadata": metadata}).to_string().into()),
        fields().prop_map(|(code, more)| json!({"code": code, "more": more}).to_string().into()),
        json_value().prop_map(|code| json!({"code": code}).to_string().into()),
    ]
}

/// A header's value: any bytes that HTTP allows.
fn header_value() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop_oneof![0x20..=0x7e_u8, 0x80..=0xff_u8], 0..80)
}

fn media_type() -> impl Strategy<Value = Vec<u8>> {
    let known = select(vec![
        "application/json",
        "text/x-python",
        "text/x-python; charset=utf-8",
        "Application/JSON;charset=\"UTF-8\"",
        "text/x-python;charset=latin-1",
        "multipart/form-data; boundary=x",
        "",
    ]);
    prop_oneof![8 => known.prop_map(|text| text.as_bytes().to_vec()), 1 => header_value()]
}

async fn post(world: &World, path: &str, headers: &[(&str, &[u8])], body: &[u8]) -> Answer {
    let mut request = http::Request::post(url(path));
    for (name, value) in headers {
        request = request.header(*name, http::HeaderValue::from_bytes(value).unwrap());
    }
    world.send(request.body(Body::full(Bytes::copy_from_slice(body))).unwrap()).await
}

/// A quarter of the usual cases, because each starts a Worker with a bucket.
fn config() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { failure_persistence: None, cases: usual.cases / 4, ..usual }
}

proptest! {
    #![proptest_config(config())]

    /// Any upload gets 201 with the script in the bucket, or 4xx with nothing stored.
    #[test]
    fn an_upload_is_stored_whole_or_refused(
        body in upload_body(),
        media_type in media_type(),
        key in prop::option::of(prop_oneof!["[!-~]{1,255}".prop_map(String::into_bytes), header_value()]),
        request_id in prop::option::of(header_value()),
    ) {
        block_on(async {
            let world = World::new();
            let mut headers: Vec<(&str, &[u8])> = vec![("content-type", &media_type)];
            headers.extend(key.as_ref().map(|key| ("idempotency-key", &key[..])));
            headers.extend(request_id.as_ref().map(|id| ("x-request-id", &id[..])));
            let path = "/api/projects/demo/upload-script";
            let answer = post(&world, path, &headers, &body).await;
            let stored = world.store.inner.object("input/demo/demo_v1.py");
            if answer.status == 201 {
                let sent = serde_json::from_slice::<Value>(&body).ok().and_then(|body| body["code"].as_str().map(str::to_owned));
                let script = stored.unwrap().bytes;
                let as_json = media_type.to_ascii_lowercase().starts_with(b"application/json");
                if as_json {
                    assert_eq!(&script[..], sent.unwrap().as_bytes());
                } else {
                    assert_eq!(&script[..], &body[..]);
                }
                assert_eq!(answer.json()["data"]["sha256"].as_str(), Some(Sha256::of(&script).as_str()));
                // It is returned unchanged, and the same key makes no second version.
                let returned = world.get("/api/projects/demo/script/1").await.json();
                assert_eq!(returned["content"].as_str().map(str::as_bytes), Some(&script[..]));
                let again = post(&world, path, &headers, &body).await;
                assert_eq!(again.json()["version"].as_u64(), Some(if key.is_some() { 1 } else { 2 }));
            } else {
                assert!((400..500).contains(&answer.status), "{}", answer.status);
                assert_eq!(world.store.inner.keys(), Vec::<String>::new());
                assert_eq!(&world.get("/api/projects/demo/status").await.json()["status"], "no_scripts");
            }
        });
    }

    /// A batch has a result for each upload, valid or not.
    #[test]
    fn a_batch_causes_no_server_error(uploads in prop::collection::vec(json_value(), 0..8), body in upload_body()) {
        block_on(async {
            let world = World::new();
            let headers: [(&str, &[u8]); 1] = [("content-type", b"application/json")];
            let answer = post(&world, "/api/batch", &headers, json!({"uploads": uploads}).to_string().as_bytes()).await;
            if uploads.is_empty() {
                assert_eq!(answer.status, 400);
            } else {
                assert_eq!(answer.json()["results"].as_array().unwrap().len(), uploads.len());
            }
            assert!((400..500).contains(&post(&world, "/api/batch", &headers, &body).await.status));
        });
    }

    /// Any path and query gets a documented response that is not a server error.
    #[test]
    fn paths_and_queries_cause_no_server_error(
        segments in prop::collection::vec(prop_oneof![
            5 => select(vec!["api", "projects", "demo", "scripts", "script", "1", "outputs", "logs", "download", "STEP",
                "status", "watch", "tokens", "session", "monitoring", "health", "processing-status"]).prop_map(str::to_owned),
            1 => any::<String>(),
            1 => select(vec!["..", ".", "%", "\0", "demo/../demo", "dеmo", "x".repeat(2_000).leak()]).prop_map(str::to_owned),
        ], 0..6),
        query in prop::collection::vec((select(vec!["limit", "cursor", "version", "expires_in", "user", "x"]), any::<String>()), 0..4),
    ) {
        block_on(async {
            let world = World::new();
            world.upload("demo", "x = 1").await;
            let escape = |text: &String| percent_encode(text);
            let path = format!("/{}", segments.iter().map(escape).collect::<Vec<_>>().join("/"));
            let query = query.iter().map(|(name, value)| format!("{name}={}", percent_encode(value))).collect::<Vec<_>>();
            let answer = world.get(&format!("{path}?{}", query.join("&"))).await;
            assert!(answer.status < 500, "{} {}", path, answer.status);
        });
    }

    /// A valid token with one character changed, inserted or removed, or cut off anywhere, is refused.
    #[test]
    fn an_altered_token_is_refused(
        at in any::<Index>(),
        new in prop_oneof!["[A-Za-z0-9_-]", "[ -~]"],
        how in 0..4_u8,
        way in 0..3_u8,
    ) {
        block_on(async {
            let (settings, signer) = match way {
                0 => (issuer::BY_SECRET, Signer::secret(issuer::SECRET)),
                1 => (issuer::BY_KEY_SET, Signer::rsa()),
                _ => (issuer::BY_KEY_SET, Signer::ec()),
            };
            let world = World::with(MemoryStore::new(), &settings);
            let id = (way != 0).then_some("it");
            if let Some(id) = id {
                world.issuer.inner.publish(&[signer.public("another"), signer.public(id)]);
            }
            let valid = signer.token(id, &issuer::claims("anna", world.clock.now()));
            let list = async |token: &str| world.get_with("/api/projects", ("authorization", &format!("Bearer {token}"))).await;
            assert_eq!(list(&valid).await.status, 200);
            let mut letters: Vec<char> = valid.chars().collect();
            let (at, new) = (at.index(letters.len()), new.chars().next().unwrap());
            match how {
                0 => letters[at] = new,
                1 => letters.insert(at, new),
                2 => drop(letters.remove(at)),
                _ => letters.truncate(at),
            }
            let changed: String = letters.into_iter().collect();
            prop_assume!(changed.trim() != valid);
            let answer = list(&changed).await;
            assert_eq!(answer.status, 401, "{}", changed);
            Ok(())
        })?;
    }
}

fn percent_encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
