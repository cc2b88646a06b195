//! The calls for those who run the service.

mod figures;
mod health;
mod processing;
mod store;

pub(super) use figures::{METRICS, metrics};
pub(super) use health::{HEALTH, WELCOME, health, welcome};
pub(super) use processing::{PROCESSING_STATUS, processing_status};
pub(super) use store::{S3_STATUS, TEST_UPLOAD, s3_status, test_upload};
