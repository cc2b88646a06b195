//! The Worker's settings. The runner has its own.

use std::fmt;

use subtle::ConstantTimeEq;

use super::cors::AllowedOrigins;
use crate::ai::AiConfig;
use crate::auth::{Expectations, KeySource, TokenHash, TokenText, TrustedIssuer};
use crate::crypto::VerifyingKey;
use contract::Timestamp;
use platform::ConfigError;
use platform::is_loopback;
use s3::Bucket;

/// The least of `ADMIN_TOKEN` and `RUNNER_TOKEN`, in characters.
const SHORTEST_TOKEN: usize = 16;

/// The least of `AUTH_JWT_SECRET`, in bytes: as long as its hash.
const SHORTEST_SECRET: usize = 32;

/// A secret setting. `Debug` never shows it; comparing takes the same time wherever the first difference is.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Whether `given` is the secret. Time depends on the lengths alone.
    pub fn matches(&self, given: &str) -> bool {
        self.0.as_bytes().ct_eq(given.as_bytes()).into()
    }

    /// What is stored of a token that ends when the setting is changed.
    pub(super) fn bind(&self, token: &TokenText) -> TokenHash {
        token.hash_bound_to(self.0.as_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// How callers are known who show nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMode {
    /// Not at all: without a credential nobody is let in.
    Closed,
    /// Everybody is the one user `local`, an admin, on loopback hosts only.
    Open,
}

/// Everything that the Worker is told.
#[derive(Debug, Clone)]
pub struct Config {
    /// The bucket: `AWS_*`, `S3_*`; see [`Bucket::from_settings`].
    pub bucket: Bucket,
    /// `AUTH_MODE`: how callers are known who show nothing. Not set: they are not let in.
    pub auth: AuthMode,
    /// `AUTH_JWT_SECRET` or `AUTH_JWKS_URL`, with `AUTH_ISSUER` and `AUTH_AUDIENCE`: whose JSON Web Tokens are believed.
    /// Not set: nobody's.
    pub issuer: Option<TrustedIssuer>,
    /// `AUTH_TOKENS_SINCE`, a time as RFC 3339 has it: API tokens and sessions from before count no more. Not set: all
    /// count that have neither expired nor been revoked.
    pub tokens_since: Timestamp,
    /// `ADMIN_TOKEN`, at least 16 characters: its holder is the admin. Not set: there is no such user.
    pub admin_token: Option<Secret>,
    /// `RUNNER_TOKEN`, at least 16 characters: lets runners send hints and be woken. Not set: they poll.
    pub runner_token: Option<Secret>,
    /// `ALLOWED_ORIGINS`: the origins whose pages may call from elsewhere, with commas between. Not set: none.
    pub allowed_origins: AllowedOrigins,
    /// `AI_BASE_URL`, `AI_API_KEY`, `AI_MODEL` and the same with `AI_FALLBACK_`; see [`AiConfig`]. Not set: no model is
    /// asked. A wrong one stops the calls that need a model, and no others.
    pub ai: Result<Option<AiConfig>, ConfigError>,
}

impl Config {
    /// Reads the settings, which `lookup` gives by name; an empty value counts as absent.
    ///
    /// # Errors
    /// Names the setting that is missing or wrong; never repeats a secret.
    pub fn from_settings(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let optional = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let auth = match optional("AUTH_MODE").as_deref() {
            None => AuthMode::Closed,
            Some("open") => AuthMode::Open,
            Some(other) => {
                return Err(ConfigError::new("AUTH_MODE", format!("{other:?} is not known; the only value is open")));
            }
        };
        let issuer = issuer(&optional)?;
        if auth == AuthMode::Open && issuer.is_some() {
            let problem = "open lets everybody in, which makes AUTH_JWT_SECRET and AUTH_JWKS_URL pointless; set one or \
                           the other";
            return Err(ConfigError::new("AUTH_MODE", problem.to_owned()));
        }
        let tokens_since = optional("AUTH_TOKENS_SINCE").map_or(Ok(Timestamp::EPOCH), |time| {
            let problem = "it is no time as RFC 3339 has it, such as 2026-01-31T12:00:00Z";
            time.parse().map_err(|_| ConfigError::new("AUTH_TOKENS_SINCE", problem.to_owned()))
        })?;
        let token = |name| optional(name).map(|text| token(name, text)).transpose();
        let (admin_token, runner_token) = (token("ADMIN_TOKEN")?, token("RUNNER_TOKEN")?);
        if let (Some(admin), Some(runner)) = (&admin_token, &runner_token)
            && admin.matches(&runner.0)
        {
            let problem = "it is the same as ADMIN_TOKEN, which would make every runner an admin".to_owned();
            return Err(ConfigError::new("RUNNER_TOKEN", problem));
        }
        let allowed_origins =
            optional("ALLOWED_ORIGINS").map(|list| AllowedOrigins::parse(&list)).transpose()?.unwrap_or_default();
        let bucket = Bucket::from_settings(lookup)?;
        let ai = AiConfig::from_settings(lookup);
        Ok(Self { bucket, auth, issuer, tokens_since, admin_token, runner_token, allowed_origins, ai })
    }

    /// Whether there is any way to know a user. Without one the API is closed.
    pub(super) fn knows_users(&self) -> bool {
        self.auth == AuthMode::Open || self.issuer.is_some() || self.admin_token.is_some()
    }
}

/// One of the tokens that are settings.
fn token(name: &'static str, text: String) -> Result<Secret, ConfigError> {
    let problem = if text.len() < SHORTEST_TOKEN {
        "it is shorter than 16 characters, which can be guessed"
    } else if TokenText::is_meant(&text) {
        "it begins with pw_, as the tokens do that the service makes itself; take another"
    } else if text.trim() != text || text.bytes().any(|byte| byte != b' ' && !byte.is_ascii_graphic()) {
        "it begins or ends with white space, or holds what no header can carry: only visible ASCII can be sent"
    } else {
        return Ok(Secret(text));
    };
    Err(ConfigError::new(name, problem.to_owned()))
}

/// Whose JSON Web Tokens are believed.
fn issuer(optional: &dyn Fn(&str) -> Option<String>) -> Result<Option<TrustedIssuer>, ConfigError> {
    let (secret, url) = (optional("AUTH_JWT_SECRET"), optional("AUTH_JWKS_URL"));
    let keys = match (secret, url) {
        (None, None) => {
            let lonely = ["AUTH_ISSUER", "AUTH_AUDIENCE"].into_iter().find(|name| optional(name).is_some());
            let problem = || "it says nothing without AUTH_JWT_SECRET or AUTH_JWKS_URL, and neither is set".to_owned();
            return lonely.map_or(Ok(None), |name| Err(ConfigError::new(name, problem())));
        }
        (Some(_), Some(_)) => {
            let problem = "AUTH_JWT_SECRET is set, too; tokens are checked with one or the other".to_owned();
            return Err(ConfigError::new("AUTH_JWKS_URL", problem));
        }
        (Some(secret), None) if secret.len() < SHORTEST_SECRET => {
            let problem = "it is shorter than 32 bytes, the least that HS256 takes (RFC 7518, section 3.2)".to_owned();
            return Err(ConfigError::new("AUTH_JWT_SECRET", problem));
        }
        (Some(secret), None) if secret.trim() != secret => {
            let problem = "it begins or ends with white space, which would be part of the key".to_owned();
            return Err(ConfigError::new("AUTH_JWT_SECRET", problem));
        }
        (Some(secret), None) => KeySource::Secret(VerifyingKey::Hs256(secret.into_bytes())),
        (None, Some(url)) => KeySource::Set(key_set_url(&url)?),
    };
    let required = |name| {
        let problem = || "it is not set; without it a token for another service would be good here".to_owned();
        optional(name).ok_or_else(|| ConfigError::new(name, problem()))
    };
    let expected = Expectations { issuer: required("AUTH_ISSUER")?, audience: required("AUTH_AUDIENCE")? };
    Ok(Some(TrustedIssuer { keys, expected }))
}

/// Where a key set lies: TLS says that it is the issuer's, which only this machine needs no proof for.
fn key_set_url(text: &str) -> Result<http::Uri, ConfigError> {
    let wrong = || {
        let problem = "it is not https://host[:port]/path (http:// on this machine's own hosts alone); the value is not \
                       repeated here, it may hold a secret";
        ConfigError::new("AUTH_JWKS_URL", problem.to_owned())
    };
    let url: http::Uri = text.parse().map_err(|_| wrong())?;
    let host = url.authority().filter(|authority| !authority.as_str().contains('@')).ok_or_else(wrong)?.host();
    match url.scheme_str() {
        Some("https") if !host.is_empty() => Ok(url),
        Some("http") if is_loopback(host) => Ok(url),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(settings: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let base = [("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "hush"), ("AWS_BUCKET_NAME", "models")];
        Config::from_settings(&|name| {
            let found = settings.iter().chain(&base).find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    const ISSUER: (&str, &str) = ("AUTH_ISSUER", "https://issuer.example.com");
    const AUDIENCE: (&str, &str) = ("AUTH_AUDIENCE", "partwright");
    const SECRET: (&str, &str) = ("AUTH_JWT_SECRET", "0123456789abcdef0123456789abcdef");
    const KEY_SET: (&str, &str) = ("AUTH_JWKS_URL", "https://issuer.example.com/keys");
    const ADMIN: (&str, &str) = ("ADMIN_TOKEN", "0123456789abcdef");

    #[test]
    fn closed_by_default() {
        let config = read(&[]).unwrap();
        assert_eq!(config.auth, AuthMode::Closed);
        assert!(config.admin_token.is_none() && config.runner_token.is_none() && config.issuer.is_none());
        assert!(!config.knows_users());
        assert_eq!(config.tokens_since, Timestamp::EPOCH);
        assert!(!read(&[("RUNNER_TOKEN", ADMIN.1)]).unwrap().knows_users(), "a runner is no user");
        for settings in [&[("AUTH_MODE", "open")][..], &[ADMIN], &[SECRET, ISSUER, AUDIENCE]] {
            assert!(read(settings).unwrap().knows_users(), "{settings:?}");
        }
    }

    #[test]
    fn since_when_tokens_count() {
        let config = read(&[("AUTH_TOKENS_SINCE", "2026-01-31T13:00:00+01:00")]).unwrap();
        assert_eq!(config.tokens_since.to_string(), "2026-01-31T12:00:00.000Z");
    }

    #[test]
    fn whose_tokens_are_believed() {
        let issuer = read(&[SECRET, ISSUER, AUDIENCE]).unwrap().issuer.unwrap();
        assert_eq!(issuer.keys, KeySource::Secret(VerifyingKey::Hs256(SECRET.1.as_bytes().to_vec())));
        assert_eq!((issuer.expected.issuer.as_str(), issuer.expected.audience.as_str()), (ISSUER.1, AUDIENCE.1));
        for url in [KEY_SET.1, "HTTPS://[::2]:8443/", "http://127.0.0.1:9/keys", "http://localhost/", "http://[::1]:9"]
        {
            let issuer = read(&[("AUTH_JWKS_URL", url), ISSUER, AUDIENCE]).unwrap().issuer.unwrap();
            assert_eq!(issuer.keys, KeySource::Set(url.parse().unwrap()), "{url}");
        }
    }

    #[test]
    fn wrong_values_are_named() {
        let url = |url: &'static str| [("AUTH_JWKS_URL", url), ISSUER, AUDIENCE];
        for (settings, at_fault) in [
            (&[("AUTH_MODE", "Open")][..], "AUTH_MODE"),
            (&[("ALLOWED_ORIGINS", "*")], "ALLOWED_ORIGINS"),
            (&[("AUTH_TOKENS_SINCE", "yesterday")], "AUTH_TOKENS_SINCE"),
            (&[("AUTH_TOKENS_SINCE", "2026-01-31")], "AUTH_TOKENS_SINCE"),
            (&[("AUTH_MODE", "open"), SECRET, ISSUER, AUDIENCE], "AUTH_MODE"),
            (&[("AUTH_MODE", "open"), KEY_SET, ISSUER, AUDIENCE], "AUTH_MODE"),
            (&[SECRET, KEY_SET, ISSUER, AUDIENCE], "AUTH_JWKS_URL"),
            (&[SECRET, AUDIENCE], "AUTH_ISSUER"),
            (&[SECRET, ISSUER], "AUTH_AUDIENCE"),
            (&[KEY_SET, ISSUER], "AUTH_AUDIENCE"),
            (&[ISSUER], "AUTH_ISSUER"),
            (&[AUDIENCE], "AUTH_AUDIENCE"),
            (&[("AUTH_JWT_SECRET", "hush-hush-hush-hush-hush-hush-3"), ISSUER, AUDIENCE], "AUTH_JWT_SECRET"),
            (&[("AUTH_JWT_SECRET", "hush-hush-hush-hush-hush-hush-hush-\n"), ISSUER, AUDIENCE], "AUTH_JWT_SECRET"),
            (&url("http://issuer.example.com/keys"), "AUTH_JWKS_URL"),
            (&url("http://127.0.0.1.example.com/"), "AUTH_JWKS_URL"),
            (&url("https://hush-hush@issuer.example.com/"), "AUTH_JWKS_URL"),
            (&url("ftp://127.0.0.1/"), "AUTH_JWKS_URL"),
            (&url("/keys"), "AUTH_JWKS_URL"),
            (&url("issuer.example.com"), "AUTH_JWKS_URL"),
            (&url("https://"), "AUTH_JWKS_URL"),
            (&[ADMIN, ("RUNNER_TOKEN", ADMIN.1)], "RUNNER_TOKEN"),
            (&[("ADMIN_TOKEN", "hush-hush")], "ADMIN_TOKEN"),
            (&[("RUNNER_TOKEN", "hush-hush")], "RUNNER_TOKEN"),
            (&[("ADMIN_TOKEN", "pw_hush-hush-hush-hush")], "ADMIN_TOKEN"),
            (&[("RUNNER_TOKEN", "hush-hush-hush-hush\n")], "RUNNER_TOKEN"),
            (&[("ADMIN_TOKEN", "hush-hush-hush-hüsch")], "ADMIN_TOKEN"),
        ] {
            let error = read(settings).unwrap_err();
            assert_eq!(error.setting(), at_fault, "{settings:?}");
            assert!(!error.to_string().contains("hush") && !error.to_string().contains(ADMIN.1), "{error}");
        }
    }

    #[test]
    fn a_secret_hides_and_compares() {
        let config = read(&[ADMIN, SECRET, ISSUER, AUDIENCE]).unwrap();
        let token = config.admin_token.clone().unwrap();
        assert!(token.matches(ADMIN.1));
        assert!(!token.matches("0123456789abcdeF") && !token.matches("") && !token.matches("0123456789abcdef0"));
        let text = format!("{config:?}");
        assert!(!text.contains(ADMIN.1) && !text.contains("hush"), "{text}");
        let bytes = format!("{:?}", &SECRET.1.as_bytes()[..4]);
        assert!(!text.contains(bytes.trim_matches(['[', ']'])), "{text}");
    }
}
