//! The whole stack with real parts: workerd under wrangler dev, the real `freecad-runner`, real FreeCAD, and each of two
//! real stores. Both run the same scenarios; what differs between stores is in `store.rs` alone.
//!
//! In reading order:
//!
//! - `tools`: where the programs are that the tests start
//! - `process`: a program that was started, and its certain end
//! - `wait`: waiting for something to come true
//! - `http`: plain HTTP, as a browser or `curl` speaks it
//! - `socket`: a WebSocket
//! - `store`, `worker`, `runner`: the three parts
//! - `provider`: language models
//! - `gate`: a way to the store that can be closed
//! - `site`: another site: somebody else's pages, or the address of an issuer's keys, with which `signer` signs tokens
//! - `random`, `proxy`: a way to the store that holds requests and breaks them
//! - `stack`: the three together
//! - `project`: what a person does with one project
//! - `browser`: Chromium, driven by Playwright
//! - `scenarios`: what is shown
//! - `fuzz`: that the API is what its OpenAPI document says, whatever is sent
//! - `soak`: that nothing is lost and nothing comes twice, whatever is killed, closed or broken
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
use parts::{http, process, project, proxy, random, runner, stack, store, store_suite as suite, tools, wait, worker};
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
