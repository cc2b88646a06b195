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
mod batch;
mod chat;
mod code;
mod config;
mod cookie;
mod cors;
mod error;
pub mod examples;
mod headers;
mod live;
mod logs;
mod monitoring;
#[cfg(not(target_arch = "wasm32"))]
pub mod openapi;
mod outputs;
mod owner;
mod page;
mod parameter;
mod projects;
mod reference;
mod reply;
mod request;
mod route;
mod runner;
mod scripts;
mod session;
mod terms;
mod tokens;
mod upload;
mod versions;

pub use app::{App, Platform, Served};
pub use auth::AuthMode;
pub use code::Code;
pub use config::{Config, Secret};
pub use cors::AllowedOrigins;
pub use error::{ApiError, Problem};
pub use parameter::{About, Parameter, Values};
pub use route::{Permission, ROUTES, RequestBody, Route};
pub use terms::{Answer, Content, ForDocument, Link, SchemaOf, Shape, Shown, Tag, Terms};
