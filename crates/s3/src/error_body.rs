//! The XML of error responses.

use quick_xml::de::from_str;
use serde::Deserialize;

/// The `Error` element of a response.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ErrorBody {
    pub code: String,
    pub message: String,
}

impl ErrorBody {
    /// At most 100 characters of the code and 500 of the message. Both are empty if `body` is not an error.
    pub fn parse(body: &[u8]) -> Self {
        let parsed = std::str::from_utf8(body).ok().and_then(|text| from_str::<Self>(text).ok());
        let Self { code, message } = parsed.unwrap_or_default();
        Self { code: code.chars().take(100).collect(), message: message.chars().take(500).collect() }
    }

    /// Whether the body of a 200 is an error, as after a failed COPY.
    pub fn is_error(body: &[u8]) -> bool {
        let text = String::from_utf8_lossy(body);
        let root = text.trim_start().strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")).map(|(_, rest)| rest);
        root.unwrap_or(&text).trim_start().starts_with("<Error")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::page::tests::any_body;

    #[test]
    fn code_and_message_are_read() {
        let body = b"<?xml version=\"1.0\"?>\n<Error><Code>NoSuchKey</Code><Message>gone</Message></Error>";
        let expected = ErrorBody { code: "NoSuchKey".to_owned(), message: "gone".to_owned() };
        assert_eq!(ErrorBody::parse(body), expected);
        assert!(ErrorBody::is_error(body));
        assert!(!ErrorBody::is_error(b"<CopyObjectResult><ETag>x</ETag></CopyObjectResult>"));
        assert_eq!(ErrorBody::parse(b"teapot"), ErrorBody::default());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_body_is_read_within_the_limits(bytes in any_body()) {
            let ErrorBody { code, message } = ErrorBody::parse(&bytes);
            prop_assert!(code.chars().count() <= 100 && message.chars().count() <= 500);
            let _ = ErrorBody::is_error(&bytes);
        }
    }
}
