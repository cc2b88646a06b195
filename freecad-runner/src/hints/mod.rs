//! Hints between the jobs here and the Worker: how they go on, out; that there is something to look at, in. They make
//! everything faster and decide nothing: with the Worker away, or without one, polling finds the same.
//!
//! - `outbox`: what waits to be told
//! - `post`: tells it
//! - `wake`: listens
//!
//! Invariants: no job waits for a hint; what is heard is never believed, only looked at.

mod outbox;
mod post;
mod wake;

use std::cell::RefCell;
use std::time::Duration;

use contract::{RunId, Wake};
use platform::{Clock, Http};
use tokio::sync::{Notify, broadcast};

use crate::config::WorkerLink;
use crate::queue::Job;
use crate::transport::SystemClock;
use outbox::{Outbox, Word};
pub use wake::{ByteStream, Dial};

/// How many cancellations wait for a job that does not listen just now. One that misses some looks for its report.
const CANCELLATIONS: usize = 64;

/// The first pause after the Worker could not be reached, and the longest; each failure doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What the jobs say and hear. Whoever holds it may use it at any time, whether there is a Worker or not.
#[derive(Debug)]
pub struct Hints {
    /// Whether there is anybody to tell.
    is_linked: bool,
    outbox: RefCell<Outbox>,
    /// The outbox has something new.
    filled: Notify,
    /// A look at the queue is worth while. One is remembered however often that is said.
    look: Notify,
    cancelled: broadcast::Sender<Job>,
}

impl Hints {
    /// With a Worker or without; without, what is said is nothing.
    pub fn new(is_linked: bool) -> Self {
        Self {
            is_linked,
            outbox: RefCell::default(),
            filled: Notify::new(),
            look: Notify::new(),
            cancelled: broadcast::channel(CANCELLATIONS).0,
        }
    }

    /// An attempt was created.
    pub fn claimed(&self, job: &Job, run: &RunId) {
        self.say(job, run, Word::Claimed);
    }

    /// The attempt has come to a phase: `script`, `export`, `drawing`, `publishing`.
    pub fn phase(&self, job: &Job, run: &RunId, phase: &str) {
        self.say(job, run, Word::Phase(phase));
    }

    /// The attempt's script has printed a line. Returns at once, whatever a script prints.
    pub fn line(&self, job: &Job, run: &RunId, line: &str) {
        self.say(job, run, Word::Line(line));
    }

    /// The attempt's report is in the bucket.
    pub fn done(&self, job: &Job, run: &RunId) {
        self.say(job, run, Word::Done);
    }

    /// The attempt is over, and there is nothing to tell.
    pub fn over(&self, run: &RunId) {
        self.outbox.borrow_mut().forget(run);
    }

    /// Asks the daemon for a look at the queue.
    pub fn ask_for_look(&self) {
        self.look.notify_one();
    }

    /// Waits until somebody asks for a look.
    pub async fn look_asked(&self) {
        self.look.notified().await;
    }

    /// The versions that are said to be cancelled, from now on.
    pub fn cancellations(&self) -> broadcast::Receiver<Job> {
        self.cancelled.subscribe()
    }

    /// Takes in what the Worker says. Anything else than its words is nothing.
    pub(crate) fn heard(&self, text: &str) {
        match serde_json::from_str(text) {
            Ok(Wake::Look) => self.ask_for_look(),
            // Nobody may be running it.
            Ok(Wake::Cancelled { project, version }) => drop(self.cancelled.send((project, version))),
            Err(error) => tracing::debug!(%error, "the Worker says something that is no wake-up"),
        }
    }

    fn say(&self, job: &Job, run: &RunId, word: Word<'_>) {
        if !self.is_linked {
            return;
        }
        self.outbox.borrow_mut().put(job, run, word);
        self.filled.notify_one();
    }
}

/// Does `what`, and meanwhile tells the Worker and listens to it, where there is one. What is not told when `what` ends
/// gets one more request.
pub async fn beside<T>(
    link: Option<&WorkerLink>,
    (http, dial): (&dyn Http, &dyn Dial),
    clock: &SystemClock,
    hints: &Hints,
    what: impl Future<Output = T>,
) -> T {
    let Some(link) = link else { return what.await };
    if !link.is_private() {
        tracing::warn!("PARTWRIGHT_URL is not https: RUNNER_TOKEN is sent in plain text");
    }
    let outcome = tokio::select! {
        outcome = what => outcome,
        never = post::post(link, http, clock, hints) => match never {},
        never = wake::listen(link, dial, clock, hints) => match never {},
    };
    post::post_rest(link, http, clock, hints).await;
    outcome
}

/// The pause after so many failures in a row, from 1: doubling, and random in its upper half, so that not all runners
/// come back at once.
fn backoff(failures: u32) -> Duration {
    let full = FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(LONGEST_PAUSE);
    let random = f64::from(getrandom::u32().unwrap_or_default()) / f64::from(u32::MAX);
    full / 2 + full.mul_f64(random / 2.0)
}

/// Waits as long as [`backoff`] says.
async fn back_off(clock: &SystemClock, failures: u32) {
    clock.sleep(backoff(failures)).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_stay_within_a_minute() {
        for (failures, longest) in [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (1_000, 60)] {
            let longest = Duration::from_secs(longest);
            for _ in 0..100 {
                let pause = backoff(failures);
                assert!(longest / 2 <= pause && pause <= longest, "{failures}: {pause:?}");
            }
        }
    }

    #[tokio::test]
    async fn what_is_heard_is_a_look_a_cancellation_or_nothing() {
        let hints = Hints::new(true);
        let mut cancelled = hints.cancellations();
        for nothing in ["", "{}", "[]", r#"{"wake":"sleep"}"#, r#"{"wake":"cancelled","project":"..","version":0}"#] {
            hints.heard(nothing);
        }
        assert!(cancelled.try_recv().is_err());
        assert!(futures::poll!(Box::pin(hints.look_asked())).is_pending());
        hints.heard(r#"{"wake":"look"}"#);
        hints.heard(r#"{"wake":"look"}"#);
        hints.look_asked().await;
        assert!(futures::poll!(Box::pin(hints.look_asked())).is_pending(), "two are one");
        hints.heard(r#"{"wake":"cancelled","project":"p","version":3}"#);
        assert_eq!(cancelled.recv().await.unwrap(), ("p".parse().unwrap(), 3.try_into().unwrap()));
    }
}
