//! The files of the browser page, without a platform.

use futures::future::LocalBoxFuture;
use platform::{Body, HttpError};

/// The browser page's files, as they were deployed.
pub trait Assets {
    /// The file of this name, such as `page.css`. An answer with any status, 404 included, is `Ok`.
    fn file(&self, name: &str) -> LocalBoxFuture<'_, Result<http::Response<Body>, HttpError>>;
}
