//! The Worker's settings. The runner has its own.

use std::fmt;

use subtle::ConstantTimeEq;

use super::cors::AllowedOrigins;
use crate::ai::AiConfig;
use crate::auth::{Expectations, KeySource, TokenHash, TokenText, TrustedIssuer};
use crate::crypto::VerifyingKey;
use contract::Timestamp;
use platform::{ConfigError, Lookup, Settings, is_loopback};
use s3::Bucket;

/// The minimum length of `ADMIN_TOKEN` and `RUNNER_TOKEN`, in characters.
const MIN_TOKEN_LENGTH: usize = 16;

/// The minimum length of `AUTH_JWT_SECRET`, in bytes: that of its hash (RFC 7518, section 3.2).
const MIN_SECRET_BYTES: usize = 32;

/// All settings of the Worker. docs/configuration.md lists them.
#[derive(Debug, Clone)]
pub struct Config {
    /// `AWS_*`, `S3_*`; see [`Bucket::from_settings`].
    pub bucket: Bucket,
    /// `AUTH_MODE`. Default: closed.
    pub auth: AuthMode,
    /// `AUTH_JWT_SECRET` or `AUTH_JWKS_URL`, with `AUTH_ISSUER` and `AUTH_AUDIENCE`: the issuer of accepted JSON Web
    /// Tokens. Default: none.
    pub issuer: Option<TrustedIssuer>,
    /// `AUTH_TOKENS_SINCE`, RFC 3339: older API tokens and sessions are not accepted. Default: no limit.
    pub tokens_since: Timestamp,
    /// `ADMIN_TOKEN`, at least 16 characters. Default: there is no such user.
    pub admin_token: Option<Secret>,
    /// `RUNNER_TOKEN`, at least 16 characters: lets runners send hints and be woken. Default: runners only poll.
    pub runner_token: Option<Secret>,
    /// `ALLOWED_ORIGINS`, comma-separated: the other origins whose pages may use the API. Default: none.
    pub allowed_origins: AllowedOrigins,
    /// `AI_BASE_URL`, `AI_API_KEY`, `AI_MODEL` and the same with `AI_FALLBACK_`; see [`AiConfig`]. Default: no model. A
    /// wrong value closes the endpoints that need a model, and no others.
    pub ai: Result<Option<AiConfig>, ConfigError>,
}

/// The rights of a request without a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMode {
    /// It reaches the public endpoints only.
    Closed,
    /// It comes from the one user `local`, an admin. The API answers on loopback hosts only.
    Open,
}

/// A secret setting. `Debug` hides it, and comparing takes the same time wherever the first difference is.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Whether `given` is the secret. The time depends on the lengths only.
    pub fn matches(&self, given: &str) -> bool {
        self.0.as_bytes().ct_eq(given.as_bytes()).into()
    }

    /// The stored hash of a token that ends when the setting changes.
    pub(super) fn bind(&self, token: &TokenText) -> TokenHash {
        token.hash_bound_to(self.0.as_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// Names the setting that is missing or wrong, and never repeats a secret.
    pub fn from_settings(lookup: Lookup<'_>) -> Result<Self, ConfigError> {
        let settings = Settings::new(lookup);
        let auth = match settings.optional("AUTH_MODE").as_deref() {
            None => AuthMode::Closed,
            Some("open") => AuthMode::Open,
            Some(other) => {
                return Err(ConfigError::new("AUTH_MODE", format!("{other:?} is not known; the only value is open")));
            }
        };
        let issuer = issuer(settings)?;
        if auth == AuthMode::Open && issuer.is_some() {
            let problem = "open cannot be combined with AUTH_JWT_SECRET or AUTH_JWKS_URL, because it lets everybody \
                           in; remove one of them";
            return Err(ConfigError::new("AUTH_MODE", problem));
        }
        let not_a_time = "it is not a time in the form of RFC 3339, such as 2026-01-31T12:00:00Z";
        let tokens_since = settings.parsed("AUTH_TOKENS_SINCE", not_a_time)?.unwrap_or(Timestamp::EPOCH);
        let token = |name| settings.optional(name).map(|text| token(name, text)).transpose();
        let (admin_token, runner_token) = (token("ADMIN_TOKEN")?, token("RUNNER_TOKEN")?);
        if let (Some(admin), Some(runner)) = (&admin_token, &runner_token)
            && admin.matches(&runner.0)
        {
            let problem = "it is the same as ADMIN_TOKEN, which would make every runner an admin";
            return Err(ConfigError::new("RUNNER_TOKEN", problem));
        }
        let origins = settings.optional("ALLOWED_ORIGINS");
        let allowed_origins = origins.map(|list| AllowedOrigins::parse(&list)).transpose()?.unwrap_or_default();
        let bucket = Bucket::from_settings(lookup)?;
        let ai = AiConfig::from_settings(lookup);
        Ok(Self { bucket, auth, issuer, tokens_since, admin_token, runner_token, allowed_origins, ai })
    }

    /// Whether the settings define any user. Without one the API is closed.
    pub(super) fn knows_users(&self) -> bool {
        self.auth == AuthMode::Open || self.issuer.is_some() || self.admin_token.is_some()
    }
}

/// Reads `ADMIN_TOKEN` or `RUNNER_TOKEN`.
fn token(name: &'static str, text: String) -> Result<Secret, ConfigError> {
    let problem = if text.len() < MIN_TOKEN_LENGTH {
        "it is shorter than 16 characters and can be guessed"
    } else if TokenText::has_prefix(&text) {
        "it begins with pw_, like the tokens that the service creates; choose another"
    } else if text.bytes().any(|byte| byte != b' ' && !byte.is_ascii_graphic()) {
        "it has characters that an HTTP header cannot carry; use visible ASCII characters"
    } else {
        return Ok(Secret(text));
    };
    Err(ConfigError::new(name, problem))
}

/// Reads the issuer of accepted JSON Web Tokens.
fn issuer(settings: Settings<'_>) -> Result<Option<TrustedIssuer>, ConfigError> {
    // Every byte of the secret counts.
    let keys = match (settings.verbatim("AUTH_JWT_SECRET"), settings.optional("AUTH_JWKS_URL")) {
        (None, None) => {
            let unused = ["AUTH_ISSUER", "AUTH_AUDIENCE"].into_iter().find(|name| settings.optional(name).is_some());
            let problem = "it has no effect without AUTH_JWT_SECRET or AUTH_JWKS_URL, and neither is set";
            return unused.map_or(Ok(None), |name| Err(ConfigError::new(name, problem)));
        }
        (Some(_), Some(_)) => {
            let problem = "AUTH_JWT_SECRET is also set; remove one of the two";
            return Err(ConfigError::new("AUTH_JWKS_URL", problem));
        }
        (Some(secret), None) if secret.len() < MIN_SECRET_BYTES => {
            let problem = "it is shorter than 32 bytes, the minimum of HS256 (RFC 7518, section 3.2)";
            return Err(ConfigError::new("AUTH_JWT_SECRET", problem));
        }
        (Some(secret), None) if secret.trim() != secret => {
            let problem = "it begins or ends with white space, which would be part of the key";
            return Err(ConfigError::new("AUTH_JWT_SECRET", problem));
        }
        (Some(secret), None) => KeySource::Secret(VerifyingKey::Hs256(secret.into_bytes())),
        (None, Some(url)) => KeySource::Set(key_set_url(&url)?),
    };
    let required = |name| {
        let problem =
            "it is not set; without it, tokens for other services would be accepted; see docs/authentication.md";
        settings.optional(name).ok_or_else(|| ConfigError::new(name, problem))
    };
    let expected = Expectations { issuer: required("AUTH_ISSUER")?, audience: required("AUTH_AUDIENCE")? };
    Ok(Some(TrustedIssuer { keys, expected }))
}

/// Reads the address of a key set. TLS proves that the keys are the issuer's; loopback needs no proof.
fn key_set_url(text: &str) -> Result<http::Uri, ConfigError> {
    let wrong = || {
        let problem = "it is not https://host[:port]/path (http:// only on loopback hosts); the value is not repeated \
                       here, because it may hold a secret";
        ConfigError::new("AUTH_JWKS_URL", problem)
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
        assert!(!read(&[("RUNNER_TOKEN", ADMIN.1)]).unwrap().knows_users(), "a runner is not a user");
        for settings in [&[("AUTH_MODE", "open")][..], &[ADMIN], &[SECRET, ISSUER, AUDIENCE]] {
            assert!(read(settings).unwrap().knows_users(), "{settings:?}");
        }
    }

    #[test]
    fn tokens_since_is_a_time_with_offset() {
        let config = read(&[("AUTH_TOKENS_SINCE", "2026-01-31T13:00:00+01:00")]).unwrap();
        assert_eq!(config.tokens_since.to_string(), "2026-01-31T12:00:00.000Z");
    }

    #[test]
    fn white_space_around_a_value_does_not_count() {
        let config = read(&[("ADMIN_TOKEN", " 0123456789abcdef\n"), ("AUTH_MODE", "open ")]).unwrap();
        assert!(config.admin_token.unwrap().matches(ADMIN.1));
        assert_eq!(config.auth, AuthMode::Open);
    }

    #[test]
    fn issuers_with_a_secret_or_a_key_set() {
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
    fn errors_name_the_setting_and_hide_the_value() {
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
            (&[("RUNNER_TOKEN", "hush-hush\nhush-hush")], "RUNNER_TOKEN"),
            (&[("ADMIN_TOKEN", "hush-hush-hush-hüsch")], "ADMIN_TOKEN"),
        ] {
            let error = read(settings).unwrap_err();
            assert_eq!(error.setting(), at_fault, "{settings:?}");
            assert!(!error.to_string().contains("hush") && !error.to_string().contains(ADMIN.1), "{error}");
        }
    }

    #[test]
    fn secrets_compare_and_stay_hidden() {
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
