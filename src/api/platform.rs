//! The platform under the API.

use crate::assets::Assets;
use crate::crypto::Verifier;
use crate::object::Objects;
use platform::{Clock, Http};

/// The traits on which the API runs.
#[derive(Clone, Copy)]
pub struct Platform<'a> {
    /// For the bucket and an issuer's keys.
    pub http: &'a dyn Http,
    pub clock: &'a dyn Clock,
    pub objects: &'a dyn Objects,
    pub verifier: &'a dyn Verifier,
    pub assets: &'a dyn Assets,
}
