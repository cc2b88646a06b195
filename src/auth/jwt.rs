//! JSON Web Tokens (RFC 7519) in their compact form (RFC 7515, section 7.1).
//!
//! The key determines the algorithm. The `alg` of the token must agree with it and chooses nothing.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::token::{is_reserved, is_user_id};
use crate::crypto::VerifyingKey;
use contract::Timestamp;

/// The maximum length of a token, in bytes.
const MAX_TOKEN_BYTES: usize = 8 << 10;

/// The tolerated difference between the clocks of issuer and Worker, in seconds.
const LEEWAY: f64 = 30.0;

/// Why a token is refused. The message goes to the sender and never repeats the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is not three parts of base64url with JSON in them, or too long.
    #[error("it is not a JSON Web Token")]
    Malformed,
    /// It has a critical header (RFC 7515, section 4.1.11).
    #[error("it requires an extension that this service does not know")]
    Critical,
    /// There is no key with its id, or the key is for another algorithm.
    #[error("it is not signed by a trusted key")]
    UnknownKey,
    /// The signature is wrong. The message is that of an unknown key, so that forgers learn nothing about the keys.
    #[error("it is not signed by a trusted key")]
    Signature,
    /// `iss` differs.
    #[error("its issuer is not the trusted one")]
    Issuer,
    /// `aud` does not name this service.
    #[error("it was issued for another audience")]
    Audience,
    /// `exp` has passed, or is missing.
    #[error("it has expired, or has no expiry time")]
    Expired,
    /// `nbf` is in the future.
    #[error("it is not valid yet")]
    NotYet,
    /// `sub` is missing or not a user id.
    #[error("its subject is not a user id of 1 to 128 visible ASCII characters")]
    Subject,
    /// `sub` is a built-in user.
    #[error("its subject is a name that this service reserves")]
    Reserved,
}

/// The required claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectations {
    /// `AUTH_ISSUER`.
    pub issuer: String,
    /// `AUTH_AUDIENCE`.
    pub audience: String,
}

/// A well-formed token whose signature has not been checked.
#[derive(Debug)]
pub(super) struct Unverified<'a> {
    header: Header,
    /// The signed bytes: header and claims as they came.
    pub signed: &'a [u8],
    claims: Vec<u8>,
    pub signature: Vec<u8>,
}

/// The claims of a checked token (RFC 7519, section 4.1; `role` is this service's own).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// The user's id.
    pub sub: String,
    /// Whether `role` is `admin`. Issuers may use the claim for something else, so other JSON is accepted and ignored.
    pub is_admin: bool,
    /// When the token expires, without the leeway.
    pub expires_at: Timestamp,
}

#[derive(Debug)]
struct Header {
    alg: String,
    kid: Option<String>,
}

/// Reads a JSON object without duplicate names (RFC 7515, section 4; RFC 7519, section 4), because readers differ in
/// which of two values they take.
fn object(json: &[u8]) -> Result<Map<String, Value>, Refused> {
    struct Object;

    impl<'de> Visitor<'de> for Object {
        type Value = Map<String, Value>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a JSON object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
            let mut object = Map::new();
            while let Some((name, value)) = members.next_entry::<String, Value>()? {
                if object.insert(name, value).is_some() {
                    return Err(A::Error::custom("duplicate name"));
                }
            }
            Ok(object)
        }
    }

    let mut reader = serde_json::Deserializer::from_slice(json);
    let object = reader.deserialize_map(Object).map_err(|_| Refused::Malformed)?;
    // Text after the object would be signed and mean nothing.
    reader.end().map_err(|_| Refused::Malformed)?;
    Ok(object)
}

/// A text that may be missing or null. Anything else is malformed.
fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Refused> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_str().map(Some).ok_or(Refused::Malformed),
    }
}

/// A time in seconds since 1970 (RFC 7519, section 2, NumericDate) that may be missing or null.
fn seconds(object: &Map<String, Value>, name: &str) -> Result<Option<f64>, Refused> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_f64().map(Some).ok_or(Refused::Malformed),
    }
}

/// Whether `aud`, a text or a list of texts, names `audience`.
fn is_for(claims: &Map<String, Value>, audience: &str) -> Result<bool, Refused> {
    match claims.get("aud") {
        Some(Value::Array(all)) if all.iter().all(Value::is_string) => Ok(all.iter().any(|one| one == audience)),
        Some(Value::Array(_)) => Err(Refused::Malformed),
        _ => Ok(text(claims, "aud")? == Some(audience)),
    }
}

impl<'a> Unverified<'a> {
    /// Splits and decodes a token.
    pub fn parse(token: &'a str) -> Result<Self, Refused> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Refused::Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Refused::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(Refused::Malformed)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Refused::Malformed);
        let header = object(&decode(header)?)?;
        if header.contains_key("crit") {
            return Err(Refused::Critical);
        }
        let member = |name| Ok(text(&header, name)?.map(str::to_owned));
        let header = Header { alg: member("alg")?.ok_or(Refused::Malformed)?, kid: member("kid")? };
        Ok(Self { header, signed: signed.as_bytes(), claims: decode(claims)?, signature: decode(signature)? })
    }

    /// The `kid` of its key.
    pub fn key_id(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// Whether its `alg` is that of `key`.
    pub fn agrees_with(&self, key: &VerifyingKey) -> bool {
        self.header.alg == key.algorithm()
    }

    /// Whether its `alg` is one of a key set. A shared secret is never in a set.
    pub fn is_for_a_set(&self) -> bool {
        ["RS256", "ES256"].contains(&self.header.alg.as_str())
    }

    /// Checks the claims at `now`. Call this only after the signature was verified.
    pub fn into_claims(self, expected: &Expectations, now: Timestamp) -> Result<Claims, Refused> {
        let claims = object(&self.claims)?;
        let now = now.as_millis() as f64 / 1000.0;
        if text(&claims, "iss")? != Some(&expected.issuer) {
            return Err(Refused::Issuer);
        }
        if !is_for(&claims, &expected.audience)? {
            return Err(Refused::Audience);
        }
        let exp = seconds(&claims, "exp")?.filter(|exp| exp + LEEWAY > now).ok_or(Refused::Expired)?;
        if seconds(&claims, "nbf")?.is_some_and(|nbf| nbf - LEEWAY > now) {
            return Err(Refused::NotYet);
        }
        let sub = text(&claims, "sub")?.filter(|sub| is_user_id(sub)).ok_or(Refused::Subject)?;
        if is_reserved(sub) {
            return Err(Refused::Reserved);
        }
        // `from_millis` limits times that are too large.
        let expires_at = Timestamp::from_millis((exp * 1000.0) as i64);
        let is_admin = claims.get("role").is_some_and(|role| role == "admin");
        Ok(Claims { sub: sub.to_owned(), is_admin, expires_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str, claims: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", part(header), part(claims), part("signature"))
    }

    fn expected() -> Expectations {
        Expectations { issuer: "https://issuer".to_owned(), audience: "partwright".to_owned() }
    }

    fn claims_at(claims: &str, seconds: i64) -> Result<Claims, Refused> {
        let text = token(r#"{"alg":"HS256"}"#, claims);
        Unverified::parse(&text)?.into_claims(&expected(), Timestamp::from_millis(seconds * 1000))
    }

    #[test]
    fn parses_the_example_of_rfc_7515() {
        // RFC 7515, appendix A.1.
        let text = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6\
                    Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let token = Unverified::parse(text).unwrap();
        assert!(token.agrees_with(&VerifyingKey::Hs256(vec![1])));
        assert!(!token.agrees_with(&VerifyingKey::Es256 { x: [0; 32], y: [0; 32] }));
        assert_eq!((token.key_id(), token.signature.len()), (None, 32));
    }

    #[test]
    fn malformed_tokens_are_refused() {
        let enormous = token(r#"{"alg":"HS256"}"#, &"x".repeat(MAX_TOKEN_BYTES));
        let crit = token(r#"{"alg":"HS256","crit":["b64"]}"#, "{}");
        for (text, why) in [
            ("", Refused::Malformed),
            ("a.b", Refused::Malformed),
            ("e30.e30.", Refused::Malformed),
            ("eyJhbGciOiJIUzI1NiJ9=.e30.", Refused::Malformed),
            (enormous.as_str(), Refused::Malformed),
            (crit.as_str(), Refused::Critical),
        ] {
            assert_eq!(Unverified::parse(text).err(), Some(why), "{text:.40}");
        }
        // A lenient JSON reader would accept each of these headers.
        for (header, why) in [
            (r#"{"alg":"HS256","crit":null}"#, Refused::Critical),
            (r#"{"alg":"HS256","crit":[]}"#, Refused::Critical),
            (r#"["HS256",null,false]"#, Refused::Malformed),
            (r#"{"alg":"none","alg":"HS256"}"#, Refused::Malformed),
            (r#"{"alg":"none","\u0061lg":"HS256"}"#, Refused::Malformed),
            (r#"{"alg":"HS256","kid":"a","kid":"b"}"#, Refused::Malformed),
            (r#"{"alg":["HS256"]}"#, Refused::Malformed),
            (r#"{"alg":"HS256","kid":1}"#, Refused::Malformed),
            (r#"{"alg":"HS256"}{}"#, Refused::Malformed),
            (r#"{"alg":"HS256",}"#, Refused::Malformed),
            (r#"{"ALG":"HS256"}"#, Refused::Malformed),
            ("\u{feff}{\"alg\":\"HS256\"}", Refused::Malformed),
            ("null", Refused::Malformed),
        ] {
            assert_eq!(Unverified::parse(&token(header, "{}")).err(), Some(why), "{header}");
        }
        let none = token(r#"{"alg":"none"}"#, "{}");
        let none = Unverified::parse(&none).unwrap();
        assert!(!none.agrees_with(&VerifyingKey::Hs256(Vec::new())), "no key has the algorithm none");
    }

    #[test]
    fn claims_are_checked() {
        let good = r#"{"iss":"https://issuer","aud":"partwright","sub":"anna","exp":2000,"nbf":1000,"role":"admin"}"#;
        let claims = claims_at(good, 1500).unwrap();
        assert_eq!((claims.sub.as_str(), claims.is_admin), ("anna", true));
        assert_eq!(claims.expires_at, Timestamp::from_millis(2_000_000));
        for role in [r#""Admin""#, r#""""#, "null", "true", r#"["admin"]"#, r#"{"admin":1}"#] {
            let claims = claims_at(&good.replace(r#""admin""#, role), 1500).unwrap();
            assert!(!claims.is_admin, "{role}");
        }
        assert!(claims_at(&good.replace(r#""partwright""#, r#"["other","partwright"]"#), 1500).is_ok());
        assert!(claims_at(good, 2029).is_ok() && claims_at(good, 971).is_ok(), "the leeway applies");
        for (claims, seconds, why) in [
            (good.to_owned(), 2031, Refused::Expired),
            (good.to_owned(), 969, Refused::NotYet),
            (good.replace("https://issuer", "https://issuer/"), 1500, Refused::Issuer),
            (good.replace(r#""partwright""#, r#""other""#), 1500, Refused::Audience),
            (good.replace(r#""aud":"partwright","#, ""), 1500, Refused::Audience),
            (good.replace(r#""exp":2000,"#, ""), 1500, Refused::Expired),
            (good.replace("anna", ""), 1500, Refused::Subject),
            (good.replace("anna", "an na"), 1500, Refused::Subject),
            (good.replace("anna", "ännä"), 1500, Refused::Subject),
            (good.replace("anna", &"a".repeat(129)), 1500, Refused::Subject),
            (good.replace("anna", "admin"), 1500, Refused::Reserved),
            (good.replace("anna", "local"), 1500, Refused::Reserved),
            (good.replace("anna", "runner"), 1500, Refused::Reserved),
            (good.replace("2000", "null"), 1500, Refused::Expired),
            (good.replace("2000", "-1e300"), 1500, Refused::Expired),
            (good.replace("anna", r#"anna","more":1,"more":"2"#), 1500, Refused::Malformed),
            (good.replace("2000", r#""2000""#), 1500, Refused::Malformed),
            (good.replace("2000", "1e999"), 1500, Refused::Malformed),
            (good.replace("2000", "NaN"), 1500, Refused::Malformed),
            (good.replace(r#""sub""#, r#""sub":"bert","sub""#), 1500, Refused::Malformed),
            (good.replace(r#""exp""#, r#""exp":9000,"exp""#), 1500, Refused::Malformed),
            (good.replace(r#""sub""#, r#""role":"user","sub""#), 1500, Refused::Malformed),
            (good.replace(r#""partwright""#, r#"["partwright",1]"#), 1500, Refused::Malformed),
            (good.replace(r#""partwright""#, r#""Partwright""#), 1500, Refused::Audience),
            (good.replace(r#""partwright""#, "[]"), 1500, Refused::Audience),
            ("[]".to_owned(), 1500, Refused::Malformed),
            (r#"["anna","https://issuer","partwright",2000,1000,"admin"]"#.to_owned(), 1500, Refused::Malformed),
        ] {
            assert_eq!(claims_at(&claims, seconds), Err(why), "{claims}");
        }
    }
}

/// Any text may be presented as a token. `PROPTEST_CASES` sets the number of cases. `tests/api` tests with real
/// signatures that no changed token is accepted.
#[cfg(test)]
mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn parsing_never_panics(
            text in any::<String>(),
            parts in (any::<Vec<u8>>(), any::<Vec<u8>>(), any::<Vec<u8>>()),
            json in ("(\\{|\\}|\\[|\\]|\"(alg|kid|crit|iss|aud|exp|nbf|sub|role)\"|:|,|HS256|[0-9.e-]|null){0,30}"),
        ) {
            let expected = Expectations { issuer: "i".to_owned(), audience: "a".to_owned() };
            let encode = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
            let header = encode(br#"{"alg":"HS256"}"#);
            for text in [
                text,
                format!("{}.{}.{}", encode(&parts.0), encode(&parts.1), encode(&parts.2)),
                format!("{header}.{}.{}", encode(&parts.1), encode(&parts.2)),
                format!("{header}.{}.{}", encode(json.as_bytes()), encode(&parts.2)),
                format!("{}.{}.", encode(json.as_bytes()), encode(json.as_bytes())),
            ] {
                if let Ok(token) = Unverified::parse(&text) {
                    // None of these tokens has a valid subject.
                    prop_assert!(token.into_claims(&expected, Timestamp::from_millis(0)).is_err(), "{}", text);
                }
            }
        }
    }
}
