//! `GET /api/monitoring/s3/status` and `POST /api/monitoring/test/s3-upload`.

use bytes::Bytes;

use crate::api::code::Code;
use crate::api::docs::endpoint::{BodySchema, Content, EndpointDoc, ResponseDoc, Tag};
use crate::api::error::ApiError;
use crate::api::request::ApiRequest;
use crate::api::response::ApiResponse;
use crate::api::views::store::{AddressingWord, Step, Steps, StoreStatus, StoreTest};
use crate::fleet::GetHealth;
use contract::{Key, UploadId};
use s3::{Addressing, PutOptions, S3Error};

pub const S3_STATUS: EndpointDoc = EndpointDoc {
    id: "getStoreStatus",
    summary: "get the state of the bucket",
    tag: Tag::Monitoring,
    description: "The body never has a secret.",
    responses: &[ResponseDoc {
        description: "The state of the bucket. `success` says whether it answers.",
        contents: &[Content::Json(BodySchema::of::<StoreStatus<'_>>())],
        ..ResponseDoc::OK
    }],
    errors: &[Code::InternalUnavailable],
    ..EndpointDoc::NONE
};

pub const TEST_UPLOAD: EndpointDoc = EndpointDoc {
    id: "testStore",
    summary: "write, read, list and delete a test object",
    tag: Tag::Monitoring,
    description: "The object has a key under `probe/` and is deleted again.",
    responses: &[
        ResponseDoc {
            description: "Every step succeeded.",
            contents: &[Content::Json(BodySchema::of::<StoreTest<'_>>())],
            ..ResponseDoc::OK
        },
        ResponseDoc {
            status: 503,
            description: "A step failed; its `error` says why.",
            contents: &[Content::Json(BodySchema::of::<StoreTest<'_>>())],
            ..ResponseDoc::OK
        },
    ],
    ..EndpointDoc::NONE
};

/// The state of the bucket, without secrets.
pub async fn s3_status(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    let answer = request.call_fleet(GetHealth).await?;
    let bucket = &request.config.bucket;
    ApiResponse::json(&StoreStatus {
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

/// Writes, reads, lists and deletes a test object, and reports each step.
pub async fn test_upload(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    let key = Key::Probe(UploadId::random().to_string()).to_string();
    let body = Bytes::from_static(b"Partwright's test object. It can be deleted.\n");
    let client = request.client();
    let put = run(request, async { client.put(&key, body.clone(), &PutOptions::if_absent()).await.map(drop) }).await;
    let put_again = async {
        match client.put(&key, body.clone(), &PutOptions::if_absent()).await {
            Err(S3Error::PreconditionFailed) => Ok(()),
            Ok(_) => Err(S3Error::Unusable("a second put-if-absent of the same key succeeded".to_owned())),
            Err(error) => Err(error),
        }
    };
    let put_again_is_refused = run(request, put_again).await;
    let get = async {
        let object = client.get(&key, body.len()).await?;
        if object.bytes == body { Ok(()) } else { Err(S3Error::Unusable("the store returned other bytes".to_owned())) }
    };
    let get = run(request, get).await;
    let list = async {
        let page = client.list_page(&key, None, 1).await?;
        let found = page.entries.iter().any(|entry| entry.key == key);
        if found { Ok(()) } else { Err(S3Error::Unusable("the listing does not contain the object".to_owned())) }
    };
    let list = run(request, list).await;
    let delete = run(request, client.delete(&key)).await;

    let success = [&put, &put_again_is_refused, &get, &list, &delete].iter().all(|step| step.success);
    let steps = Steps { put, put_again_is_refused, get, list, delete };
    let status = if success { http::StatusCode::OK } else { http::StatusCode::SERVICE_UNAVAILABLE };
    Ok(ApiResponse::json(&StoreTest { success, bucket: &request.config.bucket.name, key, steps })?.status(status))
}

async fn run(request: &ApiRequest<'_>, step: impl Future<Output = Result<(), S3Error>>) -> Step {
    let began = request.clock.now();
    let error = step.await.err().map(|error| error.to_string());
    let ms = request.clock.now().since(began).as_millis() as u64;
    Step { success: error.is_none(), ms, error }
}
