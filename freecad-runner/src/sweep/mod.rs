//! The sweep: puts missing tickets for scripts, tidies up after finished versions, and removes orphaned files and logs. It
//! reads the whole bucket, so one runner at a time does it, a little with each poll.
//!
//! - `election`: which runner sweeps
//! - `round`: compares scripts, reports and `pending/`
//! - `repair`: the repairs that a round finds
//! - `failing`: the versions that could not be repaired
//! - `orphans`: compares files and logs with reports
//!
//! Invariants: two sweepers do no harm, so a wrong election costs requests only; the cost of a poll does not grow with the
//! bucket.

mod election;
mod failing;
mod orphans;
mod repair;
mod round;

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

use platform::Clock;
use tokio::sync::{Notify, mpsc, watch};
use tracing::{info, warn};

use crate::job::JobContext;
use crate::queue::{Job, Pending};
use election::Election;
use orphans::Orphans;
use round::Round;

/// The number of pages of scripts and reports that one poll reads. A report that `orphans` reads takes the place of one
/// page, so that each poll costs the same.
const PAGES_PER_STEP: usize = 2;

/// All versions under `pending/`, as one round of polls listed them.
pub type Snapshot = Rc<HashMap<Job, Pending>>;

/// The channel for snapshots to the sweep. It holds one; while it is full, newer ones are dropped.
pub fn snapshots() -> (mpsc::Sender<Snapshot>, mpsc::Receiver<Snapshot>) {
    mpsc::channel(1)
}

/// Sweeps while this runner is the elected one, until `stopping` turns true; then hands the sweep over.
pub async fn run(context: JobContext<'_>, mut snapshots: mpsc::Receiver<Snapshot>, stopping: watch::Receiver<bool>) {
    let office = Office::default();
    tokio::select! {
        () = stand_for_election(context, &office, stopping) => {}
        () = sweep(context, &office, &mut snapshots) => {}
    }
}

/// Whether this runner sweeps.
#[derive(Debug, Default)]
struct Office {
    is_held: Cell<bool>,
    changed: Notify,
}

impl Office {
    fn set(&self, is_held: bool) {
        if self.is_held.replace(is_held) != is_held {
            info!(
                "{}",
                if is_held { "this runner sweeps the bucket" } else { "this runner no longer sweeps the bucket" }
            );
            self.changed.notify_one();
        }
    }
}

/// Votes again and again.
async fn stand_for_election(context: JobContext<'_>, office: &Office, mut stopping: watch::Receiver<bool>) {
    let mut election = Election::new(context.config);
    loop {
        let started = context.clock.monotonic();
        election.vote(context.client, context.clock).await;
        office.set(election.is_won());
        let pause = (started + election.interval()).saturating_sub(context.clock.monotonic());
        tokio::select! {
            // A sender that is gone counts as a request to stop.
            _ = stopping.wait_for(|stop| *stop) => break,
            () = context.clock.sleep(pause) => {}
        }
    }
    office.set(false);
    election.leave(context.client).await;
}

/// Sweeps a little with each snapshot, at most once per poll, while this runner is elected.
async fn sweep(context: JobContext<'_>, office: &Office, snapshots: &mut mpsc::Receiver<Snapshot>) {
    let mut is_failing = false;
    loop {
        while !office.is_held.get() {
            office.changed.notified().await;
        }
        // A waiting snapshot may be old.
        while snapshots.try_recv().is_ok() {}
        let (mut round, mut orphans) = (Round::default(), Orphans::default());
        while office.is_held.get() {
            let Some(snapshot) = snapshots.recv().await else { return std::future::pending().await };
            let started = context.clock.monotonic();
            let pages = PAGES_PER_STEP - usize::from(orphans.has_suspects());
            let made = round.step(context.client, &snapshot, pages, started).await;
            if let Ok(made @ 1..) = made {
                info!(tickets = made, "found scripts without a ticket");
                context.hints.request_poll();
            }
            // Also after a failure above.
            let checked = orphans.step(context.client, &snapshot, context.clock.monotonic()).await;
            match made.and(checked) {
                Ok(()) if std::mem::take(&mut is_failing) => info!("the sweep continues"),
                Err(error) if !std::mem::replace(&mut is_failing, true) => {
                    warn!(%error, "the sweep waits until the store answers");
                }
                _ => {}
            }
            context.clock.sleep((started + context.config.poll).saturating_sub(context.clock.monotonic())).await;
        }
    }
}
