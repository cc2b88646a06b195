//! `GET /api/monitoring/s3/status` and `POST /api/monitoring/test/s3-upload`.

use bytes::Bytes;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::api::code::Code;
use crate::api::docs::endpoint::{BodySchema, Content, EndpointDoc, HasExample, ResponseDoc, Tag};
use crate::api::error::ApiError;
use crate::api::request::Call;
use crate::api::response::Reply;
use crate::fleet::{GetHealth, StoreVerdict};
use contract::{Key, Timestamp, UploadId};
use s3::{Addressing, PutOptions, S3Error};

pub const S3_STATUS: EndpointDoc = EndpointDoc {
    id: "getStoreStatus",
    summary: "the bucket in detail",
    tag: Tag::Monitoring,
    description: "Never a secret.",
    responses: &[ResponseDoc {
        description: "What is known of the bucket; `success` says whether it answers now.",
        contents: &[Content::Json(BodySchema::of::<StoreStatus<'_>>())],
        ..ResponseDoc::OK
    }],
    errors: &[Code::InternalUnavailable],
    ..EndpointDoc::NONE
};

pub const TEST_UPLOAD: EndpointDoc = EndpointDoc {
    id: "testStore",
    summary: "writes, reads, lists and removes a test object",
    tag: Tag::Monitoring,
    description: "The object lies under `probe/` and is removed again.",
    responses: &[
        ResponseDoc {
            description: "Every step went well.",
            contents: &[Content::Json(BodySchema::of::<StoreTest<'_>>())],
            ..ResponseDoc::OK
        },
        ResponseDoc {
            status: 503,
            description: "A step failed, which says why.",
            contents: &[Content::Json(BodySchema::of::<StoreTest<'_>>())],
            ..ResponseDoc::OK
        },
    ],
    ..EndpointDoc::NONE
};

/// The bucket in detail.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "StoreStatus")]
struct StoreStatus<'a> {
    /// Whether it answers now.
    success: bool,
    /// Its name.
    bucket: &'a str,
    endpoint: String,
    /// The endpoint in links.
    public_endpoint: String,
    region: &'a str,
    /// Where the bucket's name goes in URLs.
    addressing: AddressingWord,
    /// As `success`.
    reachable: bool,
    /// How long a listing took.
    latency_ms: Option<u64>,
    conditional_writes: StoreVerdict,
    /// When the store was probed.
    probed_at: Option<Timestamp>,
}

/// Where the bucket's name goes.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum AddressingWord {
    /// Into the path.
    Path,
    /// Before the host.
    Virtual,
}

/// A test of the bucket.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "StoreTest")]
struct StoreTest<'a> {
    /// Whether every step went well.
    success: bool,
    /// The bucket's name.
    bucket: &'a str,
    /// The test object's key.
    key: String,
    steps: Steps,
}

/// The steps, in their order.
#[derive(Serialize, JsonSchema)]
struct Steps {
    put: Step,
    /// A second put-if-absent to the same key, which has to be refused.
    put_again_is_refused: Step,
    get: Step,
    list: Step,
    delete: Step,
}

/// How a step went.
#[derive(Serialize, JsonSchema)]
struct Step {
    success: bool,
    /// How long it took.
    ms: u64,
    /// What went wrong.
    error: Option<String>,
}

impl HasExample for StoreStatus<'_> {
    fn example() -> Value {
        json!({
            "success": true,
            "bucket": "models",
            "endpoint": "https://s3.eu-west-1.amazonaws.com",
            "public_endpoint": "https://s3.eu-west-1.amazonaws.com",
            "region": "eu-west-1",
            "addressing": "virtual",
            "reachable": true,
            "latency_ms": 23,
            "conditional_writes": {"state": "fit"},
            "probed_at": "2026-01-31T12:00:00.000Z",
        })
    }
}

impl HasExample for StoreTest<'_> {
    fn example() -> Value {
        let step = |ms: u64| json!({"success": true, "ms": ms, "error": null});
        json!({
            "success": true,
            "bucket": "models",
            "key": "probe/0123456789abcdef",
            "steps": {
                "put": step(31),
                "put_again_is_refused": step(24),
                "get": step(19),
                "list": step(22),
                "delete": step(20),
            },
        })
    }
}

/// The bucket in detail, for the admin. Never a secret.
pub async fn s3_status(call: &Call<'_>) -> Result<Reply, ApiError> {
    let answer = call.ask_fleet(GetHealth).await?;
    let bucket = &call.config.bucket;
    Reply::json(&StoreStatus {
        success: answer.latency_ms.is_some(),
        bucket: &bucket.name,
        endpoint: bucket.endpoint.to_string(),
        public_endpoint: bucket.public_endpoint.to_string(),
        region: &bucket.region,
        addressing: match bucket.addressing {
            Addressing::Path => AddressingWord::Path,
            Addressing::Virtual => AddressingWord::Virtual,
        },
        reachable: answer.latency_ms.is_some(),
        latency_ms: answer.latency_ms,
        conditional_writes: answer.verdict,
        probed_at: answer.probed_at,
    })
}

/// Writes, reads, lists and removes a test object, and says how each step went.
pub async fn test_upload(call: &Call<'_>) -> Result<Reply, ApiError> {
    let key = Key::Probe(UploadId::random().to_string()).to_string();
    let body = Bytes::from_static(b"Partwright's test object; it may be removed.\n");
    let client = call.client();
    let put = run(call, async { client.put(&key, body.clone(), &PutOptions::if_absent()).await.map(drop) }).await;
    let put_again = async {
        match client.put(&key, body.clone(), &PutOptions::if_absent()).await {
            Err(S3Error::PreconditionFailed) => Ok(()),
            Ok(_) => Err(S3Error::Unusable("a second put-if-absent to the same key succeeded".to_owned())),
            Err(error) => Err(error),
        }
    };
    let put_again_is_refused = run(call, put_again).await;
    let get = async {
        let object = client.get(&key, body.len()).await?;
        if object.bytes == body { Ok(()) } else { Err(S3Error::Unusable("other bytes came back".to_owned())) }
    };
    let get = run(call, get).await;
    let list = async {
        let page = client.list_page(&key, None, 1).await?;
        let found = page.entries.iter().any(|entry| entry.key == key);
        if found { Ok(()) } else { Err(S3Error::Unusable("the listing does not show the object".to_owned())) }
    };
    let list = run(call, list).await;
    let delete = run(call, client.delete(&key)).await;

    let success = [&put, &put_again_is_refused, &get, &list, &delete].iter().all(|step| step.success);
    let steps = Steps { put, put_again_is_refused, get, list, delete };
    let status = if success { http::StatusCode::OK } else { http::StatusCode::SERVICE_UNAVAILABLE };
    Ok(Reply::json(&StoreTest { success, bucket: &call.config.bucket.name, key, steps })?.status(status))
}

async fn run(call: &Call<'_>, step: impl Future<Output = Result<(), S3Error>>) -> Step {
    let began = call.clock.now();
    let error = step.await.err().map(|error| error.to_string());
    let ms = call.clock.now().since(began).as_millis() as u64;
    Step { success: error.is_none(), ms, error }
}
