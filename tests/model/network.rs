//! The network between one process and the bucket. Requests take time, and arrive even if their sender has died.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use http::{Method, Request, Response};
use platform::{Body, Http, HttpError};
use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::bucket::answer;
use crate::process::Process;
use crate::weather::{Blow, Fate, Journey, Outage};
use crate::world::World;

/// The sender's result: a response and how much of its body arrives, or an error.
type Delivery = Result<(Response<Bytes>, Half), HttpError>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Half {
    Whole,
    Half,
}

/// The connection of one process to the bucket.
pub struct Network {
    pub world: Rc<World>,
    pub process: Rc<Process>,
}

impl Http for Network {
    fn send(&self, request: Request<Bytes>) -> LocalBoxFuture<'_, Result<Response<Body>, HttpError>> {
        if self.process.is_dead() {
            return std::future::pending().boxed_local();
        }
        let world = self.world.clone();
        let is_probe = request.uri().path().starts_with("/models/probe/");
        // The probe has its own tests. Here it only starts each runner process.
        let journey = if is_probe {
            Journey { there: Duration::ZERO, back: Duration::ZERO, fate: Fate::Served, again: None, blow: Blow::None }
        } else {
            world.counts.requests.set(world.counts.requests.get() + 1);
            world.weather.journey(matches!(*request.method(), Method::PUT | Method::DELETE))
        };
        if journey.blow == Blow::AtSending {
            self.strike(Process::kill);
        }
        let (sender, receiver) = oneshot::channel();
        tokio::task::spawn_local(travel(world, self.process.clone(), request, journey, sender));
        async move {
            match receiver.await {
                Ok(delivery) => delivery.map(|(answer, half)| answer.map(|body| body_of(body, half))),
                Err(_) => std::future::pending().await,
            }
        }
        .boxed_local()
    }
}

impl Network {
    fn strike(&self, how: impl Fn(&Process)) {
        strike(&self.world, &self.process, how);
    }
}

fn strike(world: &World, process: &Process, how: impl Fn(&Process)) {
    if process.is_dead() {
        return;
    }
    how(process);
    let (what, count) =
        if process.is_dead() { ("dies", &world.counts.crashes) } else { ("is suspended", &world.counts.suspensions) };
    count.set(count.get() + 1);
    world.note(&process.name, what);
}

async fn travel(
    world: Rc<World>,
    process: Rc<Process>,
    request: Request<Bytes>,
    journey: Journey,
    sender: oneshot::Sender<Delivery>,
) {
    let _in_flight = (journey.there > Duration::from_secs(1)).then(|| InFlight::new(&world.in_flight));
    sleep(journey.there).await;
    let (delivery, served) = arrive(&world, &process, &request, journey.fate);
    if served {
        match journey.blow {
            Blow::AtServing => strike(&world, &process, Process::kill),
            Blow::Suspended => strike(&world, &process, Process::suspend),
            Blow::None | Blow::AtSending => {}
        }
    }
    if let Some(later) = journey.again.filter(|_| served) {
        world.counts.doubled.set(world.counts.doubled.get() + 1);
        let (world, process, request) = (world.clone(), process.clone(), request);
        tokio::task::spawn_local(async move {
            let _in_flight = InFlight::new(&world.in_flight);
            sleep(later).await;
            // Nobody waits for this response.
            let _ = arrive(&world, &process, &request, Fate::Served);
        });
    }
    sleep(journey.back).await;
    if let Some(delivery) = delivery.filter(|_| !process.is_cut_off.get()) {
        let _ = sender.send(delivery);
    }
}

/// Handles a request at the store. Returns the sender's result, and whether the store served the request.
fn arrive(world: &World, process: &Rc<Process>, request: &Request<Bytes>, fate: Fate) -> (Option<Delivery>, bool) {
    let lost = |heard: bool| heard.then(|| Err(HttpError("connection reset by peer".to_owned())));
    let refused = |status: u16, code: &str| Some(Ok((error(status, code), Half::Whole)));
    let is_probe = request.uri().path().starts_with("/models/probe/");
    let outage = world.weather.outage.get().filter(|_| !is_probe);
    let (delivery, served, how) = match (outage, fate) {
        _ if process.is_cut_off.get() => (None, false, "cut off"),
        (Some(Outage::Unreachable), _) => (lost(true), false, "no connection"),
        (Some(Outage::Silent), _) => (None, false, "no response"),
        (Some(Outage::Busy), _) => (refused(503, "SlowDown"), false, "503"),
        (Some(Outage::Refusing), _) => (refused(403, "AccessDenied"), false, "403"),
        (None, Fate::Lost { heard }) => (lost(heard), false, "lost"),
        (None, Fate::Refused(status)) => {
            (refused(status, if status == 409 { "ConditionalRequestConflict" } else { "SlowDown" }), false, "refused")
        }
        (None, fate) => {
            let response = world.serve(process, request);
            match fate {
                Fate::AnswerLost { heard } => (lost(heard), true, "answer lost"),
                Fate::ServedAndFailed => (refused(500, "InternalError"), true, "done and 500"),
                Fate::HalfBody if !response.body().is_empty() => (Some(Ok((response, Half::Half))), true, "half body"),
                _ => (Some(Ok((response, Half::Whole))), true, ""),
            }
        }
    };
    if !how.is_empty() {
        let count = if served { &world.counts.answers_lost } else { &world.counts.lost };
        count.set(count.get() + 1);
        world.note(&process.name, &format!("{} {}: {how}", request.method(), key_of(request)));
    }
    (delivery, served)
}

/// The key, or the query of a listing, for the trace.
pub fn key_of(request: &Request<Bytes>) -> &str {
    request.uri().path_and_query().map_or("", |path| path.as_str().trim_start_matches("/models/"))
}

fn error(status: u16, code: &str) -> Response<Bytes> {
    answer(status, &format!("<Error><Code>{code}</Code><Message>for a while</Message></Error>"))
}

fn body_of(body: Bytes, half: Half) -> Body {
    match half {
        Half::Whole => Body::full(body),
        Half::Half => {
            let parts = vec![Ok(body.slice(..body.len() / 2)), Err(HttpError("unexpected end".to_owned()))];
            Body::from_stream(futures::stream::iter(parts))
        }
    }
}

/// Counts slow requests, so that a schedule does not end before they arrive.
struct InFlight(Rc<Cell<u64>>);

impl InFlight {
    fn new(in_flight: &Rc<Cell<u64>>) -> Self {
        in_flight.set(in_flight.get() + 1);
        Self(in_flight.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
