//! The keys that verify tokens: the examples of RFC 7515, and a key set that changes, is unreachable, or is invalid.

use std::time::Duration;

use futures::future::{FutureExt, LocalBoxFuture, join_all};
use partwright::auth::{Expectations, KeySource, Refused, SharedKeys, TrustedIssuer, Unauthentic};
use partwright::crypto::{CryptoError, Verifier, VerifyingKey};
use platform::Clock;
use serde_json::{Value, json};

use crate::support::clock::TestClock;
use crate::support::faults::{Fault, Faulty};
use crate::support::issuer::{self, KEY_SET_URL, KeySetAddress, claims};
use crate::support::memory_store::MemoryStore;
use crate::support::signer::{RSA_N, Signer, bytes};
use crate::support::verifier::RingVerifier;
use crate::support::world::World;

/// The claims of the three examples of RFC 7515.
const CLAIMS: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

/// Appendix A.1: key, header, signature.
const A1: [&str; 3] = [
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9",
    "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
];

/// Appendix A.2: header, signature.
const A2: [&str; 2] = [
    "eyJhbGciOiJSUzI1NiJ9",
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1\
     dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzD\
     wusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe7\
     7Rw",
];

/// Appendix A.3: first and second coordinate, header, signature.
const A3: [&str; 4] = [
    "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    "eyJhbGciOiJFUzI1NiJ9",
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
];

/// Verifies a token with these keys; returns its subject.
async fn verify(keys: KeySource, token: &str, verifier: &dyn Verifier) -> Result<String, Unauthentic> {
    let expected = Expectations { issuer: "joe".to_owned(), audience: "partwright".to_owned() };
    let (issuer, address) = (TrustedIssuer { keys, expected }, KeySetAddress::default());
    address.publish(&[
        json!({"kty": "RSA", "n": RSA_N, "e": "AQAB"}),
        json!({"kty": "EC", "crv": "P-256", "x": A3[0], "y": A3[1]}),
    ]);
    let claims = SharedKeys::default().check(token, &issuer, verifier, &address, &TestClock::new()).await;
    claims.map(|claims| claims.sub)
}

#[tokio::test(start_paused = true)]
async fn the_examples_of_rfc_7515_verify() {
    let secret = || KeySource::Secret(VerifyingKey::Hs256(bytes(A1[0])));
    let set = || KeySource::Set(KEY_SET_URL.parse().unwrap());
    for (keys, header, signature) in [(secret as fn() -> _, A1[1], A1[2]), (set, A2[0], A2[1]), (set, A3[2], A3[3])] {
        // They name no audience, which is checked only after the signature.
        let good = verify(keys(), &format!("{header}.{CLAIMS}.{signature}"), &RingVerifier).await;
        assert_eq!(good, Err(Refused::Audience.into()), "{header}");
        for at in [0, signature.len() / 2] {
            let other = if signature[at..].starts_with('A') { 'B' } else { 'A' };
            let changed = format!("{}{other}{}", &signature[..at], &signature[at + 1..]);
            let bad = verify(keys(), &format!("{header}.{CLAIMS}.{changed}"), &RingVerifier).await;
            assert_eq!(bad, Err(Refused::Signature.into()), "{header}");
        }
    }
}

/// A platform whose verification fails.
struct FailingVerifier;

impl Verifier for FailingVerifier {
    fn verify<'a>(
        &'a self,
        _: &'a VerifyingKey,
        _: &'a [u8],
        _: &'a [u8],
    ) -> LocalBoxFuture<'a, Result<bool, CryptoError>> {
        std::future::ready(Err(CryptoError("on demand".to_owned()))).boxed_local()
    }
}

#[tokio::test(start_paused = true)]
async fn a_failing_verifier_authenticates_nobody() {
    let secret = KeySource::Secret(VerifyingKey::Hs256(bytes(A1[0])));
    let outcome = verify(secret, &format!("{}.{CLAIMS}.{}", A1[1], A1[2]), &FailingVerifier).await;
    assert!(matches!(outcome, Err(Unauthentic::Unavailable(_))), "{outcome:?}");
}

/// A Worker that trusts a key set, called by users with tokens.
struct Scene(World);

impl Scene {
    fn with(keys: &[Value]) -> Self {
        let world = World::with(MemoryStore::new(), &issuer::BY_KEY_SET);
        world.issuer.inner.publish(keys);
        Self(world)
    }

    /// Status and error code of a request with a valid token of `signer` that names the key `id`.
    async fn call_with(&self, signer: &Signer, id: Option<&str>) -> (u16, String) {
        let token = signer.token(id, &claims("anna", self.0.clock.now()));
        let answer = self.0.get_with("/api/projects", ("authorization", &format!("Bearer {token}"))).await;
        if answer.status == 503 {
            assert_ne!(answer.header("retry-after"), "");
        }
        (answer.status, answer.json()["code"].as_str().unwrap_or_default().to_owned())
    }

    /// Whether a valid token of `signer` that names the key `id` is accepted.
    async fn accepts(&self, signer: &Signer, id: Option<&str>) -> bool {
        match self.call_with(signer, id).await {
            (200, _) => true,
            (401, code) if code == "invalid_token" => false,
            other => panic!("{other:?}"),
        }
    }

    /// The number of requests for the key set.
    fn fetches(&self) -> usize {
        self.0.issuer.seen.borrow().len()
    }

    async fn pass(&self, seconds: u64) {
        self.0.clock.sleep(Duration::from_secs(seconds)).await;
    }

    fn address(&self) -> &Faulty<KeySetAddress> {
        &self.0.issuer
    }
}

#[tokio::test(start_paused = true)]
async fn new_keys_are_found_and_old_ones_forgotten() {
    let (old, new) = (Signer::ec(), Signer::ec());
    let scene = Scene::with(&[old.public("old")]);
    assert!(scene.accepts(&old, Some("old")).await);
    assert!(scene.accepts(&old, Some("old")).await);
    assert_eq!(scene.fetches(), 1, "a set is cached");

    scene.pass(31).await;
    scene.address().inner.publish(&[old.public("old"), new.public("new")]);
    assert!(scene.accepts(&new, Some("new")).await, "fetched at once");
    assert!(scene.accepts(&old, Some("old")).await);
    assert_eq!(scene.fetches(), 2);

    scene.address().inner.publish(&[new.public("new")]);
    assert!(scene.accepts(&old, Some("old")).await, "cached for ten minutes");
    scene.pass(601).await;
    assert!(!scene.accepts(&old, Some("old")).await);
    assert!(scene.accepts(&new, Some("new")).await);
    assert_eq!(scene.fetches(), 3);
}

#[tokio::test(start_paused = true)]
async fn unknown_key_ids_cause_few_fetches() {
    let (key, stranger) = (Signer::ec(), Signer::ec());
    let scene = Scene::with(&[key.public("key")]);
    assert!(scene.accepts(&key, Some("key")).await);
    for second in 0..95 {
        assert!(!scene.accepts(&stranger, Some(&format!("made up {second}"))).await);
        scene.pass(1).await;
    }
    // The first fetch, and one every 30 seconds.
    assert_eq!(scene.fetches(), 4);
    // A token whose algorithm no key set can have causes no fetch.
    scene.pass(60).await;
    assert!(!scene.accepts(&Signer::secret("x".repeat(32)), Some("key")).await);
    assert_eq!(scene.fetches(), 4);
}

#[tokio::test(start_paused = true)]
async fn concurrent_requests_fetch_once() {
    let key = Signer::ec();
    let scene = Scene::with(&[key.public("key")]);
    scene.address().each("GET", "", Fault::Slow(Duration::from_secs(2)));
    let all = join_all((0..50).map(|_| scene.accepts(&key, Some("key")))).await;
    assert_eq!((all, scene.fetches()), (vec![true; 50], 1), "the others wait for the first");

    let new = Signer::ec();
    scene.address().inner.publish(&[key.public("key"), new.public("new")]);
    scene.pass(31).await;
    let (old, new) = futures::future::join(
        join_all((0..50).map(|_| scene.accepts(&key, Some("key")))),
        join_all((0..50).map(|_| scene.accepts(&new, Some("new")))),
    )
    .await;
    assert_eq!((old, new, scene.fetches()), (vec![true; 50], vec![true; 50], 2));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_fetch_does_not_block_others() {
    let key = Signer::ec();
    let scene = Scene::with(&[key.public("key")]);
    scene.address().plan("GET", "", Fault::Silence);
    // The first caller disconnects during the fetch.
    let gone = tokio::time::timeout(Duration::from_secs(1), scene.accepts(&key, Some("key"))).await;
    assert!(gone.is_err());
    let began = scene.0.clock.now();
    assert!(scene.accepts(&key, Some("key")).await);
    assert!(scene.0.clock.now().since(began) < Duration::from_secs(7));
    assert_eq!(scene.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn keys_stay_valid_for_a_day_of_outage() {
    let (key, new) = (Signer::ec(), Signer::ec());
    let scene = Scene::with(&[key.public("key")]);
    assert!(scene.accepts(&key, Some("key")).await);
    scene.address().inner.publish(&[key.public("key"), new.public("new")]);
    for fault in [Fault::NoConnection, Fault::Status(500), Fault::Status(302), Fault::HalfBody, Fault::Silence] {
        scene.address().always(Some(fault));
        scene.pass(4 * 3600).await;
        let began = scene.0.clock.now();
        assert!(scene.accepts(&key, Some("key")).await, "{fault:?}");
        assert!(scene.0.clock.now().since(began) < Duration::from_secs(6), "{fault:?}");
        assert!(!scene.accepts(&new, Some("new")).await, "{fault:?}");
    }
    scene.pass(4 * 3600).await;
    assert_eq!(scene.call_with(&key, Some("key")).await, (503, "keys_unavailable".to_owned()), "a day is over");
    let before = scene.fetches();
    assert_eq!(scene.call_with(&key, Some("key")).await.0, 503);
    assert_eq!(scene.fetches(), before, "not fetched again at once");
    scene.address().always(None);
    scene.pass(5).await;
    assert!(scene.accepts(&key, Some("key")).await);
    assert!(scene.accepts(&new, Some("new")).await);
}

#[tokio::test(start_paused = true)]
async fn without_a_key_set_nobody_is_authenticated() {
    let key = Signer::ec();
    let too_many: Vec<Value> = (0..1_000).map(|n| key.public(&format!("key {n}"))).collect();
    let sound = json!({"keys": [key.public("key")]}).to_string();
    for put in [
        String::new(),
        "<html>".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        r#"{"keys":{}}"#.to_owned(),
        r#"{"keys":null}"#.to_owned(),
        sound[..sound.len() - 1].to_owned(),
        json!({"keys": too_many}).to_string(),
        format!("{}{sound}", " ".repeat(64 << 10)),
    ] {
        let scene = Scene::with(&[]);
        scene.address().inner.put(put.clone());
        assert_eq!(scene.call_with(&key, Some("key")).await, (503, "keys_unavailable".to_owned()), "{put:.60}");
        // An invalid key set does not replace a valid one.
        scene.address().inner.put(sound.clone());
        scene.pass(5).await;
        assert!(scene.accepts(&key, Some("key")).await);
        scene.address().inner.put(put.clone());
        scene.pass(700).await;
        assert!(scene.accepts(&key, Some("key")).await, "{put:.60}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_needs_the_matching_key() {
    let (ec, other, rsa) = (Signer::ec(), Signer::ec(), Signer::rsa());
    let changed = |field: &str, value: Value| {
        let mut key = ec.public("key");
        key[field] = value;
        key
    };
    let modulus = |n: Vec<u8>, e: &str| {
        use base64::Engine;
        let n = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(n);
        json!({"kty": "RSA", "kid": "key", "n": n, "e": e})
    };
    let secret = json!({"kty": "oct", "kid": "key", "alg": "HS256", "k": A1[0]});
    let no_id = json!({"kty": "EC", "crv": "P-256", "x": ec.public("")["x"], "y": ec.public("")["y"]});
    let strange = [
        json!({"kty": "new kind", "kid": "key"}),
        json!({"kid": 7}),
        json!("no key"),
        changed("x", json!("AAAA")),
        changed("y", json!(null)),
        changed("kid", json!(["key"])),
        modulus(vec![0xff; 128], "AQAB"),
    ];
    for (keys, signer, id, accepted) in [
        (vec![ec.public("key")], &ec, Some("key"), true),
        (vec![ec.public("key")], &ec, None, true),
        (vec![ec.public("key")], &ec, Some("other"), false),
        (vec![no_id.clone()], &ec, None, true),
        (vec![no_id], &ec, Some("key"), false),
        // Two keys with one id: the type tells them apart; two of the same type are ambiguous.
        (vec![ec.public("key"), rsa.public("key")], &ec, Some("key"), true),
        (vec![ec.public("key"), rsa.public("key")], &rsa, Some("key"), true),
        (vec![ec.public("key"), other.public("key")], &ec, Some("key"), false),
        (vec![ec.public("key"), ec.public("key")], &ec, Some("key"), true),
        (vec![ec.public("a"), other.public("b")], &ec, None, false),
        (vec![ec.public("a"), rsa.public("b")], &ec, None, true),
        // Keys that are not understood do not affect the others.
        ([&strange[..], &[ec.public("key")]].concat(), &ec, Some("key"), true),
        (strange.to_vec(), &ec, Some("key"), false),
        (vec![changed("use", json!("enc"))], &ec, Some("key"), false),
        (vec![changed("use", json!("sig"))], &ec, Some("key"), true),
        (vec![changed("key_ops", json!(["verify"]))], &ec, Some("key"), true),
        (vec![changed("key_ops", json!(["sign"]))], &ec, Some("key"), false),
        (vec![changed("alg", json!("ES256"))], &ec, Some("key"), true),
        (vec![changed("alg", json!("HS256"))], &ec, Some("key"), false),
        (vec![changed("crv", json!("P-384"))], &ec, Some("key"), false),
        // A shared secret in a public set is ignored.
        (vec![secret.clone()], &Signer::secret(bytes(A1[0])), Some("key"), false),
        (vec![secret], &Signer::secret(bytes(A1[0])), None, false),
        // Leading zeros are ignored; with an exponent of 1 anybody could sign.
        (vec![modulus([&[0], &bytes(RSA_N)[..]].concat(), "AQAB")], &rsa, Some("key"), true),
        (vec![modulus(bytes(RSA_N), "AAEAAQ")], &rsa, Some("key"), true),
        (vec![modulus(bytes(RSA_N), "AQ")], &rsa, Some("key"), false),
        (vec![modulus(bytes(RSA_N), "AQAA")], &rsa, Some("key"), false),
        (vec![modulus(bytes(RSA_N), "AQAAAAE")], &rsa, Some("key"), false),
        (vec![modulus(bytes(RSA_N), "")], &rsa, Some("key"), false),
        (vec![modulus(bytes(RSA_N)[..255].to_vec(), "AQAB")], &rsa, Some("key"), false),
        (vec![modulus(vec![0xff; 1025], "AQAB")], &rsa, Some("key"), false),
        (vec![], &ec, Some("key"), false),
    ] {
        let scene = Scene::with(&keys);
        assert_eq!(scene.accepts(signer, id).await, accepted, "{} {id:?} {keys:?}", signer.algorithm());
    }
}
