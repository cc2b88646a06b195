//! The `Chat` Durable Object: the conversation about one project, and the turns that make versions of it. It has its
//! own alarm, so that a slow model never delays an upload.
//!
//! - [`call`]: the calls to the object, and its refusals
//! - `turn`: one turn and its transitions, without I/O, with `now` as an argument
//! - `records`: the tables
//! - `responses`, `events`: the bodies of responses, and the events of streams
//! - `subscribers`: the streams of the open turn, and the calls that wait for it
//! - `object`: answers the calls
//! - `alarm`: drives the open turn: `generate` asks the model, `upload` stores its script, `follow` awaits the report
//! - `expiry`: removes old data
//! - `metrics`: counts calls and results
//!
//! Invariants: A project has at most one open turn. The next alarm is set before each step. Each step may run twice,
//! and has its own idempotency key if it changes anything. Messages are used for and shown to the user who wrote them,
//! and only while the project is free or theirs. The model's answer leads only to a script of this project.

mod alarm;
mod call;
mod events;
mod expiry;
mod follow;
mod generate;
mod metrics;
mod object;
mod records;
mod responses;
mod subscribers;
mod turn;
mod upload;

pub use call::{
    ChatCall, ChatOperation, ChatRefusal, ChatTarget, Forget, GetTurn, ListMessages, Listen, StartTurn, StartedTurn,
};
pub use object::{ChatMemory, ChatObject};
pub use responses::{Forgotten, MessageBody, MessageList, TurnBody};
pub use turn::{DEFAULT_REPAIRS, MAX_REPAIRS, TurnState};
