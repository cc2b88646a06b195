//! What is stored with a script: its origin, and who and what it belongs to.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{FORMAT, IdError, RequestId, Sha256, Timestamp, UploadId, Version};

/// The largest script, in bytes of UTF-8: 1 MiB.
pub const MAX_SCRIPT_BYTES: usize = 1 << 20;

/// How a version came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Sent to the API.
    Upload,
    /// Written by the AI model.
    Ai,
    /// Written by the AI model to mend its parent.
    Repair,
    /// The parent's script, run again.
    Retry,
    /// Put into the bucket by somebody else.
    Hand,
}

impl Origin {
    /// The word in metadata and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Ai => "ai",
            Self::Repair => "repair",
            Self::Retry => "retry",
            Self::Hand => "hand",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Origin {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        [Self::Upload, Self::Ai, Self::Repair, Self::Retry, Self::Hand]
            .into_iter()
            .find(|origin| origin.as_str() == text)
            .ok_or_else(IdError::origin)
    }
}

/// A script's user metadata (`x-amz-meta-*`). Everything is optional when read: a hand-dropped script has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptMetadata {
    /// Tells one's own script from somebody else's under the same key.
    pub upload_id: UploadId,
    /// The request that brought it.
    pub request_id: RequestId,
    /// The sum of its bytes; the runner runs nothing else.
    pub sha256: Sha256,
    /// Who sent it.
    pub user: String,
    /// When the object took it.
    pub time: Timestamp,
    /// How it came to be.
    pub origin: Origin,
    /// The version it was made from.
    pub parent: Option<Version>,
}

impl ScriptMetadata {
    /// The name under which the upload id is stored.
    pub const UPLOAD_ID: &'static str = "upload-id";
    /// The name under which the request id is stored.
    pub const REQUEST_ID: &'static str = "request-id";
    /// The name under which the script's sum is stored.
    pub const SHA256: &'static str = "sha256";

    /// Name and value pairs, names without the `x-amz-meta-` prefix. `format` is always among them.
    pub fn to_pairs(&self) -> Vec<(String, String)> {
        let mut pairs = vec![
            ("format", FORMAT.to_string()),
            (Self::UPLOAD_ID, self.upload_id.to_string()),
            (Self::REQUEST_ID, self.request_id.to_string()),
            (Self::SHA256, self.sha256.to_string()),
            ("user", self.user.clone()),
            ("time", self.time.to_string()),
            ("origin", self.origin.to_string()),
        ];
        if let Some(parent) = self.parent {
            pairs.push(("parent", parent.to_string()));
        }
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_pinned() {
        let metadata = ScriptMetadata {
            upload_id: "00112233445566aa".parse().unwrap(),
            request_id: "req-1".parse().unwrap(),
            sha256: Sha256::of(b""),
            user: "local".to_owned(),
            time: Timestamp::from_millis(0),
            origin: Origin::Retry,
            parent: Some(Version::FIRST),
        };
        let text: Vec<String> =
            metadata.to_pairs().into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            text.join(" "),
            "format=1 upload-id=00112233445566aa request-id=req-1 \
             sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 \
             user=local time=1970-01-01T00:00:00.000Z origin=retry parent=1"
        );
    }

    #[test]
    fn origins_go_round() {
        for origin in [Origin::Upload, Origin::Ai, Origin::Repair, Origin::Retry, Origin::Hand] {
            assert_eq!(origin.as_str().parse::<Origin>().unwrap(), origin);
        }
    }
}
