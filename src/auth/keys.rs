//! The keys that may have signed a token: one shared secret, or a JSON Web Key Set (RFC 7517) that is fetched, kept,
//! and fetched again when a token names a key that is not in it, as issuers change their keys without a word.

use std::cell::RefCell;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::future::{Either, select};
use serde::Deserialize;

use super::jwt::{Claims, Expectations, Refused, Unverified};
use crate::contract::Timestamp;
use crate::crypto::{Verifier, VerifyingKey};
use crate::http::{Clock, Http};

/// How long a key set is used before it is fetched anew.
const FRESH: Duration = Duration::from_secs(600);

/// How long it is used when it cannot be fetched: an issuer's outage locks nobody out who has a token.
const STALE: Duration = Duration::from_secs(24 * 3600);

/// The least time between two fetches, so that forged key ids make no flood.
const PAUSE: Duration = Duration::from_secs(30);

/// How long a fetch may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The largest key set, in bytes.
const LIMIT: usize = 64 << 10;

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
pub struct SharedKeys {
    set: RefCell<Option<(Timestamp, KeySet)>>,
    tried: RefCell<Option<Timestamp>>,
}

/// The keys of a set that can be used, with their ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeySet(Vec<(Option<String>, VerifyingKey)>);

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

impl KeySet {
    /// Reads a key set. Keys of other kinds, for encryption, or of other curves are skipped.
    ///
    /// # Errors
    /// When it is no key set.
    pub fn parse(json: &[u8]) -> Result<Self, serde_json::Error> {
        let set: Jwks = serde_json::from_slice(json)?;
        Ok(Self(set.keys.into_iter().filter_map(|key| Some((key.kid.clone(), key.verifying_key()?))).collect()))
    }

    /// The key that signed a token: the one of its id; or, for a token without one, the only one.
    fn find(&self, token: &Unverified<'_>) -> Option<&VerifyingKey> {
        let mut found = self.0.iter().filter(|(id, key)| match token.key_id() {
            Some(wanted) => id.as_deref() == Some(wanted),
            None => token.agrees_with(key),
        });
        let (_, key) = found.next()?;
        found.next().is_none().then_some(key)
    }
}

impl SharedKeys {
    /// The claims of a token that one of the source's keys has signed and that says what is expected.
    ///
    /// # Errors
    /// [`Unauthentic`]; never a yes in doubt.
    pub async fn check(
        &self,
        text: &str,
        (source, expected): (&KeySource, &Expectations),
        verifier: &dyn Verifier,
        http: &dyn Http,
        clock: &dyn Clock,
    ) -> Result<Claims, Unauthentic> {
        let token = Unverified::parse(text)?;
        let key = match source {
            KeySource::Secret(key) => key.clone(),
            KeySource::Set(url) => self.key_of(&token, url, http, clock).await?,
        };
        if !token.agrees_with(&key) {
            return Err(Refused::UnknownKey.into());
        }
        match verifier.verify(&key, token.signed, &token.signature).await {
            Ok(true) => Ok(token.into_claims(expected, clock.now())?),
            Ok(false) => Err(Refused::Signature.into()),
            Err(error) => Err(Unauthentic::Unavailable(error.to_string())),
        }
    }

    async fn key_of(
        &self,
        token: &Unverified<'_>,
        url: &http::Uri,
        http: &dyn Http,
        clock: &dyn Clock,
    ) -> Result<VerifyingKey, Unauthentic> {
        let now = clock.now();
        let age = |at: Timestamp| now.since(at);
        let known = |set: &KeySet| set.find(token).cloned();
        let kept = self.set.borrow().clone();
        let fresh = kept.as_ref().filter(|(at, _)| age(*at) < FRESH);
        if let Some(key) = fresh.and_then(|(_, set)| known(set)) {
            return Ok(key);
        }
        let mut problem = "the key set was asked for a moment ago".to_owned();
        if self.tried.borrow().is_none_or(|at| age(at) >= PAUSE) {
            *self.tried.borrow_mut() = Some(now);
            match fetch(url, http, clock).await {
                Ok(set) => {
                    let key = known(&set);
                    *self.set.borrow_mut() = Some((now, set));
                    return key.ok_or_else(|| Refused::UnknownKey.into());
                }
                Err(error) => problem = error,
            }
        }
        match kept.filter(|(at, _)| age(*at) < STALE) {
            Some((_, set)) => known(&set).ok_or_else(|| Refused::UnknownKey.into()),
            None => Err(Unauthentic::Unavailable(problem)),
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
        KeySet::parse(&body).map_err(|error| format!("what lies at the key set's address is none: {error}"))
    });
    match select(fetching, clock.sleep(PATIENCE)).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right(_) => Err("the key set's address does not answer".to_owned()),
    }
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Jwk>,
}

/// One key (RFC 7517, section 4; RFC 7518, sections 6.2 and 6.3). A shared secret has no place in a public set.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Jwk {
    fn verifying_key(&self) -> Option<VerifyingKey> {
        let decode = |field: &Option<String>| URL_SAFE_NO_PAD.decode(field.as_ref()?).ok();
        if self.usage.as_deref().is_some_and(|usage| usage != "sig") {
            return None;
        }
        let key = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => {
                let (modulus, exponent) = (decode(&self.n)?, decode(&self.e)?);
                // Below 2,048 bits it can be broken; above 8,192 checking it costs too much.
                if !(256..=1024).contains(&modulus.len()) {
                    return None;
                }
                VerifyingKey::Rs256 { modulus, exponent }
            }
            ("EC", Some("P-256")) => {
                let part = |field| decode(field)?.try_into().ok();
                VerifyingKey::Es256 { x: part(&self.x)?, y: part(&self.y)? }
            }
            _ => return None,
        };
        self.alg.as_deref().is_none_or(|alg| alg == key.algorithm()).then_some(key)
    }
}
