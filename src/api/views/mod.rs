//! The bodies of responses, each with an example for the OpenAPI document.

pub mod batch;
pub mod chat;
pub mod example;
pub mod health;
pub mod log;
pub mod metrics;
pub mod output;
pub mod processing;
pub mod project;
pub mod script;
pub mod session;
pub mod status;
pub mod store;
pub mod token;
pub mod version;
