//! The runner: polls a bucket for FreeCAD scripts, runs them, and publishes the models. The program, `main.rs`, is a
//! thin shell over this; the simulation in `tests/` drives it without a bucket and without FreeCAD.
//!
//! In reading order; the library's `contract` and `s3` do the rest:
//!
//! - `config`: the settings
//! - `command_line`: the arguments
//! - `transport`: HTTP and the clock
//! - `look`: listings
//! - `queue`: what looks at `pending/` mean
//! - `slots`: where a job may run
//! - `claim`: holding a version
//! - `hints`: telling the Worker, and listening to it
//! - `engine`: running a script that is not trusted
//! - `collect`: taking its files
//! - `products`: all files of a job
//! - `render`: drawing the GLB file and the picture from a job's mesh
//! - `workbench`: the seam between a job and the engine
//! - `publish`: files, log, report
//! - `tidy`: removing what a finished version needs no more
//! - `heartbeat`: keeping a claim while its job runs
//! - `job`: one job from claim to commit
//! - `sweep`: scripts without a ticket, files without a report
//! - `daemon`: the loop
//! - `local`: a script of one's own, without a bucket
//! - `check`: what this machine offers
//!
//! Invariants: the runner needs nothing but the bucket; nothing is committed but by the report; no credential reaches
//! a script's process.

pub mod check;
pub mod claim;
pub mod collect;
pub mod command_line;
pub mod config;
pub mod daemon;
pub mod heartbeat;
pub mod hints;
pub mod job;
pub mod local;
pub mod look;
pub mod products;
pub mod publish;
pub mod queue;
pub mod slots;
pub mod sweep;
#[cfg(test)]
mod testing;
pub mod tidy;
pub mod transport;
pub mod workbench;
