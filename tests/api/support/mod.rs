//! The Worker natively: the API and the objects, on rusqlite and a strict store in memory.
#![allow(dead_code, reason = "each test uses its own part")]

pub mod alarms;
pub mod answer;
pub mod client;
pub mod fake_runner;
pub mod inspect;
pub mod metrics;
pub mod network;
pub mod openapi_check;
pub mod person;
pub mod platform;
pub mod talk;
pub mod users;
pub mod world;

pub use testkit::{clock, faults, issuer, memory_store, provider, signer, sqlite, verifier};
