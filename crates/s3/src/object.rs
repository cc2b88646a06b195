//! PUT, GET, HEAD, DELETE and COPY of one object.

use bytes::Bytes;
use http::{HeaderMap, Method};

use super::client::{Answer, Call, Client, DOCUMENT_LIMIT, add_header};
use super::error::S3Error;
use super::url::encode_key;
use super::xml::{is_error, parse_error};
use contract::Timestamp;

/// When a PUT may take effect.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Condition {
    /// Always.
    #[default]
    None,
    /// `If-None-Match: *`: only while there is no such object. Exactly one of any number of writers wins.
    IfAbsent,
    /// `If-Match`: only while the object has this ETag.
    IfMatch(String),
}

/// What is stored with an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PutOptions {
    /// When it may take effect.
    pub condition: Condition,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `Content-Disposition`; stored, since some stores ignore it as a query of the presigned URL.
    pub content_disposition: Option<String>,
    /// User metadata, names without `x-amz-meta-`; printable ASCII.
    pub metadata: Vec<(String, String)>,
}

impl PutOptions {
    /// Put-if-absent.
    pub fn if_absent() -> Self {
        Self { condition: Condition::IfAbsent, ..Self::default() }
    }

    /// The same with a content type.
    pub fn content_type(self, content_type: &str) -> Self {
        Self { content_type: Some(content_type.to_owned()), ..self }
    }

    fn headers(&self) -> Result<HeaderMap, S3Error> {
        let mut headers = HeaderMap::new();
        match &self.condition {
            Condition::None => {}
            Condition::IfAbsent => add_header(&mut headers, "if-none-match", "*")?,
            Condition::IfMatch(etag) => add_header(&mut headers, "if-match", etag)?,
        }
        if let Some(value) = &self.content_type {
            add_header(&mut headers, "content-type", value)?;
        }
        if let Some(value) = &self.content_disposition {
            add_header(&mut headers, "content-disposition", value)?;
        }
        for (name, value) in &self.metadata {
            add_header(&mut headers, &format!("x-amz-meta-{name}"), value)?;
        }
        Ok(headers)
    }
}

/// What HEAD tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectHead {
    /// The ETag as sent, with its quotes.
    pub etag: String,
    /// `Content-Length`, where the store sent one.
    pub size: Option<u64>,
    /// `Last-Modified`, on the store's clock.
    pub last_modified: Option<Timestamp>,
    /// User metadata, names without `x-amz-meta-`, in lower case.
    pub metadata: Vec<(String, String)>,
}

impl ObjectHead {
    /// One value of the user metadata.
    pub fn meta(&self, name: &str) -> Option<&str> {
        self.metadata.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn read(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let metadata = headers.iter().filter_map(|(name, value)| {
            let name = name.as_str().strip_prefix("x-amz-meta-")?;
            Some((name.to_owned(), value.to_str().ok()?.to_owned()))
        });
        Self {
            etag: text("etag").unwrap_or_default().to_owned(),
            size: text("content-length").and_then(|length| length.parse().ok()),
            last_modified: text("last-modified").and_then(Timestamp::from_http_date),
            metadata: metadata.collect(),
        }
    }
}

/// An object read whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its head.
    pub head: ObjectHead,
    /// Its bytes.
    pub bytes: Bytes,
}

impl Client<'_> {
    /// Stores `body` and gives its ETag.
    ///
    /// # Errors
    /// [`S3Error::PreconditionFailed`] (at some stores [`S3Error::NotFound`] for `If-Match`) when the condition does
    /// not hold. Since a try whose answer was lost may have won, look whose the object is before calling it lost.
    pub async fn put(&self, key: &str, body: Bytes, options: &PutOptions) -> Result<String, S3Error> {
        let headers = options.headers()?;
        let answer =
            self.send(Call { method: Method::PUT, key, query: &[], headers, body, limit: DOCUMENT_LIMIT }).await?;
        Ok(ObjectHead::read(&answer.headers).etag)
    }

    /// Reads an object of at most `limit` bytes.
    pub async fn get(&self, key: &str, limit: usize) -> Result<Object, S3Error> {
        let answer = self.simple(Method::GET, key, limit).await?;
        Ok(Object { head: ObjectHead::read(&answer.headers), bytes: answer.body })
    }

    /// Asks for an object's head.
    pub async fn head(&self, key: &str) -> Result<ObjectHead, S3Error> {
        let answer = self.simple(Method::HEAD, key, 0).await?;
        Ok(ObjectHead::read(&answer.headers))
    }

    /// Removes an object; one that is not there is fine.
    pub async fn delete(&self, key: &str) -> Result<(), S3Error> {
        match self.simple(Method::DELETE, key, DOCUMENT_LIMIT).await {
            Ok(_) | Err(S3Error::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Copies `from` to `to` within the bucket, with `options`' headers and metadata in place of the source's.
    /// A condition on the target is not portable and is refused.
    pub async fn copy(&self, from: &str, to: &str, options: &PutOptions) -> Result<(), S3Error> {
        if options.condition != Condition::None {
            return Err(S3Error::Unusable("a conditional copy is not portable".to_owned()));
        }
        let mut headers = options.headers()?;
        let source = format!("/{}/{}", self.bucket().name, encode_key(from));
        add_header(&mut headers, "x-amz-copy-source", &source)?;
        add_header(&mut headers, "x-amz-metadata-directive", "REPLACE")?;
        let call =
            Call { method: Method::PUT, key: to, query: &[], headers, body: Bytes::new(), limit: DOCUMENT_LIMIT };
        let answer = self.send(call).await?;
        // A copy may fail after the status line has gone out; then the error stands in the body of a 200.
        if is_error(&answer.body) {
            let (code, message) = parse_error(&answer.body);
            return Err(S3Error::Unavailable(format!("copy failed: {code} {message}")));
        }
        Ok(())
    }

    async fn simple(&self, method: Method, key: &str, limit: usize) -> Result<Answer, S3Error> {
        self.send(Call { method, key, query: &[], headers: HeaderMap::new(), body: Bytes::new(), limit }).await
    }
}
