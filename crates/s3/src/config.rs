//! The bucket: the `AWS_*` and `S3_*` settings.

use std::fmt;

use contract::Timestamp;
use platform::{BaseUrl, ConfigError, Lookup, Settings};

/// Where the bucket's name stands in the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addressing {
    /// `https://host/bucket/key`
    Path,
    /// `https://bucket.host/key`
    Virtual,
}

/// The keys that sign requests. `Debug` shows the id, never a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    pub(crate) session_token: Option<String>,
    /// When the keys end, if known.
    pub(crate) expires_at: Option<Timestamp>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .field("secret_access_key", &"***")
            .field("session_token", &self.session_token.as_ref().map(|_| "***"))
            .field("expires_at", &self.expires_at)
            .finish()
    }
}

/// One bucket of one store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// The store as this program reaches it.
    pub endpoint: BaseUrl,
    /// The store as a browser reaches it. The signature of a presigned URL covers the host.
    pub public_endpoint: BaseUrl,
    pub name: String,
    /// The region in the signature's scope. R2 uses `auto`.
    pub region: String,
    pub addressing: Addressing,
    pub credentials: Credentials,
}

impl Bucket {
    /// Reads the settings. An empty value counts as not set.
    ///
    /// | setting | default |
    /// |---|---|
    /// | `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_BUCKET_NAME` | none: required |
    /// | `AWS_SESSION_TOKEN` | none: the keys are permanent |
    /// | `AWS_CREDENTIAL_EXPIRATION` (RFC 3339) | none: the end of temporary keys is unknown |
    /// | `AWS_REGION` | `us-east-1` |
    /// | `AWS_ENDPOINT_URL_S3` | AWS in that region |
    /// | `S3_PUBLIC_ENDPOINT` | the same |
    /// | `S3_ADDRESSING` (`path`, `virtual`) | `virtual` at AWS, `path` with an endpoint |
    ///
    /// # Errors
    /// When a setting is missing or wrong. The error names the setting and never repeats a secret.
    pub fn from_settings(lookup: Lookup<'_>) -> Result<Self, ConfigError> {
        let settings = Settings::new(lookup);
        let access_key_id = header_safe("AWS_ACCESS_KEY_ID", settings.required("AWS_ACCESS_KEY_ID")?)?;
        let secret_access_key = settings.required("AWS_SECRET_ACCESS_KEY")?;
        let name = bucket_name(settings.required("AWS_BUCKET_NAME")?)?;
        let region = settings.optional("AWS_REGION").unwrap_or_else(|| "us-east-1".to_owned());
        let region = header_safe("AWS_REGION", region)?;
        let session_token = settings.optional("AWS_SESSION_TOKEN");
        let session_token = session_token.map(|token| header_safe("AWS_SESSION_TOKEN", token)).transpose()?;
        let problem = "it is not an RFC 3339 time, such as 2026-01-31T12:00:00Z";
        let expires_at = settings.parsed::<Timestamp>("AWS_CREDENTIAL_EXPIRATION", problem)?;

        let given = settings.optional("AWS_ENDPOINT_URL_S3");
        // HTTP clients send a host in lower case, which would name another bucket.
        let is_host = !name.bytes().any(|b| b.is_ascii_uppercase());
        let addressing = match settings.optional("S3_ADDRESSING").as_deref() {
            Some("path") => Addressing::Path,
            Some("virtual") if is_host => Addressing::Virtual,
            Some("virtual") => {
                let problem =
                    format!("the bucket's name {name:?} has capitals, which a host cannot have; set it to path");
                return Err(ConfigError::new("S3_ADDRESSING", problem));
            }
            Some(other) => {
                return Err(ConfigError::new("S3_ADDRESSING", format!("{other:?} is neither path nor virtual")));
            }
            // A dot in the name would break the certificate of `bucket.s3.…`.
            None if given.is_some() || name.contains('.') || !is_host => Addressing::Path,
            None => Addressing::Virtual,
        };
        let url = given.unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
        let endpoint = BaseUrl::parse("AWS_ENDPOINT_URL_S3", &url)?;
        let public_endpoint = match settings.optional("S3_PUBLIC_ENDPOINT") {
            Some(url) => BaseUrl::parse("S3_PUBLIC_ENDPOINT", &url)?,
            None => endpoint.clone(),
        };
        let credentials = Credentials { access_key_id, secret_access_key, session_token, expires_at };
        Ok(Self { endpoint, public_endpoint, name, region, addressing, credentials })
    }

    /// The origin (`scheme://host[:port]`) from which a browser gets objects.
    pub fn public_origin(&self) -> String {
        self.origin(&self.public_endpoint)
    }

    /// The origin of the bucket's URLs under `endpoint`.
    pub(crate) fn origin(&self, endpoint: &BaseUrl) -> String {
        let BaseUrl { scheme, authority, .. } = endpoint;
        match self.addressing {
            Addressing::Path => format!("{scheme}://{authority}"),
            Addressing::Virtual => format!("{scheme}://{}.{authority}", self.name),
        }
    }
}

/// Accepts visible ASCII only, because the value goes into a header. The error does not repeat the value, which may be a
/// misplaced secret.
fn header_safe(setting: &'static str, value: String) -> Result<String, ConfigError> {
    if value.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(value)
    } else {
        Err(ConfigError::new(setting, "it has a space, a control character or a non-ASCII letter"))
    }
}

/// AWS's rules: 3 to 63 of `a-z 0-9 . -`, and in older buckets also `A-Z` and `_`.
fn bucket_name(name: String) -> Result<String, ConfigError> {
    let fits = (3..=63).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b))
        && !name.starts_with('.');
    if fits { Ok(name) } else { Err(ConfigError::new("AWS_BUCKET_NAME", format!("{name:?} is not a bucket's name"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(settings: &[(&str, &str)]) -> Result<Bucket, ConfigError> {
        let base = [("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "hush"), ("AWS_BUCKET_NAME", "models")];
        Bucket::from_settings(&|name| {
            let found = settings.iter().chain(&base).find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn defaults_are_aws() {
        let bucket = read(&[("AWS_REGION", "eu-west-1")]).unwrap();
        assert_eq!(bucket.endpoint.to_string(), "https://s3.eu-west-1.amazonaws.com");
        assert_eq!(bucket.addressing, Addressing::Virtual);
        assert_eq!(bucket.public_endpoint, bucket.endpoint);
    }

    #[test]
    fn an_endpoint_may_have_a_base_path() {
        let bucket = read(&[("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:8787/cdn-cgi/local/r2/s3/")]).unwrap();
        assert_eq!(bucket.endpoint.to_string(), "http://127.0.0.1:8787/cdn-cgi/local/r2/s3");
        assert_eq!(bucket.addressing, Addressing::Path);
    }

    #[test]
    fn a_name_with_capitals_is_not_a_host() {
        let name = ("AWS_BUCKET_NAME", "Models");
        assert_eq!(read(&[name]).unwrap().addressing, Addressing::Path);
        assert_eq!(read(&[name, ("S3_ADDRESSING", "virtual")]).unwrap_err().setting(), "S3_ADDRESSING");
    }

    #[test]
    fn an_error_names_the_setting() {
        for (name, value) in [
            ("AWS_ACCESS_KEY_ID", ""),
            ("AWS_BUCKET_NAME", "a/b"),
            ("AWS_REGION", "eu west"),
            ("AWS_CREDENTIAL_EXPIRATION", "tomorrow"),
            ("AWS_CREDENTIAL_EXPIRATION", "2026-01-31 12:00"),
            ("AWS_ENDPOINT_URL_S3", "ftp://host"),
            ("AWS_ENDPOINT_URL_S3", "http://user:pw@host"),
            ("AWS_ENDPOINT_URL_S3", "127.0.0.1:9000"),
            ("AWS_ENDPOINT_URL_S3", "http://store.test:99999"),
            ("S3_PUBLIC_ENDPOINT", "//cdn"),
            ("S3_ADDRESSING", "Path"),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            assert_eq!(error.setting(), name, "{value:?}");
            assert!(error.to_string().starts_with(name) && !error.to_string().contains("user:pw"));
        }
    }

    #[test]
    fn a_virtual_origin_names_the_bucket() {
        let check = |settings: &[(&str, &str)], wanted: &str| {
            assert_eq!(read(settings).unwrap().public_origin(), wanted);
        };
        check(&[], "https://models.s3.us-east-1.amazonaws.com");
        let public = ("S3_PUBLIC_ENDPOINT", "https://files.example.com:8443/base");
        check(&[("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:8333"), public], "https://files.example.com:8443");
        check(&[("S3_ADDRESSING", "virtual"), public], "https://models.files.example.com:8443");
    }

    #[test]
    fn debug_hides_secrets() {
        let bucket = read(&[("AWS_SESSION_TOKEN", "topsecret")]).unwrap();
        let text = format!("{bucket:?}");
        assert!(text.contains("AKID") && !text.contains("hush") && !text.contains("topsecret"), "{text}");
    }
}
