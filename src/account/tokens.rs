//! A user's API tokens and sessions. The text of none is here: a token is found by its hash, so how long the search
//! takes says nothing of other tokens, whose hashes nobody can choose.

use std::time::Duration;

use super::call::{Created, NewToken, TokenRefusal, TokenView};
use super::token_row::{COLUMNS, SCHEMA, WRITTEN, read, written};
use crate::auth::{TokenHash, TokenKind, random_token_id};
use crate::contract::Timestamp;
use crate::object::{Sql, SqlError, Value};

/// The most living API tokens of one user.
const MOST_TOKENS: u32 = 50;

/// The most sessions of one user: each browser has one, and those that people forget to end go by themselves.
const MOST_SESSIONS: u32 = 20;

/// How long a token's last use stays as it was written: a program may call a hundred times a second.
const USE_STANDS: Duration = Duration::from_secs(3600);

/// Reads and writes the tokens.
pub(super) struct Tokens<'a> {
    sql: &'a dyn Sql,
}

impl<'a> Tokens<'a> {
    pub fn new(sql: &'a dyn Sql) -> Self {
        Self { sql }
    }

    /// Keeps a token, if what it is made from still counts and there are not too many.
    pub fn create(
        &self,
        hash: &TokenHash,
        token: &NewToken,
        session: Option<&str>,
        now: Timestamp,
    ) -> Result<Created, SqlError> {
        self.make_table()?;
        self.remove_expired(now)?;
        let Some(token) = self.held_to_its_maker(token.clone(), session)? else {
            return Ok(Err(TokenRefusal::MakerGone));
        };
        match token.kind {
            TokenKind::Api if self.count(TokenKind::Api)? >= MOST_TOKENS => {
                return Ok(Err(TokenRefusal::TooMany { most: MOST_TOKENS }));
            }
            TokenKind::Api => {}
            TokenKind::Session => self.end_oldest_sessions(MOST_SESSIONS - 1)?,
        }
        let id = random_token_id().map_err(|error| SqlError(format!("no id for a token: {error}")))?;
        let view = TokenView { id, token, created_at: now, last_used_at: None };
        let statement = format!("INSERT INTO tokens ({WRITTEN}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
        self.sql.exec(&statement, &written(hash, &view))?;
        Ok(Ok(view))
    }

    /// The API tokens that count, newest first.
    pub fn list(&self, now: Timestamp) -> Result<Vec<TokenView>, SqlError> {
        if !self.exist()? {
            return Ok(Vec::new());
        }
        self.remove_expired(now)?;
        let statement = format!("SELECT {COLUMNS} FROM tokens WHERE kind = ? ORDER BY number DESC");
        self.sql.exec(&statement, &[word(TokenKind::Api)])?.into_iter().map(read).collect()
    }

    /// Revokes an API token and all that was made from it.
    pub fn revoke(&self, id: &str, now: Timestamp) -> Result<bool, SqlError> {
        if !self.exist()? {
            return Ok(false);
        }
        self.remove_expired(now)?;
        let id = Value::Text(id.to_owned());
        let statement = "DELETE FROM tokens WHERE id = ? AND kind = ? RETURNING id";
        let was_there = !self.sql.exec(statement, &[id.clone(), word(TokenKind::Api)])?.is_empty();
        let mut gone = vec![id];
        // Never endless: each round removes rows.
        while let Some(id) = gone.pop() {
            let children = self.sql.exec("DELETE FROM tokens WHERE parent = ? RETURNING id", &[id])?;
            gone.extend(children.into_iter().flatten());
        }
        Ok(was_there)
    }

    /// Ends a session.
    pub fn end_session(&self, hash: &TokenHash) -> Result<bool, SqlError> {
        if !self.exist()? {
            return Ok(false);
        }
        let statement = "DELETE FROM tokens WHERE hash = ? AND kind = ? RETURNING id";
        Ok(!self.sql.exec(statement, &[Value::Text(hash.to_string()), word(TokenKind::Session)])?.is_empty())
    }

    /// The token of this hash, if it counts at `now`; notes that an API token was used.
    pub fn check(&self, hash: &TokenHash, now: Timestamp) -> Result<Option<TokenView>, SqlError> {
        if !self.exist()? {
            return Ok(None);
        }
        let statement = format!("SELECT {COLUMNS} FROM tokens WHERE hash = ? AND expires_at > ?");
        let found = self.sql.exec(&statement, &[Value::Text(hash.to_string()), time(now)])?;
        let Some(mut view) = found.into_iter().next().map(read).transpose()? else { return Ok(None) };
        let stands = view.last_used_at.is_some_and(|at| now.since(at) < USE_STANDS);
        if view.token.kind == TokenKind::Api && !stands {
            let row = [time(now), Value::Text(view.id.clone())];
            self.sql.exec("UPDATE tokens SET last_used_at = ? WHERE id = ?", &row)?;
            view.last_used_at = Some(now);
        }
        Ok(Some(view))
    }

    /// The token as it may be: what comes of another token, at once or through a session, may do no more than it and
    /// counts no longer. None where the token or the session is gone.
    fn held_to_its_maker(&self, token: NewToken, session: Option<&str>) -> Result<Option<NewToken>, SqlError> {
        let mut token = token;
        if let Some(session) = session {
            let Some(session) = self.find(session, TokenKind::Session)? else { return Ok(None) };
            token.parent = session.token.parent;
        }
        if let Some(parent) = &token.parent {
            let Some(parent) = self.find(parent, TokenKind::Api)? else { return Ok(None) };
            token.scope = token.scope.min(parent.token.scope);
            token.expires_at = token.expires_at.min(parent.token.expires_at);
        }
        Ok(Some(token))
    }

    fn find(&self, id: &str, kind: TokenKind) -> Result<Option<TokenView>, SqlError> {
        let statement = format!("SELECT {COLUMNS} FROM tokens WHERE id = ? AND kind = ?");
        let found = self.sql.exec(&statement, &[Value::Text(id.to_owned()), word(kind)])?;
        found.into_iter().next().map(read).transpose()
    }

    fn count(&self, kind: TokenKind) -> Result<u32, SqlError> {
        let counted = self.sql.exec("SELECT COUNT(*) FROM tokens WHERE kind = ?", &[word(kind)])?;
        match counted.first().map(Vec::as_slice) {
            Some([Value::Integer(count)]) => Ok(u32::try_from(*count).unwrap_or(u32::MAX)),
            _ => Err(SqlError("no count".to_owned())),
        }
    }

    /// Leaves the newest `kept`.
    fn end_oldest_sessions(&self, kept: u32) -> Result<(), SqlError> {
        let statement = "DELETE FROM tokens WHERE number IN
            (SELECT number FROM tokens WHERE kind = ? ORDER BY number DESC LIMIT -1 OFFSET ?)";
        self.sql.exec(statement, &[word(TokenKind::Session), Value::Integer(kept.into())]).map(drop)
    }

    fn remove_expired(&self, now: Timestamp) -> Result<(), SqlError> {
        self.sql.exec("DELETE FROM tokens WHERE expires_at <= ?", &[time(now)]).map(drop)
    }

    /// Whether there ever was a token. Forged ones name users that nobody knows, and must not fill a disk.
    fn exist(&self) -> Result<bool, SqlError> {
        Ok(!self.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'tokens'", &[])?.is_empty())
    }

    fn make_table(&self) -> Result<(), SqlError> {
        if self.exist()? {
            return Ok(());
        }
        SCHEMA.iter().try_for_each(|statement| self.sql.exec(statement, &[]).map(drop))
    }
}

fn word(kind: TokenKind) -> Value {
    Value::Text(kind.as_str().to_owned())
}

fn time(time: Timestamp) -> Value {
    Value::Integer(time.as_millis())
}
