//! The Worker's settings. The runner has its own.

use std::fmt;

use subtle::ConstantTimeEq;

use super::auth::AuthMode;
use super::cors::AllowedOrigins;
use crate::s3::{Bucket, ConfigError};

/// A secret setting. `Debug` never shows it; comparing takes the same time wherever the first difference is.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Whether `given` is the secret. Time depends on the lengths alone.
    pub fn matches(&self, given: &str) -> bool {
        self.0.as_bytes().ct_eq(given.as_bytes()).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// Everything that the Worker is told.
#[derive(Debug, Clone)]
pub struct Config {
    /// The bucket: `AWS_*`, `S3_*`; see [`Bucket::from_settings`].
    pub bucket: Bucket,
    /// `AUTH_MODE`: how callers are known. Not set: nobody is let in.
    pub auth: AuthMode,
    /// `ADMIN_TOKEN`, at least 16 characters: opens the admin calls. Not set: they are closed.
    pub admin_token: Option<Secret>,
    /// `RUNNER_TOKEN`, at least 16 characters: lets runners send hints and be woken. Not set: they poll.
    pub runner_token: Option<Secret>,
    /// `ALLOWED_ORIGINS`: the origins whose pages may call from elsewhere, with commas between. Not set: none.
    pub allowed_origins: AllowedOrigins,
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
        let token = |name: &'static str| match optional(name) {
            Some(token) if token.len() < 16 => {
                let problem = "it is shorter than 16 characters, which can be guessed".to_owned();
                Err(ConfigError::new(name, problem))
            }
            token => Ok(token.map(Secret)),
        };
        let (admin_token, runner_token) = (token("ADMIN_TOKEN")?, token("RUNNER_TOKEN")?);
        let allowed_origins =
            optional("ALLOWED_ORIGINS").map(|list| AllowedOrigins::parse(&list)).transpose()?.unwrap_or_default();
        Ok(Self { bucket: Bucket::from_settings(lookup)?, auth, admin_token, runner_token, allowed_origins })
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

    #[test]
    fn closed_by_default() {
        let config = read(&[]).unwrap();
        assert_eq!(config.auth, AuthMode::Closed);
        assert!(config.admin_token.is_none() && config.runner_token.is_none());
        assert_eq!(config.allowed_origins, AllowedOrigins::default());
    }

    #[test]
    fn wrong_values_are_named() {
        assert_eq!(read(&[("AUTH_MODE", "Open")]).unwrap_err().setting(), "AUTH_MODE");
        assert_eq!(read(&[("ALLOWED_ORIGINS", "*")]).unwrap_err().setting(), "ALLOWED_ORIGINS");
        for name in ["ADMIN_TOKEN", "RUNNER_TOKEN"] {
            let error = read(&[(name, "short-secret")]).unwrap_err();
            assert_eq!(error.setting(), name);
            assert!(!error.to_string().contains("short-secret"));
        }
    }

    #[test]
    fn a_secret_hides_and_compares() {
        let config = read(&[("ADMIN_TOKEN", "0123456789abcdef")]).unwrap();
        let token = config.admin_token.clone().unwrap();
        assert!(token.matches("0123456789abcdef"));
        assert!(!token.matches("0123456789abcdeF") && !token.matches("") && !token.matches("0123456789abcdef0"));
        let text = format!("{config:?}");
        assert!(!text.contains("0123456789abcdef") && !text.contains("hush"), "{text}");
    }
}
