//! What the Worker and the runner agree on: names, keys and the documents they leave in the bucket.
//!
//! Nothing here does any I/O. Every text that comes from outside becomes one of these types at the door and is
//! never a bare string again.

mod attempt;
mod event;
mod format;
mod id;
mod key;
mod report;
mod script;
mod status;
mod time;
mod whole;

pub use attempt::{Attempt, MAX_ATTEMPTS};
pub use event::{Happened, MAX_EVENTS, MAX_PROGRESS_LINE, MAX_PROGRESS_LINES, RunnerEvent, RunnerEvents, Wake};
pub use format::{BASE_NAME, Format};
pub use id::random_hex;
pub use id::{IdError, IdempotencyKey, ProjectId, RequestId, RunId, Sha256, TurnId, UploadId, Version};
pub use key::{Key, LONGEST_KEY, prefix};
pub use report::{BoundingBox, CadObject, Geometry, JobError, Outcome, OutputFile, REPORT_LIMIT, Report};
pub use script::{MAX_SCRIPT_BYTES, Origin, ScriptMetadata};
pub use status::{Phase, ProjectStatus, StatusCode};
pub use time::Timestamp;
pub use whole::Whole;

/// The number of this bucket contract, written as `format` into every document and into script metadata.
pub const FORMAT: u32 = 1;
