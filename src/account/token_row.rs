//! How a token lies in its table.

use super::call::{NewToken, TokenView};
use crate::auth::TokenHash;
use crate::object::{SqlError, Value};
use contract::Timestamp;

/// The tables. `number` rises, so the newest has the largest.
pub(super) const SCHEMA: [&str; 2] = [
    "CREATE TABLE tokens (
        number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, hash TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL, name TEXT NOT NULL, scope TEXT NOT NULL, admin INTEGER NOT NULL, parent TEXT,
        created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, last_used_at INTEGER)",
    "CREATE INDEX tokens_by_parent ON tokens (parent) WHERE parent IS NOT NULL",
];

/// The columns of a [`TokenView`], in [`read`]'s order.
pub(super) const COLUMNS: &str = "id, kind, name, scope, admin, parent, created_at, expires_at, last_used_at";

/// The columns that a new row has, in [`written`]'s order.
pub(super) const WRITTEN: &str = "hash, id, kind, name, scope, admin, parent, created_at, expires_at";

/// The values of a new row.
pub(super) fn written(hash: &TokenHash, view: &TokenView) -> [Value; 9] {
    let TokenView { id, token, created_at, last_used_at: _ } = view;
    let text = |text: &str| Value::Text(text.to_owned());
    let time = |time: Timestamp| Value::Integer(time.as_millis());
    [
        Value::Text(hash.to_string()),
        text(id),
        text(token.kind.as_str()),
        text(&token.name),
        text(token.scope.as_str()),
        Value::Integer(token.admin.into()),
        token.parent.as_deref().map_or(Value::Null, text),
        time(*created_at),
        time(token.expires_at),
    ]
}

/// Reads a row of [`COLUMNS`].
///
/// # Errors
/// When it holds what this program never wrote: never a guess about what a token may do.
pub(super) fn read(row: Vec<Value>) -> Result<TokenView, SqlError> {
    let strange = || SqlError("a row of the tokens has other columns".to_owned());
    let row: [Value; 9] = row.try_into().map_err(|_| strange())?;
    let [
        Value::Text(id),
        Value::Text(kind),
        Value::Text(name),
        Value::Text(scope),
        Value::Integer(admin),
        parent,
        Value::Integer(created_at),
        Value::Integer(expires_at),
        last_used_at,
    ] = row
    else {
        return Err(strange());
    };
    let parent = match parent {
        Value::Null => None,
        Value::Text(parent) => Some(parent),
        Value::Integer(_) => return Err(strange()),
    };
    let last_used_at = match last_used_at {
        Value::Null => None,
        Value::Integer(at) => Some(Timestamp::from_millis(at)),
        Value::Text(_) => return Err(strange()),
    };
    let token = NewToken {
        kind: kind.parse().map_err(|_| strange())?,
        name,
        scope: scope.parse().map_err(|_| strange())?,
        admin: admin == 1,
        parent,
        expires_at: Timestamp::from_millis(expires_at),
    };
    Ok(TokenView { id, token, created_at: Timestamp::from_millis(created_at), last_used_at })
}
