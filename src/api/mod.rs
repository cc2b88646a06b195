//! The HTTP API: from one request to one answer.
//!
//! - `config`: the Worker's settings
//! - `error`: every error answer; the one place that knows HTTP statuses
//! - `auth`: who the caller is; `cookie`: what a browser's session lies in
//! - `route`: the table of routes, which the router, 405 and the permission tests read
//! - `request`, `reply`: what handlers are given and what they give
//! - the handlers: `session`, `tokens`, `projects`, `upload`, `batch`, `versions`, `scripts`, `outputs`, `logs`, `live`,
//!   `runner`, `monitoring`
//! - `app`: the way of a request through all of it

mod app;
mod auth;
mod batch;
mod config;
mod cookie;
mod error;
mod live;
mod logs;
mod monitoring;
mod outputs;
mod projects;
mod reply;
mod request;
mod route;
mod runner;
mod scripts;
mod session;
mod tokens;
mod upload;
mod versions;

pub use app::{App, Platform, Served};
pub use auth::AuthMode;
pub use config::{Config, Secret};
pub use error::ApiError;
pub use route::{Permission, ROUTES, RequestBody, Route};
