//! Processes: each runs until it is killed, and does nothing while it is suspended.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use futures::future::LocalBoxFuture;

/// One process, from its start to its end.
pub struct Process {
    /// Such as `runner-1#3`, the third process of that runner.
    pub name: String,
    state: Cell<State>,
    /// It was killed, suspended or cut off at some time, so another process may hold its work.
    pub was_disturbed: Cell<bool>,
    /// Its requests and their responses are lost.
    pub is_cut_off: Cell<bool>,
    wakers: RefCell<Vec<Waker>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    Suspended,
    Dead,
}

impl Process {
    pub fn new(name: String) -> Rc<Self> {
        Rc::new(Self {
            name,
            state: Cell::new(State::Running),
            was_disturbed: Cell::default(),
            is_cut_off: Cell::default(),
            wakers: RefCell::default(),
        })
    }

    pub fn is_dead(&self) -> bool {
        self.state.get() == State::Dead
    }

    /// Drops its work at the present await.
    pub fn kill(&self) {
        self.turn(State::Dead);
    }

    /// Stops it until it is resumed, while time passes.
    pub fn suspend(&self) {
        self.turn(State::Suspended);
    }

    /// Resumes it and reconnects it.
    pub fn resume(&self) {
        self.is_cut_off.set(false);
        if self.state.get() == State::Suspended {
            self.state.set(State::Running);
            self.wake();
        }
    }

    /// Disconnects it from the network.
    pub fn cut_off(&self) {
        self.was_disturbed.set(true);
        self.is_cut_off.set(true);
    }

    fn turn(&self, state: State) {
        if !self.is_dead() {
            self.was_disturbed.set(true);
            self.state.set(state);
            self.wake();
        }
    }

    fn wake(&self) {
        self.wakers.borrow_mut().drain(..).for_each(Waker::wake);
    }

    /// Runs `what` until this process dies. Returns `None` if it died before the end.
    pub fn run<'a, T>(self: &Rc<Self>, what: impl Future<Output = T> + 'a) -> WhileAlive<'a, T> {
        WhileAlive { process: self.clone(), what: Some(Box::pin(what)) }
    }
}

/// The work of a process.
pub struct WhileAlive<'a, T> {
    process: Rc<Process>,
    what: Option<LocalBoxFuture<'a, T>>,
}

impl<T> Future for WhileAlive<'_, T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let done = match (self.process.state.get(), &mut self.what) {
            (State::Running, Some(what)) => what.as_mut().poll(context).map(Some),
            (State::Suspended, _) => Poll::Pending,
            (State::Dead, _) | (_, None) => Poll::Ready(None),
        };
        if done.is_ready() || self.process.is_dead() {
            self.what = None;
            return if done.is_ready() { done } else { Poll::Ready(None) };
        }
        let mut wakers = self.process.wakers.borrow_mut();
        if !wakers.iter().any(|waker| waker.will_wake(context.waker())) {
            wakers.push(context.waker().clone());
        }
        drop(wakers);
        Poll::Pending
    }
}
