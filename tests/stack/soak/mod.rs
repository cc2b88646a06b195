//! Nothing is lost and nothing happens twice: real parts are killed and disconnected, and the store fails. At the end
//! every version must be the same as without faults.
//!
//! `make test` runs a tenth. `PARTWRIGHT_SOAK=1` (`make soak`) runs everything, on both stores. `PARTWRIGHT_SEED`
//! repeats the random choices.
//!
//! - `scripts`: scripts that reveal a mix-up
//! - `verify`: the checks at the end
//! - `runner_kills`: runners killed at random and at the worst moments
//! - `outage`: an outage of the store
//! - `faults`: a store that responds with errors, late, partly or not at all
//! - `worker_kills`: a Worker killed between the steps of an upload
//! - `long_queue`: many runners and many scripts

mod faults;
mod long_queue;
mod outage;
mod runner_kills;
mod scripts;
mod verify;
mod worker_kills;

use std::pin::Pin;

use crate::random::Random;
use crate::stack::Stack;
use crate::store::Kind;

#[test]
fn random_kills_lose_nothing() {
    on_each_store("random_kills", |stack, random| Box::pin(runner_kills::at_random(stack, random)));
}

#[test]
fn kills_between_two_steps_lose_nothing() {
    on_each_store("kills_between_two_steps", |stack, _| Box::pin(runner_kills::between_two_steps(stack)));
}

#[test]
fn an_outage_loses_nothing() {
    on_each_store("outage", |stack, _| Box::pin(outage::during_uploads(stack)));
}

#[test]
fn random_faults_lose_nothing() {
    on_each_store("random_faults", |stack, random| Box::pin(faults::at_random(stack, random)));
}

#[test]
fn killed_workers_lose_nothing() {
    on_each_store("killed_workers", |stack, _| Box::pin(worker_kills::killed_between_two_steps(stack)));
}

#[test]
fn four_runners_share_a_long_queue() {
    on_each_store("four_runners", |stack, _| Box::pin(long_queue::four_runners(stack)));
}

/// Whether to run everything rather than a tenth.
fn is_soak() -> bool {
    std::env::var_os("PARTWRIGHT_SOAK").is_some()
}

/// Returns `full`, or a tenth of it.
fn tenth_of(full: u64) -> u64 {
    if is_soak() { full } else { full / 10 }
}

type Program = for<'a> fn(&'a Stack, Random) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Runs a program on a new stack with SeaweedFS; a soak also runs it with wrangler's R2.
fn on_each_store(name: &str, program: Program) {
    let kinds: &[Kind] = if is_soak() { &[Kind::SeaweedFs, Kind::WranglerR2] } else { &[Kind::SeaweedFs] };
    for kind in kinds {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let stack = Stack::start(*kind).await;
            let began = stack.clock.monotonic();
            program(&stack, Random::seeded(name)).await;
            println!("{kind:?} {:6.1} s  ok  {name}", (stack.clock.monotonic() - began).as_secs_f64());
        });
    }
}
