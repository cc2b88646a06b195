//! The keys that may have signed a token: one shared secret, or a JSON Web Key Set (RFC 7517) that is fetched, kept,
//! and fetched again when a token names a key that is not in it, as issuers change their keys without a word.

use std::cell::RefCell;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::future::{Either, select};
use serde_json::Value;

use super::jwt::{Claims, Expectations, Refused, Unverified};
use super::token::{TokenHash, TokenText};
use crate::crypto::{Verifier, VerifyingKey};
use contract::Timestamp;
use platform::{Clock, Http};

/// How long a key set is used before it is fetched anew.
const FRESH: Duration = Duration::from_secs(600);

/// How long it is used when it cannot be fetched: an issuer's outage locks nobody out who has a token.
const STALE: Duration = Duration::from_secs(24 * 3600);

/// The least time between two fetches while a set is kept, so that forged key ids make no flood.
const PAUSE: Duration = Duration::from_secs(30);

/// The least time between two fetches while none is kept, and nobody can be let in.
const SHORT_PAUSE: Duration = Duration::from_secs(5);

/// How long a fetch may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long it may seem to be under way: a request that is broken off never says that its fetch ended.
const LOST: Duration = Duration::from_secs(6);

/// How often those who wait for another's fetch look.
const LOOK: Duration = Duration::from_millis(25);

/// The largest key set, in bytes.
const LIMIT: usize = 64 << 10;

/// Whose tokens are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedIssuer {
    /// Its keys.
    pub keys: KeySource,
    /// What its tokens must say.
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

/// A key set as it was last fetched; every request of one instance shares it.
#[derive(Debug, Default)]
pub struct SharedKeys(RefCell<State>);

#[derive(Debug, Default)]
struct State {
    /// The last set that was fetched, and when.
    kept: Option<(Timestamp, KeySet)>,
    /// When the fetch that is under way began.
    under_way: Option<Timestamp>,
    /// When the last fetch ended, or began if it has not.
    tried: Option<Timestamp>,
    /// Why it failed, if it did.
    problem: String,
}

/// What to do next for one token.
enum Step {
    /// Check it with this key.
    Check(VerifyingKey),
    /// Refuse it: no key fits.
    Refuse,
    /// Fetch the set.
    Fetch,
    /// Look again a little later: somebody else is fetching it.
    Wait,
    /// Give up: there is no set.
    GiveUp(String),
}

/// The keys of a set that can be used, with their ids.
#[derive(Debug)]
struct KeySet(Vec<(Option<String>, VerifyingKey)>);

/// Why a token could not be checked, or is worth nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unauthentic {
    /// The token is at fault.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The key set cannot be fetched, and none is kept; or the platform failed.
    #[error("tokens cannot be checked now: {0}")]
    Unavailable(String),
}

impl TrustedIssuer {
    /// What is stored of a session that one of its tokens opened: with another secret, address of the key set, issuer or
    /// audience nobody finds it. What becomes of a single key of a set, this does not tell.
    pub fn bind(&self, session: &TokenText) -> TokenHash {
        let keys = match &self.keys {
            KeySource::Secret(key) => key.material(),
            KeySource::Set(url) => url.to_string().into_bytes(),
        };
        let Expectations { issuer, audience } = &self.expected;
        // All three are the operator's own, so nobody can shift text from one to another.
        session.hash_bound_to(&[&keys[..], b"\n", issuer.as_bytes(), b"\n", audience.as_bytes()].concat())
    }
}

impl KeySet {
    /// Reads a key set; none if it is none. Keys that cannot be used are skipped (RFC 7517, section 5): of other kinds,
    /// for encryption, on other curves, too short, malformed. So are shared secrets, which have no place in a public set.
    fn parse(json: &[u8]) -> Option<Self> {
        let set: Value = serde_json::from_slice(json).ok()?;
        Some(Self(set["keys"].as_array()?.iter().filter_map(read_key).collect()))
    }

    /// The key that signed a token: of those for the algorithm that it names, the one of its id; or, for a token without
    /// one, the only one. None where that leaves a choice.
    fn find(&self, token: &Unverified<'_>) -> Option<&VerifyingKey> {
        let fits = |id: &Option<String>| token.key_id().is_none_or(|wanted| id.as_deref() == Some(wanted));
        let mut found = self.0.iter().filter(|(id, key)| fits(id) && token.agrees_with(key)).map(|(_, key)| key);
        let key = found.next()?;
        // The same key may stand there twice.
        found.all(|other| other == key).then_some(key)
    }
}

impl SharedKeys {
    /// The claims of a token that one of the issuer's keys has signed and that says what is expected.
    ///
    /// # Errors
    /// [`Unauthentic`]; never a yes in doubt.
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

    /// The key of the set that signed `token`, if what it says is true.
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
                // By one's own timer: workerd does not let one request wait for what another began.
                Step::Wait => clock.sleep(LOOK).await,
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
        // What seems to lie ahead was long ago: a clock that was put back must not keep anybody waiting.
        let age = |at: Timestamp| if at > now { Duration::MAX } else { now.since(at) };
        let kept = self.kept.as_ref().filter(|(at, _)| age(*at) < STALE);
        let key = kept.and_then(|(_, set)| set.find(token)).cloned();
        let is_fresh = kept.is_some_and(|(at, _)| age(*at) < FRESH);
        let is_under_way = self.under_way.is_some_and(|at| age(at) < LOST);
        let pause = if kept.is_some() { PAUSE } else { SHORT_PAUSE };
        let may_fetch = !is_under_way && self.tried.is_none_or(|at| age(at) >= pause);
        match key {
            Some(key) if is_fresh || !may_fetch => Step::Check(key),
            _ if may_fetch => {
                (self.under_way, self.tried) = (Some(now), Some(now));
                Step::Fetch
            }
            _ if is_under_way => Step::Wait,
            _ if kept.is_some() => Step::Refuse,
            _ => Step::GiveUp(self.problem.clone()),
        }
    }

    fn fetched(&mut self, outcome: Result<KeySet, String>, now: Timestamp) {
        // The pause is counted from the end: one that took as long as a pause is not to be followed by the next at once.
        (self.under_way, self.tried) = (None, Some(now));
        match outcome {
            Ok(set) => self.kept = Some((now, set)),
            Err(problem) => self.problem = problem,
        }
    }
}

async fn fetch(url: &http::Uri, http: &dyn Http, clock: &dyn Clock) -> Result<KeySet, String> {
    let request = http::Request::get(url).header("accept", "application/json").body(bytes::Bytes::new());
    let request = request.map_err(|error| error.to_string())?;
    let fetching = Box::pin(async {
        let answer = http.send(request).await.map_err(|error| error.to_string())?;
        if !answer.status().is_success() {
            return Err(format!("the key set's address answers {}", answer.status()));
        }
        let body = answer.into_body().bytes(LIMIT).await.map_err(|error| error.to_string())?;
        KeySet::parse(&body).ok_or_else(|| "what lies at the key set's address is no key set".to_owned())
    });
    match select(fetching, clock.sleep(PATIENCE)).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right(_) => Err("the key set's address does not answer".to_owned()),
    }
}

/// One key with its id, if it can be used (RFC 7517, section 4; RFC 7518, sections 6.2 and 6.3).
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
            // Below 2,048 bits it can be broken; above 8,192 checking it costs too much.
            let is_long_enough = modulus.len() > 256 || (modulus.len() == 256 && modulus[0] >= 0x80);
            // With 1 everybody can sign; an even one is none; real ones are 3 or 65,537.
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

/// A member that may be missing; none at all where it is there and no text.
fn text<'a>(jwk: &'a Value, name: &str) -> Option<Option<&'a str>> {
    match &jwk[name] {
        Value::Null => Some(None),
        value => value.as_str().map(Some),
    }
}

/// A number without the zeros that some write before it.
fn without_zeros(bytes: Vec<u8>) -> Vec<u8> {
    bytes.into_iter().skip_while(|byte| *byte == 0).collect()
}

/// A key set is read whatever lies at its address. `PROPTEST_CASES` says how often that is tried.
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
        fn nothing_that_lies_there_makes_it_panic(bytes in any::<Vec<u8>>(), text in any::<String>()) {
            let _ = KeySet::parse(&bytes);
            let _ = KeySet::parse(text.as_bytes());
        }

        #[test]
        fn keys_that_are_half_right_are_no_shared_secrets(
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
