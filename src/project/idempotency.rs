//! Idempotency keys: the version that an upload with a key became.

use std::time::Duration;

use super::records::Records;
use super::request::Idempotency;
use crate::object::{SqlError, row};
use contract::{Sha256, Timestamp, Version};

/// How long a key is kept: 24 hours.
const KEY_LIFETIME: Duration = Duration::from_secs(24 * 3_600);

/// The most expired keys that one upload removes.
const MAX_REMOVED: u32 = 10;

impl Records<'_> {
    /// The version that a user's upload with this key became, and the digest of that request.
    pub(super) fn version_of_key(
        &self,
        user: &str,
        idempotency: &Idempotency,
        now: Timestamp,
    ) -> Result<Option<(Version, Sha256)>, SqlError> {
        let statement = "SELECT version, body FROM idempotency WHERE user = ? AND key = ? AND at > ?";
        let parameters = row![user, idempotency.key, expired(now)];
        self.sql.query_opt(statement, &parameters, |row| Ok((row.get()?, row.get()?)))
    }

    /// Stores a key and removes some expired ones.
    pub(super) fn store_key(
        &self,
        user: &str,
        idempotency: &Idempotency,
        version: Version,
        now: Timestamp,
    ) -> Result<(), SqlError> {
        let remove =
            "DELETE FROM idempotency WHERE rowid IN (SELECT rowid FROM idempotency WHERE at <= ? ORDER BY at LIMIT ?)";
        self.sql.run(remove, &row![expired(now), MAX_REMOVED])?;
        let store = "INSERT OR REPLACE INTO idempotency (user, key, body, version, at) VALUES (?, ?, ?, ?, ?)";
        self.sql.run(store, &row![user, idempotency.key, idempotency.body, version, now])
    }

    /// Follows a version that got another number.
    pub(super) fn move_keys(&self, from: Version, to: Version) -> Result<(), SqlError> {
        self.sql.run("UPDATE idempotency SET version = ? WHERE version = ?", &row![to, from])
    }

    /// Removes the keys of a withdrawn version.
    pub(super) fn remove_keys(&self, version: Version) -> Result<(), SqlError> {
        self.sql.run("DELETE FROM idempotency WHERE version = ?", &row![version])
    }
}

/// Keys of this time or before have expired.
fn expired(now: Timestamp) -> Timestamp {
    let lifetime = i64::try_from(KEY_LIFETIME.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(now.as_millis() - lifetime)
}
