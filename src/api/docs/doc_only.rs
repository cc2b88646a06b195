//! Data for the OpenAPI document that the Worker leaves out.

use schemars::{Schema, SchemaGenerator};

/// A value that only native builds keep. In the Worker it takes no space.
#[derive(Debug, Clone, Copy)]
pub struct DocOnly<T> {
    #[cfg(not(target_arch = "wasm32"))]
    value: T,
    #[cfg(target_arch = "wasm32")]
    value: std::marker::PhantomData<T>,
}

impl<T: Copy> DocOnly<T> {
    pub const fn new(value: T) -> Self {
        #[cfg(target_arch = "wasm32")]
        let value = {
            let _ = value;
            std::marker::PhantomData
        };
        Self { value }
    }

    #[cfg(not(target_arch = "wasm32"))]
    pub fn get(&self) -> &T {
        &self.value
    }
}

/// Makes a type's schema, or a reference to it.
pub type SchemaOf = fn(&mut SchemaGenerator) -> Schema;
