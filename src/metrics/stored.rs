//! The outbox of an object: in its SQLite.

use std::time::Duration;

use super::metric::{Counter, Sample};
use super::object::send;
use super::outbox::Outbox;
use crate::object::{Objects, RowReader, Sql, SqlError, json_value, row};
use contract::Timestamp;
use platform::{Backoff, Clock};

/// The pause between two batches, doubled after each that the metrics object did not acknowledge.
const PAUSES: Backoff = Backoff::new(Duration::from_secs(60), Duration::from_secs(3_600));

/// One row: the [`Outbox`] as JSON. Created with the first sample.
const TABLE: &str = "metrics_outbox";

/// The table of earlier versions, with a second one for the counters.
const OLD_TABLE: &str = "figures_state";

#[derive(Clone, Copy)]
pub struct StoredOutbox<'a> {
    sql: &'a dyn Sql,
}

impl<'a> StoredOutbox<'a> {
    pub fn new(sql: &'a dyn Sql) -> Self {
        Self { sql }
    }

    /// Counts what happened at `at`, in the stretch of SQL in which it happens. Set the object's alarm afterwards: see
    /// [`due`](Self::due). A failure of the storage is ignored, because no metric is worth the event that it counts.
    pub fn record(&self, samples: &[Sample<'_>], at: Timestamp, now: Timestamp) {
        if !samples.is_empty() {
            let _ = self.try_record(samples, at, now);
        }
    }

    fn try_record(&self, samples: &[Sample<'_>], at: Timestamp, now: Timestamp) -> Result<(), SqlError> {
        let mut outbox = self.load()?.unwrap_or_default();
        outbox.record(samples, at, now, PAUSES);
        self.save(&outbox)
    }

    /// When to send, if there is anything to send.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn due(&self) -> Result<Option<Timestamp>, SqlError> {
        Ok(self.load()?.and_then(|outbox| outbox.due))
    }

    /// Sends what is due, for at most 3 s. Returns false if nothing was due. Set the object's alarm afterwards.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn send(&self, objects: &dyn Objects, clock: &dyn Clock) -> Result<bool, SqlError> {
        let now = clock.now();
        let is_due = |outbox: &Outbox| outbox.due.is_some_and(|due| due <= now);
        let Some(mut outbox) = self.load()?.filter(is_due) else { return Ok(false) };
        let batch = outbox.next_batch(now, PAUSES);
        self.save(&outbox)?;
        let Some(batch) = batch else { return Ok(true) };
        let number = batch.number;
        if send(objects, clock, batch).await
            && let Some(mut outbox) = self.load()?
        {
            outbox.acknowledge(number, now, PAUSES);
            self.save(&outbox)?;
        }
        Ok(true)
    }

    fn load(&self) -> Result<Option<Outbox>, SqlError> {
        if self.sql.has_table(TABLE)? {
            return self.sql.query_opt(&format!("SELECT outbox FROM {TABLE}"), &[], RowReader::json);
        }
        if self.sql.has_table(OLD_TABLE)? { self.migrate().map(Some) } else { Ok(None) }
    }

    fn save(&self, outbox: &Outbox) -> Result<(), SqlError> {
        let table = format!("CREATE TABLE IF NOT EXISTS {TABLE} (id INTEGER PRIMARY KEY, outbox TEXT NOT NULL)");
        self.sql.run(&table, &[])?;
        self.sql.run(&format!("INSERT OR REPLACE INTO {TABLE} VALUES (1, ?)"), &row![json_value(outbox)])
    }

    /// Moves the tables of earlier versions into the new one.
    fn migrate(&self) -> Result<Outbox, SqlError> {
        let mut outbox = Outbox::default();
        let statement = "SELECT writer, batch, due, told_at FROM figures_state";
        let state = self.sql.query_opt(statement, &[], |row| Ok((row.get()?, row.get()?, row.get()?, row.get()?)))?;
        if let Some(state) = state {
            (outbox.writer, outbox.batch, outbox.due, outbox.sent_at) = state;
        }
        let statement = "SELECT sealed, hour, figure, label, slot, amount FROM figures";
        for (is_sealed, counter) in self.sql.query_all(statement, &[], |row| {
            let is_sealed: bool = row.get()?;
            let (hour, metric, label) = (row.get()?, row.get()?, row.get()?);
            Ok((is_sealed, Counter { hour, metric, label, slot: row.get()?, amount: row.get()? }))
        })? {
            let counters = if is_sealed { &mut outbox.sealed } else { &mut outbox.open };
            counters.push(counter);
        }
        self.save(&outbox)?;
        ["figures", OLD_TABLE].iter().try_for_each(|table| self.sql.run(&format!("DROP TABLE {table}"), &[]))?;
        Ok(outbox)
    }
}
