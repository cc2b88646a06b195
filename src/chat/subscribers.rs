//! The streams of the open turn, and the calls that wait for it.
//!
//! All of it is in memory and may be lost: a client that reconnects gets the present state.

use std::cell::{Cell, RefCell};

use bytes::Bytes;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::channel::oneshot::{Receiver, Sender, channel};

use super::events::{keep_alive, restart_event, text_event};
use crate::ai::Listener;

/// The most streams of one project, and the most calls that wait.
const MAX_SUBSCRIBERS: usize = 50;

/// The most events that wait for one stream. A stream that takes none is closed; its client may reconnect.
const MAX_BACKLOG: usize = 5_000;

#[derive(Debug, Default)]
pub(super) struct Subscribers {
    streams: RefCell<Vec<UnboundedSender<Bytes>>>,
    /// The calls that wait for the turn to change its state. The model's text does not wake them.
    waiters: RefCell<Vec<Sender<()>>>,
    /// The model's text so far, of the answer in progress.
    text: RefCell<String>,
    /// The last status that was sent, as JSON.
    pub status: RefCell<String>,
    /// An event was sent since the last keep-alive.
    is_active: Cell<bool>,
}

impl Subscribers {
    /// Adds a stream. Returns `None` if there are too many.
    pub fn subscribe(&self) -> Option<UnboundedReceiver<Bytes>> {
        let mut streams = self.streams.borrow_mut();
        streams.retain(|stream| !stream.is_closed());
        if streams.len() >= MAX_SUBSCRIBERS {
            return None;
        }
        let (sender, receiver) = unbounded();
        streams.push(sender);
        Some(receiver)
    }

    /// Resolves when the turn's state may have changed. Returns `None` if too many calls wait.
    pub fn wait(&self) -> Option<Receiver<()>> {
        let mut waiters = self.waiters.borrow_mut();
        waiters.retain(|waiter| !waiter.is_canceled());
        if waiters.len() >= MAX_SUBSCRIBERS {
            return None;
        }
        let (sender, receiver) = channel();
        waiters.push(sender);
        Some(receiver)
    }

    /// Wakes all waiting calls.
    pub fn wake(&self) {
        for waiter in self.waiters.take() {
            // A call that has left needs no answer.
            let _ = waiter.send(());
        }
    }

    /// Sends an event to all streams.
    pub fn send(&self, event: Bytes) {
        self.is_active.set(true);
        let send = |stream: &UnboundedSender<Bytes>| {
            stream.len() < MAX_BACKLOG && stream.unbounded_send(event.clone()).is_ok()
        };
        self.streams.borrow_mut().retain(send);
    }

    /// Sends a comment to all streams if they had no event since the last call.
    pub fn keep_alive(&self) {
        if !self.is_active.replace(false) {
            self.send(keep_alive());
            self.is_active.set(false);
        }
    }

    /// Ends all streams, because the turn has ended.
    pub fn end(&self) {
        self.streams.borrow_mut().clear();
        self.clear();
    }

    /// Forgets text and status, because another step begins.
    pub fn clear(&self) {
        self.text.borrow_mut().clear();
        self.status.borrow_mut().clear();
    }

    pub fn text(&self) -> String {
        self.text.borrow().clone()
    }
}

impl Listener for Subscribers {
    fn text(&self, added: &str) {
        self.text.borrow_mut().push_str(added);
        self.send(text_event(added));
    }

    fn restart(&self) {
        self.text.borrow_mut().clear();
        self.send(restart_event());
    }
}
