//! The object that adds up.

use super::batch::{AddBatch, FiguresCall, FiguresOperation, hour_of};
use crate::object::{Sql, SqlError, Value, reply, respond};
use crate::row::{Reader, integer, text};
use contract::Timestamp;
use platform::Body;

/// How many hours are kept: a week. Whoever reads them holds all sums of these hours in memory at once.
pub const KEPT_HOURS: i64 = 168;

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
    pub fn handle(&self, call: FiguresCall, now: Timestamp) -> http::Response<Body> {
        respond(self.answer(call.operation, now))
    }

    fn answer(&self, operation: FiguresOperation, now: Timestamp) -> Result<Body, SqlError> {
        SCHEMA.iter().try_for_each(|statement| self.sql.exec(statement, &[]).map(drop))?;
        let (now, oldest) = (hour_of(now), hour_of(now) - KEPT_HOURS + 1);
        match operation {
            FiguresOperation::AddBatch(batch) => reply(&batch, self.add(&batch, (oldest, now))),
            FiguresOperation::ReadSums(request) => reply(&request, self.read(oldest.max(request.since))),
        }
    }

    /// The sums of the hours from `since` on, one line each.
    fn read(&self, since: i64) -> Result<String, SqlError> {
        // A text for each hour, since none may be larger than 2 MB.
        let statement = "SELECT group_concat(
                             hour || char(31) || figure || char(31) || label || char(31) || slot || char(31) || amount,
                             char(10))
                         FROM sums WHERE hour >= ? GROUP BY hour ORDER BY hour";
        let mut lines = String::new();
        for row in self.sql.exec(statement, &[Value::Integer(since)])? {
            lines.push_str(&Reader::new(row).text()?);
            lines.push('\n');
        }
        Ok(lines)
    }

    /// Adds a batch up that was not added up before, in one stretch of SQL.
    fn add(&self, AddBatch { writer, number, cells }: &AddBatch, (oldest, now): (i64, i64)) -> Result<(), SqlError> {
        let known = "SELECT 1 FROM writers WHERE writer = ? AND batch >= ?";
        if !self.sql.exec(known, &[text(writer), integer(*number)])?.is_empty() {
            return Ok(());
        }
        // A writer is forgotten with the hours that it told of. Should an old batch come again even later, all of it is
        // of hours before these.
        let statement = "INSERT INTO sums SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4
                         FROM json_each(?) WHERE value ->> 0 BETWEEN ? AND ?
                         ON CONFLICT DO UPDATE SET amount = amount + excluded.amount";
        self.sql.exec(statement, &[text(cells), Value::Integer(oldest), Value::Integer(now)])?;
        let row = [text(writer), integer(*number), Value::Integer(now)];
        self.sql.exec("INSERT OR REPLACE INTO writers VALUES (?, ?, ?)", &row)?;
        self.sql.exec("DELETE FROM sums WHERE hour < ?", &[Value::Integer(oldest)])?;
        self.sql.exec("DELETE FROM writers WHERE hour < ?", &[Value::Integer(oldest)]).map(drop)
    }
}
