//! A token in its table.

use super::call::{NewToken, TokenView};
use crate::auth::TokenHash;
use crate::object::{SqlError, Value};
use crate::row::{Reader, optional, text, time};
use contract::Timestamp;

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
    [
        text(hash),
        text(id),
        text(token.kind),
        text(&token.name),
        text(token.scope),
        Value::Integer(token.admin.into()),
        optional(&token.parent),
        time(*created_at),
        time(token.expires_at),
    ]
}

/// Reads a row of [`COLUMNS`].
///
/// # Errors
/// When a column holds what this program never wrote. The scope of a token is never guessed.
pub(super) fn read(row: Vec<Value>) -> Result<TokenView, SqlError> {
    let mut row = Reader::new(row);
    let (id, kind, name, scope) = (row.text()?, row.parsed()?, row.text()?, row.parsed()?);
    let (admin, parent) = (row.parsed::<u8>()? == 1, row.optional_text()?);
    let mut required_time = || row.time()?.ok_or_else(|| SqlError("a token's time is NULL".to_owned()));
    let (created_at, expires_at): (Timestamp, Timestamp) = (required_time()?, required_time()?);
    let token = NewToken { kind, name, scope, admin, parent, expires_at };
    Ok(TokenView { id, token, created_at, last_used_at: row.time()? })
}
