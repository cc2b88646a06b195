//! A small S3 client: sign, send, read the answer, try again where that is safe.
//!
//! Sans-IO over [`platform::Http`]. It keeps to what every S3 store does alike: PUT (plain, if-absent,
//! if-match), GET, HEAD, DELETE, LIST v2, COPY and presigned GET.

mod client;
mod config;
mod error;
mod list;
mod object;
mod presign;
mod probe;
mod retry_policy;
mod sign;
mod url;
mod xml;

pub use client::Client;
pub use config::{Addressing, Bucket, Credentials};
pub use error::S3Error;
pub use list::{Entry, Page};
pub use object::{Condition, Object, ObjectHead, PutOptions};
pub use presign::{KeysEnded, LinkLife, MAX_EXPIRY, link_life, presign_get};
pub use probe::{PROBE_RACERS, ProbeError, probe};
pub use retry_policy::RetryPolicy;
