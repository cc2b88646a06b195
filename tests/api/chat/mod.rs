//! Chat: turns, their streams, and their failures.

mod expiry;
mod faults;
mod migration;
mod ownership;
mod repairs;
mod survival;
mod turns;
