//! Fakes that several test programs share.
//!
//! - `clock`: a clock that is set by hand
//! - `memory_store`: a strict S3 store in memory, which verifies each signature
//! - `faults`: requests and answers that are lost or late
//! - `sqlite`: the objects' SQL on rusqlite
//! - `signer`, `verifier`, `issuer`: tokens, the check of their signatures, and an issuer with a key set
//! - `provider`: a language model that follows a script
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on panics")]
#![expect(clippy::new_without_default, reason = "a fake is made on purpose")]

pub mod clock;
pub mod faults;
pub mod issuer;
pub mod memory_store;
pub mod provider;
pub mod signer;
pub mod sqlite;
pub mod verifier;
