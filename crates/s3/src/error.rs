//! Errors of the store, by what the caller can do about them.

/// Why a call to the store failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum S3Error {
    /// The object does not exist.
    #[error("no such object")]
    NotFound,
    /// The condition did not hold: the key was taken, or the object has changed.
    ///
    /// After a lost response, the caller's own earlier try may have taken the key. Check who wrote the object.
    #[error("the condition on the object did not hold")]
    PreconditionFailed,
    /// The store refused the request. A retry changes nothing until a person does something.
    #[error("the store refuses: {status} {code}: {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The store's code, such as `AccessDenied` or `NoSuchBucket`; empty if it gave none.
        code: String,
        /// The store's own message.
        message: String,
    },
    /// No usable response after all tries: no connection, a timeout, 5xx, 409 or 429. Also a PUT that was refused after
    /// such a try. The request may or may not have taken effect.
    #[error("the store cannot be reached: {0}")]
    Unavailable(String),
    /// The object is larger than the caller's limit.
    #[error("the object is larger than {limit} bytes")]
    TooLarge {
        /// In bytes.
        limit: usize,
    },
    /// The response makes no sense, or the request could not be built.
    #[error("unusable: {0}")]
    Unusable(String),
}

/// The caller's way out of an [`S3Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum S3ErrorKind {
    /// Try again later: the cause may go away by itself.
    Retry,
    /// Tell a person, who has to change the keys, the bucket or the store.
    Refused,
    /// Look at this object or request. The store works.
    Object,
}

impl S3Error {
    pub fn kind(&self) -> S3ErrorKind {
        match self {
            Self::Unavailable(_) => S3ErrorKind::Retry,
            Self::Refused { .. } => S3ErrorKind::Refused,
            Self::NotFound | Self::PreconditionFailed | Self::TooLarge { .. } | Self::Unusable(_) => {
                S3ErrorKind::Object
            }
        }
    }

    /// Whether the cause may go away by itself.
    pub fn is_transient(&self) -> bool {
        self.kind() == S3ErrorKind::Retry
    }

    /// The error of a response without success.
    pub(crate) fn from_response(status: http::StatusCode, code: String, message: String) -> Self {
        match status.as_u16() {
            404 if code != "NoSuchBucket" => Self::NotFound,
            412 => Self::PreconditionFailed,
            // 409 is a conflict between conditional writes; 429 and 503 are throttling. The write may still win.
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
    fn statuses_by_consequence() {
        for (status, code, expected) in [
            (StatusCode::NOT_FOUND, "NoSuchKey", "NotFound"),
            (StatusCode::NOT_FOUND, "", "NotFound"),
            (StatusCode::NOT_FOUND, "NoSuchBucket", "Refused"),
            (StatusCode::PRECONDITION_FAILED, "PreconditionFailed", "PreconditionFailed"),
            (StatusCode::CONFLICT, "ConditionalRequestConflict", "Unavailable"),
            (StatusCode::TOO_MANY_REQUESTS, "SlowDown", "Unavailable"),
            (StatusCode::SERVICE_UNAVAILABLE, "SlowDown", "Unavailable"),
            (StatusCode::FORBIDDEN, "SignatureDoesNotMatch", "Refused"),
            (StatusCode::UNAUTHORIZED, "InvalidAccessKeyId", "Refused"),
            (StatusCode::MOVED_PERMANENTLY, "PermanentRedirect", "Refused"),
            (StatusCode::BAD_REQUEST, "AuthorizationHeaderMalformed", "Refused"),
        ] {
            let error = S3Error::from_response(status, code.to_owned(), "m".to_owned());
            assert!(format!("{error:?}").starts_with(expected), "{status} {code}: {error:?}");
        }
    }
}
