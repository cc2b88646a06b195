//! The object's tables: one row a version, and a few single values.

use std::fmt::Display;

use serde::de::DeserializeOwned;

use super::call::VersionView;
use crate::contract::{Phase, Report, Timestamp, Version};
use crate::object::{Sql, SqlError, Value};

/// The tables. They are made with the first write, so that asking about a free name leaves nothing behind.
const SCHEMA: [&str; 3] = [
    // `script` is held until the bucket has it. `doubtful` marks a row whose uploader was told "not accepted" while
    // the bucket may have it all the same; such rows are hidden until that is known.
    "CREATE TABLE IF NOT EXISTS versions (
        version INTEGER PRIMARY KEY, phase TEXT NOT NULL, doubtful INTEGER NOT NULL DEFAULT 0,
        origin TEXT NOT NULL, parent INTEGER, user TEXT, upload_id TEXT, request_id TEXT, sha256 TEXT,
        size INTEGER NOT NULL, accepted_at INTEGER NOT NULL, attempt INTEGER, claimed_at INTEGER,
        finished_at INTEGER, metadata TEXT, report TEXT, script TEXT)",
    "CREATE INDEX IF NOT EXISTS versions_by_phase ON versions (doubtful, phase, version)",
    "CREATE TABLE IF NOT EXISTS single_values (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
];

/// The columns of a [`VersionView`], in [`read_view`]'s order; the report comes last.
const COLUMNS: &str = "version, phase, origin, parent, user, upload_id, request_id, sha256, size, accepted_at, \
                       attempt, claimed_at, finished_at, metadata";

/// Reads and writes the tables.
#[derive(Clone, Copy)]
pub(super) struct Records<'a> {
    sql: &'a dyn Sql,
}

/// The single values that are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Single {
    /// The project's name, which the object cannot learn from its id when an alarm wakes it.
    Project,
    /// Who owns the project; absent for one that was found in the bucket.
    Owner,
    /// The admin who first used a project without an owner: whose account lists it.
    Admin,
    /// The next number to give.
    Next,
    /// Endpoint and bucket whose highest numbers were taken over.
    CaughtUpWith,
    /// How many versions there are.
    Total,
    /// When the alarm is due, in milliseconds.
    Due,
    /// How many alarms have passed without a change.
    Quiet,
    /// The version whose files lie on the flat path.
    FlatVersion,
    /// Present when the flat path was looked at after it was written.
    FlatVerified,
    /// Present when the account of the owner, or of the admin, lists the project.
    Registered,
}

impl Single {
    fn name(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Next => "next",
            Self::CaughtUpWith => "caught_up_with",
            Self::Total => "total",
            Self::Due => "due",
            Self::Quiet => "quiet",
            Self::FlatVersion => "flat_version",
            Self::FlatVerified => "flat_verified",
            Self::Registered => "registered",
        }
    }
}

impl<'a> Records<'a> {
    pub(super) fn new(sql: &'a dyn Sql) -> Self {
        Self { sql }
    }

    /// Whether anything was ever written here.
    pub(super) fn exist(&self) -> Result<bool, SqlError> {
        let found = self.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'single_values'", &[])?;
        Ok(!found.is_empty())
    }

    /// Makes the tables if they are not there.
    pub(super) fn create(&self) -> Result<(), SqlError> {
        SCHEMA.iter().try_for_each(|statement| self.sql.exec(statement, &[]).map(drop))
    }

    pub(super) fn single(&self, single: Single) -> Result<Option<String>, SqlError> {
        let rows = self.sql.exec("SELECT value FROM single_values WHERE name = ?", &[text(single.name())])?;
        rows.into_iter().next().map(|row| Reader::new(row).text()).transpose()
    }

    pub(super) fn single_number(&self, single: Single) -> Result<Option<u64>, SqlError> {
        Ok(self.single(single)?.and_then(|value| value.parse().ok()))
    }

    pub(super) fn set_single(&self, single: Single, value: impl Display) -> Result<(), SqlError> {
        let statement = "INSERT INTO single_values (name, value) VALUES (?, ?)
                         ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        self.sql.exec(statement, &[text(single.name()), text(value)]).map(drop)
    }

    pub(super) fn clear_single(&self, single: Single) -> Result<(), SqlError> {
        self.sql.exec("DELETE FROM single_values WHERE name = ?", &[text(single.name())]).map(drop)
    }

    /// Adds a row; false if the number has one already.
    pub(super) fn insert(&self, view: &VersionView, script: Option<&str>) -> Result<bool, SqlError> {
        let statement = format!(
            "INSERT INTO versions ({COLUMNS}, script) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
             ON CONFLICT (version) DO NOTHING RETURNING version"
        );
        let metadata = view.metadata.as_ref().map(|value| value.to_string());
        let row = [
            version(view.version),
            text(view.phase),
            text(view.origin),
            view.parent.map_or(Value::Null, version),
            optional(&view.user),
            optional(&view.upload_id),
            optional(&view.request_id),
            optional(&view.sha256),
            integer(view.size),
            time(view.accepted_at),
            view.attempt.map_or(Value::Null, |k| integer(k.into())),
            view.claimed_at.map_or(Value::Null, time),
            view.finished_at.map_or(Value::Null, time),
            optional(&metadata),
            optional(&script),
        ];
        Ok(!self.sql.exec(&statement, &row)?.is_empty())
    }

    /// Removes a version that the bucket does not have; one that is further on stays. True if it was shown until now.
    pub(super) fn remove(&self, number: Version) -> Result<bool, SqlError> {
        let statement = "DELETE FROM versions WHERE version = ? AND phase = 'stored' RETURNING doubtful";
        let rows = self.sql.exec(statement, &[version(number)])?;
        Ok(rows.first().is_some_and(|row| row.first() == Some(&Value::Integer(0))))
    }

    /// The highest number that has a row, doubtful ones included; 0 without any.
    pub(super) fn highest(&self) -> Result<u64, SqlError> {
        let rows = self.sql.exec("SELECT MAX(version) FROM versions", &[])?;
        rows.into_iter()
            .next()
            .map_or(Ok(None), |row| Reader::new(row).optional_parsed())
            .map(Option::unwrap_or_default)
    }

    pub(super) fn renumber(&self, from: Version, to: Version) -> Result<(), SqlError> {
        self.sql.exec("UPDATE versions SET version = ? WHERE version = ?", &[version(to), version(from)]).map(drop)
    }

    /// Hides or shows a version that the bucket may not have yet; false if it was so already, or is further on.
    pub(super) fn set_doubtful(&self, number: Version, doubtful: bool) -> Result<bool, SqlError> {
        let statement = "UPDATE versions SET doubtful = ? WHERE version = ? AND doubtful = ? AND phase = 'stored'
                         RETURNING version";
        let row = [integer(doubtful.into()), version(number), integer((!doubtful).into())];
        Ok(!self.sql.exec(statement, &row)?.is_empty())
    }

    /// The bucket has the script: the object need not hold it any more.
    pub(super) fn set_queued(&self, number: Version) -> Result<(), SqlError> {
        let statement = "UPDATE versions SET phase = 'queued', script = NULL WHERE version = ? AND phase = 'stored'";
        self.sql.exec(statement, &[version(number)]).map(drop)
    }

    pub(super) fn set_attempt(
        &self,
        number: Version,
        phase: Phase,
        k: Option<u32>,
        at: Option<Timestamp>,
    ) -> Result<(), SqlError> {
        let statement = "UPDATE versions SET phase = ?, attempt = ?, claimed_at = ?
                         WHERE version = ? AND phase IN ('queued', 'running')";
        let row =
            [text(phase), k.map_or(Value::Null, |k| integer(k.into())), at.map_or(Value::Null, time), version(number)];
        self.sql.exec(statement, &row).map(drop)
    }

    /// Keeps the report. A final version never changes.
    pub(super) fn set_report(&self, report: &Report, now: Timestamp) -> Result<(), SqlError> {
        let statement = "UPDATE versions SET phase = ?, finished_at = ?, report = ?, script = NULL,
                                sha256 = COALESCE(sha256, ?), attempt = COALESCE(?, attempt)
                         WHERE version = ? AND phase IN ('stored', 'queued', 'running')";
        let json = serde_json::to_string(report).map_err(|error| SqlError(error.to_string()))?;
        let row = [
            text(Phase::from(report.outcome)),
            time(now),
            text(json),
            optional(&report.script_sha256),
            report.attempt.map_or(Value::Null, |k| integer(k.into())),
            version(report.version),
        ];
        self.sql.exec(statement, &row).map(drop)
    }

    /// One version with its report; doubtful ones are hidden.
    pub(super) fn version(&self, number: Version) -> Result<Option<VersionView>, SqlError> {
        self.one("WHERE version = ? AND doubtful = 0", &[version(number)])
    }

    /// The newest version with its report.
    pub(super) fn newest(&self) -> Result<Option<VersionView>, SqlError> {
        // The plus keeps SQLite from the index by phase, by which it would read and sort every version.
        self.one("WHERE +doubtful = 0 ORDER BY version DESC LIMIT 1", &[])
    }

    /// The newest version that has files, with its report.
    pub(super) fn newest_completed(&self) -> Result<Option<VersionView>, SqlError> {
        self.one("WHERE doubtful = 0 AND phase = 'completed' ORDER BY version DESC LIMIT 1", &[])
    }

    /// A page, newest first, without reports.
    pub(super) fn page(&self, before: Option<Version>, limit: u32) -> Result<Vec<VersionView>, SqlError> {
        // The plus: as in `newest`.
        let statement = format!(
            "SELECT {COLUMNS} FROM versions WHERE +doubtful = 0 AND version <= ? ORDER BY version DESC LIMIT ?"
        );
        let most = before.map_or(Version::MAX.get(), |before| before.get() - 1);
        let rows = self.sql.exec(&statement, &[integer(most), integer(limit.into())])?;
        rows.into_iter().map(|row| read_view(&mut Reader::new(row))).collect()
    }

    /// Versions in the bucket without a report, oldest first as runners take them, without reports.
    pub(super) fn in_flight(&self, limit: u32) -> Result<Vec<VersionView>, SqlError> {
        let statement = format!(
            "SELECT {COLUMNS} FROM versions WHERE doubtful = 0 AND phase IN ('queued', 'running')
             ORDER BY version LIMIT ?"
        );
        let rows = self.sql.exec(&statement, &[integer(limit.into())])?;
        rows.into_iter().map(|row| read_view(&mut Reader::new(row))).collect()
    }

    /// Whether any version has no report yet, doubtful ones included.
    pub(super) fn any_open(&self) -> Result<bool, SqlError> {
        let statement =
            "SELECT 1 FROM versions WHERE doubtful IN (0, 1) AND phase IN ('stored', 'queued', 'running') LIMIT 1";
        Ok(!self.sql.exec(statement, &[])?.is_empty())
    }

    /// The newest version that has files.
    pub(super) fn newest_completed_number(&self) -> Result<Option<u64>, SqlError> {
        let statement =
            "SELECT version FROM versions WHERE doubtful = 0 AND phase = 'completed' ORDER BY version DESC LIMIT 1";
        let rows = self.sql.exec(statement, &[])?;
        rows.into_iter().next().map_or(Ok(None), |row| Reader::new(row).optional_parsed())
    }

    /// Versions that the bucket may not have yet, oldest first, with their scripts.
    pub(super) fn stored(&self, doubtful: bool) -> Result<Vec<(VersionView, String)>, SqlError> {
        let statement = format!(
            "SELECT {COLUMNS}, script FROM versions WHERE doubtful = ? AND phase = 'stored' ORDER BY version LIMIT 20"
        );
        let rows = self.sql.exec(&statement, &[integer(doubtful.into())])?;
        let read = |row| {
            let mut row = Reader::new(row);
            Ok((read_view(&mut row)?, row.optional_text()?.unwrap_or_default()))
        };
        rows.into_iter().map(read).collect()
    }

    fn one(&self, condition: &str, parameters: &[Value]) -> Result<Option<VersionView>, SqlError> {
        let rows = self.sql.exec(&format!("SELECT {COLUMNS}, report FROM versions {condition}"), parameters)?;
        let Some(row) = rows.into_iter().next() else { return Ok(None) };
        let mut row = Reader::new(row);
        let mut view = read_view(&mut row)?;
        view.report = row.json()?;
        Ok(Some(view))
    }
}

fn read_view(row: &mut Reader) -> Result<VersionView, SqlError> {
    Ok(VersionView {
        version: row.parsed()?,
        phase: row.parsed()?,
        origin: row.parsed()?,
        parent: row.optional_parsed()?,
        user: row.optional_text()?,
        upload_id: row.optional_parsed()?,
        request_id: row.optional_parsed()?,
        sha256: row.optional_parsed()?,
        size: row.parsed()?,
        accepted_at: row.time()?.ok_or_else(|| SqlError("a version without a time".to_owned()))?,
        attempt: row.optional_parsed()?,
        claimed_at: row.time()?,
        finished_at: row.time()?,
        metadata: row.json()?,
        report: None,
    })
}

/// Reads the columns of one row from left to right.
struct Reader(std::vec::IntoIter<Value>);

impl Reader {
    fn new(row: Vec<Value>) -> Self {
        Self(row.into_iter())
    }

    fn optional_text(&mut self) -> Result<Option<String>, SqlError> {
        match self.0.next() {
            Some(Value::Null) => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::Integer(number)) => Ok(Some(number.to_string())),
            None => Err(SqlError("a row is too short".to_owned())),
        }
    }

    fn text(&mut self) -> Result<String, SqlError> {
        self.optional_text()?.ok_or_else(|| SqlError("a column is NULL".to_owned()))
    }

    fn optional_parsed<T: std::str::FromStr>(&mut self) -> Result<Option<T>, SqlError> {
        let parse = |text: String| text.parse().map_err(|_| SqlError(format!("a column holds {text:?}")));
        self.optional_text()?.map(parse).transpose()
    }

    fn parsed<T: std::str::FromStr>(&mut self) -> Result<T, SqlError> {
        self.optional_parsed()?.ok_or_else(|| SqlError("a column is NULL".to_owned()))
    }

    fn time(&mut self) -> Result<Option<Timestamp>, SqlError> {
        Ok(self.optional_parsed()?.map(Timestamp::from_millis))
    }

    fn json<T: DeserializeOwned>(&mut self) -> Result<Option<T>, SqlError> {
        let parse = |text: String| serde_json::from_str(&text).map_err(|error| SqlError(error.to_string()));
        self.optional_text()?.map(parse).transpose()
    }
}

fn text(value: impl Display) -> Value {
    Value::Text(value.to_string())
}

fn optional(value: &Option<impl Display>) -> Value {
    value.as_ref().map_or(Value::Null, text)
}

fn integer(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

fn version(version: Version) -> Value {
    integer(version.get())
}

fn time(time: Timestamp) -> Value {
    Value::Integer(time.as_millis())
}
