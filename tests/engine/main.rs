//! The engine as it ships: `freecad-runner run` on a corpus of scripts, in the jail, with real FreeCAD.
//!
//! - `corpus`: the scripts, each a folder with `script.py` and `expected.json`
//! - `batch`: many scripts through one runner
//! - `expected`: what a report must say
//! - `machine`: what must be left of them: nothing
//! - `processes`: what the runner's processes hold while they run
//! - `jobs`: scripts of people, under `freecad-runner/tests/jobs/`
//! - `hostile`: scripts that attack, under `freecad-runner/tests/hostile/`
//! - `examples`: the scripts of `assets/examples`, whatever their parameters
//! - `surroundings`: what the runner is started with
//! - `terminal`: what a person sees who runs a script, and what a signal leaves
//! - `servers`: fork servers that are replaced
//! - `soak`: many jobs in a row
//!
//! It needs what the runner needs: FreeCAD, Landlock, and root (without root scripts run as the same user, and what
//! needs users of their own fails). `PARTWRIGHT_RUNNER` names the program under test.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says so by panicking")]

mod batch;
mod corpus;
mod examples;
mod expected;
mod hostile;
mod jobs;
mod machine;
mod processes;
mod servers;
mod soak;
mod surroundings;
mod terminal;
