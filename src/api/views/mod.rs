//! The bodies of responses, and an example of each body for the OpenAPI document.

pub mod example;
