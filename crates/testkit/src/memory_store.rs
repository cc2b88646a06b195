//! A bucket in memory behind `s3s`, which verifies each signature, expiry and payload digest independently.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::future::{FutureExt, LocalBoxFuture};
use platform::{Body, Http, HttpError};
use s3::Bucket;
use s3s::auth::SimpleAuth;
use s3s::dto::*;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};

pub const ACCESS_KEY: &str = "AKIDMEMORY";
pub const SECRET_KEY: &str = "a secret that no answer may show";
pub const BUCKET: &str = "models";

/// One stored object.
#[derive(Clone)]
pub struct Stored {
    pub bytes: Bytes,
    pub metadata: BTreeMap<String, String>,
    pub content_type: Option<String>,
    pub content_disposition: Option<String>,
    etag: String,
    modified: Timestamp,
}

type Objects = Arc<Mutex<BTreeMap<String, Stored>>>;

/// The store and its HTTP interface.
pub struct MemoryStore {
    pub objects: Objects,
    service: S3Service,
}

impl MemoryStore {
    /// A store that honours conditional requests.
    pub fn new() -> Self {
        Self::with_conditions(true)
    }

    /// A store that honours conditional requests if `honest`. Some real stores ignore conditions.
    pub fn with_conditions(honest: bool) -> Self {
        let objects = Objects::default();
        let mut builder = S3ServiceBuilder::new(Backend { objects: objects.clone(), honest, counter: Mutex::new(0) });
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        Self { objects, service: builder.build() }
    }

    /// The value of a setting for this store.
    pub fn setting(name: &str) -> Option<String> {
        let value = match name {
            "AWS_ACCESS_KEY_ID" => ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY" => SECRET_KEY,
            "AWS_BUCKET_NAME" => BUCKET,
            "AWS_ENDPOINT_URL_S3" => "http://store.test:9000",
            _ => return None,
        };
        Some(value.to_owned())
    }

    /// The bucket for the S3 client.
    pub fn bucket() -> Bucket {
        Bucket::from_settings(&Self::setting).unwrap()
    }

    pub fn keys(&self) -> Vec<String> {
        self.objects.lock().unwrap().keys().cloned().collect()
    }

    pub fn object(&self, key: &str) -> Option<Stored> {
        self.objects.lock().unwrap().get(key).cloned()
    }

    /// Puts an object directly into the bucket, as another program would.
    pub fn drop_in(&self, key: &str, bytes: impl Into<Bytes>) {
        let stored = Stored {
            bytes: bytes.into(),
            metadata: BTreeMap::new(),
            content_type: None,
            content_disposition: None,
            etag: format!("dropped-{}", self.objects.lock().unwrap().len()),
            modified: now(),
        };
        self.objects.lock().unwrap().insert(key.to_owned(), stored);
    }

    pub fn remove(&self, key: &str) {
        self.objects.lock().unwrap().remove(key);
    }
}

impl Http for MemoryStore {
    fn send(&self, request: http::Request<Bytes>) -> LocalBoxFuture<'_, Result<http::Response<Body>, HttpError>> {
        let service = self.service.clone();
        async move {
            let response =
                service.call(request.map(Into::into)).await.map_err(|error| HttpError(format!("{error:?}")))?;
            Ok(response.map(|body: s3s::Body| {
                Body::from_stream(body.map(|chunk| chunk.map_err(|error| HttpError(error.to_string()))))
            }))
        }
        .boxed_local()
    }
}

struct Backend {
    objects: Objects,
    honest: bool,
    counter: Mutex<u64>,
}

impl Backend {
    fn find(&self, key: &str) -> S3Result<Stored> {
        self.objects.lock().unwrap().get(key).cloned().ok_or_else(|| s3_error!(NoSuchKey))
    }

    fn store(&self, key: String, mut stored: Stored) -> ETag {
        let mut counter = self.counter.lock().unwrap();
        *counter += 1;
        stored.etag = format!("etag-{counter}");
        let etag = ETag::Strong(stored.etag.clone());
        self.objects.lock().unwrap().insert(key, stored);
        etag
    }
}

fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "the store has its own clock")]
    Timestamp::from(std::time::SystemTime::now())
}

#[async_trait::async_trait]
impl S3 for Backend {
    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let input = request.input;
        if input.bucket != BUCKET {
            return Err(s3_error!(NoSuchBucket));
        }
        let mut bytes = BytesMut::new();
        if let Some(mut body) = input.body {
            while let Some(chunk) = body.next().await {
                bytes.extend_from_slice(&chunk.map_err(|_| s3_error!(IncompleteBody))?);
            }
        }
        // There is no await from here on, so the check of the condition and the write are atomic.
        let existing = self.objects.lock().unwrap().get(&input.key).cloned();
        if self.honest {
            let fails_absent = input.if_none_match.is_some() && existing.is_some();
            let fails_match = match &input.if_match {
                Some(ETagCondition::ETag(wanted)) => {
                    existing.as_ref().is_none_or(|stored| stored.etag != wanted.value())
                }
                _ => false,
            };
            if fails_absent || fails_match {
                return Err(s3_error!(PreconditionFailed));
            }
        }
        let stored = Stored {
            bytes: bytes.freeze(),
            metadata: input.metadata.unwrap_or_default().into_iter().collect(),
            content_type: input.content_type,
            content_disposition: input.content_disposition,
            etag: String::new(),
            modified: now(),
        };
        let e_tag = Some(self.store(input.key, stored));
        Ok(S3Response::new(PutObjectOutput { e_tag, ..Default::default() }))
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let stored = self.find(&request.input.key)?;
        let body = s3s::Body::from(stored.bytes.clone());
        Ok(S3Response::new(GetObjectOutput {
            content_length: Some(stored.bytes.len() as i64),
            body: Some(StreamingBlob::from(body)),
            e_tag: Some(ETag::Strong(stored.etag)),
            metadata: Some(stored.metadata.into_iter().collect()),
            content_type: stored.content_type,
            content_disposition: stored.content_disposition,
            last_modified: Some(stored.modified),
            ..Default::default()
        }))
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let stored = self.find(&request.input.key)?;
        Ok(S3Response::new(HeadObjectOutput {
            content_length: Some(stored.bytes.len() as i64),
            e_tag: Some(ETag::Strong(stored.etag)),
            metadata: Some(stored.metadata.into_iter().collect()),
            content_type: stored.content_type,
            last_modified: Some(stored.modified),
            ..Default::default()
        }))
    }

    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.objects.lock().unwrap().remove(&request.input.key);
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn copy_object(&self, request: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
        let input = request.input;
        let CopySource::Bucket { key, .. } = &input.copy_source else { return Err(s3_error!(InvalidArgument)) };
        let source = self.find(key)?;
        let stored = Stored {
            metadata: input.metadata.unwrap_or_default().into_iter().collect(),
            content_type: input.content_type,
            content_disposition: input.content_disposition,
            modified: now(),
            ..source
        };
        self.store(input.key, stored);
        Ok(S3Response::new(CopyObjectOutput::default()))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = request.input;
        if input.bucket != BUCKET {
            return Err(s3_error!(NoSuchBucket));
        }
        let prefix = input.prefix.unwrap_or_default();
        let after = input.continuation_token.or(input.start_after).unwrap_or_default();
        let max = input.max_keys.unwrap_or(1_000).min(1_000) as usize;
        let from = if after < prefix { Bound::Included(&prefix) } else { Bound::Excluded(&after) };
        let objects = self.objects.lock().unwrap();
        let mut found: Vec<Object> = objects
            .range::<String, _>((from, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(&prefix))
            .take(max + 1)
            .map(|(key, stored)| Object {
                key: Some(key.clone()),
                size: Some(stored.bytes.len() as i64),
                e_tag: Some(ETag::Strong(stored.etag.clone())),
                last_modified: Some(stored.modified.clone()),
                ..Default::default()
            })
            .collect();
        let is_truncated = found.len() > max;
        found.truncate(max);
        let next = found.last().and_then(|object| object.key.clone()).filter(|_| is_truncated);
        // Keys are URL-encoded on request, with `+` for a space, as AWS does.
        let encoded = input.encoding_type.is_some();
        for object in &mut found {
            if encoded {
                object.key = object.key.take().map(|key| form_urlencoded::byte_serialize(key.as_bytes()).collect());
            }
        }
        Ok(S3Response::new(ListObjectsV2Output {
            contents: Some(found),
            is_truncated: Some(is_truncated),
            next_continuation_token: next,
            encoding_type: input.encoding_type,
            ..Default::default()
        }))
    }
}
