//! JSON Web Tokens (RFC 7519) in their compact form (RFC 7515, section 7.1).
//!
//! What the token says of its own algorithm chooses nothing: the key does, and the token's word must agree with it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};

use super::token::{is_reserved, is_user_id};
use crate::contract::Timestamp;
use crate::crypto::VerifyingKey;

/// The longest token that is looked at, in bytes.
const LONGEST: usize = 8 << 10;

/// How far the clocks of issuer and Worker may be apart, in seconds.
const LEEWAY: f64 = 30.0;

/// Why a token is worth nothing. The text is for the one who sent it; it never repeats the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not three parts of base64url with JSON in them, or too long.
    #[error("it is no JSON Web Token")]
    Malformed,
    /// It demands what is not understood (RFC 7515, section 4.1.11).
    #[error("it demands an extension that is not known here")]
    Critical,
    /// No key of that id, or the key is for another algorithm.
    #[error("it is not signed by a key that is trusted here")]
    UnknownKey,
    /// The signature is not the key's. The same words as for an unknown key: a forger learns nothing of the keys.
    #[error("it is not signed by a key that is trusted here")]
    Signature,
    /// `iss` is another.
    #[error("its issuer is not the one that is trusted here")]
    Issuer,
    /// `aud` does not name this service.
    #[error("it was issued for another audience")]
    Audience,
    /// `exp` has passed, or is missing.
    #[error("it has expired, or has no time of expiry")]
    Expired,
    /// `nbf` has not come.
    #[error("it is not valid yet")]
    NotYet,
    /// `sub` is missing, too long, or not plain.
    #[error("its subject is no user id: 1 to 128 visible ASCII characters")]
    Subject,
    /// `sub` is a user that this service names itself.
    #[error("its subject is a name that this service keeps for itself")]
    Reserved,
}

/// What the claims must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectations {
    /// `AUTH_ISSUER`.
    pub issuer: String,
    /// `AUTH_AUDIENCE`.
    pub audience: String,
}

/// A token whose form is right and whose signature nobody has checked yet.
#[derive(Debug)]
pub(super) struct Unverified<'a> {
    header: Header,
    /// What was signed: header and claims as they came.
    pub signed: &'a [u8],
    claims: Vec<u8>,
    pub signature: Vec<u8>,
}

/// The claims that are used (RFC 7519, section 4.1; `role` is this service's own). A claim that comes twice makes the
/// token malformed (section 4).
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Claims {
    /// The user's id.
    #[serde(default)]
    pub sub: String,
    #[serde(default)]
    iss: String,
    #[serde(default)]
    aud: Audience,
    exp: Option<f64>,
    nbf: Option<f64>,
    #[serde(default)]
    role: Role,
}

impl Claims {
    /// Whether the issuer says that the user is an admin.
    pub fn is_admin(&self) -> bool {
        matches!(&self.role, Role::Named(role) if role == "admin")
    }

    /// From when on the token is worth nothing, without the leeway.
    pub fn expires_at(&self) -> Timestamp {
        // Beyond the range is held within it; without `exp` no token gets so far.
        Timestamp::from_millis((self.exp.unwrap_or(0.0) * 1000.0) as i64)
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Default for Audience {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

/// Issuers have uses of their own for this claim, so any JSON is taken, and one word counts.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
enum Role {
    Named(String),
    Other(IgnoredAny),
}

impl Default for Role {
    fn default() -> Self {
        Self::Other(IgnoredAny)
    }
}

#[derive(Debug, Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Whether it is there, whatever it holds.
    #[serde(default, deserialize_with = "is_there")]
    crit: bool,
}

fn is_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// Reads a part of a token, which must be a JSON object: serde alone would take an array in its place.
fn object<T: DeserializeOwned>(json: &[u8]) -> Result<T, Refused> {
    if !json.trim_ascii_start().starts_with(b"{") {
        return Err(Refused::Malformed);
    }
    serde_json::from_slice(json).map_err(|_| Refused::Malformed)
}

impl<'a> Unverified<'a> {
    /// Takes a token apart.
    pub fn parse(text: &'a str) -> Result<Self, Refused> {
        if text.len() > LONGEST {
            return Err(Refused::Malformed);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(Refused::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(Refused::Malformed)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Refused::Malformed);
        let header: Header = object(&decode(header)?)?;
        if header.crit {
            return Err(Refused::Critical);
        }
        Ok(Self { header, signed: signed.as_bytes(), claims: decode(claims)?, signature: decode(signature)? })
    }

    /// The id of the key that it names.
    pub fn key_id(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// Whether it says that it was signed by `key`'s algorithm.
    pub fn agrees_with(&self, key: &VerifyingKey) -> bool {
        self.header.alg == key.algorithm()
    }

    /// Whether a key of a set can have signed it at all, if its own word is true. A shared secret is never in a set.
    pub fn is_for_a_set(&self) -> bool {
        ["RS256", "ES256"].contains(&self.header.alg.as_str())
    }

    /// The claims, if they are what is expected at `now`. Only for one whose signature was found right.
    pub fn into_claims(self, expected: &Expectations, now: Timestamp) -> Result<Claims, Refused> {
        let claims: Claims = object(&self.claims)?;
        let now = now.as_millis() as f64 / 1000.0;
        if claims.iss != expected.issuer {
            return Err(Refused::Issuer);
        }
        let is_ours = match &claims.aud {
            Audience::One(audience) => *audience == expected.audience,
            Audience::Many(audiences) => audiences.contains(&expected.audience),
        };
        if !is_ours {
            return Err(Refused::Audience);
        }
        if claims.exp.is_none_or(|exp| !(exp + LEEWAY > now)) {
            return Err(Refused::Expired);
        }
        if claims.nbf.is_some_and(|nbf| !(nbf - LEEWAY <= now)) {
            return Err(Refused::NotYet);
        }
        if !is_user_id(&claims.sub) {
            return Err(Refused::Subject);
        }
        if is_reserved(&claims.sub) {
            return Err(Refused::Reserved);
        }
        Ok(claims)
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
    fn the_parts_of_the_standard_s_own_example() {
        // RFC 7515, appendix A.1.
        let text = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6\
                    Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let token = Unverified::parse(text).unwrap();
        assert!(token.agrees_with(&VerifyingKey::Hs256(vec![1])));
        assert!(!token.agrees_with(&VerifyingKey::Es256 { x: [0; 32], y: [0; 32] }));
        assert_eq!((token.key_id(), token.signature.len()), (None, 32));
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let enormous = token(r#"{"alg":"HS256"}"#, &"x".repeat(LONGEST));
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
        // Each of these would be a header for somebody who reads JSON loosely.
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
        assert!(!none.agrees_with(&VerifyingKey::Hs256(Vec::new())), "no key is for it");
    }

    #[test]
    fn claims_are_checked() {
        let good = r#"{"iss":"https://issuer","aud":"partwright","sub":"anna","exp":2000,"nbf":1000,"role":"admin"}"#;
        let claims = claims_at(good, 1500).unwrap();
        assert_eq!((claims.sub.as_str(), claims.is_admin()), ("anna", true));
        assert_eq!(claims.expires_at(), Timestamp::from_millis(2_000_000));
        for role in [r#""Admin""#, r#""""#, "null", "true", r#"["admin"]"#, r#"{"admin":1}"#] {
            let claims = claims_at(&good.replace(r#""admin""#, role), 1500).unwrap();
            assert!(!claims.is_admin(), "{role}");
        }
        assert!(claims_at(&good.replace(r#""partwright""#, r#"["other","partwright"]"#), 1500).is_ok());
        assert!(claims_at(good, 2029).is_ok() && claims_at(good, 971).is_ok(), "clocks differ a little");
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
