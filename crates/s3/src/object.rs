//! PUT, GET, HEAD, DELETE and COPY of one object.

use bytes::Bytes;
use http::{HeaderMap, Method};

use super::client::{Call, Client, DOCUMENT_LIMIT, Response, add_header};
use super::error::S3Error;
use super::error_body::ErrorBody;
use super::url::encode_key;
use contract::Timestamp;

/// When a PUT may take effect.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Condition {
    /// Always.
    #[default]
    None,
    /// `If-None-Match: *`: only if the object does not exist. Exactly one of any number of writers wins.
    IfAbsent,
    /// `If-Match`: only if the object has this ETag.
    IfMatch(String),
}

/// How to store an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PutOptions {
    /// When the PUT may take effect.
    pub condition: Condition,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `Content-Disposition`. It is stored because some stores ignore it in the query of a presigned URL.
    pub content_disposition: Option<String>,
    /// User metadata in printable ASCII, names without `x-amz-meta-`.
    pub metadata: Vec<(String, String)>,
}

impl PutOptions {
    pub fn if_absent() -> Self {
        Self { condition: Condition::IfAbsent, ..Self::default() }
    }

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

/// The head of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectHead {
    /// The ETag with its quotes.
    pub etag: String,
    /// `Content-Length`, if the store sent one.
    pub size: Option<u64>,
    /// `Last-Modified`, on the store's clock.
    pub last_modified: Option<Timestamp>,
    /// User metadata, names in lower case without `x-amz-meta-`.
    pub metadata: Vec<(String, String)>,
}

impl ObjectHead {
    /// The user metadata called `name`.
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

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    pub head: ObjectHead,
    pub bytes: Bytes,
}

impl Client<'_> {
    /// Stores `body` and returns its ETag.
    ///
    /// # Errors
    /// [`S3Error::PreconditionFailed`], or at some stores [`S3Error::NotFound`] for `If-Match`, if the condition does not
    /// hold. An earlier try may have won while its response was lost: check who wrote the object.
    pub async fn put(&self, key: &str, body: Bytes, options: &PutOptions) -> Result<String, S3Error> {
        let headers = options.headers()?;
        let response =
            self.send(Call { method: Method::PUT, key, query: &[], headers, body, limit: DOCUMENT_LIMIT }).await?;
        Ok(ObjectHead::read(&response.headers).etag)
    }

    /// Reads an object of at most `limit` bytes.
    pub async fn get(&self, key: &str, limit: usize) -> Result<Object, S3Error> {
        let response = self.simple(Method::GET, key, limit).await?;
        Ok(Object { head: ObjectHead::read(&response.headers), bytes: response.body })
    }

    /// Reads an object's head.
    pub async fn head(&self, key: &str) -> Result<ObjectHead, S3Error> {
        let response = self.simple(Method::HEAD, key, 0).await?;
        Ok(ObjectHead::read(&response.headers))
    }

    /// Whether the object exists.
    pub async fn exists(&self, key: &str) -> Result<bool, S3Error> {
        match self.head(key).await {
            Ok(_) => Ok(true),
            Err(S3Error::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Deletes an object. An object that does not exist is not an error.
    pub async fn delete(&self, key: &str) -> Result<(), S3Error> {
        match self.simple(Method::DELETE, key, DOCUMENT_LIMIT).await {
            Ok(_) | Err(S3Error::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Copies `from` to `to` within the bucket. The headers and metadata of `options` replace those of the source.
    ///
    /// # Errors
    /// [`S3Error::Unusable`] for a condition on the target, which not all stores honour.
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
        let response = self.send(call).await?;
        // A copy may fail after the store has sent the status line. The error is then in the body of a 200.
        if ErrorBody::is_error(&response.body) {
            let ErrorBody { code, message } = ErrorBody::parse(&response.body);
            return Err(S3Error::Unavailable(format!("copy failed: {code} {message}")));
        }
        Ok(())
    }

    async fn simple(&self, method: Method, key: &str, limit: usize) -> Result<Response, S3Error> {
        self.send(Call { method, key, query: &[], headers: HeaderMap::new(), body: Bytes::new(), limit }).await
    }
}
