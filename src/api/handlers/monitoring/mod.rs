//! The calls for those who run the service.

mod metrics;
mod health;
mod processing;
mod store;

pub use metrics::{METRICS, metrics};
pub use health::{HEALTH, health};
pub use processing::{PROCESSING_STATUS, processing_status};
pub use store::{S3_STATUS, TEST_UPLOAD, s3_status, test_upload};
