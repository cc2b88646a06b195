//! What is known about the store and the runners: what runs inside the one `Fleet` Durable Object.
//!
//! - The probe is run once per endpoint and bucket, and its verdict kept; every `Project` object asks here before it
//!   first writes. However many ask at once, one probe runs.
//! - `queue`: a version's place in the queue of all projects, from one listing every two seconds at most.
//! - Runners hold WebSockets here, over which they are told that there is work.

mod queue;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::queue::QueuePlace;
use self::queue::QueueView;
use crate::object::{ObjectCall, ObjectName, Sockets, Sql, SqlError, Target, Value, operations, reply, respond};
use contract::{ProjectId, Timestamp, Version, Wake, prefix};
use platform::{Body, Clock, ClockExt, Flight, SingleFlight};
use s3::{Client, ProbeError, RetryPolicy, S3Error, S3ErrorKind, probe};

/// The time for one probe. A caller that still waits then starts its own.
const PROBE_TIMEOUT: Duration = Duration::from_secs(60);

/// How long the answer to "is the bucket there?" is good for.
const REACHABLE_FOR: Duration = Duration::from_secs(5);

/// How long a store counts as unfit before it is probed again: somebody may have changed its setting.
const UNFIT_FOR: Duration = Duration::from_secs(60);

/// How long a listing of the queue is good for.
const QUEUE_FOR: Duration = Duration::from_secs(2);

/// How long one request of that listing may take: a person waits for the status that it is a part of.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(2);

/// The most pages of 1,000 keys that are read of the queue; of a longer one the rest is not told apart.
const QUEUE_PAGES: usize = 3;

/// The most runners that hold a WebSocket; the others poll.
const MOST_RUNNERS: usize = 1_000;

/// The one fleet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FleetTarget;

impl Target for FleetTarget {
    type Operation = FleetOperation;
    type Refusal = SqlError;

    fn object(&self) -> ObjectName {
        ObjectName::Fleet
    }
}

/// A call to the fleet.
pub type FleetCall = ObjectCall<FleetTarget>;

operations! {
    /// What the fleet can be asked.
    FleetOperation of FleetTarget {
        GetVerdict -> FleetAnswer,
        GetHealth -> FleetAnswer,
        GetQueuePlace -> Option<QueuePlace>,
        WakeRunners -> (),
        Join -> (),
    }
}

/// Whether the store may be written to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetVerdict;

/// The same, and whether the bucket answers now. The bucket is asked at most once in five seconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetHealth;

/// A version's place in the queue; none if it does not wait, or nothing is known.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetQueuePlace {
    pub project: ProjectId,
    pub version: Version,
}

/// Sends this to every runner that holds a WebSocket.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WakeRunners(pub Wake);

/// A runner's WebSocket. Only with a handshake: see [`FleetObject::greeting`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Join;

/// What is known about the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetAnswer {
    /// Whether it may be written to.
    pub verdict: StoreVerdict,
    /// When the probe ran, where it did.
    pub probed_at: Option<Timestamp>,
    /// How long the last listing took, in milliseconds; none unless health was asked for and the bucket answered.
    pub latency_ms: Option<u64>,
    /// How many runners hold a WebSocket.
    #[serde(default)]
    pub runners: usize,
}

/// What the probe found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "state", content = "reason")]
pub enum StoreVerdict {
    /// It honours conditional writes.
    Fit,
    /// It does not; nothing may be written.
    Unfit(String),
    /// It refuses the credentials, or there is no such bucket.
    Refuses(String),
    /// It cannot be reached.
    Unavailable(String),
}

/// What an instance remembers and may forget.
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
    /// The object over its storage, its runners' WebSockets and the store.
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

    /// The first message to a runner whose WebSocket is about to be taken: it looks at once, since it cannot know what
    /// it missed.
    ///
    /// # Errors
    /// Why the WebSocket must not be taken.
    pub fn greeting(&self, call: &FleetCall) -> Result<String, String> {
        match call.operation {
            FleetOperation::Join(_) if self.sockets.count() < MOST_RUNNERS => {
                serde_json::to_string(&Wake::Look).map_err(|error| error.to_string())
            }
            FleetOperation::Join(_) => Err(format!("{MOST_RUNNERS} runners hold a WebSocket already; the others poll")),
            _ => Err("only joining needs a WebSocket".to_owned()),
        }
    }

    /// A version's place in the queue; none if it is not in it, or nothing is known.
    async fn place(&self, project: &ProjectId, version: Version, clock: &dyn Clock) -> Option<QueuePlace> {
        loop {
            let now = clock.now();
            if let Some((at, view)) = &*self.memory.queue.borrow()
                && now.since(*at) < QUEUE_FOR
            {
                return view.as_ref()?.place(project, version);
            }
            match self.memory.queue_listing.join(now, PROBE_TIMEOUT) {
                Flight::Leader(leader) => {
                    let client = self.client.with_retry_policy(RetryPolicy::within(QUEUE_TIMEOUT));
                    let listing = client.list(prefix::PENDING, QUEUE_PAGES).await;
                    let view = listing.ok().map(|(entries, complete)| Rc::new(QueueView::new(&entries, complete)));
                    *self.memory.queue.borrow_mut() = Some((clock.now(), view.clone()));
                    leader.complete(&view);
                }
                // A place in the queue is not worth a longer wait.
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

    /// The verdict that was kept, unless the store is to be probed again.
    fn known(&self, now: Timestamp) -> Result<Option<FleetAnswer>, SqlError> {
        let verdict = match self.kept()? {
            Some((None, at)) => Some((StoreVerdict::Fit, at)),
            Some((Some(why), at)) if now.since(at) < UNFIT_FOR => Some((StoreVerdict::Unfit(why), at)),
            _ => None,
        };
        Ok(verdict.map(|(verdict, at)| FleetAnswer { verdict, probed_at: Some(at), latency_ms: None, runners: 0 }))
    }

    async fn probe(&self, clock: &dyn Clock) -> Result<FleetAnswer, SqlError> {
        let began = clock.now();
        let outcome = clock.timeout(PROBE_TIMEOUT, Box::pin(probe(self.client))).await.unwrap_or_else(|| {
            let late = format!("the probe was not done within {} s", PROBE_TIMEOUT.as_secs());
            Err(ProbeError::Store(S3Error::Unavailable(late)))
        });
        let (verdict, probed_at) = match outcome {
            Ok(()) => {
                self.keep(None, began)?;
                (StoreVerdict::Fit, Some(began))
            }
            Err(error @ ProbeError::Unfit { .. }) => {
                self.keep(Some(&error.to_string()), began)?;
                (StoreVerdict::Unfit(error.to_string()), Some(began))
            }
            Err(ProbeError::Store(error)) => (sort(&error), None),
        };
        Ok(FleetAnswer { verdict, probed_at, latency_ms: None, runners: 0 })
    }

    async fn health(&self, clock: &dyn Clock) -> Result<FleetAnswer, SqlError> {
        let began = clock.now();
        if let Some((at, answer)) = &*self.memory.health.borrow()
            && began.since(*at) < REACHABLE_FOR
        {
            return Ok(answer.clone());
        }
        let listing = self.client.with_retry_policy(RetryPolicy::once()).list_page(prefix::PENDING, None, 1).await;
        let answer = match listing {
            Ok(_) => {
                let latency = u64::try_from(clock.now().since(began).as_millis()).unwrap_or(u64::MAX);
                FleetAnswer { latency_ms: Some(latency), ..self.verdict(clock).await? }
            }
            Err(error) => FleetAnswer { verdict: sort(&error), probed_at: None, latency_ms: None, runners: 0 },
        };
        *self.memory.health.borrow_mut() = Some((began, answer.clone()));
        Ok(answer)
    }

    /// The verdict that was kept for this endpoint and bucket: why it is unfit, or that it is fit; and when.
    fn kept(&self) -> Result<Option<(Option<String>, Timestamp)>, SqlError> {
        self.create()?;
        let rows = self.sql.exec("SELECT unfit, at FROM probes WHERE store = ?", &[self.store()])?;
        match rows.into_iter().next().as_deref() {
            None => Ok(None),
            Some([Value::Null, Value::Integer(at)]) => Ok(Some((None, Timestamp::from_millis(*at)))),
            Some([Value::Text(why), Value::Integer(at)]) => Ok(Some((Some(why.clone()), Timestamp::from_millis(*at)))),
            Some(_) => Err(SqlError("a probe's row has other columns".to_owned())),
        }
    }

    fn keep(&self, unfit: Option<&str>, now: Timestamp) -> Result<(), SqlError> {
        let unfit = unfit.map_or(Value::Null, |why| Value::Text(why.to_owned()));
        let row = [self.store(), unfit, Value::Integer(now.as_millis())];
        self.sql.exec("INSERT OR REPLACE INTO probes (store, unfit, at) VALUES (?, ?, ?)", &row).map(drop)
    }

    fn store(&self) -> Value {
        let bucket = self.client.bucket();
        Value::Text(format!("{} {}", bucket.endpoint, bucket.name))
    }

    fn create(&self) -> Result<(), SqlError> {
        let statement = "CREATE TABLE IF NOT EXISTS probes (store TEXT PRIMARY KEY, unfit TEXT, at INTEGER NOT NULL)";
        self.sql.exec(statement, &[]).map(drop)
    }
}

fn sort(error: &S3Error) -> StoreVerdict {
    match error.kind() {
        S3ErrorKind::Retry => StoreVerdict::Unavailable(error.to_string()),
        S3ErrorKind::Refused | S3ErrorKind::Object => StoreVerdict::Refuses(error.to_string()),
    }
}
