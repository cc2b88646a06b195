//! The store and the runners: what runs inside the one `Fleet` Durable Object.
//!
//! - The probe runs once per endpoint and bucket, and the verdict is stored. Every `Project` object asks for it before its
//!   first write. However many ask at once, one probe runs.
//! - [`request`]: the requests to the object, and its replies
//! - `queue`: a version's place in the queue of all projects, from at most one listing every two seconds
//! - Runners hold WebSockets here, and get a message when there is work.

mod queue;
mod request;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

pub use self::queue::QueuePlace;
use self::queue::QueueView;
pub use self::request::{
    FleetAnswer, FleetCall, FleetOperation, FleetTarget, GetHealth, GetQueuePlace, GetVerdict, Join, StoreVerdict,
    WakeRunners,
};
use crate::object::{Sockets, Sql, SqlError, reply, respond, row};
use contract::{ProjectId, Timestamp, Version, Wake, prefix};
use platform::{Body, Clock, ClockExt, Flight, SingleFlight};
use s3::{Client, ProbeError, RetryPolicy, S3Error, S3ErrorKind, probe};

/// The limit for one probe. A caller that still waits then starts another.
const PROBE_TIMEOUT: Duration = Duration::from_secs(60);

/// How long the result of a health check counts.
const HEALTH_FRESH_FOR: Duration = Duration::from_secs(5);

/// How long a store counts as unfit. Then it is probed again, since a person may have changed its settings.
const UNFIT_FOR: Duration = Duration::from_secs(60);

/// How long a listing of the queue counts.
const QUEUE_FRESH_FOR: Duration = Duration::from_secs(2);

/// The limit for each request of that listing, and for waiting for one: a place in the queue is not worth more.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(2);

/// The most pages of 1,000 keys that are read of the queue.
const MAX_QUEUE_PAGES: usize = 3;

/// The most runners that hold a WebSocket. Further ones poll.
const MAX_RUNNERS: usize = 1_000;

/// The memory of an instance between calls. It may be lost at any time.
#[derive(Debug, Default)]
pub struct FleetMemory {
    health: RefCell<Option<(Timestamp, FleetAnswer)>>,
    probe: SingleFlight<FleetAnswer>,
    queue: RefCell<Option<(Timestamp, Option<Rc<QueueView>>)>>,
    queue_listing: SingleFlight<Option<Rc<QueueView>>>,
}

/// The `Fleet` object.
pub struct FleetObject<'a> {
    sql: &'a dyn Sql,
    sockets: &'a dyn Sockets,
    client: Client<'a>,
    memory: &'a FleetMemory,
}

impl<'a> FleetObject<'a> {
    pub fn new(sql: &'a dyn Sql, sockets: &'a dyn Sockets, client: Client<'a>, memory: &'a FleetMemory) -> Self {
        Self { sql, sockets, client, memory }
    }

    /// Answers one call.
    pub async fn handle(&self, call: FleetCall, clock: &dyn Clock) -> http::Response<Body> {
        respond(self.answer(call.operation, clock).await)
    }

    async fn answer(&self, operation: FleetOperation, clock: &dyn Clock) -> Result<Body, SqlError> {
        let counted = |answer: FleetAnswer| FleetAnswer { runners: self.sockets.count(), ..answer };
        match operation {
            FleetOperation::GetVerdict(request) => reply(&request, Ok(counted(self.verdict(clock).await?))),
            FleetOperation::GetHealth(request) => reply(&request, Ok(counted(self.health(clock).await?))),
            FleetOperation::GetQueuePlace(request) => {
                reply(&request, Ok(self.place(&request.project, request.version, clock).await))
            }
            FleetOperation::WakeRunners(request) => {
                if let Ok(text) = serde_json::to_string(&request.0) {
                    self.sockets.send_all(&text);
                }
                reply(&request, Ok(()))
            }
            FleetOperation::Join(_) => Err(SqlError("a runner joins with a handshake".to_owned())),
        }
    }

    /// The first message to a runner with a new WebSocket. It polls at once, since it may have missed messages.
    ///
    /// # Errors
    /// Why the WebSocket must not be accepted.
    pub fn greeting(&self, call: &FleetCall) -> Result<String, String> {
        match call.operation {
            FleetOperation::Join(_) if self.sockets.count() < MAX_RUNNERS => {
                serde_json::to_string(&Wake::Look).map_err(|error| error.to_string())
            }
            FleetOperation::Join(_) => {
                Err(format!("{MAX_RUNNERS} runners already hold a WebSocket; further ones poll"))
            }
            _ => Err("only joining takes a WebSocket".to_owned()),
        }
    }

    /// A version's place in the queue; none if it does not wait, or the queue cannot be read.
    async fn place(&self, project: &ProjectId, version: Version, clock: &dyn Clock) -> Option<QueuePlace> {
        loop {
            let now = clock.now();
            if let Some((at, view)) = &*self.memory.queue.borrow()
                && now.since(*at) < QUEUE_FRESH_FOR
            {
                return view.as_ref()?.place(project, version);
            }
            match self.memory.queue_listing.join(now, PROBE_TIMEOUT) {
                Flight::Leader(leader) => {
                    let client = self.client.with_retry_policy(RetryPolicy::within(QUEUE_TIMEOUT));
                    let listing = client.list(prefix::PENDING, MAX_QUEUE_PAGES).await;
                    let view = listing.ok().map(|(entries, complete)| Rc::new(QueueView::new(&entries, complete)));
                    *self.memory.queue.borrow_mut() = Some((clock.now(), view.clone()));
                    leader.complete(&view);
                }
                Flight::Follower(view) => match clock.timeout(QUEUE_TIMEOUT, view).await {
                    Some(Ok(view)) => return view?.place(project, version),
                    Some(Err(_)) => {}
                    None => return None,
                },
            }
        }
    }

    async fn verdict(&self, clock: &dyn Clock) -> Result<FleetAnswer, SqlError> {
        loop {
            if let Some(answer) = self.known(clock.now())? {
                return Ok(answer);
            }
            match self.memory.probe.join(clock.now(), PROBE_TIMEOUT) {
                Flight::Leader(leader) => {
                    let answer = self.probe(clock).await?;
                    leader.complete(&answer);
                    return Ok(answer);
                }
                Flight::Follower(answer) => {
                    if let Some(Ok(answer)) = clock.timeout(PROBE_TIMEOUT, answer).await {
                        return Ok(answer);
                    }
                }
            }
        }
    }

    /// The stored verdict, unless the store must be probed again.
    fn known(&self, now: Timestamp) -> Result<Option<FleetAnswer>, SqlError> {
        let verdict = match self.stored_verdict()? {
            Some((None, at)) => Some((StoreVerdict::Fit, at)),
            Some((Some(why), at)) if now.since(at) < UNFIT_FOR => Some((StoreVerdict::Unfit(why), at)),
            _ => None,
        };
        Ok(verdict.map(|(verdict, at)| FleetAnswer { verdict, probed_at: Some(at), latency_ms: None, runners: 0 }))
    }

    async fn probe(&self, clock: &dyn Clock) -> Result<FleetAnswer, SqlError> {
        let began = clock.now();
        let outcome = clock.timeout(PROBE_TIMEOUT, Box::pin(probe(self.client))).await.unwrap_or_else(|| {
            let late = format!("the probe took more than {} s", PROBE_TIMEOUT.as_secs());
            Err(ProbeError::Store(S3Error::Unavailable(late)))
        });
        let (verdict, probed_at) = match outcome {
            Ok(()) => {
                self.store_verdict(None, began)?;
                (StoreVerdict::Fit, Some(began))
            }
            Err(error @ ProbeError::Unfit { .. }) => {
                self.store_verdict(Some(error.to_string()), began)?;
                (StoreVerdict::Unfit(error.to_string()), Some(began))
            }
            Err(ProbeError::Store(error)) => (verdict_on(&error), None),
        };
        Ok(FleetAnswer { verdict, probed_at, latency_ms: None, runners: 0 })
    }

    async fn health(&self, clock: &dyn Clock) -> Result<FleetAnswer, SqlError> {
        let began = clock.now();
        if let Some((at, answer)) = &*self.memory.health.borrow()
            && began.since(*at) < HEALTH_FRESH_FOR
        {
            return Ok(answer.clone());
        }
        let listing = self.client.with_retry_policy(RetryPolicy::once()).list_page(prefix::PENDING, None, 1).await;
        let answer = match listing {
            Ok(_) => {
                let latency = u64::try_from(clock.now().since(began).as_millis()).unwrap_or(u64::MAX);
                FleetAnswer { latency_ms: Some(latency), ..self.verdict(clock).await? }
            }
            Err(error) => FleetAnswer { verdict: verdict_on(&error), probed_at: None, latency_ms: None, runners: 0 },
        };
        *self.memory.health.borrow_mut() = Some((began, answer.clone()));
        Ok(answer)
    }

    /// Why the store is unfit, or none if it is fit, and when it was probed; none if it was not.
    fn stored_verdict(&self) -> Result<Option<(Option<String>, Timestamp)>, SqlError> {
        self.create()?;
        let statement = "SELECT unfit, at FROM probes WHERE store = ?";
        self.sql.query_opt(statement, &row![self.store()], |row| Ok((row.get()?, row.get()?)))
    }

    fn store_verdict(&self, unfit: Option<String>, now: Timestamp) -> Result<(), SqlError> {
        let statement = "INSERT OR REPLACE INTO probes (unfit, at, store) VALUES (?, ?, ?)";
        self.sql.run(statement, &row![unfit, now, self.store()])
    }

    fn store(&self) -> String {
        let bucket = self.client.bucket();
        format!("{} {}", bucket.endpoint, bucket.name)
    }

    fn create(&self) -> Result<(), SqlError> {
        let statement = "CREATE TABLE IF NOT EXISTS probes (store TEXT PRIMARY KEY, unfit TEXT, at INTEGER NOT NULL)";
        self.sql.run(statement, &[])
    }
}

fn verdict_on(error: &S3Error) -> StoreVerdict {
    match error.kind() {
        S3ErrorKind::Retry => StoreVerdict::Unavailable(error.to_string()),
        S3ErrorKind::Refused | S3ErrorKind::Object => StoreVerdict::Refuses(error.to_string()),
    }
}
