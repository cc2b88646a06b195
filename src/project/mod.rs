//! The life of a project's versions: what runs inside the `Project` Durable Object.
//!
//! - [`request`], [`view`]: the requests to the object, and its replies
//! - `records`, `version_row`, `idempotency`: its tables
//! - `transitions`: synchronous, no I/O but SQL, `now` as an argument; `metrics`: their metrics
//! - `memory`: an instance's memory between calls
//! - `object`: dispatch, reads and the alarm's time; `upload`, `retry`, `cancel`, `transfer`: the other operations
//! - `deliver`, `refresh`, `external_uploads`, `foreign_outputs`, `flat`: the work with the bucket; each step may run
//!   twice
//! - `hints`, `repair`: hints of runners and of the conversation
//! - `status`, `status_body`, `watch`, `subscribers`: the status, and the callers that follow it
//! - `alarm`: the one schedule that drives everything that is open
//!
//! Invariants: a number is taken, and its script stored, in one stretch of SQL before anything is sent. A final version
//! never changes. Every alarm sets the next one first.

mod alarm;
mod cancel;
mod deliver;
mod external_uploads;
mod flat;
mod foreign_outputs;
mod hints;
mod idempotency;
mod memory;
mod metrics;
mod object;
mod records;
mod refresh;
mod repair;
mod request;
mod retry;
mod status;
mod status_body;
mod subscribers;
mod transfer;
mod transitions;
mod upload;
mod version_row;
mod view;
mod watch;

pub use alarm::postpone;
pub use memory::Memory;
pub use object::{ProjectObject, ProjectPlatform};
pub use request::{
    AssignOwner, Caller, CancelVersion, GetNewestCompleted, GetScript, GetStatus, GetVersion, Idempotency,
    ListVersions, NewScript, Operation, ProjectCall, ProjectTarget, Refusal, RetryVersion, TakeEvents, UploadScript,
    WaitForStatus, Watch,
};
pub use status_body::{StatusBody, message};
pub use view::{Progress, ScriptView, StatusView, Uploaded, VersionPage, VersionView};
pub use watch::Greeting;
