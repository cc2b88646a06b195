//! Metrics: counts and durations by the hour, for those who run the service.
//!
//! An object counts an event in the stretch of SQL in which it happens, in an outbox of its own, and sends the outbox
//! later to the one object that adds up. So no event waits for a metric, and no event counts twice. The API has no
//! storage and counts in memory: what it has not sent is lost with its isolate.
//!
//! - `metric`: metrics, samples and counters
//! - `histogram`: durations on a logarithmic scale
//! - `outbox`: the counters that are not sent yet; `stored`, `tally`: in an object's SQLite, and in the API's memory
//! - `object`: the object that adds up
//! - `summary`: the numbers that the API returns
//!
//! Invariants: a metric neither delays nor fails what it counts. A batch never changes once it is sent, so that a batch
//! that arrives twice counts once. Labels are words of settings and of this program, never a user's own.

mod histogram;
mod metric;
mod object;
mod outbox;
mod stored;
mod summary;
mod tally;

pub use metric::{Counter, Metric, Sample, hour_of, model_label, start_of};
pub use object::{
    AddBatch, KEPT_HOURS, METRICS_OBJECTS, MetricsCall, MetricsObject, MetricsOperation, MetricsTarget, ReadCounters,
    read_all,
};
pub use stored::StoredOutbox;
pub use summary::{AiSummary, ModelSummary, Summary, Times};
pub use tally::Tally;
