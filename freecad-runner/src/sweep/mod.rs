//! The sweep: finds scripts that nobody made a ticket for, and makes one; tidies up what was left of versions that are
//! done; and removes files and logs that no report names. It reads the whole bucket, so one runner at a time does it,
//! a little with each poll.
//!
//! - `election`: which runner it is
//! - `failing`: what cannot be mended
//! - `round`: scripts, reports and what is pending, against each other
//! - `orphans`: files and logs against reports
//!
//! Invariants: an election that goes wrong costs requests, nothing else, since two sweepers do no harm; and what a poll
//! costs does not grow with the bucket.

mod election;
mod failing;
mod orphans;
mod round;

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

use platform::Clock;
use tokio::sync::{Notify, mpsc, watch};
use tracing::{info, warn};

use crate::job::Tools;
use crate::queue::{Job, Pending};
use election::Election;
use orphans::Orphans;
use round::Round;

/// How many pages of scripts and reports one poll reads. Where the orphans' pass has a report to read, that takes the
/// place of one: what a poll costs is the same then.
const PAGES: usize = 2;

/// What a round of looks showed under `pending/`, all of it.
pub type Snapshot = Rc<HashMap<Job, Pending>>;

/// The way of snapshots to the sweep. One waits there; whoever has a newer one leaves it out then.
pub fn snapshots() -> (mpsc::Sender<Snapshot>, mpsc::Receiver<Snapshot>) {
    mpsc::channel(1)
}

/// Sweeps whenever this runner is the one to do it, until `stopping` turns true; then gives that up.
pub async fn run(tools: Tools<'_>, mut snapshots: mpsc::Receiver<Snapshot>, stopping: watch::Receiver<bool>) {
    let post = Post::default();
    tokio::select! {
        () = hold(tools, &post, stopping) => {}
        () = sweep(tools, &post, &mut snapshots) => {}
    }
}

/// Whether this runner is the sweeper.
#[derive(Debug, Default)]
struct Post {
    is_held: Cell<bool>,
    changed: Notify,
}

impl Post {
    fn set(&self, is_held: bool) {
        if self.is_held.replace(is_held) != is_held {
            info!("{}", if is_held { "this runner sweeps the bucket" } else { "this runner sweeps no more" });
            self.changed.notify_one();
        }
    }
}

/// Stands for election, again and again.
async fn hold(tools: Tools<'_>, post: &Post, mut stopping: watch::Receiver<bool>) {
    let mut election = Election::new(tools.config);
    loop {
        let began = tools.clock.monotonic();
        election.vote(tools.client, tools.clock).await;
        post.set(election.is_won());
        let pause = (began + election.pause()).saturating_sub(tools.clock.monotonic());
        tokio::select! {
            // A sender that is gone counts as a wish to stop.
            _ = stopping.wait_for(|stop| *stop) => break,
            () = tools.clock.sleep(pause) => {}
        }
    }
    post.set(false);
    election.leave(tools.client).await;
}

/// Sweeps a little with each snapshot, at most once a poll, while the post is held.
async fn sweep(tools: Tools<'_>, post: &Post, snapshots: &mut mpsc::Receiver<Snapshot>) {
    let mut is_failing = false;
    loop {
        while !post.is_held.get() {
            post.changed.notified().await;
        }
        // What waits there may be from long ago.
        while snapshots.try_recv().is_ok() {}
        let (mut round, mut orphans) = (Round::default(), Orphans::default());
        while post.is_held.get() {
            let Some(snapshot) = snapshots.recv().await else { return std::future::pending().await };
            let began = tools.clock.monotonic();
            let pages = PAGES - usize::from(orphans.has_suspects());
            let made = round.step(tools.client, &snapshot, pages, began).await;
            if let Ok(made @ 1..) = made {
                info!(tickets = made, "found scripts without a ticket");
                tools.hints.ask_for_look();
            }
            // Whatever came of the scripts.
            let looked = orphans.step(tools.client, &snapshot, tools.clock.monotonic()).await;
            match made.and(looked) {
                Ok(()) if std::mem::take(&mut is_failing) => info!("the sweep goes on"),
                Err(error) if !std::mem::replace(&mut is_failing, true) => {
                    warn!(%error, "the sweep stands still; it goes on when the store can be asked");
                }
                _ => {}
            }
            tools.clock.sleep((began + tools.config.poll).saturating_sub(tools.clock.monotonic())).await;
        }
    }
}
