//! What an object has noted and not told yet.

use std::time::Duration;

use super::batch::{AddBatch, hour_of, tell};
use super::fact::Fact;
use crate::object::{Objects, Sql, SqlError, Value};
use crate::row::{Reader, integer, text, time};
use contract::{Timestamp, random_hex};
use platform::Clock;

/// How long the first fact after a quiet time waits for others.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// The time from one batch to the next; twice as long after each that its shard did not take.
const PAUSE: Duration = Duration::from_secs(60);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);

/// How many hours an outbox holds: should its shard be away for longer, the oldest are lost. What is noted late, of an
/// hour before these, is not noted.
const HELD_HOURS: i64 = 48;

/// The tables. They are made with the first fact.
const SCHEMA: [&str; 2] = [
    // Sums of which `sealed` is 1 are a batch that was sent, perhaps in vain: nothing is added to them any more.
    "CREATE TABLE figures (
        sealed INTEGER NOT NULL, hour INTEGER NOT NULL, figure TEXT NOT NULL, label TEXT NOT NULL, slot INTEGER NOT NULL,
        amount INTEGER NOT NULL, PRIMARY KEY (sealed, hour, figure, label, slot)) WITHOUT ROWID",
    // One row. The last, since it says that the other is there.
    "CREATE TABLE figures_state (
        writer TEXT NOT NULL, batch INTEGER NOT NULL, due INTEGER, told_at INTEGER NOT NULL, failures INTEGER NOT NULL)",
];

/// The outbox in an object's SQLite.
#[derive(Clone, Copy)]
pub struct Outbox<'a> {
    sql: &'a dyn Sql,
}

/// Where it stands.
struct State {
    writer: String,
    /// The number of the newest batch that was sealed.
    batch: u64,
    due: Option<Timestamp>,
    failures: u32,
}

impl<'a> Outbox<'a> {
    /// The outbox in this storage.
    pub fn new(sql: &'a dyn Sql) -> Self {
        Self { sql }
    }

    /// Notes what happened at `at`, in the stretch of SQL in which it happens. Then the object's alarm is to be set: see
    /// [`due`](Self::due). What cannot be noted is not: no figure is worth what it counts.
    pub fn note(&self, facts: &[Fact<'_>], at: Timestamp, now: Timestamp) {
        let _ = self.try_note(facts, at.min(now), now);
    }

    fn try_note(&self, facts: &[Fact<'_>], at: Timestamp, now: Timestamp) -> Result<(), SqlError> {
        if facts.is_empty() || hour_of(at) <= hour_of(now) - HELD_HOURS {
            return Ok(());
        }
        if !self.exists()? {
            SCHEMA.iter().try_for_each(|statement| self.sql.exec(statement, &[]).map(drop))?;
            let statement = "INSERT INTO figures_state VALUES (?, 0, NULL, 0, 0)";
            self.sql.exec(statement, &[text(random_hex())])?;
        }
        for fact in facts {
            let statement = "INSERT INTO figures VALUES (0, ?, ?, ?, ?, ?)
                             ON CONFLICT DO UPDATE SET amount = amount + excluded.amount";
            let row = [
                Value::Integer(hour_of(at)),
                text(fact.figure.as_str()),
                text(fact.label),
                integer(fact.slot),
                integer(fact.amount),
            ];
            self.sql.exec(statement, &row)?;
        }
        let statement = "UPDATE figures_state SET due = MAX(?, told_at + ?) WHERE due IS NULL";
        let pause = integer(u64::try_from(PAUSE.as_millis()).unwrap_or(u64::MAX));
        self.sql.exec(statement, &[time(now.after(FIRST_PAUSE)), pause]).map(drop)
    }

    /// When there is something to tell; none where there is not.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn due(&self) -> Result<Option<Timestamp>, SqlError> {
        Ok(self.state()?.and_then(|state| state.due))
    }

    /// Tells the shard what is due; false if nothing was. It is waited for a few seconds at most; what it did not take is
    /// told again later, and counts once. Then the object's alarm is to be set anew.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn tell(&self, objects: &dyn Objects, clock: &dyn Clock) -> Result<bool, SqlError> {
        let now = clock.now();
        let Some(state) = self.state()?.filter(|state| state.due.is_some_and(|due| due <= now)) else {
            return Ok(false);
        };
        let oldest = Value::Integer(hour_of(now) - HELD_HOURS);
        self.sql.exec("DELETE FROM figures WHERE hour <= ?", &[oldest])?;
        let Some((number, cells)) = self.seal(state.batch)? else {
            self.sql.exec("UPDATE figures_state SET due = NULL, failures = 0", &[])?;
            return Ok(true);
        };
        // Whatever becomes of this one, and of the object meanwhile.
        let pause = PAUSE.saturating_mul(1 << state.failures.min(6)).min(LONGEST_PAUSE);
        self.sql.exec("UPDATE figures_state SET due = ?, failures = failures + 1", &[time(now.after(pause))])?;
        if tell(objects, clock, AddBatch { writer: state.writer, number, cells }).await {
            self.told(number, now)?;
        }
        Ok(true)
    }

    /// The batch that is to be sent, with its number: the one that was sealed and not taken, else all that there is; none
    /// where there is nothing.
    fn seal(&self, number: u64) -> Result<Option<(u64, String)>, SqlError> {
        if let Some(cells) = self.sealed()? {
            return Ok(Some((number, cells)));
        }
        self.sql.exec("UPDATE figures SET sealed = 1", &[])?;
        let Some(cells) = self.sealed()? else { return Ok(None) };
        self.sql.exec("UPDATE figures_state SET batch = batch + 1", &[])?;
        Ok(Some((number + 1, cells)))
    }

    fn sealed(&self) -> Result<Option<String>, SqlError> {
        let statement = "SELECT json_group_array(json_array(hour, figure, label, slot, amount))
                         FROM figures WHERE sealed = 1 GROUP BY sealed";
        self.sql.exec(statement, &[])?.into_iter().next().map(|row| Reader::new(row).text()).transpose()
    }

    /// The shard has this batch, unless it is an older one than what is sealed by now.
    fn told(&self, number: u64, at: Timestamp) -> Result<(), SqlError> {
        if self.state()?.is_none_or(|state| state.batch != number) {
            return Ok(());
        }
        self.sql.exec("DELETE FROM figures WHERE sealed = 1", &[])?;
        let statement = "UPDATE figures_state SET told_at = ?, failures = 0,
                                due = CASE WHEN EXISTS (SELECT 1 FROM figures) THEN ? END";
        self.sql.exec(statement, &[time(at), time(at.after(PAUSE))]).map(drop)
    }

    fn exists(&self) -> Result<bool, SqlError> {
        let found = self.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'figures_state'", &[])?;
        Ok(!found.is_empty())
    }

    fn state(&self) -> Result<Option<State>, SqlError> {
        if !self.exists()? {
            return Ok(None);
        }
        let rows = self.sql.exec("SELECT writer, batch, due, failures FROM figures_state", &[])?;
        let Some(mut row) = rows.into_iter().next().map(Reader::new) else { return Ok(None) };
        Ok(Some(State { writer: row.text()?, batch: row.parsed()?, due: row.time()?, failures: row.parsed()? }))
    }
}
