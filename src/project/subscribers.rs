//! Subscribers: requests that wait for another status, and what watchers were sent last.

use std::cell::RefCell;

use futures::channel::oneshot::{Receiver, Sender, channel};

use super::view::StatusView;
use contract::{Phase, ProjectStatus, StatusCode, Version};

/// The most requests that wait for a status of one project. Further ones are answered at once.
const MAX_WAITING: usize = 1_000;

#[derive(Debug, Default)]
pub(super) struct Subscribers {
    waiting: RefCell<Vec<(StatusFingerprint, Sender<()>)>>,
    /// The last message to the watchers.
    last_message: RefCell<Option<String>>,
}

/// The parts of a status whose change ends a wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StatusFingerprint {
    status: ProjectStatus,
    code: Option<StatusCode>,
    version: Option<(Version, Phase, Option<u32>)>,
    progress: Option<String>,
    is_repaired: bool,
    /// The magnitude of the place in the queue: not each step counts, but each halving.
    ahead: u32,
}

impl StatusFingerprint {
    pub fn of(view: &StatusView) -> Self {
        Self {
            status: view.status,
            code: view.code,
            version: view.newest.as_ref().map(|newest| (newest.version, newest.phase, newest.attempt)),
            progress: view.progress.as_ref().map(|progress| progress.phase.clone()),
            is_repaired: view.repair.is_some(),
            ahead: view.queue.map_or(0, |place| u64::BITS - place.ahead.leading_zeros()),
        }
    }
}

impl Subscribers {
    pub fn is_any_waiting(&self) -> bool {
        !self.waiting.borrow().is_empty()
    }

    /// Waits for a status with another fingerprint; none if too many requests wait.
    pub fn wait(&self, seen: &StatusFingerprint) -> Option<Receiver<()>> {
        let mut waiting = self.waiting.borrow_mut();
        waiting.retain(|(_, sender)| !sender.is_canceled());
        if waiting.len() >= MAX_WAITING {
            return None;
        }
        let (sender, receiver) = channel();
        waiting.push((seen.clone(), sender));
        Some(receiver)
    }

    /// Wakes the requests that have seen another fingerprint than `now`.
    pub fn wake(&self, now: &StatusFingerprint) {
        let (woken, rest): (Vec<_>, _) = self.waiting.take().into_iter().partition(|(seen, _)| seen != now);
        *self.waiting.borrow_mut() = rest;
        for (_, sender) in woken {
            // The request may have ended.
            let _ = sender.send(());
        }
    }

    /// Whether the watchers have not got this message yet. If so, counts it as sent.
    pub fn is_news(&self, message: &str) -> bool {
        let mut last = self.last_message.borrow_mut();
        let is_news = last.as_deref() != Some(message);
        if is_news {
            *last = Some(message.to_owned());
        }
        is_news
    }
}
