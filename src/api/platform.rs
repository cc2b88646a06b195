//! The platform under the API.

use crate::assets::Assets;
use crate::crypto::Verifier;
use crate::object::Objects;
use platform::{Clock, Http};

/// What the API stands on.
#[derive(Clone, Copy)]
pub struct Platform<'a> {
    /// The way to the bucket, and to an issuer's keys.
    pub http: &'a dyn Http,
    /// The time, and waiting.
    pub clock: &'a dyn Clock,
    /// The way to the objects.
    pub objects: &'a dyn Objects,
    /// Checks signatures.
    pub verifier: &'a dyn Verifier,
    /// The browser page's files.
    pub assets: &'a dyn Assets,
}
