//! The whole stack with real parts: workerd under wrangler dev, the real `freecad-runner`, real FreeCAD, and two real
//! stores. Both stores run the same scenarios; only `parts::store` knows their differences.
//!
//! The parts themselves are in `tests/parts`. In reading order:
//!
//! - `socket`: a WebSocket
//! - `provider`: language models
//! - `gate`: a connection to the store that can be closed
//! - `site`: another web site, or an issuer's key set
//! - `browser`: Chromium, driven by Playwright
//! - `scenarios`: the behaviour of the service
//! - `fuzz`: the API against its OpenAPI document
//! - `soak`: kills, outages and faults lose nothing and repeat nothing
#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod browser;
mod fuzz;
mod gate;
mod provider;
mod scenarios;
mod site;
mod soak;
mod socket;

use freecad_runner::transport;
use parts::{http, process, project, proxy, random, runner, stack, store, store_suite, tools, wait, worker};
use testkit::signer;

use stack::Stack;
use store::Kind;

#[test]
fn on_wrangler_r2() {
    run(Kind::WranglerR2);
}

#[test]
fn on_seaweedfs() {
    run(Kind::SeaweedFs);
}

fn run(store: Kind) {
    scenarios::check_choice();
    // One thread, like the runner: the library's futures stay on it.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stack = Stack::start(store).await;
        scenarios::run_all(&stack).await;
    });
}
