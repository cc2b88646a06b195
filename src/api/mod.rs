//! The HTTP API: from one request to one answer.
//!
//! - `config`: the Worker's settings
//! - `code`, `error`: every error answer; the one place that knows their HTTP statuses
//! - `auth`: who the caller is; `cookie`: what a browser's session lies in
//! - `parameter`, `terms`: what a call takes and answers, as data
//! - `route`: the table of routes, which the router, 405, the permission tests and the OpenAPI document read
//! - `request`, `reply`: what handlers are given and what they give
//! - `headers`, `cors`: what browsers may do with answers, and for pages of which other sites
//! - the handlers: `page`, `reference`, `examples`, `session`, `tokens`, `projects`, `upload`, `batch`, `chat`,
//!   `versions`, `scripts`, `outputs`, `logs`, `live`, `owner`, `runner`, `monitoring`
//! - `openapi`: the OpenAPI document and its page, made natively from all of that
//! - `app`: the way of a request through all of it

mod app;
mod auth;
mod body;
mod code;
mod config;
mod cookie;
mod cors;
mod docs;
mod error;
mod handlers;
mod headers;
mod platform;
mod request;
mod response;
mod route;
mod views;

pub use app::{App, Served};
pub use auth::permission::Permission;
pub use code::Code;
pub use config::{AuthMode, Config, Secret};
pub use cors::AllowedOrigins;
pub use docs::doc_only::{DocOnly, SchemaOf};
pub use docs::endpoint::{BodySchema, Content, EndpointDoc, HasExample, Link, ResponseDoc, Tag};
#[cfg(not(target_arch = "wasm32"))]
pub use docs::openapi;
pub use docs::parameter::{Parameter, ParameterDoc, Values};
pub use error::{ApiError, Problem};
pub use platform::Platform;
pub use route::{ROUTES, Route};

/// The examples' scripts and the answers made from them.
#[cfg(not(target_arch = "wasm32"))]
pub mod examples {
    pub use super::docs::examples::{SourceError, read_source};
    pub use super::views::example::{Example, ExampleAnswer, ExampleList, ExampleParameter};
}
