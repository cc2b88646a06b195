//! Sends the jobs' events to the Worker: `POST /api/runner/events`. Lost events are not sent again.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use contract::{RunnerEvent, RunnerEvents};
use futures::future::select;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request};
use platform::{Clock, ClockExt, Http};
use tracing::{info, warn};

use super::{Hints, WORKER_BACKOFF};
use crate::config::WorkerLink;
use crate::transport::SystemClock;

/// The time for one request.
const POST_TIMEOUT: Duration = Duration::from_secs(3);

/// The most bytes that are read of a response. Only its status matters.
const RESPONSE_LIMIT: usize = 64 << 10;

/// Posts events for ever, as they become due.
pub(super) async fn post(link: &WorkerLink, http: &dyn Http, clock: &SystemClock, hints: &Hints) -> Infallible {
    let mut failures = 0;
    loop {
        let events = next(clock, hints).await;
        match send(link, http, clock, events).await {
            Ok(()) => {
                if failures > 0 {
                    info!("the Worker accepts events again");
                }
                failures = 0;
            }
            Err(problem) => {
                failures += 1;
                if failures == 1 {
                    warn!(problem, "the Worker does not accept this runner's events; jobs go on without it");
                }
                clock.sleep(WORKER_BACKOFF.delay(failures)).await;
            }
        }
    }
}

/// Posts the remaining events in one request.
pub(super) async fn post_rest(link: &WorkerLink, http: &dyn Http, clock: &SystemClock, hints: &Hints) {
    let events = hints.outbox.borrow_mut().take(clock.monotonic());
    if !events.is_empty() {
        // The runner ends, so a failure has no consequence.
        let _ = send(link, http, clock, events).await;
    }
}

/// Waits for events that are due.
async fn next(clock: &SystemClock, hints: &Hints) -> Vec<RunnerEvent> {
    loop {
        let now = clock.monotonic();
        let due = hints.outbox.borrow().due_in(now);
        match due {
            Some(Duration::ZERO) => return hints.outbox.borrow_mut().take(now),
            Some(wait) => drop(select(clock.sleep(wait), Box::pin(hints.filled.notified())).await),
            None => hints.filled.notified().await,
        }
    }
}

async fn send(link: &WorkerLink, http: &dyn Http, clock: &SystemClock, events: Vec<RunnerEvent>) -> Result<(), String> {
    let body = serde_json::to_vec(&RunnerEvents { events }).map_err(|error| error.to_string())?;
    let mut request = Request::new(Bytes::from(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = link.at("/api/runner/events").map_err(|error| error.to_string())?;
    request.headers_mut().insert(AUTHORIZATION, link.bearer());
    request.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    let sent = async {
        let (head, body) = http.send(request).await.map_err(|error| error.to_string())?.into_parts();
        // Read to the end, so that the connection can be reused.
        let _ = body.bytes(RESPONSE_LIMIT).await;
        if head.status.is_success() { Ok(()) } else { Err(format!("it answers {}", head.status)) }
    };
    let outcome = clock.timeout(POST_TIMEOUT, sent).await;
    outcome.unwrap_or_else(|| Err(format!("no answer within {} s", POST_TIMEOUT.as_secs())))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use contract::{Happened, RunId};
    use futures::FutureExt;
    use futures::future::LocalBoxFuture;
    use platform::{Body, HttpError};

    use super::*;
    use crate::queue::Job;

    /// A Worker that answers with a status, or does not answer.
    #[derive(Default)]
    struct Worker {
        status: RefCell<Option<u16>>,
        got: RefCell<Vec<(Duration, String, RunnerEvents)>>,
        clock: Option<SystemClock>,
    }

    impl Http for Worker {
        fn send(&self, request: Request<Bytes>) -> LocalBoxFuture<'_, Result<http::Response<Body>, HttpError>> {
            let head =
                format!("{} {} {:?}", request.method(), request.uri(), request.headers()[AUTHORIZATION].to_str());
            let events = serde_json::from_slice(request.body()).unwrap();
            self.got.borrow_mut().push((self.clock.unwrap().monotonic(), head, events));
            let status = *self.status.borrow();
            async move {
                match status {
                    Some(status) => Ok(http::Response::builder().status(status).body(Body::empty()).unwrap()),
                    None => std::future::pending().await,
                }
            }
            .boxed_local()
        }
    }

    fn link() -> WorkerLink {
        let lookup = |name: &str| match name {
            "PARTWRIGHT_URL" => Some("https://parts.test/base/".to_owned()),
            "RUNNER_TOKEN" => Some("opens-the-door".to_owned()),
            name => crate::testing::MemoryStore::setting(name),
        };
        crate::config::Config::from_settings(&lookup).unwrap().worker.unwrap()
    }

    /// Lets `act` use hints while a Worker with this status gets them. Gives the Worker.
    async fn posted(status: Option<u16>, act: impl AsyncFnOnce(&Hints, &SystemClock, &Worker)) -> Worker {
        let clock = SystemClock::new();
        let worker = Worker { status: RefCell::new(status), clock: Some(clock), ..Worker::default() };
        let (hints, link) = (Hints::new(true), link());
        tokio::select! {
            () = act(&hints, &clock, &worker) => {}
            never = post(&link, &worker, &clock, &hints) => match never {},
        }
        worker
    }

    fn attempt() -> (Job, RunId) {
        (("p".parse().unwrap(), 1.try_into().unwrap()), RunId::random())
    }

    #[tokio::test(start_paused = true)]
    async fn events_are_sent_at_once_and_progress_at_intervals() {
        let worker = posted(Some(204), async |hints, clock, _| {
            let (job, run) = attempt();
            hints.claimed(&job, &run);
            hints.phase(&job, &run, "script");
            for number in 0..100 {
                clock.sleep(Duration::from_millis(10)).await;
                hints.line(&job, &run, &number.to_string());
            }
            hints.done(&job, &run);
            clock.sleep(Duration::from_secs(1)).await;
        })
        .await;
        let got = worker.got.borrow();
        assert_eq!(got[0].0, Duration::ZERO);
        assert_eq!(got[0].1, "POST https://parts.test/base/api/runner/events Ok(\"Bearer opens-the-door\")");
        assert!(got.len() <= 6, "{}", got.len());
        let last = &got.last().unwrap().2.events;
        assert_eq!(last.last().unwrap().happened, Happened::Done);
        let lines = got.iter().flat_map(|(_, _, events)| &events.events).flat_map(|event| match &event.happened {
            Happened::Progress { lines, .. } => lines.clone(),
            _ => Vec::new(),
        });
        assert!(lines.eq((0..100).map(|number| number.to_string())), "each line once, in order");
    }

    #[tokio::test(start_paused = true)]
    async fn an_unreachable_worker_is_asked_less_and_less() {
        for status in [None, Some(500), Some(401)] {
            let worker = posted(status, async |hints, clock, worker| {
                for _ in 0..300 {
                    let (job, run) = attempt();
                    hints.claimed(&job, &run);
                    clock.sleep(Duration::from_secs(1)).await;
                }
                worker.status.replace(Some(204));
                clock.sleep(Duration::from_secs(70)).await;
                let before = worker.got.borrow().len();
                let (job, run) = attempt();
                hints.claimed(&job, &run);
                clock.sleep(Duration::from_millis(1)).await;
                assert_eq!(worker.got.borrow().len(), before + 1, "the next event is sent at once");
            })
            .await;
            let got = worker.got.borrow();
            assert!((8..=20).contains(&got.len()), "{status:?}: {}", got.len());
            assert!(got.iter().all(|(_, _, events)| events.events.len() <= 100));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_remaining_events_are_sent_at_the_end() {
        let clock = SystemClock::new();
        let worker = Worker { status: RefCell::new(Some(204)), clock: Some(clock), ..Worker::default() };
        let (hints, link) = (Hints::new(true), link());
        let (job, run) = attempt();
        post_rest(&link, &worker, &clock, &hints).await;
        hints.done(&job, &run);
        post_rest(&link, &worker, &clock, &hints).await;
        assert_eq!(worker.got.borrow().len(), 1);
    }
}
