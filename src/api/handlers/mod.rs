//! The handlers, by resource. Each is next to its entry in the OpenAPI document.

pub mod batch;
pub mod chat;
pub mod examples;
pub mod live;
pub mod logs;
pub mod monitoring;
pub mod outputs;
pub mod owner;
pub mod page;
pub mod projects;
pub mod reference;
pub mod runner;
pub mod scripts;
pub mod session;
pub mod tokens;
pub mod upload;
pub mod versions;
