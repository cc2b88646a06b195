//! What the native tests stand on: a strict in-memory store, faults on demand, the objects on rusqlite, and an issuer of
//! tokens.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]
#![allow(dead_code, reason = "each test program uses its own part")]

pub mod clock;
pub mod contract;
pub mod faults;
pub mod issuer;
pub mod memory_store;
pub mod person;
pub mod provider;
pub mod signer;
pub mod sqlite;
pub mod talk;
pub mod users;
pub mod verifier;
pub mod world;
