//! The object's tables: one row per version, and single values.

use std::fmt::Display;

use super::version_row::{self, COLUMNS, PLACEHOLDERS};
use super::view::VersionView;
use crate::object::{RowReader, Sql, SqlError, ToValue, Value, row};
use contract::{Origin, Phase, Report, Timestamp, UploadId, Version};

/// The tables. The first write creates them, so that a request for a free name leaves nothing behind.
const SCHEMA: [&str; 7] = [
    // `script` is kept until the bucket has it. `promised` marks a version that its uploader knows of although the bucket
    // did not have it yet. Such a version is never withdrawn; if its number changes, the old number leads to the new one.
    "CREATE TABLE versions (
        version INTEGER PRIMARY KEY, phase TEXT NOT NULL, promised INTEGER NOT NULL DEFAULT 0,
        origin TEXT NOT NULL, parent INTEGER, user TEXT, upload_id TEXT, request_id TEXT, sha256 TEXT,
        size INTEGER NOT NULL, accepted_at INTEGER NOT NULL, queued_at INTEGER, attempt INTEGER, claimed_at INTEGER,
        finished_at INTEGER, metadata TEXT, moved_from INTEGER, moved_to INTEGER, report TEXT, script TEXT)",
    "CREATE INDEX versions_by_phase ON versions (phase, version)",
    "CREATE INDEX versions_by_move ON versions (moved_to) WHERE moved_to IS NOT NULL",
    // See `idempotency.rs`.
    "CREATE TABLE idempotency (
        user TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, version INTEGER NOT NULL, at INTEGER NOT NULL,
        PRIMARY KEY (user, key))",
    "CREATE INDEX idempotency_by_version ON idempotency (version)",
    "CREATE INDEX idempotency_by_time ON idempotency (at)",
    // The last one: its existence means that the others exist.
    "CREATE TABLE single_values (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
];

/// Reads and writes the tables.
#[derive(Clone, Copy)]
pub(super) struct Records<'a> {
    pub(super) sql: &'a dyn Sql,
}

/// The single values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Single {
    /// The project's name. An alarm cannot learn it from the object's id.
    Project,
    /// The owner; absent for a project that was found in the bucket.
    Owner,
    /// The first admin who used a project without an owner. This admin's account lists the project.
    Admin,
    /// The next version number.
    Next,
    /// Endpoint and bucket whose versions were adopted.
    CaughtUpWith,
    /// The number of versions.
    Total,
    /// When the alarm is due, in milliseconds.
    Due,
    /// The number of alarms since the last change.
    Quiet,
    /// The version whose files are on the flat path.
    FlatVersion,
    /// Present if the flat path was verified after the last write.
    FlatVerified,
    /// Present if the account of the owner, or of the admin, lists the project.
    Registered,
    /// A JSON list of former owners whose accounts may still list the project.
    FormerOwners,
    /// Rises with each change of the owner, and with each answer of an account that came too late for the last change.
    /// An account's answer counts only in the generation in which the account was asked.
    ListingTurn,
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
            Self::FormerOwners => "former_owners",
            Self::ListingTurn => "listing_turn",
        }
    }
}

/// The result of [`Records::renumber`].
pub(super) struct Renumbered {
    /// Whether the uploader knows the old number.
    pub was_promised: bool,
}

impl<'a> Records<'a> {
    pub(super) fn new(sql: &'a dyn Sql) -> Self {
        Self { sql }
    }

    /// Whether anything was ever written here.
    pub(super) fn exist(&self) -> Result<bool, SqlError> {
        self.sql.has_table("single_values")
    }

    /// Creates the tables if they do not exist.
    pub(super) fn create(&self) -> Result<(), SqlError> {
        if self.exist()? {
            return Ok(());
        }
        SCHEMA.iter().try_for_each(|statement| self.sql.run(statement, &[]))
    }

    pub(super) fn single(&self, single: Single) -> Result<Option<String>, SqlError> {
        let statement = "SELECT value FROM single_values WHERE name = ?";
        self.sql.query_opt(statement, &row![single.name()], RowReader::get)
    }

    pub(super) fn single_number(&self, single: Single) -> Result<Option<u64>, SqlError> {
        Ok(self.single(single)?.and_then(|value| value.parse().ok()))
    }

    pub(super) fn set_single(&self, single: Single, value: impl Display) -> Result<(), SqlError> {
        let statement = "INSERT INTO single_values (name, value) VALUES (?, ?)
                         ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        self.sql.run(statement, &row![single.name(), value.to_string()])
    }

    pub(super) fn clear_single(&self, single: Single) -> Result<(), SqlError> {
        self.sql.run("DELETE FROM single_values WHERE name = ?", &row![single.name()])
    }

    /// Adds a version; false if the number is in use.
    pub(super) fn insert(&self, view: &VersionView, script: Option<&str>) -> Result<bool, SqlError> {
        let statement = format!(
            "INSERT INTO versions ({COLUMNS} script) VALUES ({PLACEHOLDERS} ?)
             ON CONFLICT (version) DO NOTHING RETURNING version"
        );
        let mut values = version_row::write(view);
        values.push(script.to_value());
        self.sql.any(&statement, &values)
    }

    /// Removes a version that neither the bucket has nor its uploader knows of; false if there is none.
    pub(super) fn remove(&self, version: Version) -> Result<bool, SqlError> {
        let statement =
            "DELETE FROM versions WHERE version = ? AND phase = 'stored' AND promised = 0 RETURNING version";
        self.sql.any(statement, &row![version])
    }

    /// The highest number in use; 0 if there is none.
    pub(super) fn highest(&self) -> Result<u64, SqlError> {
        self.sql.query_one("SELECT COALESCE(MAX(version), 0) FROM versions", &[], RowReader::get)
    }

    /// Marks a version that the bucket does not have yet as known to its uploader.
    pub(super) fn set_promised(&self, version: Version) -> Result<(), SqlError> {
        self.sql.run("UPDATE versions SET promised = 1 WHERE version = ? AND phase = 'stored'", &row![version])
    }

    /// Gives an upload's version another number. None if the upload no longer has the number `from`, or the bucket has its
    /// script.
    pub(super) fn renumber(
        &self,
        upload: Option<&UploadId>,
        from: Version,
        to: Version,
    ) -> Result<Option<Renumbered>, SqlError> {
        let statement = "UPDATE versions SET version = ?,
                                moved_from = COALESCE(moved_from, CASE promised WHEN 1 THEN version END)
                         WHERE version = ? AND upload_id = ? AND phase = 'stored' RETURNING promised";
        let promised = self.sql.query_opt(statement, &row![to, from, upload], RowReader::get::<u32>)?;
        Ok(promised.map(|promised| Renumbered { was_promised: promised == 1 }))
    }

    /// The present number of an upload that had `version` before; none if it was withdrawn.
    pub(super) fn number_of(&self, upload: &UploadId, version: Version) -> Result<Option<Version>, SqlError> {
        // A number only ever rises, and seldom changes: the first row is nearly always the one.
        let statement = "SELECT version FROM versions WHERE version >= ? AND upload_id = ? ORDER BY version LIMIT 1";
        self.sql.query_opt(statement, &row![version, upload], RowReader::get)
    }

    /// Lets a number, and those that led to it, lead to `to`.
    pub(super) fn set_moved(&self, from: Version, to: Version) -> Result<(), SqlError> {
        for condition in ["version = ?", "moved_to = ?"] {
            self.sql.run(&format!("UPDATE versions SET moved_to = ? WHERE {condition}"), &row![to, from])?;
        }
        Ok(())
    }

    /// The bucket has the script, so the object drops its copy. Returns the origin; none if this was known.
    pub(super) fn set_queued(&self, version: Version, at: Timestamp) -> Result<Option<Origin>, SqlError> {
        let statement = "UPDATE versions SET phase = 'queued', queued_at = ?, script = NULL
                         WHERE version = ? AND phase = 'stored' RETURNING origin";
        self.sql.query_opt(statement, &row![at, version], RowReader::get)
    }

    /// A runner holds the version in this attempt, or no runner holds it.
    pub(super) fn set_attempt(&self, version: Version, attempt: Option<u32>, at: Timestamp) -> Result<(), SqlError> {
        let (columns, phase) = match attempt {
            Some(_) => ("claimed_at = ?", Phase::Running),
            None => ("claimed_at = NULL, queued_at = ?", Phase::Queued),
        };
        let statement = format!(
            "UPDATE versions SET phase = ?, attempt = ?, {columns}
             WHERE version = ? AND phase IN ('queued', 'running')"
        );
        self.sql.run(&statement, &row![phase, attempt, at, version])
    }

    /// Stores the report, and returns when the version was accepted; none if nothing was stored. A final version never
    /// changes. A version that the bucket does not have cannot have a report: the one under its number belongs to another
    /// writer.
    pub(super) fn set_report(&self, report: &Report, now: Timestamp) -> Result<Option<Timestamp>, SqlError> {
        let statement = "UPDATE versions SET phase = ?, finished_at = ?, report = ?,
                                sha256 = COALESCE(sha256, ?), attempt = COALESCE(?, attempt)
                         WHERE version = ? AND phase IN ('queued', 'running') RETURNING accepted_at";
        let Report { script_sha256, attempt, version, .. } = report;
        let values = row![Phase::from(report.outcome), now, report, script_sha256, attempt, version];
        self.sql.query_opt(statement, &values, RowReader::get)
    }

    /// One version with its report.
    pub(super) fn version(&self, version: Version) -> Result<Option<VersionView>, SqlError> {
        self.with_report("WHERE version = ?", &row![version])
    }

    /// The newest version with its report.
    pub(super) fn newest(&self) -> Result<Option<VersionView>, SqlError> {
        self.with_report("ORDER BY version DESC LIMIT 1", &[])
    }

    /// The newest completed version with its report.
    pub(super) fn newest_completed(&self) -> Result<Option<VersionView>, SqlError> {
        self.with_report("WHERE phase = 'completed' ORDER BY version DESC LIMIT 1", &[])
    }

    /// The number of the newest completed version.
    pub(super) fn newest_completed_number(&self) -> Result<Option<u64>, SqlError> {
        let statement = "SELECT version FROM versions WHERE phase = 'completed' ORDER BY version DESC LIMIT 1";
        self.sql.query_opt(statement, &[], RowReader::get)
    }

    /// A page, newest first, without reports.
    pub(super) fn page(&self, before: Option<Version>, limit: u32) -> Result<Vec<VersionView>, SqlError> {
        let highest = before.map_or(Version::MAX.get(), |before| before.get() - 1);
        self.without_reports("WHERE version <= ? ORDER BY version DESC LIMIT ?", &row![highest, limit])
    }

    /// Versions that the bucket has, without a report, oldest first as runners take them.
    pub(super) fn in_flight(&self, limit: u32) -> Result<Vec<VersionView>, SqlError> {
        self.without_reports("WHERE phase IN ('queued', 'running') ORDER BY version LIMIT ?", &row![limit])
    }

    /// Versions that the bucket does not have yet, oldest first.
    pub(super) fn stored(&self, limit: u32) -> Result<Vec<VersionView>, SqlError> {
        self.without_reports("WHERE phase = 'stored' ORDER BY version LIMIT ?", &row![limit])
    }

    /// Whether any version has no report yet.
    pub(super) fn any_open(&self) -> Result<bool, SqlError> {
        self.sql.any("SELECT 1 FROM versions WHERE phase IN ('stored', 'queued', 'running') LIMIT 1", &[])
    }

    /// The number of versions that the bucket does not have yet, and the bytes of their scripts.
    pub(super) fn stored_totals(&self) -> Result<(u64, u64), SqlError> {
        let statement = "SELECT COUNT(*), COALESCE(SUM(size), 0) FROM versions WHERE phase = 'stored'";
        self.sql.query_one(statement, &[], |row| Ok((row.get()?, row.get()?)))
    }

    /// The script of a version that the bucket does not have yet.
    pub(super) fn held_script(&self, version: Version) -> Result<Option<String>, SqlError> {
        let statement = "SELECT script FROM versions WHERE version = ? AND phase = 'stored'";
        Ok(self.sql.query_opt(statement, &row![version], RowReader::get)?.flatten())
    }

    fn with_report(&self, condition: &str, parameters: &[Value]) -> Result<Option<VersionView>, SqlError> {
        let statement = format!("SELECT {COLUMNS} report FROM versions {condition}");
        self.sql.query_opt(&statement, parameters, version_row::read)
    }

    fn without_reports(&self, condition: &str, parameters: &[Value]) -> Result<Vec<VersionView>, SqlError> {
        let statement = format!("SELECT {COLUMNS} NULL FROM versions {condition}");
        self.sql.query_all(&statement, parameters, version_row::read)
    }
}
