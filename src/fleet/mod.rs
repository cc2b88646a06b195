//! What is known about the store: what runs inside the one `Fleet` Durable Object.
//!
//! The probe is run once per endpoint and bucket, and its verdict kept; every `Project` object asks here before it
//! first writes.

use std::cell::RefCell;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::contract::{Timestamp, prefix};
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

    /// Answers one call.
    ///
    /// # Errors
    /// When the object's own storage fails.
    pub async fn handle(&self, call: &FleetCall, now: impl Fn() -> Timestamp) -> Result<FleetAnswer, SqlError> {
        match call {
            FleetCall::Verdict => self.verdict(now()).await,
            FleetCall::Health => self.health(now).await,
        }
    }

    async fn verdict(&self, now: Timestamp) -> Result<FleetAnswer, SqlError> {
        let answer = |verdict, probed_at| FleetAnswer { verdict, probed_at, latency_ms: None };
        if let Some((unfit, at)) = self.kept()? {
            match unfit {
                None => return Ok(answer(StoreVerdict::Fit, Some(at))),
                Some(why) if now.since(at) < UNFIT_FOR => return Ok(answer(StoreVerdict::Unfit(why), Some(at))),
                Some(_) => {}
            }
        }
        Ok(match probe(self.client).await {
            Ok(()) => {
                self.keep(None, now)?;
                answer(StoreVerdict::Fit, Some(now))
            }
            Err(error @ ProbeError::Unfit { .. }) => {
                self.keep(Some(&error.to_string()), now)?;
                answer(StoreVerdict::Unfit(error.to_string()), Some(now))
            }
            Err(ProbeError::Store(error)) => answer(sort(&error), None),
        })
    }

    async fn health(&self, now: impl Fn() -> Timestamp) -> Result<FleetAnswer, SqlError> {
        if let Some((at, answer)) = &*self.memory.health.borrow()
            && now().since(*at) < REACHABLE_FOR
        {
            return Ok(answer.clone());
        }
        let began = now();
        let listing = self.client.with_patience(Patience::none()).list_page(prefix::PENDING, None, 1).await;
        let answer = match listing {
            Ok(_) => {
                let latency = u64::try_from(now().since(began).as_millis()).unwrap_or(u64::MAX);
                FleetAnswer { latency_ms: Some(latency), ..self.verdict(began).await? }
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
