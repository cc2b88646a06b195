//! The HTTP API.
//!
//! - `config`: the Worker's settings
//! - `code`, `error`: every error response, and the only place that knows their HTTP statuses
//! - `auth`: authenticates the caller; `cookie`: the session cookie
//! - `docs`: the entries of the OpenAPI document, and the generated files
//! - `request`, `body`, `response`: what handlers get and give
//! - `views`: the bodies of responses
//! - `handlers`: the endpoints, by resource
//! - `route`: the table of routes
//! - `headers`, `cors`: what browsers may do with responses
//! - `platform`, `app`: the entry point

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

/// The example scripts, and the response bodies made from them.
#[cfg(not(target_arch = "wasm32"))]
pub mod examples {
    pub use super::docs::examples::{SourceError, read_source};
    pub use super::views::example::{Example, ExampleAnswer, ExampleList, ExampleParameter};
}
