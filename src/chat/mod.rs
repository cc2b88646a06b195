//! A conversation about one project, and the turns that make versions of it: what runs inside the `Chat` Durable
//! Object. It is an object of its own, on its own alarm, so that a slow model never holds up a delivery.
//!
//! - [`call`]: what the API asks of it, and why it refuses
//! - `turn`: one turn and its transitions: synchronous, no I/O, `now` as an argument
//! - `records`: its tables
//! - `words`: what people and programs are told: the bodies of its answers and the events of its streams
//! - `live`: who listens to the turn that is open
//! - `object`: the calls
//! - `alarm`: drives the open turn: `ask` the model, `deliver` its script, `follow` the version to its end
//! - `expiry`: what goes by itself
//! - `figures`: what of it is counted
//!
//! Invariants: one turn at a time is open; its next alarm is set before each step; each step may run twice, and has
//! its own idempotency key where it changes something; messages are used for, and shown to, the user who wrote them, and
//! only while the project is free or theirs. What a model says leads to nothing but a script of this project.

mod alarm;
mod ask;
mod call;
mod deliver;
mod expiry;
mod figures;
mod follow;
mod live;
mod object;
mod records;
mod turn;
mod words;

pub use call::{ChatCall, ChatOperation, ChatRefusal, ChatTarget, Forget, GetTurn, ListMessages, Listen, Said, Say};
pub use object::{ChatMemory, ChatObject};
pub use turn::{MOST_REPAIRS, REPAIRS, TurnState};
pub use words::{Forgotten, MessageBody, MessageList, TurnBody};
