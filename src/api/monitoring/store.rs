//! `GET /api/monitoring/s3/status` and `POST /api/monitoring/test/s3-upload`.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::api::error::ApiError;
use crate::api::reply::Reply;
use crate::api::request::Call;
use crate::contract::{Key, UploadId};
use crate::fleet::{FleetAnswer, FleetCall};
use crate::object::ObjectName;
use crate::s3::{Addressing, PutOptions, S3Error};

/// The bucket in detail, for the admin. Never a secret.
pub(in crate::api) async fn s3_status(call: &Call<'_>) -> Result<Reply, ApiError> {
    let answer: FleetAnswer = call.ask_object(&ObjectName::Fleet, &FleetCall::Health).await?;
    let bucket = &call.config.bucket;
    Ok(Reply::json(&json!({
        "success": answer.latency_ms.is_some(),
        "bucket": bucket.name,
        "endpoint": bucket.endpoint.to_string(),
        "public_endpoint": bucket.public_endpoint.to_string(),
        "region": bucket.region,
        "addressing": match bucket.addressing { Addressing::Path => "path", Addressing::Virtual => "virtual" },
        "reachable": answer.latency_ms.is_some(),
        "latency_ms": answer.latency_ms,
        "conditional_writes": answer.verdict,
        "probed_at": answer.probed_at,
    })))
}

/// Writes, reads, lists and removes a test object, and says how each step went.
pub(in crate::api) async fn test_upload(call: &Call<'_>) -> Result<Reply, ApiError> {
    let key = Key::Probe(UploadId::random().to_string()).to_string();
    let body = Bytes::from_static(b"Partwright's test object; it may be removed.\n");
    let client = call.client();
    let mut steps = Steps { call, done: Map::new(), failed: false };

    steps.run("put", async { client.put(&key, body.clone(), &PutOptions::if_absent()).await.map(drop) }).await;
    steps
        .run("put_again_is_refused", async {
            match client.put(&key, body.clone(), &PutOptions::if_absent()).await {
                Err(S3Error::PreconditionFailed) => Ok(()),
                Ok(_) => Err(S3Error::Unusable("a second put-if-absent to the same key succeeded".to_owned())),
                Err(error) => Err(error),
            }
        })
        .await;
    steps
        .run("get", async {
            let object = client.get(&key, body.len()).await?;
            if object.bytes == body { Ok(()) } else { Err(S3Error::Unusable("other bytes came back".to_owned())) }
        })
        .await;
    steps
        .run("list", async {
            let page = client.list_page(&key, None, 1).await?;
            let found = page.entries.iter().any(|entry| entry.key == key);
            if found { Ok(()) } else { Err(S3Error::Unusable("the listing does not show the object".to_owned())) }
        })
        .await;
    steps.run("delete", async { client.delete(&key).await }).await;

    let body = json!({"success": !steps.failed, "bucket": call.config.bucket.name, "key": key, "steps": steps.done});
    let status = if steps.failed { http::StatusCode::SERVICE_UNAVAILABLE } else { http::StatusCode::OK };
    Ok(Reply::json(&body).status(status))
}

struct Steps<'a> {
    call: &'a Call<'a>,
    done: Map<String, Value>,
    failed: bool,
}

impl Steps<'_> {
    async fn run(&mut self, name: &str, step: impl Future<Output = Result<(), S3Error>>) {
        let began = self.call.clock.now();
        let outcome = step.await;
        let took = self.call.clock.now().since(began).as_millis() as u64;
        self.failed |= outcome.is_err();
        let error = outcome.err().map(|error| error.to_string());
        self.done.insert(name.to_owned(), json!({"success": error.is_none(), "ms": took, "error": error}));
    }
}
