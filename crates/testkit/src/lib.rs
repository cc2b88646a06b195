//! Fakes that several test programs share.
//!
//! - `clock`: a clock on Tokio's paused time
//! - `memory_store`: a strict S3 store in memory, which verifies each signature
//! - `faults`: lost, late and refused requests
//! - `sqlite`: the objects' SQL on rusqlite
//! - `signer`, `verifier`, `issuer`: JSON Web Tokens, the verification of signatures, and an issuer with a key set
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
