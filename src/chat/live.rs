//! Who listens to the turn that is open, and who waits for it to go on. All of it is in memory and may be lost: who
//! comes again is told what is so then.

use std::cell::{Cell, RefCell};

use bytes::Bytes;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};

use super::words::{keep_alive, restart_event, text_event};
use crate::ai::Listener;

/// The most streams and waiting calls of one project at once.
const MOST_LISTENERS: usize = 50;

/// The most events that one listener may be behind. One that takes none is let go: it may come again.
const FARTHEST_BEHIND: usize = 5_000;

/// What of it one wants to hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hears {
    /// Every event.
    Everything,
    /// Not the model's words: they change nothing for who waits for the next state.
    Changes,
}

/// Who listens.
#[derive(Debug, Default)]
pub(super) struct Live {
    listeners: RefCell<Vec<(Hears, UnboundedSender<Bytes>)>>,
    /// What the model has said so far of the answer that it is at.
    text: RefCell<String>,
    /// The last status that was told.
    pub status: RefCell<String>,
    /// Something was said since the last tick.
    has_spoken: Cell<bool>,
}

impl Live {
    /// One more listener; none where there are too many.
    pub fn join(&self, hears: Hears) -> Option<UnboundedReceiver<Bytes>> {
        let mut listeners = self.listeners.borrow_mut();
        listeners.retain(|(_, listener)| !listener.is_closed());
        if listeners.len() >= MOST_LISTENERS {
            return None;
        }
        let (tell, told) = unbounded();
        listeners.push((hears, tell));
        Some(told)
    }

    /// Tells all who listen.
    pub fn tell(&self, event: Bytes) {
        self.tell_those(event, |_| true);
    }

    /// Tells those who want to hear this; lets go who cannot.
    fn tell_those(&self, event: Bytes, wants: impl Fn(Hears) -> bool) {
        self.has_spoken.set(true);
        self.listeners.borrow_mut().retain(|(hears, listener)| {
            !wants(*hears) || (listener.len() < FARTHEST_BEHIND && listener.unbounded_send(event.clone()).is_ok())
        });
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
        self.tell_those(text_event(added), |hears| hears == Hears::Everything);
    }

    fn again(&self) {
        self.text.borrow_mut().clear();
        self.tell(restart_event());
    }
}
