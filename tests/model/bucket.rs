//! The bucket: an S3 store in memory. It serves one request at a time and does not check signatures; other tests do.

use std::collections::BTreeMap;
use std::fmt::Write;

use bytes::Bytes;
use contract::{Sha256, Timestamp};
use http::{Method, Request, Response};

/// The settings for this bucket.
pub fn setting(name: &str) -> Option<String> {
    let value = match name {
        "AWS_ACCESS_KEY_ID" => "AKIDMODEL",
        "AWS_SECRET_ACCESS_KEY" => "unused",
        "AWS_BUCKET_NAME" => "models",
        "AWS_ENDPOINT_URL_S3" => "http://store.test:9000",
        _ => return None,
    };
    Some(value.to_owned())
}

#[derive(Clone)]
pub struct Stored {
    pub bytes: Bytes,
    /// Headers that come back with the object: metadata and content type.
    headers: Vec<(String, String)>,
    /// Derived from the bytes, as in real stores: equal bytes have equal ETags.
    pub etag: String,
    modified: Timestamp,
}

impl Stored {
    /// One metadata value.
    pub fn meta(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(header, _)| header.strip_prefix("x-amz-meta-") == Some(name));
        header.map(|(_, value)| value.as_str())
    }
}

/// The effect of one request.
pub struct Change {
    pub key: String,
    pub before: Option<Stored>,
    pub after: Option<Stored>,
}

#[derive(Default)]
pub struct Bucket {
    pub objects: BTreeMap<String, Stored>,
    /// Ignores `If-None-Match` except for the probe's keys. The model must detect such a store.
    pub ignores_if_none_match: bool,
    /// The largest number of keys on one page.
    pub page: usize,
}

impl Bucket {
    /// Serves one request atomically.
    pub fn serve(&mut self, request: &Request<Bytes>, now: Timestamp) -> (Response<Bytes>, Option<Change>) {
        let path = request.uri().path();
        assert!(!path.contains('%'), "keys of the layout need no encoding: {path}");
        let key = path.strip_prefix("/models").expect("the path names this bucket").trim_start_matches('/');
        match *request.method() {
            Method::GET if key.is_empty() => (self.list(request.uri().query().unwrap_or_default()), None),
            Method::GET | Method::HEAD => (self.get(key, request.method() == Method::GET), None),
            Method::PUT => self.put(key, request, now),
            Method::DELETE => {
                let before = self.objects.remove(key);
                let change = before.map(|before| Change { key: key.to_owned(), before: Some(before), after: None });
                (answer(204, ""), change)
            }
            ref other => panic!("method {other} is not used"),
        }
    }

    fn get(&self, key: &str, with_body: bool) -> Response<Bytes> {
        let Some(stored) = self.objects.get(key) else {
            return answer(404, if with_body { "<Error><Code>NoSuchKey</Code></Error>" } else { "" });
        };
        let mut builder = Response::builder().header("etag", &stored.etag);
        builder = builder.header("content-length", stored.bytes.len());
        for (name, value) in &stored.headers {
            builder = builder.header(name, value);
        }
        builder.body(if with_body { stored.bytes.clone() } else { Bytes::new() }).expect("stored headers are valid")
    }

    fn put(&mut self, key: &str, request: &Request<Bytes>, now: Timestamp) -> (Response<Bytes>, Option<Change>) {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let before = self.objects.get(key).cloned();
        let heeds_absence = !self.ignores_if_none_match || key.starts_with("probe/");
        let is_taken = header("if-none-match").is_some() && before.is_some() && heeds_absence;
        let is_another = header("if-match").is_some_and(|etag| before.as_ref().is_none_or(|there| there.etag != etag));
        if is_taken || is_another {
            return (answer(412, "<Error><Code>PreconditionFailed</Code></Error>"), None);
        }
        let bytes = match header("x-amz-copy-source") {
            Some(source) => {
                let source = source.trim_start_matches('/').strip_prefix("models/").unwrap_or_default();
                let Some(source) = self.objects.get(source) else {
                    return (answer(404, "<Error><Code>NoSuchKey</Code></Error>"), None);
                };
                source.bytes.clone()
            }
            None => request.body().clone(),
        };
        let kept = |name: &str| name.starts_with("x-amz-meta-") || name == "content-type";
        let headers = request.headers().iter().filter(|(name, _)| kept(name.as_str()));
        let text = |value: &http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let stored = Stored {
            headers: headers.map(|(name, value)| (name.to_string(), text(value))).collect(),
            etag: format!("\"{}\"", &Sha256::of(&bytes).as_str()[..32]),
            bytes,
            modified: now,
        };
        let mut response = answer(200, "");
        response.headers_mut().insert("etag", stored.etag.parse().expect("hexadecimal digits are valid"));
        self.objects.insert(key.to_owned(), stored.clone());
        (response, Some(Change { key: key.to_owned(), before, after: Some(stored) }))
    }

    fn list(&self, query: &str) -> Response<Bytes> {
        let value = |wanted: &str| {
            form_urlencoded::parse(query.as_bytes())
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value.into_owned())
        };
        let prefix = value("prefix").unwrap_or_default();
        let after = value("continuation-token").unwrap_or_default();
        let most = value("max-keys").and_then(|most| most.parse().ok()).unwrap_or(1_000).min(self.page);
        let from = if after.is_empty() { prefix.clone() } else { after.clone() + "\0" };
        let mut found = self.objects.range(from..).take_while(|(key, _)| key.starts_with(&prefix));
        let mut xml = "<ListBucketResult>".to_owned();
        let mut last = None;
        for (key, stored) in found.by_ref().take(most) {
            let (etag, size, modified) = (stored.etag.trim_matches('"'), stored.bytes.len(), stored.modified);
            let _ = write!(
                xml,
                "<Contents><Key>{key}</Key><LastModified>{modified}</LastModified><ETag>&quot;{etag}&quot;</ETag>\
                 <Size>{size}</Size></Contents>"
            );
            last = Some(key);
        }
        match last.filter(|_| found.next().is_some()) {
            Some(last) => {
                let _ =
                    write!(xml, "<IsTruncated>true</IsTruncated><NextContinuationToken>{last}</NextContinuationToken>");
            }
            None => xml.push_str("<IsTruncated>false</IsTruncated>"),
        }
        answer(200, &(xml + "</ListBucketResult>"))
    }
}

/// A response without an object's headers.
pub fn answer(status: u16, body: &str) -> Response<Bytes> {
    Response::builder().status(status).body(Bytes::from(body.to_owned())).expect("the status is valid")
}
