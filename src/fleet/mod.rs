//! What is known about the store: what runs inside the one `Fleet` Durable Object.
//!
//! The probe is run once per endpoint and bucket, and its verdict kept; every `Project` object asks here before it
//! first writes. However many ask at once, one probe runs (`turn`).

mod turn;

use std::cell::RefCell;
use std::time::Duration;

use futures::future::{Either, select};
use serde::{Deserialize, Serialize};

use self::turn::{LONGEST, Turn, Turns};
use crate::contract::{Timestamp, Wake, prefix};
use crate::http::Clock;
use crate::object::{Sql, SqlError, Value};
use crate::s3::{Client, Patience, ProbeError, S3Error, probe};

/// How long the answer to "is the bucket there?" is good for.
const REACHABLE_FOR: Duration = Duration::from_secs(5);

/// How long a store counts as unfit before it is probed again: somebody may have changed its setting.
const UNFIT_FOR: Duration = Duration::from_secs(60);

/// One call.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FleetCall {
    /// May the store be written to?
    Verdict,
    /// The same, and does the bucket answer now? At most once in five seconds it is really asked.
    Health,
    /// Tell the runners. There is no answer.
    Wake(Wake),
}

/// What is known about the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetAnswer {
    /// Whether it may be written to.
    pub verdict: StoreVerdict,
    /// When the probe ran, where it did.
    pub probed_at: Option<Timestamp>,
    /// How long the last listing took, in milliseconds; none unless health was asked for and the bucket answered.
    pub latency_ms: Option<u64>,
}

/// What the probe found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    turns: Turns,
}

/// The `Fleet` object.
pub struct FleetObject<'a> {
    sql: &'a dyn Sql,
    client: Client<'a>,
    memory: &'a FleetMemory,
}

impl<'a> FleetObject<'a> {
    /// The object over its storage and the store.
    pub fn new(sql: &'a dyn Sql, client: Client<'a>, memory: &'a FleetMemory) -> Self {
        Self { sql, client, memory }
    }

    /// Answers one call; nothing is the answer to [`FleetCall::Wake`].
    ///
    /// # Errors
    /// When the object's own storage fails.
    pub async fn handle(&self, call: &FleetCall, clock: &dyn Clock) -> Result<Option<FleetAnswer>, SqlError> {
        match call {
            FleetCall::Verdict => self.verdict(clock).await.map(Some),
            FleetCall::Health => self.health(clock).await.map(Some),
            FleetCall::Wake(_) => Ok(None),
        }
    }

    async fn verdict(&self, clock: &dyn Clock) -> Result<FleetAnswer, SqlError> {
        loop {
            if let Some(answer) = self.known(clock.now())? {
                return Ok(answer);
            }
            match self.memory.turns.take(clock.now()) {
                Turn::Mine(turn) => {
                    let answer = self.probe(clock).await?;
                    turn.tell(&answer);
                    return Ok(answer);
                }
                Turn::Anothers(told) => {
                    if let Either::Left((Ok(answer), _)) = select(told, clock.sleep(LONGEST)).await {
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
        Ok(verdict.map(|(verdict, at)| FleetAnswer { verdict, probed_at: Some(at), latency_ms: None }))
    }

    async fn probe(&self, clock: &dyn Clock) -> Result<FleetAnswer, SqlError> {
        let began = clock.now();
        let outcome = match select(Box::pin(probe(self.client)), clock.sleep(LONGEST)).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => {
                let late = format!("the probe was not done within {} s", LONGEST.as_secs());
                Err(ProbeError::Store(S3Error::Unavailable(late)))
            }
        };
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
        Ok(FleetAnswer { verdict, probed_at, latency_ms: None })
    }

    async fn health(&self, clock: &dyn Clock) -> Result<FleetAnswer, SqlError> {
        let began = clock.now();
        if let Some((at, answer)) = &*self.memory.health.borrow()
            && began.since(*at) < REACHABLE_FOR
        {
            return Ok(answer.clone());
        }
        let listing = self.client.with_patience(Patience::none()).list_page(prefix::PENDING, None, 1).await;
        let answer = match listing {
            Ok(_) => {
                let latency = u64::try_from(clock.now().since(began).as_millis()).unwrap_or(u64::MAX);
                FleetAnswer { latency_ms: Some(latency), ..self.verdict(clock).await? }
            }
            Err(error) => FleetAnswer { verdict: sort(&error), probed_at: None, latency_ms: None },
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
    match error {
        S3Error::Unavailable(_) => StoreVerdict::Unavailable(error.to_string()),
        _ => StoreVerdict::Refuses(error.to_string()),
    }
}
