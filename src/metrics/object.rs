//! The object that adds up.

use std::time::Duration;

use futures::future::join_all;
use serde::{Deserialize, Serialize};

use super::metric::{Counter, hour_of};
use crate::object::{
    ObjectCall, ObjectName, Objects, RowReader, Sql, SqlError, Target, call, operations, reply, respond, row,
};
use contract::Timestamp;
use platform::{Body, Clock, ClockExt};

/// How many hours are kept: a week.
pub const KEPT_HOURS: i64 = 168;

/// All batches go to this object.
const OBJECT: MetricsTarget = MetricsTarget(0);

/// The number of objects to read. Earlier versions of this program spread their batches over eight.
pub const METRICS_OBJECTS: u8 = 8;

/// How long sending a batch may take. The sender has other work to do and sends the batch again later.
const SEND_TIMEOUT: Duration = Duration::from_secs(3);

const SCHEMA: [&str; 3] = [
    "CREATE TABLE IF NOT EXISTS sums (
        hour INTEGER NOT NULL, figure TEXT NOT NULL, label TEXT NOT NULL, slot INTEGER NOT NULL, amount INTEGER NOT NULL,
        PRIMARY KEY (hour, figure, label, slot)) WITHOUT ROWID",
    // The newest batch of each writer, and the hour in which it arrived.
    "CREATE TABLE IF NOT EXISTS writers (writer TEXT PRIMARY KEY, batch INTEGER NOT NULL, hour INTEGER NOT NULL)
     WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS writers_by_hour ON writers (hour)",
];

/// One of the objects, by its number.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MetricsTarget(pub u8);

impl Target for MetricsTarget {
    type Operation = MetricsOperation;
    type Refusal = SqlError;

    fn object(&self) -> ObjectName {
        ObjectName::Figures(self.0)
    }
}

/// A call to one of the objects.
pub type MetricsCall = ObjectCall<MetricsTarget>;

operations! {
    MetricsOperation of MetricsTarget {
        AddBatch -> (),
        ReadCounters -> Vec<String>,
    }
}

/// Adds the counters of a batch, unless the batch was added before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddBatch {
    /// The random id of the outbox. It is not a name: the object need not know whose metrics it adds up.
    pub writer: String,
    /// Rises by one with each batch of the writer.
    pub number: u64,
    pub counters: Vec<Counter>,
}

/// Replies with all counters of the hour `since` (hours since 1970) and later: for each hour, a list of [`Counter`]s as
/// JSON text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadCounters {
    pub since: i64,
}

/// Sends a batch. Returns false if the object does not acknowledge it, though it may have it.
pub(super) async fn send(objects: &dyn Objects, clock: &dyn Clock, batch: AddBatch) -> bool {
    let sending = Box::pin(call(objects, &OBJECT, batch));
    clock.timeout(SEND_TIMEOUT, sending).await.is_some_and(|answer| answer.is_ok())
}

/// Reads the counters of the hour `since` and later from all objects at once, each within `limit`. `None` for an object
/// that does not answer.
pub async fn read_all(
    objects: &dyn Objects,
    clock: &dyn Clock,
    since: i64,
    limit: Duration,
) -> Vec<Option<Vec<Counter>>> {
    let reads = (0..METRICS_OBJECTS).map(async |number| {
        let target = MetricsTarget(number);
        let reading = Box::pin(call(objects, &target, ReadCounters { since }));
        let hours = clock.timeout(limit, reading).await?.ok()?;
        let counters = hours.iter().map(|hour| serde_json::from_str::<Vec<Counter>>(hour).ok());
        Some(counters.collect::<Option<Vec<_>>>()?.concat())
    });
    join_all(reads).await
}

/// A `Figures` object over its SQLite. It needs no alarm: the next batch removes counters that are too old, and they are
/// not returned before that.
pub struct MetricsObject<'a> {
    sql: &'a dyn Sql,
}

impl<'a> MetricsObject<'a> {
    pub fn new(sql: &'a dyn Sql) -> Self {
        Self { sql }
    }

    /// Answers one call in one stretch of SQL.
    pub fn handle(&self, call: MetricsCall, now: Timestamp) -> http::Response<Body> {
        respond(self.answer(call.operation, hour_of(now)))
    }

    fn answer(&self, operation: MetricsOperation, now: i64) -> Result<Body, SqlError> {
        SCHEMA.iter().try_for_each(|statement| self.sql.run(statement, &[]))?;
        match operation {
            MetricsOperation::AddBatch(batch) => reply(&batch, self.add(&batch, now)),
            MetricsOperation::ReadCounters(request) => reply(&request, self.read(oldest(now).max(request.since))),
        }
    }

    fn read(&self, since: i64) -> Result<Vec<String>, SqlError> {
        // One text per hour, because SQLite limits a value to 2 MB here.
        let statement = "SELECT json_group_array(json_array(hour, figure, label, slot, amount))
                         FROM sums WHERE hour >= ? GROUP BY hour ORDER BY hour";
        self.sql.query_all(statement, &row![since], RowReader::get)
    }

    fn add(&self, AddBatch { writer, number, counters }: &AddBatch, now: i64) -> Result<(), SqlError> {
        let known = "SELECT 1 FROM writers WHERE writer = ? AND batch >= ?";
        if self.sql.any(known, &row![writer, number])? {
            return Ok(());
        }
        let oldest = oldest(now);
        // The object forgets a writer together with its hours. An old batch that arrives even later is of older hours.
        for counter in counters.iter().filter(|counter| (oldest..=now).contains(&counter.hour)) {
            let Counter { hour, metric, label, slot, amount } = counter;
            let statement = "INSERT INTO sums VALUES (?, ?, ?, ?, ?)
                             ON CONFLICT DO UPDATE SET amount = amount + excluded.amount";
            self.sql.run(statement, &row![hour, metric, label, slot, amount])?;
        }
        self.sql.run("INSERT OR REPLACE INTO writers VALUES (?, ?, ?)", &row![writer, number, now])?;
        self.sql.run("DELETE FROM sums WHERE hour < ?", &row![oldest])?;
        self.sql.run("DELETE FROM writers WHERE hour < ?", &row![oldest])
    }
}

fn oldest(now: i64) -> i64 {
    now - KEPT_HOURS + 1
}
