//! The object's tables: one row a version, and a few single values.

use std::fmt::Display;

use super::call::VersionView;
use crate::object::{Sql, SqlError, Value};
use crate::row::{Reader, integer, optional, text, time, version};
use contract::{Origin, Phase, Report, Timestamp, UploadId, Version};

/// The tables. They are made with the first write, so that asking about a free name leaves nothing behind.
const SCHEMA: [&str; 7] = [
    // `script` is held until the bucket has it. `promised` marks a row whose uploader was told that it is accepted
    // before the bucket had it: it is never withdrawn, and should its number change, the old one tells.
    "CREATE TABLE versions (
        version INTEGER PRIMARY KEY, phase TEXT NOT NULL, promised INTEGER NOT NULL DEFAULT 0,
        origin TEXT NOT NULL, parent INTEGER, user TEXT, upload_id TEXT, request_id TEXT, sha256 TEXT,
        size INTEGER NOT NULL, accepted_at INTEGER NOT NULL, queued_at INTEGER, attempt INTEGER, claimed_at INTEGER,
        finished_at INTEGER, metadata TEXT, moved_from INTEGER, moved_to INTEGER, report TEXT, script TEXT)",
    "CREATE INDEX versions_by_phase ON versions (phase, version)",
    "CREATE INDEX versions_by_move ON versions (moved_to) WHERE moved_to IS NOT NULL",
    // What `keys.rs` keeps.
    "CREATE TABLE idempotency (
        user TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, version INTEGER NOT NULL, at INTEGER NOT NULL,
        PRIMARY KEY (user, key))",
    "CREATE INDEX idempotency_by_version ON idempotency (version)",
    "CREATE INDEX idempotency_by_time ON idempotency (at)",
    // The last, since it says that the others are there.
    "CREATE TABLE single_values (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
];

/// The columns of a [`VersionView`], in [`read_view`]'s order; the report comes last.
const COLUMNS: &str = "version, phase, origin, parent, user, upload_id, request_id, sha256, size, accepted_at, \
                       queued_at, attempt, claimed_at, finished_at, metadata, moved_from, moved_to";

/// Reads and writes the tables.
#[derive(Clone, Copy)]
pub(super) struct Records<'a> {
    pub(super) sql: &'a dyn Sql,
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
    /// A JSON list of users whose accounts list the project and should not: whose it was before.
    FormerOwners,
    /// Goes up with each change of the owner, and with each answer of an account that comes too late for the last one:
    /// what other accounts were asked before that, they may have done before that.
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
        if self.exist()? {
            return Ok(());
        }
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
            "INSERT INTO versions ({COLUMNS}, script) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
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
            view.queued_at.map_or(Value::Null, time),
            view.attempt.map_or(Value::Null, |k| integer(k.into())),
            view.claimed_at.map_or(Value::Null, time),
            view.finished_at.map_or(Value::Null, time),
            optional(&metadata),
            view.moved_from.map_or(Value::Null, version),
            view.moved_to.map_or(Value::Null, version),
            optional(&script),
        ];
        Ok(!self.sql.exec(&statement, &row)?.is_empty())
    }

    /// Removes a version that the bucket does not have and nobody was promised; false if there is no such one.
    pub(super) fn remove(&self, number: Version) -> Result<bool, SqlError> {
        let statement =
            "DELETE FROM versions WHERE version = ? AND phase = 'stored' AND promised = 0 RETURNING version";
        Ok(!self.sql.exec(statement, &[version(number)])?.is_empty())
    }

    /// The highest number that has a row; 0 without any.
    pub(super) fn highest(&self) -> Result<u64, SqlError> {
        let rows = self.sql.exec("SELECT MAX(version) FROM versions", &[])?;
        rows.into_iter()
            .next()
            .map_or(Ok(None), |row| Reader::new(row).optional_parsed())
            .map(Option::unwrap_or_default)
    }

    /// Marks a version that the bucket does not have yet as one that its uploader was told of.
    pub(super) fn set_promised(&self, number: Version) -> Result<(), SqlError> {
        let statement = "UPDATE versions SET promised = 1 WHERE version = ? AND phase = 'stored'";
        self.sql.exec(statement, &[version(number)]).map(drop)
    }

    /// Gives an upload's version another number; true if its uploader was told of the one it had, none if it does not
    /// have that one, or the bucket has its script.
    pub(super) fn renumber(
        &self,
        upload: Option<&UploadId>,
        from: Version,
        to: Version,
    ) -> Result<Option<bool>, SqlError> {
        let statement = "UPDATE versions SET version = ?,
                                moved_from = COALESCE(moved_from, CASE promised WHEN 1 THEN version END)
                         WHERE version = ? AND upload_id = ? AND phase = 'stored' RETURNING promised";
        let rows = self.sql.exec(statement, &[version(to), version(from), optional(&upload)])?;
        Ok(rows.first().map(|row| row.first() == Some(&Value::Integer(1))))
    }

    /// The number that an upload has now, which had `number` before; none if it was withdrawn.
    pub(super) fn number_of(&self, upload: &UploadId, number: Version) -> Result<Option<Version>, SqlError> {
        // A version moves up alone, and seldom: nearly always the first row is the one.
        let statement = "SELECT version FROM versions WHERE version >= ? AND upload_id = ? ORDER BY version LIMIT 1";
        let rows = self.sql.exec(statement, &[version(number), text(upload)])?;
        rows.into_iter().next().map_or(Ok(None), |row| Reader::new(row).optional_parsed())
    }

    /// Lets a number, and those that led to it, tell where the version went.
    pub(super) fn set_moved(&self, from: Version, to: Version) -> Result<(), SqlError> {
        for condition in ["version = ?", "moved_to = ?"] {
            let statement = format!("UPDATE versions SET moved_to = ? WHERE {condition}");
            self.sql.exec(&statement, &[version(to), version(from)])?;
        }
        Ok(())
    }

    /// The bucket has the script: the object need not hold it any more. Gives how it came to be; none if that was known.
    pub(super) fn set_queued(&self, number: Version, at: Timestamp) -> Result<Option<Origin>, SqlError> {
        let statement = "UPDATE versions SET phase = 'queued', queued_at = ?, script = NULL
                         WHERE version = ? AND phase = 'stored' RETURNING origin";
        let rows = self.sql.exec(statement, &[time(at), version(number)])?;
        rows.into_iter().next().map_or(Ok(None), |row| Reader::new(row).optional_parsed())
    }

    /// A runner has the version in this attempt, or nobody has it any more.
    pub(super) fn set_attempt(&self, number: Version, attempt: Option<u32>, at: Timestamp) -> Result<(), SqlError> {
        let (columns, phase) = match attempt {
            Some(_) => ("claimed_at = ?", Phase::Running),
            None => ("claimed_at = NULL, queued_at = ?", Phase::Queued),
        };
        let statement = format!(
            "UPDATE versions SET phase = ?, attempt = ?, {columns}
             WHERE version = ? AND phase IN ('queued', 'running')"
        );
        let attempt = attempt.map_or(Value::Null, |k| integer(k.into()));
        self.sql.exec(&statement, &[text(phase), attempt, time(at), version(number)]).map(drop)
    }

    /// Keeps the report. A final version never changes, and one that the bucket does not have can have no report: what
    /// lies under its number is another's. Gives when the version was taken; none if nothing was to be kept.
    pub(super) fn set_report(&self, report: &Report, now: Timestamp) -> Result<Option<Timestamp>, SqlError> {
        let statement = "UPDATE versions SET phase = ?, finished_at = ?, report = ?,
                                sha256 = COALESCE(sha256, ?), attempt = COALESCE(?, attempt)
                         WHERE version = ? AND phase IN ('queued', 'running') RETURNING accepted_at";
        let json = serde_json::to_string(report).map_err(|error| SqlError(error.to_string()))?;
        let row = [
            text(Phase::from(report.outcome)),
            time(now),
            text(json),
            optional(&report.script_sha256),
            report.attempt.map_or(Value::Null, |k| integer(k.into())),
            version(report.version),
        ];
        let rows = self.sql.exec(statement, &row)?;
        rows.into_iter().next().map_or(Ok(None), |row| Reader::new(row).time())
    }

    /// One version with its report.
    pub(super) fn version(&self, number: Version) -> Result<Option<VersionView>, SqlError> {
        self.one("WHERE version = ?", &[version(number)])
    }

    /// The newest version with its report.
    pub(super) fn newest(&self) -> Result<Option<VersionView>, SqlError> {
        self.one("ORDER BY version DESC LIMIT 1", &[])
    }

    /// The newest version that has files, with its report.
    pub(super) fn newest_completed(&self) -> Result<Option<VersionView>, SqlError> {
        self.one("WHERE phase = 'completed' ORDER BY version DESC LIMIT 1", &[])
    }

    /// A page, newest first, without reports.
    pub(super) fn page(&self, before: Option<Version>, limit: u32) -> Result<Vec<VersionView>, SqlError> {
        let statement = format!("SELECT {COLUMNS} FROM versions WHERE version <= ? ORDER BY version DESC LIMIT ?");
        let most = before.map_or(Version::MAX.get(), |before| before.get() - 1);
        let rows = self.sql.exec(&statement, &[integer(most), integer(limit.into())])?;
        rows.into_iter().map(|row| read_view(&mut Reader::new(row))).collect()
    }

    /// Versions in the bucket without a report, oldest first as runners take them, without reports.
    pub(super) fn in_flight(&self, limit: u32) -> Result<Vec<VersionView>, SqlError> {
        let statement = format!(
            "SELECT {COLUMNS} FROM versions WHERE phase IN ('queued', 'running')
             ORDER BY version LIMIT ?"
        );
        let rows = self.sql.exec(&statement, &[integer(limit.into())])?;
        rows.into_iter().map(|row| read_view(&mut Reader::new(row))).collect()
    }

    /// Whether any version has no report yet.
    pub(super) fn any_open(&self) -> Result<bool, SqlError> {
        let statement = "SELECT 1 FROM versions WHERE phase IN ('stored', 'queued', 'running') LIMIT 1";
        Ok(!self.sql.exec(statement, &[])?.is_empty())
    }

    /// The newest version that has files.
    pub(super) fn newest_completed_number(&self) -> Result<Option<u64>, SqlError> {
        let statement = "SELECT version FROM versions WHERE phase = 'completed' ORDER BY version DESC LIMIT 1";
        let rows = self.sql.exec(statement, &[])?;
        rows.into_iter().next().map_or(Ok(None), |row| Reader::new(row).optional_parsed())
    }

    /// Versions that the bucket does not have yet, oldest first.
    pub(super) fn stored(&self, limit: u32) -> Result<Vec<VersionView>, SqlError> {
        let statement = format!("SELECT {COLUMNS} FROM versions WHERE phase = 'stored' ORDER BY version LIMIT ?");
        let rows = self.sql.exec(&statement, &[integer(limit.into())])?;
        rows.into_iter().map(|row| read_view(&mut Reader::new(row))).collect()
    }

    /// How many versions the bucket does not have yet, and the bytes of their scripts.
    pub(super) fn stored_sums(&self) -> Result<(u64, u64), SqlError> {
        let statement = "SELECT COUNT(*), COALESCE(SUM(size), 0) FROM versions WHERE phase = 'stored'";
        let rows = self.sql.exec(statement, &[])?;
        let Some(row) = rows.into_iter().next() else { return Ok((0, 0)) };
        let mut row = Reader::new(row);
        Ok((row.parsed()?, row.parsed()?))
    }

    /// The script of a version that the bucket does not have yet.
    pub(super) fn held(&self, number: Version) -> Result<Option<String>, SqlError> {
        let statement = "SELECT script FROM versions WHERE version = ? AND phase = 'stored'";
        let rows = self.sql.exec(statement, &[version(number)])?;
        rows.into_iter().next().map_or(Ok(None), |row| Reader::new(row).optional_text())
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
        queued_at: row.time()?,
        attempt: row.optional_parsed()?,
        claimed_at: row.time()?,
        finished_at: row.time()?,
        metadata: row.json()?,
        moved_from: row.optional_parsed()?,
        moved_to: row.optional_parsed()?,
        report: None,
    })
}
