//! The object's tables: one row a turn, one row a message.

use std::time::Duration;

use super::turn::{Turn, TurnUsage};
use super::words::MessageBody;
use crate::ai::Role;
use crate::object::{Sql, SqlError, Value};
use crate::project::Idempotency;
use crate::row::{Reader, integer, optional, text, time, version};
use contract::{JobError, ProjectId, Sha256, Timestamp, TurnId, Version};

/// The most messages that are kept; then the oldest go.
const MOST_MESSAGES: u64 = 200;

/// The most that they take together: 1 MiB.
const MOST_BYTES: u64 = 1 << 20;

/// The largest number that the object's SQLite carries without loss.
const MOST: u64 = (1 << 53) - 1;

/// How long a turn that has ended is kept.
pub(super) const KEPT: Duration = Duration::from_secs(24 * 3_600);

/// The tables. They are made with the first write, so that asking about a name leaves nothing behind.
const SCHEMA: [&str; 2] = [
    "CREATE TABLE messages (
        number INTEGER PRIMARY KEY AUTOINCREMENT, user TEXT NOT NULL, role TEXT NOT NULL, content TEXT NOT NULL,
        at INTEGER NOT NULL, version INTEGER, turn TEXT NOT NULL)",
    // The last, since it says that the other is there. `project` is what the object cannot learn from its id when an
    // alarm wakes it; `key` and `body` are the caller's idempotency key and the sum of what came with it.
    "CREATE TABLE turns (
        id TEXT PRIMARY KEY, project TEXT NOT NULL, key TEXT, body TEXT,
        user TEXT NOT NULL, admin INTEGER NOT NULL, request_id TEXT NOT NULL, message TEXT NOT NULL, context TEXT,
        repairs INTEGER NOT NULL, state TEXT NOT NULL, repair INTEGER NOT NULL, asked INTEGER NOT NULL,
        troubles INTEGER NOT NULL, parent INTEGER, version INTEGER, script TEXT, suggestions TEXT NOT NULL, written_by TEXT,
        error TEXT, calls INTEGER NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
        due INTEGER NOT NULL, began_at INTEGER NOT NULL, state_at INTEGER NOT NULL, ended_at INTEGER,
        repair_error TEXT, seen TEXT NOT NULL)",
];

/// The columns of a [`Turn`], in the order of [`read_turn`] and [`Records::save`].
const COLUMNS: &str = "id, user, admin, request_id, message, context, repairs, state, repair, asked, troubles, parent, \
                       version, script, suggestions, written_by, error, calls, input_tokens, output_tokens, due, began_at, state_at, \
                       ended_at, repair_error, seen";

/// Takes the words out of a turn's row: all but where it stood, and what it cost.
const WITHOUT_WORDS: &str = "UPDATE turns SET message = '', context = NULL, script = NULL, suggestions = '[]', \
                             error = NULL, repair_error = NULL, seen = ''";

/// Reads and writes the tables.
#[derive(Clone, Copy)]
pub(super) struct Records<'a> {
    pub(super) sql: &'a dyn Sql,
}

impl Records<'_> {
    /// Whether anything was ever written here.
    pub fn exist(&self) -> Result<bool, SqlError> {
        let found = self.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'turns'", &[])?;
        Ok(!found.is_empty())
    }

    /// Makes the tables if they are not there.
    pub fn create(&self) -> Result<(), SqlError> {
        if self.exist()? {
            return Ok(());
        }
        SCHEMA.iter().try_for_each(|statement| self.sql.exec(statement, &[]).map(drop))
    }

    /// The turn that is open, and its project.
    pub fn open(&self) -> Result<Option<(ProjectId, Turn)>, SqlError> {
        self.one("WHERE ended_at IS NULL")
    }

    /// The turn that ended last of those that still hold words, or else of all; and its project.
    pub fn last(&self) -> Result<Option<(ProjectId, Turn)>, SqlError> {
        self.one(
            "WHERE ended_at IS NOT NULL
             ORDER BY message <> '' OR suggestions <> '[]' OR error IS NOT NULL DESC, ended_at DESC",
        )
    }

    fn one(&self, which: &str) -> Result<Option<(ProjectId, Turn)>, SqlError> {
        if !self.exist()? {
            return Ok(None);
        }
        let statement = format!("SELECT project, {COLUMNS} FROM turns {which} LIMIT 1");
        let rows = self.sql.exec(&statement, &[])?;
        let Some(mut row) = rows.into_iter().next().map(Reader::new) else { return Ok(None) };
        Ok(Some((row.parsed()?, read_turn(&mut row)?)))
    }

    /// A user's turn.
    pub fn turn(&self, id: &TurnId, user: &str) -> Result<Option<Turn>, SqlError> {
        if !self.exist()? {
            return Ok(None);
        }
        let statement = format!("SELECT {COLUMNS} FROM turns WHERE id = ? AND user = ?");
        let rows = self.sql.exec(&statement, &[text(id), text(user)])?;
        rows.into_iter().next().map(|row| read_turn(&mut Reader::new(row))).transpose()
    }

    /// The turn that a user began with this key, and the sum of what came with it.
    pub fn keyed(&self, user: &str, idempotency: &Idempotency) -> Result<Option<(TurnId, Sha256)>, SqlError> {
        if !self.exist()? {
            return Ok(None);
        }
        let statement = "SELECT id, body FROM turns WHERE user = ? AND key = ?";
        let rows = self.sql.exec(statement, &[text(user), text(&idempotency.key)])?;
        let Some(mut row) = rows.into_iter().next().map(Reader::new) else { return Ok(None) };
        Ok(Some((row.parsed()?, row.parsed()?)))
    }

    /// Adds a turn. Of those before it the texts go, and in time the rows.
    pub fn begin(
        &self,
        project: &ProjectId,
        turn: &Turn,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<(), SqlError> {
        let too_old = now.as_millis() - i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX);
        self.sql.exec("DELETE FROM turns WHERE ended_at <= ?", &[Value::Integer(too_old)])?;
        self.sql.exec("UPDATE turns SET message = '', context = NULL, script = NULL", &[])?;
        let mut row = vec![
            text(project),
            optional(&idempotency.map(|idempotency| &idempotency.key)),
            optional(&idempotency.map(|idempotency| &idempotency.body)),
        ];
        row.extend(written(turn)?);
        let places = vec!["?"; row.len()].join(",");
        let statement = format!("INSERT INTO turns (project, key, body, {COLUMNS}) VALUES ({places})");
        self.sql.exec(&statement, &row).map(drop)
    }

    /// Writes a turn as it stands now.
    pub fn save(&self, turn: &Turn) -> Result<(), SqlError> {
        let columns: Vec<String> = COLUMNS.split(", ").map(|column| format!("{column} = ?")).collect();
        let statement = format!("UPDATE turns SET {} WHERE id = ?", columns.join(", "));
        let mut row = written(turn)?;
        row.push(text(&turn.id));
        self.sql.exec(&statement, &row).map(drop)
    }

    /// Adds a message to a turn. The oldest go where there are too many.
    pub fn say(&self, turn: &Turn, role: Role, content: &str, now: Timestamp) -> Result<(), SqlError> {
        let statement = "INSERT INTO messages (user, role, content, at, turn) VALUES (?, ?, ?, ?, ?)";
        let row = [text(&turn.user), text(role.as_str()), text(content), time(now), text(&turn.id)];
        self.sql.exec(statement, &row)?;
        let statement = "DELETE FROM messages WHERE number <=
                         (SELECT number FROM messages ORDER BY number DESC LIMIT 1 OFFSET ?)";
        self.sql.exec(statement, &[integer(MOST_MESSAGES)])?;
        let statement = "DELETE FROM messages WHERE number IN
                         (SELECT number FROM (SELECT number, SUM(LENGTH(CAST(content AS BLOB)))
                          OVER (ORDER BY number DESC) AS bytes FROM messages) WHERE bytes > ?)";
        self.sql.exec(statement, &[integer(MOST_BYTES)]).map(drop)
    }

    /// What the model said last in this turn became a version.
    pub fn set_version(&self, turn: &TurnId, number: Version) -> Result<(), SqlError> {
        let statement = "UPDATE messages SET version = ? WHERE number =
                         (SELECT MAX(number) FROM messages WHERE turn = ? AND role = 'assistant')";
        self.sql.exec(statement, &[version(number), text(turn)]).map(drop)
    }

    /// What the model said last in a turn.
    pub fn last_answer(&self, turn: &TurnId) -> Result<Option<MessageBody>, SqlError> {
        let condition = "turn = ? AND role = 'assistant'";
        Ok(self.messages(condition, vec![text(turn)], 1)?.pop())
    }

    /// A user's messages before `before`, newest first.
    pub fn page(&self, user: &str, before: Option<u64>, limit: u32) -> Result<Vec<MessageBody>, SqlError> {
        let row = vec![text(user), integer(before.unwrap_or(MOST))];
        self.messages("user = ? AND number < ?", row, limit)
    }

    /// The same but for those of one turn.
    pub fn before(&self, turn: &Turn, limit: u32) -> Result<Vec<MessageBody>, SqlError> {
        self.messages("user = ? AND turn <> ?", vec![text(&turn.user), text(&turn.id)], limit)
    }

    /// How many messages a user has here.
    pub fn count(&self, user: &str) -> Result<u64, SqlError> {
        if !self.exist()? {
            return Ok(0);
        }
        let rows = self.sql.exec("SELECT COUNT(*) FROM messages WHERE user = ?", &[text(user)])?;
        rows.into_iter().next().map_or(Ok(0), |row| Reader::new(row).parsed())
    }

    /// Removes a user's messages but those of the turn that is open, and what else their turns hold of words; gives how
    /// many messages.
    pub fn forget(&self, user: &str) -> Result<usize, SqlError> {
        if !self.exist()? {
            return Ok(0);
        }
        let statement = format!("{WITHOUT_WORDS} WHERE ended_at IS NOT NULL AND user = ?");
        self.sql.exec(&statement, &[text(user)])?;
        let statement = "DELETE FROM messages WHERE user = ?
                         AND turn NOT IN (SELECT id FROM turns WHERE ended_at IS NULL) RETURNING number";
        Ok(self.sql.exec(statement, &[text(user)])?.len())
    }

    /// Takes the words out of all turns that have ended.
    pub fn take_words(&self) -> Result<(), SqlError> {
        self.sql.exec(&format!("{WITHOUT_WORDS} WHERE ended_at IS NOT NULL"), &[]).map(drop)
    }

    /// Removes all turns that have ended.
    pub fn remove_turns(&self) -> Result<(), SqlError> {
        self.sql.exec("DELETE FROM turns WHERE ended_at IS NOT NULL", &[]).map(drop)
    }

    /// Removes everything, as if nobody had ever spoken here.
    pub fn remove_all(&self) -> Result<(), SqlError> {
        // The first, since it says that the other is there.
        ["DROP TABLE turns", "DROP TABLE messages"]
            .iter()
            .try_for_each(|statement| self.sql.exec(statement, &[]).map(drop))
    }

    fn messages(&self, condition: &str, mut row: Vec<Value>, limit: u32) -> Result<Vec<MessageBody>, SqlError> {
        if !self.exist()? {
            return Ok(Vec::new());
        }
        let statement = format!(
            "SELECT number, role, content, at, version, turn FROM messages WHERE {condition}
             ORDER BY number DESC LIMIT ?"
        );
        row.push(integer(limit.into()));
        let rows = self.sql.exec(&statement, &row)?;
        rows.into_iter().map(|row| read_message(&mut Reader::new(row))).collect()
    }
}

fn read_message(row: &mut Reader) -> Result<MessageBody, SqlError> {
    Ok(MessageBody {
        number: row.parsed()?,
        role: if row.text()? == Role::User.as_str() { Role::User } else { Role::Assistant },
        content: row.text()?,
        timestamp: at(row)?,
        version: row.optional_parsed()?,
        turn: row.parsed()?,
    })
}

fn read_turn(row: &mut Reader) -> Result<Turn, SqlError> {
    Ok(Turn {
        id: row.parsed()?,
        user: row.text()?,
        admin: row.text()? == "1",
        request_id: row.parsed()?,
        message: row.text()?,
        context: row.optional_text()?,
        repairs: row.parsed()?,
        state: row.parsed()?,
        repair: row.parsed()?,
        asked: row.parsed()?,
        troubles: row.parsed()?,
        parent: row.optional_parsed()?,
        version: row.optional_parsed()?,
        script: row.optional_text()?,
        suggestions: row.json()?.unwrap_or_default(),
        written_by: row.optional_text()?,
        error: row.json()?,
        usage: TurnUsage { calls: row.parsed()?, input_tokens: row.parsed()?, output_tokens: row.parsed()? },
        due: at(row)?,
        began_at: at(row)?,
        state_at: at(row)?,
        ended_at: row.time()?,
        repair_error: row.json()?,
        seen: row.text()?,
    })
}

fn written(turn: &Turn) -> Result<Vec<Value>, SqlError> {
    let json = |value: serde_json::Result<String>| value.map_err(|error| SqlError(error.to_string()));
    let as_json = |error: &Option<JobError>| {
        error.as_ref().map(|error| json(serde_json::to_string(error))).transpose().map(|json| optional(&json))
    };
    Ok(vec![
        text(&turn.id),
        text(&turn.user),
        integer(turn.admin.into()),
        text(&turn.request_id),
        text(&turn.message),
        optional(&turn.context),
        integer(turn.repairs.into()),
        text(turn.state),
        integer(turn.repair.into()),
        integer(turn.asked.into()),
        integer(turn.troubles.into()),
        turn.parent.map_or(Value::Null, version),
        turn.version.map_or(Value::Null, version),
        optional(&turn.script),
        text(json(serde_json::to_string(&turn.suggestions))?),
        optional(&turn.written_by),
        as_json(&turn.error)?,
        integer(turn.usage.calls),
        integer(turn.usage.input_tokens),
        integer(turn.usage.output_tokens),
        time(turn.due),
        time(turn.began_at),
        time(turn.state_at),
        turn.ended_at.map_or(Value::Null, time),
        as_json(&turn.repair_error)?,
        text(&turn.seen),
    ])
}

fn at(row: &mut Reader) -> Result<Timestamp, SqlError> {
    row.time()?.ok_or_else(|| SqlError("a row without a time".to_owned()))
}
