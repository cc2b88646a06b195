//! JSON Web Tokens (RFC 7519) in their compact form (RFC 7515, section 7.1).
//!
//! What the token says of its own algorithm chooses nothing: the key does, and the token's word must agree with it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::contract::Timestamp;
use crate::crypto::VerifyingKey;

/// The longest token that is looked at, in bytes.
const LONGEST: usize = 8 << 10;

/// How far the clocks of issuer and Worker may be apart, in seconds.
const LEEWAY: f64 = 30.0;

/// The longest user id, in bytes.
const LONGEST_SUBJECT: usize = 128;

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
    #[error("no key is known that can have signed it")]
    UnknownKey,
    /// The signature is not the key's.
    #[error("its signature is wrong")]
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

/// The claims that are used (RFC 7519, section 4.1; `role` is this service's own).
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
    /// `admin`, or anything else.
    #[serde(default)]
    pub role: Option<String>,
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

#[derive(Debug, Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<serde::de::IgnoredAny>,
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
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| Refused::Malformed)?;
        if header.crit.is_some() {
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

    /// The claims, if they are what is expected at `now`. Only for one whose signature was found right.
    pub fn into_claims(self, expected: &Expectations, now: Timestamp) -> Result<Claims, Refused> {
        let claims: Claims = serde_json::from_slice(&self.claims).map_err(|_| Refused::Malformed)?;
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
        if !(1..=LONGEST_SUBJECT).contains(&claims.sub.len()) || !claims.sub.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Refused::Subject);
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
        let none = token(r#"{"alg":"none"}"#, "{}");
        let none = Unverified::parse(&none).unwrap();
        assert!(!none.agrees_with(&VerifyingKey::Hs256(Vec::new())), "no key is for it");
    }

    #[test]
    fn claims_are_checked() {
        let good = r#"{"iss":"https://issuer","aud":"partwright","sub":"anna","exp":2000,"nbf":1000,"role":"admin"}"#;
        let claims = claims_at(good, 1500).unwrap();
        assert_eq!((claims.sub.as_str(), claims.role.as_deref()), ("anna", Some("admin")));
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
            (good.replace("2000", r#""2000""#), 1500, Refused::Malformed),
            ("[]".to_owned(), 1500, Refused::Malformed),
        ] {
            assert_eq!(claims_at(&claims, seconds), Err(why), "{claims}");
        }
    }
}
