//! The runner: polls a bucket for FreeCAD scripts, runs them, and publishes the models. The program, `main.rs`, is a thin
//! shell over this library. The simulation in `tests/model` drives the library without a bucket and without FreeCAD.
//!
//! In reading order:
//!
//! - `config`: the settings
//! - `command_line`: the arguments
//! - `transport`: HTTP and time
//! - `listing`: lists an area of the bucket
//! - `queue`: polls, claims and slots
//! - `hints`: messages from and to the Worker
//! - `script_runner`: the seam between a job and the engine
//! - `job`: one job from claim to commit
//! - `sweep`: missing tickets and orphaned files
//! - `daemon`: polls, starts jobs, sweeps, and stops
//! - `local`: runs local scripts, without a bucket
//! - `check`: reports what this machine offers
//!
//! Invariants: the runner needs only the bucket; the report alone commits; no credential reaches a script's process.

pub mod check;
pub mod command_line;
pub mod config;
pub mod daemon;
pub mod hints;
pub mod job;
mod listing;
pub mod local;
mod queue;
pub mod script_runner;
mod sweep;
#[cfg(test)]
mod testing;
pub mod transport;
