//! The metadata of a script.

use schemars::JsonSchema;

use super::{FORMAT, RequestId, Sha256, Timestamp, UploadId, Version, word_enum};

/// The largest script, in bytes of UTF-8: 1 MiB.
pub const MAX_SCRIPT_BYTES: usize = 1 << 20;

word_enum! {
    /// How a version came to be.
    #[derive(JsonSchema)]
    pub enum Origin {
        /// Uploaded through the API.
        Upload = "upload",
        /// Written by the language model.
        Ai = "ai",
        /// Written by the language model to repair the parent.
        Repair = "repair",
        /// The parent's script, run again.
        Retry = "retry",
        /// Put into the bucket by other software.
        Hand = "hand",
    } else "an origin is one of upload, ai, repair, retry, hand"
}

/// The user metadata (`x-amz-meta-*`) of an uploaded script. Scripts of other software have none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptMetadata {
    /// Marks this upload among others under the same key.
    pub upload_id: UploadId,
    /// The request that brought the script.
    pub request_id: RequestId,
    /// The digest of the script. The runner refuses a script with another digest.
    pub sha256: Sha256,
    /// The user who sent the script.
    pub user: String,
    /// When the Project object accepted it.
    pub time: Timestamp,
    pub origin: Origin,
    /// The version that the script was made from.
    pub parent: Option<Version>,
}

impl ScriptMetadata {
    /// The metadata name of the upload id.
    pub const UPLOAD_ID: &'static str = "upload-id";
    /// The metadata name of the request id.
    pub const REQUEST_ID: &'static str = "request-id";
    /// The metadata name of the script's digest.
    pub const SHA256: &'static str = "sha256";

    /// Name and value pairs, names without the `x-amz-meta-` prefix. `format` is always one of them.
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
}
