//! Validated names, version numbers, random ids and digests.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256 as Hasher};

use super::LenientU64;

/// A text that is not a valid id. The message is fit for the person who sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct IdError(&'static str);

impl IdError {
    pub const fn new(message: &'static str) -> Self {
        Self(message)
    }
}

/// A project's name: 1 to 64 of `A-Z a-z 0-9 _ -`, starting with a letter or digit. Case matters.
///
/// ```
/// use contract::ProjectId;
/// assert!("bracket-2".parse::<ProjectId>().is_ok());
/// assert!("../etc".parse::<ProjectId>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(
    description = "A project's name: 1 to 64 of `A-Z a-z 0-9 _ -`, starting with a letter or digit. Case matters.",
    extend("pattern" = "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")
)]
pub struct ProjectId(String);

impl ProjectId {
    /// The name as in keys and URLs. It never needs escaping.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProjectId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let first = text.bytes().next().ok_or(IdError("a project name must not be empty"))?;
        if text.len() > 64 {
            return Err(IdError("a project name has at most 64 characters"));
        }
        if !first.is_ascii_alphanumeric() {
            return Err(IdError("a project name starts with a letter (A-Z, a-z) or a digit"));
        }
        if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
            return Err(IdError("a project name is made of A-Z, a-z, 0-9, _ and - only"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// A version's number: 1, 2, 3 … without zero padding, at most 2^53 - 1, which JSON and SQLite hold without loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "LenientU64", into = "u64")]
#[schemars(with = "u64", description = "A version's number: 1, 2, 3 …", extend("minimum" = 1, "maximum" = 9_007_199_254_740_991_u64))]
pub struct Version(u64);

impl Version {
    /// The first version of a project.
    pub const FIRST: Self = Self(1);
    pub const MAX: Self = Self((1 << 53) - 1);

    pub fn get(self) -> u64 {
        self.0
    }

    /// The next number; `None` after [`Version::MAX`].
    pub fn next(self) -> Option<Self> {
        Self::try_from(self.0 + 1).ok()
    }
}

impl TryFrom<u64> for Version {
    type Error = IdError;

    fn try_from(number: u64) -> Result<Self, IdError> {
        if (1..=Self::MAX.0).contains(&number) {
            Ok(Self(number))
        } else {
            Err(IdError("a version is a whole number from 1 to 9007199254740991"))
        }
    }
}

impl TryFrom<LenientU64> for Version {
    type Error = IdError;

    fn try_from(LenientU64(number): LenientU64) -> Result<Self, IdError> {
        Self::try_from(number)
    }
}

impl From<Version> for u64 {
    fn from(version: Version) -> Self {
        version.0
    }
}

impl FromStr for Version {
    type Err = IdError;

    /// Accepts the one form that [`fmt::Display`] writes: digits without a sign or a leading zero.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let canonical = !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
        let number = if canonical { text.parse().unwrap_or(0) } else { 0 };
        Self::try_from(number)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Declares an id that is a short, safe text of a fixed form.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $lengths:expr, $allowed:expr, $pattern:literal, $refusal:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(extend("pattern" = $pattern))]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let is_allowed: fn(u8) -> bool = $allowed;
                if $lengths.contains(&text.len()) && text.bytes().all(is_allowed) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(IdError($refusal))
                }
            }
        }

        text_conversions!($name);
    };
}

/// The conversions that all ids have.
macro_rules! text_conversions {
    ($name:ident) => {
        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_conversions!(ProjectId);

text_id!(
    /// The random id of one attempt at a version: 16 lower-case hex digits. The keys of the attempt's files contain it.
    RunId, 16..=16, is_hex_digit, "^[0-9a-f]{16}$", "a run id is 16 lower-case hex digits"
);
text_id!(
    /// The random id of one upload: 16 lower-case hex digits. It marks the upload's own script in the bucket.
    UploadId, 16..=16, is_hex_digit, "^[0-9a-f]{16}$",
    "an upload id is 16 lower-case hex digits"
);
text_id!(
    /// The random id of one turn of a conversation: 16 lower-case hex digits.
    TurnId, 16..=16, is_hex_digit, "^[0-9a-f]{16}$", "a turn's id is 16 lower-case hex digits"
);
text_id!(
    /// The id of one request in all logs, documents and responses. It comes from `X-Request-Id`, or is random.
    RequestId, 1..=64, |b| b.is_ascii_alphanumeric() || b"-_.".contains(&b), "^[A-Za-z0-9_.-]{1,64}$",
    "a request id is 1 to 64 of A-Z, a-z, 0-9, '-', '_' and '.'"
);
text_id!(
    /// A key that a caller sends so that a repeated upload does not become a second version.
    IdempotencyKey, 1..=255, |b| b.is_ascii_graphic(), "^[!-~]{1,255}$",
    "an idempotency key is 1 to 255 visible ASCII characters"
);
text_id!(
    /// A SHA-256 digest as 64 lower-case hex digits.
    Sha256, 64..=64, is_hex_digit, "^[0-9a-f]{64}$", "a sha256 is 64 lower-case hex digits"
);

/// Adds a random value from the system's random source.
macro_rules! random_id {
    ($($name:ident),+) => {
        $(impl $name {
            pub fn random() -> Self {
                Self(random_hex())
            }
        })+
    };
}

random_id!(RunId, UploadId, TurnId, RequestId);

impl Sha256 {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(hex(&Hasher::digest(bytes)))
    }
}

/// 64 random bits as hex: an id that is unique and hard to guess.
pub fn random_hex() -> String {
    let mut bytes = [0u8; 8];
    #[expect(
        clippy::expect_used,
        reason = "getrandom(2) and WebCrypto fail only before the machine is up; nothing works without them"
    )]
    getrandom::fill(&mut bytes).expect("the system's random source works");
    hex(&bytes)
}

fn is_hex_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn project_names() {
        for good in ["a", "Z9", "0", "my_project-2", &"x".repeat(64)] {
            assert_eq!(good.parse::<ProjectId>().unwrap().as_str(), good);
        }
        for bad in ["", "-a", "_a", "a b", "a/b", "a.b", "é", "a\0", "..", &"x".repeat(65)] {
            assert!(bad.parse::<ProjectId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn versions_have_one_spelling() {
        assert_eq!("17".parse::<Version>().unwrap().get(), 17);
        assert_eq!("9007199254740991".parse::<Version>().unwrap(), Version::MAX);
        assert_eq!(Version::MAX.next(), None);
        for bad in ["", "0", "01", "+1", "-1", "1.0", " 1", "9007199254740992", "99999999999999999999"] {
            assert!(bad.parse::<Version>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn random_ids_differ_and_parse() {
        let (a, b) = (RunId::random(), RunId::random());
        assert_ne!(a, b);
        assert_eq!(a.as_str().parse::<RunId>().unwrap(), a);
        assert!("ABCDEF0123456789".parse::<RunId>().is_err());
    }

    #[test]
    fn json_with_a_wrong_id_is_refused() {
        assert!(serde_json::from_str::<ProjectId>("\"a/b\"").is_err());
        assert!(serde_json::from_str::<Version>("0").is_err());
    }

    #[test]
    fn sha256_of_nothing() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Sha256::of(b"").as_str(), empty);
    }
}
