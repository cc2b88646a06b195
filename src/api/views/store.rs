//! The state of the store.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::api::docs::endpoint::HasExample;
use crate::fleet::StoreVerdict;
use contract::Timestamp;

/// The state of the bucket.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "StoreStatus")]
pub struct StoreStatus<'a> {
    /// Whether the bucket answers.
    pub success: bool,
    /// The bucket's name.
    pub bucket: &'a str,
    pub endpoint: String,
    /// The endpoint used in links.
    pub public_endpoint: String,
    pub region: &'a str,
    /// Where URLs have the bucket's name.
    pub addressing: AddressingWord,
    /// As `success`.
    pub reachable: bool,
    /// The duration of a listing; null if the bucket does not answer.
    pub latency_ms: Option<u64>,
    pub conditional_writes: StoreVerdict,
    /// When conditional writes were tested.
    pub probed_at: Option<Timestamp>,
}

/// The position of the bucket's name in URLs.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AddressingWord {
    /// In the path.
    Path,
    /// Before the host name.
    Virtual,
}

/// A test of the bucket.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "StoreTest")]
pub struct StoreTest<'a> {
    /// Whether every step succeeded.
    pub success: bool,
    /// The bucket's name.
    pub bucket: &'a str,
    /// The key of the test object.
    pub key: String,
    pub steps: Steps,
}

/// The steps of the test, in order.
#[derive(Serialize, JsonSchema)]
pub struct Steps {
    pub put: Step,
    /// A second put-if-absent of the same key, which the store must refuse.
    pub put_again_is_refused: Step,
    pub get: Step,
    pub list: Step,
    pub delete: Step,
}

/// The result of a step.
#[derive(Serialize, JsonSchema)]
pub struct Step {
    pub success: bool,
    /// The duration in milliseconds.
    pub ms: u64,
    /// The error; null if the step succeeded.
    pub error: Option<String>,
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
