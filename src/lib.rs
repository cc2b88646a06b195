//! Partwright's Worker: FreeCAD Python scripts in, CAD files out.
//!
//! Plain Rust without a platform; `edge` is the thin shell for Cloudflare Workers. The modules, in reading order. Each
//! depends only on modules before it:
//!
//! - [`crypto`]: verification of signatures
//! - [`assets`]: the files of the browser page
//! - [`auth`]: credentials: JSON Web Tokens, key sets, API tokens and sessions
//! - [`object`]: what Durable Objects need from the platform, and calls between them
//! - [`ai`]: language models: prompt, protocol, providers, extraction of the script
//! - [`figures`]: metrics by the hour, and the Durable Objects that add them up
//! - [`fleet`]: the state of the store, the queue and the runners, in one Durable Object
//! - [`account`]: a user's projects, tokens and sessions, in a Durable Object
//! - [`project`]: the versions of a project, in a Durable Object
//! - [`chat`]: the conversation about a project and its turns, in a Durable Object
//! - [`api`]: the HTTP API: routes, authentication, handlers, errors
//! - `edge`: wasm32 only: the fetch event, bindings and Durable Object classes
//!
//! ARCHITECTURE.md lists the invariants.

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
