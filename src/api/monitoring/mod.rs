//! The calls for those who run the service.

mod health;
mod processing;
mod store;

pub(super) use health::{health, welcome};
pub(super) use processing::processing_status;
pub(super) use store::{s3_status, test_upload};
