//! Idempotency keys: which version an upload with a key became, so that the same upload sent again is no second one.

use std::time::Duration;

use super::call::Idempotency;
use super::records::Records;
use crate::object::SqlError;
use crate::row::{Reader, integer, text, time, version};
use contract::{Sha256, Timestamp, Version};

/// How long a key is kept: 24 hours.
const KEPT: Duration = Duration::from_secs(24 * 3_600);

/// The most that one upload clears away of those that are too old.
const CLEARED: u64 = 10;

impl Records<'_> {
    /// The version that a user's upload with this key became, and the sum of what was sent with it.
    pub(super) fn keyed(
        &self,
        user: &str,
        idempotency: &Idempotency,
        now: Timestamp,
    ) -> Result<Option<(Version, Sha256)>, SqlError> {
        let statement = "SELECT version, body FROM idempotency WHERE user = ? AND key = ? AND at > ?";
        let rows = self.sql.exec(statement, &[text(user), text(&idempotency.key), oldest(now)])?;
        let Some(row) = rows.into_iter().next() else { return Ok(None) };
        let mut row = Reader::new(row);
        Ok(Some((row.parsed()?, row.parsed()?)))
    }

    /// Keeps a key, and clears away some that are too old.
    pub(super) fn keep_key(
        &self,
        user: &str,
        idempotency: &Idempotency,
        number: Version,
        now: Timestamp,
    ) -> Result<(), SqlError> {
        let clear =
            "DELETE FROM idempotency WHERE rowid IN (SELECT rowid FROM idempotency WHERE at <= ? ORDER BY at LIMIT ?)";
        self.sql.exec(clear, &[oldest(now), integer(CLEARED)])?;
        let keep = "INSERT OR REPLACE INTO idempotency (user, key, body, version, at) VALUES (?, ?, ?, ?, ?)";
        let row = [text(user), text(&idempotency.key), text(&idempotency.body), version(number), time(now)];
        self.sql.exec(keep, &row).map(drop)
    }

    /// The version has another number.
    pub(super) fn move_keys(&self, from: Version, to: Version) -> Result<(), SqlError> {
        let statement = "UPDATE idempotency SET version = ? WHERE version = ?";
        self.sql.exec(statement, &[version(to), version(from)]).map(drop)
    }

    /// The version never was.
    pub(super) fn drop_keys(&self, number: Version) -> Result<(), SqlError> {
        self.sql.exec("DELETE FROM idempotency WHERE version = ?", &[version(number)]).map(drop)
    }
}

fn oldest(now: Timestamp) -> crate::object::Value {
    let kept = i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX);
    time(Timestamp::from_millis(now.as_millis() - kept))
}
