//! The object that adds up.

use super::batch::{Batch, Cell, FiguresCall, hour_of};
use super::outbox::read_cell;
use crate::contract::Timestamp;
use crate::object::{Sql, SqlError, Value};
use crate::row::{Reader, integer, text};

/// How many hours are kept: 30 days.
pub const KEPT_HOURS: i64 = 720;

const SCHEMA: [&str; 3] = [
    "CREATE TABLE IF NOT EXISTS sums (
        hour INTEGER NOT NULL, figure TEXT NOT NULL, label TEXT NOT NULL, slot INTEGER NOT NULL, amount INTEGER NOT NULL,
        PRIMARY KEY (hour, figure, label, slot)) WITHOUT ROWID",
    // The newest batch of each writer, and in which hour it came.
    "CREATE TABLE IF NOT EXISTS writers (writer TEXT PRIMARY KEY, batch INTEGER NOT NULL, hour INTEGER NOT NULL)
     WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS writers_by_hour ON writers (hour)",
];

/// One of the `Figures` objects. Its storage is its state, and it needs no alarm: what is too old goes with the next
/// batch, and is not told before.
pub struct FiguresObject<'a> {
    sql: &'a dyn Sql,
}

impl<'a> FiguresObject<'a> {
    /// The object over its storage.
    pub fn new(sql: &'a dyn Sql) -> Self {
        Self { sql }
    }

    /// Answers one call.
    ///
    /// # Errors
    /// When the object's own storage fails.
    pub fn handle(&self, call: &FiguresCall, now: Timestamp) -> Result<Vec<Cell>, SqlError> {
        SCHEMA.iter().try_for_each(|statement| self.sql.exec(statement, &[]).map(drop))?;
        match call {
            FiguresCall::Take(batch) => self.take(batch, hour_of(now)).map(|()| Vec::new()),
            FiguresCall::Read { since } => {
                let since = (*since).max(hour_of(now) - KEPT_HOURS + 1);
                let statement = "SELECT hour, figure, label, slot, amount FROM sums WHERE hour >= ?";
                self.sql.exec(statement, &[Value::Integer(since)])?.into_iter().map(read_cell).collect()
            }
        }
    }

    /// Adds a batch up, in one stretch of SQL, unless it is one that was added up before.
    fn take(&self, batch: &Batch, hour: i64) -> Result<(), SqlError> {
        let known = self.sql.exec("SELECT batch FROM writers WHERE writer = ?", &[text(&batch.writer)])?;
        let newest: Option<u64> = known.into_iter().next().map(|row| Reader::new(row).parsed()).transpose()?;
        if newest.is_some_and(|newest| batch.number <= newest) {
            return Ok(());
        }
        // A writer is forgotten with the hours that it told of. Should an old batch come again even later, all of it is
        // of hours before these.
        let oldest = hour - KEPT_HOURS + 1;
        for Cell(at, figure, label, slot, amount) in &batch.cells {
            if (oldest..=hour).contains(at) {
                let statement = "INSERT INTO sums VALUES (?, ?, ?, ?, ?)
                                 ON CONFLICT DO UPDATE SET amount = amount + excluded.amount";
                let row = [Value::Integer(*at), text(figure), text(label), integer(*slot), integer(*amount)];
                self.sql.exec(statement, &row)?;
            }
        }
        let row = [text(&batch.writer), integer(batch.number), Value::Integer(hour)];
        self.sql.exec("INSERT OR REPLACE INTO writers VALUES (?, ?, ?)", &row)?;
        for table in ["sums", "writers"] {
            self.sql.exec(&format!("DELETE FROM {table} WHERE hour < ?"), &[Value::Integer(oldest)])?;
        }
        Ok(())
    }
}
