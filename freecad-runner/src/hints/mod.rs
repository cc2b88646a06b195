//! Hints between runner and Worker: progress and results go out, wake-ups come in. They make everything faster and decide
//! nothing: without the Worker, polling finds the same.
//!
//! - `outbox`: events that wait to be sent
//! - `post`: sends them
//! - `wake`: receives wake-ups
//!
//! Invariants: no job waits for a hint; a hint that comes in is checked against the bucket.

mod outbox;
mod post;
mod wake;

use std::cell::RefCell;
use std::time::Duration;

use contract::{RunId, Wake};
use platform::{Backoff, Http, Jitter};
use tokio::sync::{Notify, broadcast};

use crate::config::WorkerLink;
use crate::queue::Job;
use crate::transport::SystemClock;
use outbox::{JobEvent, Outbox};
pub use wake::{ByteStream, Dial};

/// The number of cancellations that wait for a job. A job that misses some checks for its report.
const CANCELLATION_BUFFER: usize = 64;

/// The pause before the Worker is asked again. The jitter keeps many runners from coming back at once.
const WORKER_BACKOFF: Backoff =
    Backoff::new(Duration::from_secs(1), Duration::from_secs(60)).with_jitter(Jitter::Equal);

/// The hints of all jobs. They may be used at any time, with or without a Worker.
#[derive(Debug)]
pub struct Hints {
    /// Whether there is a Worker. Without one, nothing is recorded.
    has_worker: bool,
    outbox: RefCell<Outbox>,
    /// The outbox has a new event.
    filled: Notify,
    /// A poll is requested. Several requests count as one.
    poll: Notify,
    cancelled: broadcast::Sender<Job>,
}

impl Hints {
    pub fn new(has_worker: bool) -> Self {
        Self {
            has_worker,
            outbox: RefCell::default(),
            filled: Notify::new(),
            poll: Notify::new(),
            cancelled: broadcast::channel(CANCELLATION_BUFFER).0,
        }
    }

    /// An attempt was created.
    pub fn claimed(&self, job: &Job, run: &RunId) {
        self.record(job, run, JobEvent::Claimed);
    }

    /// The attempt has reached a phase: `script`, `export`, `drawing`, `publishing`.
    pub fn phase(&self, job: &Job, run: &RunId, phase: &str) {
        self.record(job, run, JobEvent::Phase(phase));
    }

    /// The attempt's script has printed a line. Returns at once, however much a script prints.
    pub fn line(&self, job: &Job, run: &RunId, line: &str) {
        self.record(job, run, JobEvent::Line(line));
    }

    /// The attempt's report is in the bucket.
    pub fn done(&self, job: &Job, run: &RunId) {
        self.record(job, run, JobEvent::Done);
    }

    /// The attempt ended without a report.
    pub fn forget(&self, run: &RunId) {
        self.outbox.borrow_mut().forget(run);
    }

    /// Asks the daemon to poll the queue.
    pub fn request_poll(&self) {
        self.poll.notify_one();
    }

    /// Waits until a poll is requested.
    pub async fn poll_requested(&self) {
        self.poll.notified().await;
    }

    /// The versions that are cancelled from now on, as far as hints say.
    pub fn cancellations(&self) -> broadcast::Receiver<Job> {
        self.cancelled.subscribe()
    }

    /// Takes in a message of the Worker.
    pub(crate) fn receive(&self, text: &str) {
        match serde_json::from_str(text) {
            Ok(Wake::Look) => self.request_poll(),
            // It may be another runner's job.
            Ok(Wake::Cancelled { project, version }) => drop(self.cancelled.send((project, version))),
            Err(error) => tracing::debug!(%error, "the Worker sent a message that is not a wake-up"),
        }
    }

    fn record(&self, job: &Job, run: &RunId, event: JobEvent<'_>) {
        if self.has_worker {
            self.outbox.borrow_mut().put(job, run, event);
            self.filled.notify_one();
        }
    }
}

/// Runs `work`, and exchanges hints with the Worker if there is one. Events that are left when `work` ends get one more
/// request.
pub async fn exchange_during<T>(
    link: Option<&WorkerLink>,
    network: &(impl Http + Dial),
    clock: &SystemClock,
    hints: &Hints,
    work: impl Future<Output = T>,
) -> T {
    let Some(link) = link else { return work.await };
    if !link.is_private() {
        tracing::warn!("PARTWRIGHT_URL is not https: RUNNER_TOKEN is sent in plain text");
    }
    let outcome = tokio::select! {
        outcome = work => outcome,
        never = post::post(link, network, clock, hints) => match never {},
        never = wake::listen(link, network, clock, hints) => match never {},
    };
    post::post_rest(link, network, clock, hints).await;
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_message_is_a_poll_a_cancellation_or_ignored() {
        let hints = Hints::new(true);
        let mut cancelled = hints.cancellations();
        for ignored in ["", "{}", "[]", r#"{"wake":"sleep"}"#, r#"{"wake":"cancelled","project":"..","version":0}"#] {
            hints.receive(ignored);
        }
        assert!(cancelled.try_recv().is_err());
        assert!(futures::poll!(Box::pin(hints.poll_requested())).is_pending());
        hints.receive(r#"{"wake":"look"}"#);
        hints.receive(r#"{"wake":"look"}"#);
        hints.poll_requested().await;
        assert!(futures::poll!(Box::pin(hints.poll_requested())).is_pending(), "two count as one");
        hints.receive(r#"{"wake":"cancelled","project":"p","version":3}"#);
        assert_eq!(cancelled.recv().await.unwrap(), ("p".parse().unwrap(), 3.try_into().unwrap()));
    }
}
