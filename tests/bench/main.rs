//! The service beside its predecessor's recipe, on the same bucket in the same run: `make bench`.
//!
//! Prints a table of ratios and saves it as `tests/bench/RESULTS.md`. `ONLY=idle` measures only the part with that
//! name. `PARTWRIGHT_BENCH_QUICK=1` does a little of each part, to check that it works. With either setting nothing is
//! saved.
//!
//! - `table`: results, targets, and the page that contains them
//! - `baseline`: the recipe for comparison
//! - `latency`: from the upload to the commit
//! - `versions`: a project with many versions
//! - `idle`: the requests of an idle runner
//! - `uploads`: many uploads at once
//! - `signing`: links, beside aws4fetch in one workerd
//! - `engine`: the engine, and the Worker's size
//!
//! Store, Worker, runner and proxy are the ones of the whole-stack tests.
#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a measurement fails by panicking")]
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

/// A part: its name and its measurement.
type Part = (&'static str, for<'a> fn(&'a Stack, &'a mut Table) -> LocalBoxFuture<'a, ()>);

/// All parts, in the order of the page. tools/bench.sh reads their names here.
const PARTS: &[Part] = &[
    ("latency", |stack, table| Box::pin(latency::measure(stack, table))),
    ("engine", |stack, table| Box::pin(engine::measure(stack, table))),
    ("signing", |stack, table| Box::pin(signing::measure(stack, table))),
    ("versions", |stack, table| Box::pin(versions::measure(stack, table))),
    ("idle", |stack, table| Box::pin(idle::measure(stack, table))),
    ("size", |_, table| Box::pin(async { engine::worker_size(table) })),
    ("uploads", |stack, table| Box::pin(uploads::measure(stack, table))),
];

/// Whether to do only a little of each part.
fn is_quick() -> bool {
    std::env::var_os("PARTWRIGHT_BENCH_QUICK").is_some_and(|value| !value.is_empty())
}

/// Returns `full`, or `quick` in a quick run.
fn many<T>(full: T, quick: T) -> T {
    if is_quick() { quick } else { full }
}

fn main() {
    let only = std::env::var("ONLY").unwrap_or_default();
    let names = PARTS.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    assert!(
        only.is_empty() || names.contains(&&*only),
        "ONLY: no part is named {only}. Use one of: {}",
        names.join(", ")
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let table = LocalSet::new().block_on(&runtime, async {
        let mut table = Table::default();
        for (name, part) in PARTS.iter().filter(|(name, _)| only.is_empty() || *name == only) {
            // Each part has its own stack, so that no part pays for another one's data.
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
        println!("saved as {}", path.display());
    }
}
