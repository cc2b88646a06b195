//! What the service takes, beside what its predecessor's recipe takes, on the same bucket in the same run: `make bench`.
//!
//! Prints a table of ratios and keeps it as `tests/bench/RESULTS.md`. `ONLY=idle` measures the one part with that name;
//! `PARTWRIGHT_BENCH_QUICK=1` does a little of each, to see that it works; neither of the two is kept.
//!
//! - `table`: figures, targets, and the page that keeps them
//! - `baseline`: the recipe to compare with
//! - `latency`: from the upload to the commit
//! - `versions`: a project with many versions
//! - `idle`: what a runner asks of a store when there is nothing to do
//! - `uploads`: many at once
//! - `signing`: links, beside aws4fetch in one workerd
//! - `engine`: the engine, and the Worker's size
//!
//! Store, Worker, runner and proxy are those of the whole-stack tests.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a measurement that fails says so by panicking"
)]
#![expect(clippy::cast_precision_loss, reason = "counts are small")]

mod baseline;
mod engine;
mod idle;
mod latency;
mod signing;
mod table;
mod uploads;
mod versions;

use freecad_runner::transport;
use futures::future::LocalBoxFuture;
use tokio::task::LocalSet;

use parts::{http, project, proxy, random, runner, stack, store, tools, wait, worker};
use stack::Stack;
use store::Kind;
use table::Table;
use testkit::memory_store;

/// A part: its name, and what it measures.
type Part = (&'static str, for<'a> fn(&'a Stack, &'a mut Table) -> LocalBoxFuture<'a, ()>);

/// In the order of the page.
const PARTS: &[Part] = &[
    ("latency", |stack, table| Box::pin(latency::measure(stack, table))),
    ("engine", |stack, table| Box::pin(engine::measure(stack, table))),
    ("signing", |stack, table| Box::pin(signing::measure(stack, table))),
    ("versions", |stack, table| Box::pin(versions::measure(stack, table))),
    ("idle", |stack, table| Box::pin(idle::measure(stack, table))),
    ("size", |_, table| Box::pin(async { engine::worker_size(table) })),
    ("uploads", |stack, table| Box::pin(uploads::measure(stack, table))),
];

/// Whether only a little of each is to be done.
fn is_quick() -> bool {
    std::env::var_os("PARTWRIGHT_BENCH_QUICK").is_some_and(|value| !value.is_empty())
}

/// How many of something: `full`, or few.
fn many<T>(full: T, quick: T) -> T {
    if is_quick() { quick } else { full }
}

fn main() {
    let only = std::env::var("ONLY").unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let table = LocalSet::new().block_on(&runtime, async {
        let mut table = Table::default();
        for (name, part) in PARTS.iter().filter(|(name, _)| only.is_empty() || *name == only) {
            // A stack of its own for each: no part pays for what another left.
            println!("=== {name}");
            let stack = Stack::start(Kind::WranglerR2).await;
            part(&stack, &mut table).await;
        }
        table
    });
    println!("\n{}", table.page());
    if only.is_empty() && !is_quick() {
        let path = tools::root().join("tests/bench/RESULTS.md");
        std::fs::write(&path, table.page()).unwrap();
        println!("kept as {}", path.display());
    }
}
