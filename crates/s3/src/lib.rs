//! A small S3 client.
//!
//! It sends through [`platform::Http`] and uses only what all S3 stores do alike: PUT (plain, if-absent, if-match), GET,
//! HEAD, DELETE, ListObjectsV2, COPY and presigned GET.
//!
//! - `config`: the bucket and its settings; `url`: URLs of objects
//! - `sign`, `presign`: AWS Signature Version 4
//! - `client`: send and retry; `retry_policy`: how often and how long
//! - `object`, `list`: the operations; `page`, `error_body`: the store's XML
//! - `error`: errors by consequence
//! - `probe`: checks that the store honours conditional writes

mod client;
mod config;
mod error;
mod error_body;
mod list;
mod object;
mod page;
mod presign;
mod probe;
mod retry_policy;
mod sign;
mod url;

pub use client::Client;
pub use config::{Addressing, Bucket, Credentials};
pub use error::{S3Error, S3ErrorKind};
pub use object::{Condition, Object, ObjectHead, PutOptions};
pub use page::{Entry, Page};
pub use presign::{KeysEnded, LinkLife, MAX_EXPIRY, link_life, presign_get};
pub use probe::{PROBE_RACERS, ProbeError, probe};
pub use retry_policy::RetryPolicy;
