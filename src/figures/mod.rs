//! Figures: how often something happens and how long it takes, by the hour, for those who run the service.
//!
//! Whoever does something notes it in the same stretch of SQL, in an outbox of its own, and tells it later, a minute's
//! worth at a time, to one of a few objects that add up. So nobody waits for a figure, none is counted twice, and no
//! object hears of everything. Lost with an instance are what the API had not told yet, and the tries of a question to a
//! model that was under way.
//!
//! - `fact`: what is counted, under which names
//! - `histogram`: times on a logarithmic scale, so that percentiles of hours and shards can be put together
//! - `batch`: what is told at once, and to whom
//! - `outbox`: what an object has noted and not told yet, in its own SQLite
//! - `tally`: the same for the API, which has no storage: in memory
//! - `shard`: the object that adds up: what runs inside the `Figures` Durable Objects
//! - `summary`: what the sums of all shards come to
//!
//! Invariants: a figure neither delays nor fails what it counts; a batch never changes once it was sent, so that one that
//! comes twice counts once; labels come from settings and from this program's own tables of words, never from a user.

mod batch;
mod fact;
mod histogram;
mod outbox;
mod shard;
mod summary;
mod tally;

pub use batch::{
    AddBatch, Cell, FiguresCall, FiguresOperation, FiguresTarget, ReadSums, SHARDS, ask, hour_of, start_of,
};
pub use fact::{Fact, Figure, model_label};
pub use outbox::Outbox;
pub use shard::{FiguresObject, KEPT_HOURS};
pub use summary::{AiFigures, Figures, ModelFigures, Times};
pub use tally::Tally;
