//! A token in its table.

use super::call::{NewToken, TokenView};
use crate::auth::TokenHash;
use crate::object::{RowReader, SqlError, Value, row};

/// The tables. `number` rises, so the newest token has the largest.
pub(super) const SCHEMA: [&str; 2] = [
    "CREATE TABLE tokens (
        number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, hash TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL, name TEXT NOT NULL, scope TEXT NOT NULL, admin INTEGER NOT NULL, parent TEXT,
        created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, last_used_at INTEGER)",
    "CREATE INDEX tokens_by_parent ON tokens (parent) WHERE parent IS NOT NULL",
];

/// The columns of a [`TokenView`], in [`read`]'s order.
pub(super) const COLUMNS: &str = "id, kind, name, scope, admin, parent, created_at, expires_at, last_used_at";

/// The columns of a new row, in [`written`]'s order.
pub(super) const WRITTEN: &str = "hash, id, kind, name, scope, admin, parent, created_at, expires_at";

/// The values of a new row.
pub(super) fn written(hash: &TokenHash, view: &TokenView) -> [Value; 9] {
    let TokenView { id, token, created_at, last_used_at: _ } = view;
    let NewToken { kind, name, scope, admin, parent, expires_at } = token;
    row![hash, id, kind, name, scope, admin, parent, created_at, expires_at]
}

/// Reads a row of [`COLUMNS`].
///
/// # Errors
/// When a column holds what this program never wrote. The scope of a token is never guessed.
pub(super) fn read(row: &mut RowReader) -> Result<TokenView, SqlError> {
    let (id, kind, name, scope, admin, parent) =
        (row.get()?, row.get()?, row.get()?, row.get()?, row.get()?, row.get()?);
    let (created_at, expires_at, last_used_at) = (row.get()?, row.get()?, row.get()?);
    let token = NewToken { kind, name, scope, admin, parent, expires_at };
    Ok(TokenView { id, token, created_at, last_used_at })
}
