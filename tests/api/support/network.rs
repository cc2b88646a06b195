//! The network between the Worker, its objects, the store, the issuer and the language model, with faults.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use partwright::metrics::METRICS_OBJECTS;
use partwright::object::{ObjectName, Objects};
use platform::{Body, Clock, Http, HttpError};

use super::world::World;

/// Faults in calls to the objects, switched by the tests.
pub struct Faults {
    /// Users whose accounts cannot be reached.
    pub unreachable_accounts: RefCell<Vec<String>>,
    /// True if no project's object can be reached.
    pub projects_are_unreachable: Cell<bool>,
    /// The line to each of the metrics objects.
    pub metrics: RefCell<[Line; METRICS_OBJECTS as usize]>,
    /// Seed of random delays of calls to accounts and of their responses. 0: no delays.
    pub account_delays: Cell<u64>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            unreachable_accounts: RefCell::default(),
            projects_are_unreachable: Cell::default(),
            metrics: RefCell::new([Line::Up; METRICS_OBJECTS as usize]),
            account_delays: Cell::default(),
        }
    }
}

/// The line to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// Calls succeed.
    Up,
    /// Calls do not arrive.
    Down,
    /// Calls arrive, and their responses are lost.
    Lossy,
    /// Calls do not arrive, and no error comes back.
    Silent,
}

/// Numbers of calls to objects.
#[derive(Default)]
pub struct CallCounts {
    /// Calls to the `Fleet` object, except posted ones.
    pub fleet: Cell<usize>,
    /// Calls to accounts, except posted ones.
    pub accounts: Cell<usize>,
    /// Batches that arrived at metrics objects.
    pub metrics_batches: Cell<usize>,
}

/// HTTP requests of the Worker: the issuer and the language model by their hosts, the store for all other hosts.
pub struct Network<'a> {
    store: &'a dyn Http,
    issuer: &'a dyn Http,
    provider: &'a dyn Http,
}

impl World {
    pub fn network(&self) -> Network<'_> {
        Network { store: &self.store, issuer: &self.issuer, provider: &self.provider }
    }
}

impl Http for Network<'_> {
    fn send(&self, request: http::Request<Bytes>) -> LocalBoxFuture<'_, Result<http::Response<Body>, HttpError>> {
        match request.uri().host() {
            Some("issuer.test") => self.issuer.send(request),
            Some("first.test" | "other.test") => self.provider.send(request),
            _ => self.store.send(request),
        }
    }
}

impl Objects for World {
    fn send(
        &self,
        object: &ObjectName,
        request: http::Request<Bytes>,
    ) -> LocalBoxFuture<'_, Result<http::Response<Body>, HttpError>> {
        let object = object.clone();
        let (mut line, mut delays) = (Line::Up, None);
        match &object {
            ObjectName::Fleet => self.calls.fleet.update(|count| count + 1),
            ObjectName::Account(user) => {
                self.calls.accounts.update(|count| count + 1);
                if self.faults.unreachable_accounts.borrow().contains(user) {
                    line = Line::Down;
                } else {
                    delays = self.faults.next_account_delays();
                }
            }
            ObjectName::Project(_) if self.faults.projects_are_unreachable.get() => line = Line::Down,
            ObjectName::Figures(shard) => line = self.faults.metrics.borrow()[usize::from(*shard)],
            _ => {}
        }
        async move {
            match line {
                Line::Up | Line::Lossy => {}
                Line::Down => return Err(HttpError(format!("{object:?} cannot be reached"))),
                Line::Silent => return std::future::pending().await,
            }
            if let Some((before, _)) = delays {
                self.clock.sleep(before).await;
            }
            let answer = self.serve(&object, request.body()).await;
            if line == Line::Lossy {
                return Err(HttpError("connection reset by peer".to_owned()));
            }
            if let Some((_, after)) = delays {
                self.clock.sleep(after).await;
            }
            Ok(answer)
        }
        .boxed_local()
    }

    fn post(&self, object: ObjectName, request: http::Request<Bytes>) {
        self.posted.borrow_mut().push_back((object, request.into_body()));
    }
}

impl Faults {
    /// The delays before a call to an account and before its response.
    fn next_account_delays(&self) -> Option<(Duration, Duration)> {
        // An xorshift generator, which stays at 0.
        let mut random = self.account_delays.get();
        let seed = random;
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        self.account_delays.set(random);
        // Half of the delays are short, so that calls overtake each other.
        let delay = |chance: u64| {
            let most = if chance & 1 == 0 { 50 } else { 4_000 };
            Duration::from_millis((chance >> 1) % most)
        };
        (seed != 0).then(|| (delay(seed >> 8), delay(seed >> 32)))
    }
}
