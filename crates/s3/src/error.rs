//! What can go wrong with a bucket, by consequence.

/// Why a call to the store did not do what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum S3Error {
    /// There is no such object.
    #[error("no such object")]
    NotFound,
    /// The condition did not hold: the key was taken, or the object has changed.
    ///
    /// After a lost answer it may be one's own earlier try that took the key, so look whose it is.
    #[error("the condition on the object did not hold")]
    PreconditionFailed,
    /// The store answers and says no. Trying again changes nothing until a person does something.
    #[error("the store refuses: {status} {code}: {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The store's code, such as `AccessDenied` or `NoSuchBucket`; empty when it gave none.
        code: String,
        /// The store's own words.
        message: String,
    },
    /// No usable answer after every try: no connection, a time-out, 5xx, 409 or 429; or, for a PUT, a no that came after
    /// such a try. What was asked for may or may not have happened.
    #[error("the store cannot be reached: {0}")]
    Unavailable(String),
    /// The object is larger than the reader takes.
    #[error("the object is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The answer makes no sense, or the request could not be built.
    #[error("unusable: {0}")]
    Unusable(String),
}

impl S3Error {
    /// Whether it may go away by itself.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// Sorts an answer that is no success. `body` is the store's XML, if any.
    pub(crate) fn from_answer(status: http::StatusCode, body: &[u8]) -> Self {
        let (code, message) = super::xml::parse_error(body);
        match status.as_u16() {
            404 if code != "NoSuchBucket" => Self::NotFound,
            412 => Self::PreconditionFailed,
            // 409 is a conflict between conditional writes, 429 and 503 are throttling: "try again", never "lost".
            408 | 409 | 425 | 429 | 500..=599 => Self::Unavailable(format!("{status} {code} {message}")),
            304 => Self::Unusable("304 to an unconditional request".to_owned()),
            status => Self::Refused { status, code, message },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;

    #[test]
    fn answers_by_consequence() {
        let check = |status: StatusCode, code: &str, expected: &str| {
            let body = format!("<Error><Code>{code}</Code><Message>m</Message></Error>");
            let error = S3Error::from_answer(status, body.as_bytes());
            assert!(format!("{error:?}").starts_with(expected), "{status} {code}: {error:?}");
        };
        check(StatusCode::NOT_FOUND, "NoSuchKey", "NotFound");
        check(StatusCode::NOT_FOUND, "", "NotFound");
        check(StatusCode::NOT_FOUND, "NoSuchBucket", "Refused");
        check(StatusCode::PRECONDITION_FAILED, "PreconditionFailed", "PreconditionFailed");
        check(StatusCode::CONFLICT, "ConditionalRequestConflict", "Unavailable");
        check(StatusCode::TOO_MANY_REQUESTS, "SlowDown", "Unavailable");
        check(StatusCode::SERVICE_UNAVAILABLE, "SlowDown", "Unavailable");
        check(StatusCode::FORBIDDEN, "SignatureDoesNotMatch", "Refused");
        check(StatusCode::UNAUTHORIZED, "InvalidAccessKeyId", "Refused");
        check(StatusCode::MOVED_PERMANENTLY, "PermanentRedirect", "Refused");
        check(StatusCode::BAD_REQUEST, "AuthorizationHeaderMalformed", "Refused");
    }
}
