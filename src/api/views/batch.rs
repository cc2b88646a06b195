//! The results of a batch.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::api::docs::endpoint::HasExample;
use crate::api::error::Problem;
use contract::{Phase, RequestId, Version};

/// The results of a batch.
#[derive(Serialize, JsonSchema)]
pub struct BatchResults {
    /// Whether all uploads succeeded.
    pub success: bool,
    pub succeeded: usize,
    pub failed: usize,
    /// One result per upload, in the order of the uploads.
    pub results: Vec<BatchResult>,
    pub request_id: RequestId,
}

/// The result of one upload of a batch.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub enum BatchResult {
    /// The upload succeeded.
    Taken {
        /// The position in `uploads`, from 0.
        index: usize,
        /// The name as given.
        project_name: Value,
        /// The HTTP status of a single upload: 201, or 202 if the service keeps it until the bucket answers.
        #[schemars(extend("enum" = [201, 202]))]
        status: u16,
        version: Version,
        /// The script's key in the bucket.
        key: String,
        phase: Phase,
        /// Whether this is a repetition under the same idempotency key.
        idempotent_replayed: bool,
    },
    /// The upload failed.
    Failed {
        /// The position in `uploads`, from 0.
        index: usize,
        /// The name as given; null without one.
        project_name: Value,
        /// The HTTP status of a single upload.
        #[schemars(range(min = 400, max = 599))]
        status: u16,
        error: Problem,
    },
}

impl HasExample for BatchResults {
    fn example() -> Value {
        json!({
            "success": false,
            "succeeded": 1,
            "failed": 1,
            "results": [
                {
                    "index": 0,
                    "project_name": "bracket-2",
                    "status": 201,
                    "version": 2,
                    "key": "input/bracket-2/bracket-2_v2.py",
                    "phase": "queued",
                    "idempotent_replayed": false,
                },
                {
                    "index": 1,
                    "project_name": "lid",
                    "status": 409,
                    "error": {
                        "type": "about:blank",
                        "title": "Conflict",
                        "status": 409,
                        "code": "name_taken",
                        "detail": "The project name \"lid\" belongs to somebody else.",
                        "success": false,
                        "request_id": "0123456789abcdef",
                    },
                },
            ],
            "request_id": "0123456789abcdef",
        })
    }
}
