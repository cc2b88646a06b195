//! The files of the browser page.

use futures::future::LocalBoxFuture;
use platform::{Body, HttpError};

/// Reads the deployed files.
pub trait Assets {
    /// Reads the file with this name, such as `page.css`. A response with any status, 404 included, is `Ok`.
    fn file(&self, name: &str) -> LocalBoxFuture<'_, Result<http::Response<Body>, HttpError>>;
}
