//! The real parts that the whole-stack tests and the benchmarks start, and the means to reach them.
//!
//! - `tools`: paths of programs and files
//! - `process`: a started program and its certain end
//! - `wait`: waiting until something is true
//! - `http`: plain HTTP, as a browser or `curl` speaks it
//! - `store`, `worker`, `runner`: the three parts; `stack`: the three together
//! - `project`: the actions of a user on one project
//! - `random`, `proxy`: a proxy before the store that holds requests and breaks them
//! - `store_suite`: the requirements for every store
#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::cast_precision_loss, reason = "counts are small")]

pub mod http;
pub mod process;
pub mod project;
pub mod proxy;
pub mod random;
pub mod runner;
pub mod stack;
pub mod store;
pub mod store_suite;
pub mod tools;
pub mod wait;
pub mod worker;

use freecad_runner::transport;
