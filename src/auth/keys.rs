//! The keys that may have signed a JSON Web Token.
//!
//! Either one shared secret, or a JSON Web Key Set (RFC 7517) that is fetched and cached. Issuers change their keys
//! without notice, so the set is fetched again when a token names a key that is not in it.

use std::cell::RefCell;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::jwt::{Claims, Expectations, Refused, Unverified};
use super::token::{TokenHash, TokenText};
use crate::crypto::{Verifier, VerifyingKey};
use contract::Timestamp;
use platform::{Clock, ClockExt, Http};

/// A key set of this age is fetched again before it is used.
const FRESH_FOR: Duration = Duration::from_secs(600);

/// A key set is used up to this age if it cannot be fetched, so that an issuer's outage locks nobody out.
const USABLE_FOR: Duration = Duration::from_secs(24 * 3600);

/// The minimum time between two fetches while a set is cached, so that forged key ids cannot cause a flood.
const FETCH_INTERVAL: Duration = Duration::from_secs(30);

/// The same while no set is cached, and every token is refused.
const FIRST_FETCH_INTERVAL: Duration = Duration::from_secs(5);

const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

/// A fetch in flight for longer was lost: the platform can drop a request without a trace.
const FETCH_LOST_AFTER: Duration = Duration::from_secs(6);

/// How often a request checks if another request's fetch has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(25);

const MAX_KEY_SET_BYTES: usize = 64 << 10;

/// The issuer whose tokens are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedIssuer {
    pub keys: KeySource,
    /// The required claims.
    pub expected: Expectations,
}

/// Where the keys come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// `AUTH_JWT_SECRET`: HS256.
    Secret(VerifyingKey),
    /// `AUTH_JWKS_URL`: RS256 and ES256.
    Set(http::Uri),
}

/// The cached key set, shared by all requests of an instance.
#[derive(Debug, Default)]
pub struct SharedKeys(RefCell<State>);

#[derive(Debug, Default)]
struct State {
    /// The last set that was fetched, and when.
    cached: Option<(Timestamp, KeySet)>,
    /// When the fetch in flight started. `InFlight` would not do: it counts work that started after `now` as in flight.
    in_flight: Option<Timestamp>,
    /// When the last fetch ended, or started if it is in flight.
    last_fetch: Option<Timestamp>,
    /// Why the last failed fetch failed.
    problem: String,
}

/// The next step for one token.
enum Step {
    /// Check the signature with this key.
    Check(VerifyingKey),
    /// Refuse the token: no key fits.
    Refuse,
    /// Fetch the set.
    Fetch,
    /// Check again later: another request is fetching the set.
    Wait,
    /// Give up: there is no set. The text says why.
    GiveUp(String),
}

/// The usable keys of a set, with their ids.
#[derive(Debug)]
struct KeySet(Vec<(Option<String>, VerifyingKey)>);

/// Why a token is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unauthentic {
    /// The token is wrong.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The key set cannot be fetched and none is cached, or the platform failed.
    #[error("tokens cannot be checked at the moment: {0}")]
    Unavailable(String),
}

impl TrustedIssuer {
    /// The hash to store for a session that one of the issuer's tokens opened. Another secret, key set address, issuer
    /// or audience ends the session. A change of a single key in the set does not.
    pub fn bind(&self, session: &TokenText) -> TokenHash {
        let keys = match &self.keys {
            KeySource::Secret(key) => key.material(),
            KeySource::Set(url) => url.to_string().into_bytes(),
        };
        let Expectations { issuer, audience } = &self.expected;
        // The operator sets all three, so nobody else can shift text from one to another.
        session.hash_bound_to(&[&keys[..], b"\n", issuer.as_bytes(), b"\n", audience.as_bytes()].concat())
    }
}

impl KeySet {
    /// Reads a key set; `None` if it is not one. Unusable keys are skipped (RFC 7517, section 5): other kinds, for
    /// encryption, on other curves, too short, malformed. So are shared secrets, which must not be in a public set.
    fn parse(json: &[u8]) -> Option<Self> {
        let set: Value = serde_json::from_slice(json).ok()?;
        Some(Self(set["keys"].as_array()?.iter().filter_map(read_key).collect()))
    }

    /// The key of a token: among the keys for its algorithm, the key with its id, or for a token without an id the only
    /// key. `None` if several keys remain.
    fn find(&self, token: &Unverified<'_>) -> Option<&VerifyingKey> {
        let fits = |id: &Option<String>| token.key_id().is_none_or(|wanted| id.as_deref() == Some(wanted));
        let mut found = self.0.iter().filter(|(id, key)| fits(id) && token.agrees_with(key)).map(|(_, key)| key);
        let key = found.next()?;
        // The set may list the same key twice.
        found.all(|other| other == key).then_some(key)
    }
}

impl SharedKeys {
    /// Checks a token's signature and claims, and returns the claims.
    ///
    /// # Errors
    /// [`Unauthentic`], also if there is any doubt.
    pub async fn check(
        &self,
        text: &str,
        issuer: &TrustedIssuer,
        verifier: &dyn Verifier,
        http: &dyn Http,
        clock: &dyn Clock,
    ) -> Result<Claims, Unauthentic> {
        let token = Unverified::parse(text)?;
        let key = match &issuer.keys {
            KeySource::Secret(key) => key.clone(),
            KeySource::Set(url) => self.key_of(&token, url, http, clock).await?,
        };
        if !token.agrees_with(&key) {
            return Err(Refused::UnknownKey.into());
        }
        match verifier.verify(&key, token.signed, &token.signature).await {
            Ok(true) => Ok(token.into_claims(&issuer.expected, clock.now())?),
            Ok(false) => Err(Refused::Signature.into()),
            Err(error) => Err(Unauthentic::Unavailable(error.to_string())),
        }
    }

    /// The key of the set that `token` claims as its own.
    async fn key_of(
        &self,
        token: &Unverified<'_>,
        url: &http::Uri,
        http: &dyn Http,
        clock: &dyn Clock,
    ) -> Result<VerifyingKey, Unauthentic> {
        if !token.is_for_a_set() {
            return Err(Refused::UnknownKey.into());
        }
        loop {
            let step = self.0.borrow_mut().step(token, clock.now());
            match step {
                Step::Check(key) => return Ok(key),
                Step::Refuse => return Err(Refused::UnknownKey.into()),
                Step::GiveUp(problem) => return Err(Unauthentic::Unavailable(problem)),
                // Each request polls: in workerd a request cannot wait for another request's I/O.
                Step::Wait => clock.sleep(POLL_INTERVAL).await,
                Step::Fetch => {
                    let outcome = fetch(url, http, clock).await;
                    self.0.borrow_mut().fetched(outcome, clock.now());
                }
            }
        }
    }
}

impl State {
    fn step(&mut self, token: &Unverified<'_>, now: Timestamp) -> Step {
        // A time in the future counts as long past, so that nobody waits after the clock was set back.
        let age = |at: Timestamp| if at > now { Duration::MAX } else { now.since(at) };
        let cached = self.cached.as_ref().filter(|(at, _)| age(*at) < USABLE_FOR);
        let key = cached.and_then(|(_, set)| set.find(token)).cloned();
        let is_fresh = cached.is_some_and(|(at, _)| age(*at) < FRESH_FOR);
        let is_in_flight = self.in_flight.is_some_and(|at| age(at) < FETCH_LOST_AFTER);
        let interval = if cached.is_some() { FETCH_INTERVAL } else { FIRST_FETCH_INTERVAL };
        let may_fetch = !is_in_flight && self.last_fetch.is_none_or(|at| age(at) >= interval);
        match key {
            Some(key) if is_fresh || !may_fetch => Step::Check(key),
            _ if may_fetch => {
                (self.in_flight, self.last_fetch) = (Some(now), Some(now));
                Step::Fetch
            }
            _ if is_in_flight => Step::Wait,
            _ if cached.is_some() => Step::Refuse,
            _ => Step::GiveUp(self.problem.clone()),
        }
    }

    fn fetched(&mut self, outcome: Result<KeySet, String>, now: Timestamp) {
        // The interval counts from the end, so that a slow fetch is not followed by the next at once.
        (self.in_flight, self.last_fetch) = (None, Some(now));
        match outcome {
            Ok(set) => self.cached = Some((now, set)),
            Err(problem) => self.problem = problem,
        }
    }
}

async fn fetch(url: &http::Uri, http: &dyn Http, clock: &dyn Clock) -> Result<KeySet, String> {
    let request = http::Request::get(url).header("accept", "application/json").body(bytes::Bytes::new());
    let request = request.map_err(|error| error.to_string())?;
    let fetching = async {
        let answer = http.send(request).await.map_err(|error| error.to_string())?;
        if !answer.status().is_success() {
            return Err(format!("AUTH_JWKS_URL returned status {}", answer.status()));
        }
        let body = answer.into_body().bytes(MAX_KEY_SET_BYTES).await.map_err(|error| error.to_string())?;
        KeySet::parse(&body).ok_or_else(|| "AUTH_JWKS_URL did not return a key set".to_owned())
    };
    let outcome = clock.timeout(FETCH_TIMEOUT, fetching).await;
    outcome.unwrap_or_else(|| Err("AUTH_JWKS_URL did not answer in time".to_owned()))
}

/// A usable key with its id (RFC 7517, section 4; RFC 7518, sections 6.2 and 6.3).
fn read_key(jwk: &Value) -> Option<(Option<String>, VerifyingKey)> {
    let is_for_signatures = text(jwk, "use")?.is_none_or(|usage| usage == "sig");
    let may_verify = match &jwk["key_ops"] {
        Value::Null => true,
        uses => uses.as_array()?.iter().any(|name| name == "verify"),
    };
    if !is_for_signatures || !may_verify {
        return None;
    }
    let bytes = |name| URL_SAFE_NO_PAD.decode(text(jwk, name)??).ok();
    let key = match text(jwk, "kty")?? {
        "RSA" => {
            let (modulus, exponent) = (without_zeros(bytes("n")?), without_zeros(bytes("e")?));
            // Keys below 2,048 bits can be broken; above 8,192 bits a check costs too much.
            let is_long_enough = modulus.len() > 256 || (modulus.len() == 256 && modulus[0] >= 0x80);
            // With 1 everybody can sign, and an even exponent is invalid. Usual ones are 3 and 65,537.
            let is_exponent = exponent.len() <= 4 && exponent[..] > [1][..] && exponent.last()? % 2 == 1;
            if !is_long_enough || modulus.len() > 1024 || !is_exponent {
                return None;
            }
            VerifyingKey::Rs256 { modulus, exponent }
        }
        "EC" if text(jwk, "crv")? == Some("P-256") => {
            VerifyingKey::Es256 { x: bytes("x")?.try_into().ok()?, y: bytes("y")?.try_into().ok()? }
        }
        _ => return None,
    };
    let is_its_algorithm = text(jwk, "alg")?.is_none_or(|alg| alg == key.algorithm());
    is_its_algorithm.then_some((text(jwk, "kid")?.map(str::to_owned), key))
}

/// A member that may be missing; `None` if it is there and not text.
fn text<'a>(jwk: &'a Value, name: &str) -> Option<Option<&'a str>> {
    match &jwk[name] {
        Value::Null => Some(None),
        value => value.as_str().map(Some),
    }
}

/// A number without leading zeros, which some issuers write.
fn without_zeros(bytes: Vec<u8>) -> Vec<u8> {
    bytes.into_iter().skip_while(|byte| *byte == 0).collect()
}

/// Any bytes may come from the address. `PROPTEST_CASES` sets the number of cases.
#[cfg(test)]
mod properties {
    use proptest::prelude::*;

    use super::*;

    fn field() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("null".to_owned()),
            Just("7".to_owned()),
            "[A-Za-z0-9_=+/-]{0,60}".prop_map(|text| format!("\"{text}\"")),
            prop::sample::select(vec![
                "RSA", "EC", "oct", "P-256", "P-384", "RS256", "ES256", "HS256", "none", "sig", "enc"
            ])
            .prop_map(|word| format!("\"{word}\"")),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn parsing_never_panics(bytes in any::<Vec<u8>>(), text in any::<String>()) {
            let _ = KeySet::parse(&bytes);
            let _ = KeySet::parse(text.as_bytes());
        }

        #[test]
        fn a_set_never_gives_a_shared_secret(
            fields in prop::collection::vec(
                (prop::sample::select(vec!["kty", "crv", "alg", "use", "kid", "n", "e", "x", "y", "k"]), field()),
                0..10,
            ),
        ) {
            let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
            let set = KeySet::parse(format!("{{\"keys\":[{{{}}}]}}", fields.join(",")).as_bytes());
            for (_, key) in set.into_iter().flat_map(|set| set.0) {
                prop_assert!(!matches!(key, VerifyingKey::Hs256(_)));
            }
        }
    }
}
