//! Each endpoint's entry in the OpenAPI document, as data.
//!
//! - `endpoint`: what an endpoint takes and answers
//! - `parameter`: parameters and headers, which handlers read by the same data
//! - `doc_only`: keeps all of it out of the Worker
//! - `openapi`, `examples`: native only: the generated files in `assets/`

pub mod doc_only;
pub mod endpoint;
#[cfg(not(target_arch = "wasm32"))]
pub mod examples;
#[cfg(not(target_arch = "wasm32"))]
pub mod openapi;
pub mod parameter;
