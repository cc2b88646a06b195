//! The object's tables: one row a turn, one row a message.

use std::time::Duration;

use super::responses::MessageBody;
use super::turn::Turn;
use crate::ai::Role;
use crate::object::{RowReader, Sql, SqlError, Value, json_value, row};
use crate::project::Idempotency;
use contract::{Sha256, Timestamp, TurnId, Version};

/// The most messages of a conversation. The oldest are removed first.
const MAX_MESSAGES: u64 = 200;

/// The most bytes of all messages.
const MAX_MESSAGE_BYTES: u64 = 1 << 20;

/// The largest number that the object's SQLite holds without loss.
const MAX_INTEGER: u64 = (1 << 53) - 1;

/// How long an ended turn is kept.
pub(super) const TURN_RETENTION: Duration = Duration::from_secs(24 * 3_600);

const MESSAGES: &str = "CREATE TABLE messages (
    number INTEGER PRIMARY KEY AUTOINCREMENT, user TEXT NOT NULL, role TEXT NOT NULL, content TEXT NOT NULL,
    at INTEGER NOT NULL, version INTEGER, turn TEXT NOT NULL)";

/// `turn` is the turn as JSON; the other columns are for queries. `key` is the caller's idempotency key, and
/// `key_digest` the digest of the request that came with it.
const TURNS: &str = "CREATE TABLE turns (
    id TEXT PRIMARY KEY, user TEXT NOT NULL, key TEXT, key_digest TEXT, ended_at INTEGER, turn TEXT NOT NULL)";

/// Converts the table of earlier releases, which had a column for each field. The platform allows 32 arguments of a
/// function, so the JSON is joined from two objects.
const MIGRATION: [&str; 4] = [
    "ALTER TABLE turns RENAME TO old_turns",
    TURNS,
    "INSERT INTO turns SELECT id, user, key, body, ended_at, json_patch(
        json_object(
            'id', id, 'project', project, 'user', user, 'admin', json(iif(admin, 'true', 'false')),
            'request_id', request_id, 'message', message, 'context', context, 'max_repairs', repairs, 'state', state,
            'repair', repair, 'calls', asked, 'consecutive_failures', troubles),
        json_object(
            'parent', parent, 'version', version, 'script', script, 'suggestions', json(suggestions),
            'written_by', written_by, 'error', json(error), 'repair_error', json(repair_error), 'seen', seen,
            'usage', json_object('calls', calls, 'input_tokens', input_tokens, 'output_tokens', output_tokens),
            'due', strftime('%Y-%m-%dT%H:%M:%fZ', due / 1000.0, 'unixepoch'),
            'began_at', strftime('%Y-%m-%dT%H:%M:%fZ', began_at / 1000.0, 'unixepoch'),
            'state_at', strftime('%Y-%m-%dT%H:%M:%fZ', state_at / 1000.0, 'unixepoch')))
        FROM old_turns",
    "DROP TABLE old_turns",
];

/// Reads and writes the tables.
#[derive(Clone, Copy)]
pub(super) struct Records<'a> {
    pub(super) sql: &'a dyn Sql,
}

impl Records<'_> {
    /// Whether the tables exist. They are created by the first turn, so that reading leaves nothing behind.
    pub fn exist(&self) -> Result<bool, SqlError> {
        self.sql.has_table("turns")
    }

    /// Converts tables of earlier releases. Does nothing if there are none.
    pub fn migrate(&self) -> Result<(), SqlError> {
        let old = "SELECT 1 FROM sqlite_master WHERE name = 'turns' AND sql LIKE '%troubles%'";
        if self.sql.any(old, &[])? { self.run_all(&MIGRATION) } else { Ok(()) }
    }

    /// The open turn.
    pub fn open(&self) -> Result<Option<Turn>, SqlError> {
        Ok(self.turns("ended_at IS NULL", &[])?.pop())
    }

    /// The turn that ended last. Turns that still hold text come first.
    pub fn last(&self) -> Result<Option<Turn>, SqlError> {
        let ended = self.turns("ended_at IS NOT NULL", &[])?;
        Ok(ended.into_iter().max_by_key(|turn| (turn.has_text(), turn.state_at)))
    }

    /// A user's turn.
    pub fn turn(&self, id: &TurnId, user: &str) -> Result<Option<Turn>, SqlError> {
        Ok(self.turns("id = ? AND user = ?", &row![id, user])?.pop())
    }

    /// The turn that a user began with this key, and the digest of the request that came with it.
    pub fn keyed(&self, user: &str, idempotency: &Idempotency) -> Result<Option<(TurnId, Sha256)>, SqlError> {
        if !self.exist()? {
            return Ok(None);
        }
        let statement = "SELECT id, key_digest FROM turns WHERE user = ? AND key = ?";
        self.sql.query_opt(statement, &row![user, idempotency.key], |row| Ok((row.get()?, row.get()?)))
    }

    /// Adds a turn. Removes the requests and scripts of earlier ones, and turns that ended long ago.
    pub fn begin(&self, turn: &Turn, idempotency: Option<&Idempotency>, now: Timestamp) -> Result<(), SqlError> {
        if !self.exist()? {
            self.run_all(&[MESSAGES, TURNS])?;
        }
        let too_old = now.as_millis() - i64::try_from(TURN_RETENTION.as_millis()).unwrap_or(i64::MAX);
        self.sql.run("DELETE FROM turns WHERE ended_at <= ?", &row![too_old])?;
        self.update("TRUE", &[], Turn::remove_request)?;
        let key = idempotency.map(|idempotency| &idempotency.key);
        let digest = idempotency.map(|idempotency| &idempotency.body);
        let statement = "INSERT INTO turns (id, user, key, key_digest, turn) VALUES (?, ?, ?, ?, ?)";
        self.sql.run(statement, &row![turn.id, turn.user, key, digest, json_value(turn)])
    }

    /// Writes a turn's present state.
    pub fn save(&self, turn: &Turn) -> Result<(), SqlError> {
        let statement = "UPDATE turns SET ended_at = ?, turn = ? WHERE id = ?";
        self.sql.run(statement, &row![turn.ended_at(), json_value(turn), turn.id])
    }

    /// Adds a message to a turn, and removes the oldest messages beyond the limits.
    pub fn add_message(&self, turn: &Turn, role: Role, content: &str, now: Timestamp) -> Result<(), SqlError> {
        let statement = "INSERT INTO messages (user, role, content, at, turn) VALUES (?, ?, ?, ?, ?)";
        self.sql.run(statement, &row![turn.user, role.as_str(), content, now, turn.id])?;
        let statement = "DELETE FROM messages WHERE number <=
                         (SELECT number FROM messages ORDER BY number DESC LIMIT 1 OFFSET ?)";
        self.sql.run(statement, &row![MAX_MESSAGES])?;
        let statement = "DELETE FROM messages WHERE number IN
                         (SELECT number FROM (SELECT number, SUM(LENGTH(CAST(content AS BLOB)))
                          OVER (ORDER BY number DESC) AS bytes FROM messages) WHERE bytes > ?)";
        self.sql.run(statement, &row![MAX_MESSAGE_BYTES])
    }

    /// Records the version that the model's last message of a turn became.
    pub fn set_version(&self, turn: &TurnId, number: Version) -> Result<(), SqlError> {
        let statement = "UPDATE messages SET version = ? WHERE number =
                         (SELECT MAX(number) FROM messages WHERE turn = ? AND role = 'assistant')";
        self.sql.run(statement, &row![number, turn])
    }

    /// The model's last message of a turn.
    pub fn last_answer(&self, turn: &TurnId) -> Result<Option<MessageBody>, SqlError> {
        Ok(self.messages("turn = ? AND role = 'assistant'", &row![turn], 1)?.pop())
    }

    /// A user's messages before `before`, newest first.
    pub fn page(&self, user: &str, before: Option<u64>, limit: u32) -> Result<Vec<MessageBody>, SqlError> {
        self.messages("user = ? AND number < ?", &row![user, before.unwrap_or(MAX_INTEGER)], limit)
    }

    /// The messages of this turn's user in other turns, newest first.
    pub fn before(&self, turn: &Turn, limit: u32) -> Result<Vec<MessageBody>, SqlError> {
        self.messages("user = ? AND turn <> ?", &row![turn.user, turn.id], limit)
    }

    /// The number of a user's messages.
    pub fn count(&self, user: &str) -> Result<u64, SqlError> {
        if !self.exist()? {
            return Ok(0);
        }
        self.sql.query_one("SELECT COUNT(*) FROM messages WHERE user = ?", &row![user], RowReader::get)
    }

    /// Removes a user's messages, and the text of the user's turns, except for the open turn. Returns the number of
    /// messages.
    pub fn forget(&self, user: &str) -> Result<usize, SqlError> {
        if !self.exist()? {
            return Ok(0);
        }
        self.update("ended_at IS NOT NULL AND user = ?", &row![user], Turn::remove_text)?;
        let statement = "DELETE FROM messages WHERE user = ?
                         AND turn NOT IN (SELECT id FROM turns WHERE ended_at IS NULL) RETURNING number";
        Ok(self.sql.exec(statement, &row![user])?.len())
    }

    /// Removes the text of all ended turns.
    pub fn remove_text(&self) -> Result<(), SqlError> {
        self.update("ended_at IS NOT NULL", &[], Turn::remove_text)
    }

    /// Removes all ended turns.
    pub fn remove_turns(&self) -> Result<(), SqlError> {
        self.sql.run("DELETE FROM turns WHERE ended_at IS NOT NULL", &[])
    }

    /// Removes the whole conversation.
    pub fn remove_all(&self) -> Result<(), SqlError> {
        self.run_all(&["DROP TABLE turns", "DROP TABLE messages"])
    }

    fn turns(&self, condition: &str, row: &[Value]) -> Result<Vec<Turn>, SqlError> {
        if !self.exist()? {
            return Ok(Vec::new());
        }
        let statement = format!("SELECT turn FROM turns WHERE {condition}");
        self.sql.query_all(&statement, row, RowReader::json)
    }

    fn update(&self, condition: &str, row: &[Value], change: impl Fn(&mut Turn)) -> Result<(), SqlError> {
        for mut turn in self.turns(condition, row)? {
            change(&mut turn);
            self.save(&turn)?;
        }
        Ok(())
    }

    fn messages(&self, condition: &str, row: &[Value], limit: u32) -> Result<Vec<MessageBody>, SqlError> {
        if !self.exist()? {
            return Ok(Vec::new());
        }
        let statement = format!(
            "SELECT number, role, content, at, version, turn FROM messages WHERE {condition}
             ORDER BY number DESC LIMIT ?"
        );
        self.sql.query_all(&statement, &[row, &row![limit]].concat(), read_message)
    }

    fn run_all(&self, statements: &[&str]) -> Result<(), SqlError> {
        statements.iter().try_for_each(|statement| self.sql.run(statement, &[]))
    }
}

fn read_message(row: &mut RowReader) -> Result<MessageBody, SqlError> {
    Ok(MessageBody {
        number: row.get()?,
        role: if row.get::<String>()? == Role::User.as_str() { Role::User } else { Role::Assistant },
        content: row.get()?,
        timestamp: row.get()?,
        version: row.get()?,
        turn: row.get()?,
    })
}
