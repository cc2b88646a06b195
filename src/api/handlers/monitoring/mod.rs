//! Endpoints for operators.

mod health;
mod metrics;
mod processing;
mod store;

pub use health::{HEALTH, health};
pub use metrics::{METRICS, metrics};
pub use processing::{PROCESSING_STATUS, processing_status};
pub use store::{S3_STATUS, TEST_UPLOAD, s3_status, test_upload};
