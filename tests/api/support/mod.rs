//! The Worker natively: the API and the objects, on rusqlite and a strict store in memory.
#![allow(dead_code, reason = "each test uses its own part")]

pub mod answer;
pub mod openapi_check;
pub mod person;
pub mod talk;
pub mod users;
pub mod world;

pub use testkit::{clock, faults, issuer, memory_store, provider, signer, sqlite, verifier};
