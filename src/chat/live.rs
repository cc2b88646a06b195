//! Who listens to the turn that is open, and who waits for it to go on. All of it is in memory and may be lost: who
//! comes again is told what is so then.

use std::cell::{Cell, RefCell};

use bytes::Bytes;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::channel::oneshot::{Receiver, Sender, channel};

use super::words::{keep_alive, restart_event, text_event};
use crate::ai::Listener;

/// The most streams of one project at once, and the most calls that wait.
const MOST_LISTENERS: usize = 50;

/// The most events that one listener may be behind. One that takes none is let go: it may come again.
const FARTHEST_BEHIND: usize = 5_000;

/// Who listens.
#[derive(Debug, Default)]
pub(super) struct Live {
    listeners: RefCell<Vec<UnboundedSender<Bytes>>>,
    /// Who waits for the turn to stand elsewhere. What the model says is nothing to them.
    waiting: RefCell<Vec<Sender<()>>>,
    /// What the model has said so far of the answer that it is at.
    text: RefCell<String>,
    /// The last status that was told.
    pub status: RefCell<String>,
    /// Something was said since the last tick.
    has_spoken: Cell<bool>,
}

impl Live {
    /// One more listener; none where there are too many.
    pub fn join(&self) -> Option<UnboundedReceiver<Bytes>> {
        let mut listeners = self.listeners.borrow_mut();
        listeners.retain(|listener| !listener.is_closed());
        if listeners.len() >= MOST_LISTENERS {
            return None;
        }
        let (tell, told) = unbounded();
        listeners.push(tell);
        Some(told)
    }

    /// Tells, once, that the turn may stand elsewhere; none where too many wait.
    pub fn wait(&self) -> Option<Receiver<()>> {
        let mut waiting = self.waiting.borrow_mut();
        waiting.retain(|tell| !tell.is_canceled());
        if waiting.len() >= MOST_LISTENERS {
            return None;
        }
        let (tell, told) = channel();
        waiting.push(tell);
        Some(told)
    }

    /// Tells all who wait.
    pub fn wake(&self) {
        for tell in self.waiting.take() {
            // One who has left needs no answer.
            let _ = tell.send(());
        }
    }

    /// Tells all who listen.
    pub fn tell(&self, event: Bytes) {
        self.has_spoken.set(true);
        let tell = |listener: &UnboundedSender<Bytes>| {
            listener.len() < FARTHEST_BEHIND && listener.unbounded_send(event.clone()).is_ok()
        };
        self.listeners.borrow_mut().retain(tell);
    }

    /// Keeps the connections that had nothing to hear since the last tick.
    pub fn tick(&self) {
        if !self.has_spoken.replace(false) {
            self.tell(keep_alive());
            self.has_spoken.set(false);
        }
    }

    /// The turn has ended: so do the streams.
    pub fn end(&self) {
        self.listeners.borrow_mut().clear();
        self.begin_answer();
    }

    /// The model is asked for an answer.
    pub fn begin_answer(&self) {
        self.text.borrow_mut().clear();
        self.status.borrow_mut().clear();
    }

    /// What the model has said so far.
    pub fn text(&self) -> String {
        self.text.borrow().clone()
    }
}

impl Listener for Live {
    fn text(&self, added: &str) {
        self.text.borrow_mut().push_str(added);
        self.tell(text_event(added));
    }

    fn restart(&self) {
        self.text.borrow_mut().clear();
        self.tell(restart_event());
    }
}
