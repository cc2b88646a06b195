//! Tests of the engine as it ships: `freecad-runner run` on corpora of scripts, in the jail, with real FreeCAD.
//!
//! - `corpus`: reads the scripts, each a folder with `script.py` and `expected.json`
//! - `batch`: runs many scripts through one runner
//! - `expected`: compares a report with `expected.json`
//! - `leftovers`: finds processes and files that a runner left behind
//! - `processes`: measures the runner's processes while they run
//! - `jobs`: people's scripts, in `freecad-runner/tests/jobs/`
//! - `hostile`: scripts that attack, in `freecad-runner/tests/hostile/`
//! - `examples`: the scripts of `assets/examples`, with various parameters
//! - `inherited_environment`: a runner that is started with a strict umask
//! - `terminal`: the output at a terminal, and the end by a signal
//! - `servers`: the replacement of fork servers
//! - `soak`: many jobs in a row
//!
//! These tests need FreeCAD, Landlock and root. Without root, scripts run as the same user, and tests that need
//! separate users fail. `PARTWRIGHT_RUNNER` names the program to test.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot continue panics")]

mod batch;
mod corpus;
mod examples;
mod expected;
mod hostile;
mod inherited_environment;
mod jobs;
mod leftovers;
mod processes;
mod servers;
mod soak;
mod terminal;
