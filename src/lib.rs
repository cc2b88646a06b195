//! Partwright: FreeCAD Python scripts in, CAD files out.
//!
//! This library is plain Rust that knows no platform; the Cloudflare Worker is its thin shell [`edge`], the native
//! `freecad-runner` depends on the same library. The modules, in reading order; dependencies point upwards only:
//!
//! - [`contract`]: what both programs agree on: names, keys, documents, status
//! - [`http`]: the seams to the outside: one HTTP request, waiting, the time
//! - [`crypto`]: the seam to the platform's cryptography
//! - [`auth`]: who somebody is, by what they show: JSON Web Tokens, key sets, API tokens
//! - [`s3`]: the S3 client: sign, send, retry, list, presign, probe
//! - [`ai`]: a language model that writes scripts: prompt, protocol, providers, extraction
//! - [`metrics`]: what is counted, by the hour, and the object that adds it up
//! - [`project`]: the life of a project's versions, inside its Durable Object
//! - [`chat`]: a conversation and the turns that make versions of it, inside a Durable Object beside the project's
//! - [`account`]: what belongs to a user: the index of projects, tokens, sessions; inside its Durable Object
//! - [`fleet`]: what is known about the store, inside one Durable Object
//! - [`api`]: routes, permissions, handlers, errors: the HTTP API
//! - `edge`: wasm32 only: the fetch event, bindings, the Durable Object shells; it decides nothing
//!
//! Invariants:
//! - The bucket is the queue and the truth. Version numbers come from the object's SQLite, never from a listing.
//! - The runner never needs the Worker; the Worker never needs the runner.
//! - Nothing reads a clock but the shells; nothing imports `edge`.

pub mod account;
pub mod ai;
pub mod api;
pub mod assets;
pub mod auth;
pub mod chat;
pub mod crypto;
#[cfg(target_arch = "wasm32")]
mod edge;
pub mod fleet;
pub mod metrics;
pub mod object;
pub mod project;
