//! The contract between the Worker and the runner: names, keys, and the documents in the bucket.
//!
//! Nothing here does I/O. Text from outside is parsed into one of these types at once and never passed on as a string.
//!
//! - `id`: validated names and random ids; `words`: enums whose variants are words
//! - `key`: the keys of the bucket; `pending`: the content of `pending/`
//! - `script`, `attempt`, `report`, `job_error`: the documents
//! - `status`: the phases of a version; `event`: hints between runner and Worker
//! - `format`, `time`, `lenient_u64`: file formats, times and numbers

mod attempt;
mod event;
mod format;
mod id;
mod job_error;
mod key;
mod lenient_u64;
mod pending;
mod report;
mod script;
mod status;
mod time;
mod words;

pub use attempt::{Attempt, MAX_ATTEMPTS};
pub use event::{Happened, MAX_EVENTS, MAX_PROGRESS_LINE, MAX_PROGRESS_LINES, RunnerEvent, RunnerEvents, Wake};
pub use format::{BASE_NAME, Format};
pub use id::random_hex;
pub use id::{IdError, IdempotencyKey, ProjectId, RequestId, RunId, Sha256, TurnId, UploadId, Version};
pub use job_error::{JobError, JobErrorCode};
pub use key::{Key, LONGEST_KEY, prefix};
pub use lenient_u64::LenientU64;
pub use pending::{ListedObject, PendingAttempt, PendingTicket, PendingVersion, PendingView};
pub use report::{BoundingBox, CadObject, Geometry, Outcome, OutputFile, REPORT_LIMIT, Report};
pub use script::{MAX_SCRIPT_BYTES, Origin, ScriptMetadata};
pub use status::{Phase, ProjectStatus, StatusCode};
pub use time::Timestamp;

/// The version of this contract. Every document and every script's metadata carries it as `format`.
pub const FORMAT: u32 = 1;
