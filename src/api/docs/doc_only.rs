//! What only the OpenAPI document needs.

use schemars::{Schema, SchemaGenerator};

/// What the document alone needs. At the edge nobody makes the document, so there it is left out and weighs nothing.
#[derive(Debug, Clone, Copy)]
pub struct ForDocument<T> {
    #[cfg(not(target_arch = "wasm32"))]
    value: T,
    #[cfg(target_arch = "wasm32")]
    value: std::marker::PhantomData<T>,
}

impl<T: Copy> ForDocument<T> {
    /// Keeps `value` where the document can be made.
    pub const fn new(value: T) -> Self {
        #[cfg(target_arch = "wasm32")]
        let value = {
            let _ = value;
            std::marker::PhantomData
        };
        Self { value }
    }

    /// What was kept.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn get(&self) -> &T {
        &self.value
    }
}

/// Makes a type's schema, or a reference to it.
pub type SchemaOf = fn(&mut SchemaGenerator) -> Schema;
