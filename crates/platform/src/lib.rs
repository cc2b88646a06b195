//! The platform as traits, and the mechanisms built on them.
//!
//! The Worker's shell, the runner and the tests each implement the traits; everything else is plain Rust.
//!
//! - `http`: requests, responses and bodies
//! - `clock`: the time, waiting, and a timeout
//! - `backoff`: the pause before a retry
//! - `in_flight`: work that must not run twice at once
//! - `single_flight`: work that several callers share
//! - `settings`: reads settings by name
//! - `base_url`: the address of another service

mod backoff;
mod base_url;
mod clock;
mod http;
mod in_flight;
mod settings;
mod single_flight;

pub use backoff::{Backoff, Jitter};
pub use base_url::BaseUrl;
pub use clock::{Clock, ClockExt};
pub use http::{Body, BodyError, Http, HttpError, is_loopback};
pub use in_flight::{InFlight, InFlightGuard};
pub use settings::{ConfigError, Lookup, Settings};
pub use single_flight::{Flight, Leader, SingleFlight};
