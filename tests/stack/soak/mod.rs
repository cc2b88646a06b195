//! Nothing lost and nothing twice: real parts are killed, closed off and lied to, and in the end every version must be
//! what it would have been without that.
//!
//! A tenth of it in `make test`, in full with `PARTWRIGHT_SOAK=1` (`make soak`), there on both stores. `PARTWRIGHT_SEED`
//! repeats what was random.
//!
//! - `scripts`: what is sent, such that a mix-up shows
//! - `reckoning`: what must be true in the end
//! - `kills`: runners that are killed, at random and at the worst moments
//! - `outage`: a bucket that is away for a while
//! - `faults`: a bucket that answers with errors, late, in part or not at all
//! - `worker`: a Worker that is killed between the steps of an upload
//! - `many`: many runners and many scripts

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
    on_each_store("random kills", |stack, random| Box::pin(runner_kills::at_random(stack, random)));
}

#[test]
fn kills_between_two_steps_lose_nothing() {
    on_each_store("kills between two steps", |stack, _| Box::pin(runner_kills::between_two_steps(stack)));
}

#[test]
fn an_outage_loses_nothing() {
    on_each_store("outage", |stack, _| Box::pin(outage::during_uploads(stack)));
}

#[test]
fn random_faults_lose_nothing() {
    on_each_store("random faults", |stack, random| Box::pin(faults::at_random(stack, random)));
}

#[test]
fn killed_workers_lose_nothing() {
    on_each_store("killed Workers", |stack, _| Box::pin(worker_kills::killed_between_two_steps(stack)));
}

#[test]
fn four_runners_share_a_long_queue() {
    on_each_store("four runners", |stack, _| Box::pin(long_queue::four_runners(stack)));
}

/// Whether all of it is to be done, rather than a tenth.
fn is_soak() -> bool {
    std::env::var_os("PARTWRIGHT_SOAK").is_some()
}

/// `full` of something, or a tenth of it.
fn tenth_of(full: u64) -> u64 {
    if is_soak() { full } else { full / 10 }
}

type Program = for<'a> fn(&'a Stack, Random) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Runs a program on a stack of its own: on SeaweedFS, and in full on wrangler's R2 too.
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
