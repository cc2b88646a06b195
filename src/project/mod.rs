//! The life of a project's versions: what runs inside the `Project` Durable Object.
//!
//! - [`call`]: what the API asks of it and what it answers
//! - `records`, `keys`: its tables
//! - `life`: the transitions: synchronous, no I/O but SQL, `now` as an argument; `metrics`: what of them is counted
//! - `object`: the calls, and reads; `upload`, `retry`, `cancel`, `assign`: those that change something
//! - `deliver`, `refresh`, `left_by_others`, `flat`: the work against the bucket, each step of which may run twice
//! - `hints`: what runners say; `repair`: what the conversation says; `live`, `words`: who wants to know as it changes, and what they are told
//! - `alarm`: the one schedule that drives what is open
//!
//! Invariants: a version's number is taken, and its script kept, in one stretch of SQL before anything is sent; a
//! final version never changes; every alarm sets the next one first.

mod alarm;
mod assign;
mod call;
mod cancel;
mod deliver;
mod flat;
mod foreign;
mod hints;
mod keys;
mod left_by_others;
mod life;
mod live;
mod metrics;
mod object;
mod records;
mod refresh;
mod repair;
mod retry;
mod upload;
mod words;

pub use alarm::postpone;
pub use call::{
    AssignOwner, Caller, CancelVersion, GetNewestCompleted, GetScript, GetStatus, GetVersion, Idempotency,
    ListVersions, NewScript, Operation, Progress, ProjectCall, ProjectTarget, Refusal, RetryVersion, ScriptView,
    StatusView, TakeEvents, UploadScript, Uploaded, VersionPage, VersionView, WaitForStatus, Watch,
};
pub use object::{Memory, ProjectObject};
pub use words::{StatusBody, message};
