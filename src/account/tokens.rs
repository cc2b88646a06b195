//! A user's API tokens and sessions. The text of none is here: a token is found by its hash, so how long the search
//! takes says nothing of other tokens, whose hashes nobody can choose.

use std::time::Duration;

use super::call::{Created, NewToken, TokenRefusal, TokenView};
use super::token_row::{COLUMNS, SCHEMA, WRITTEN, read, written};
use crate::auth::{TokenHash, TokenKind, random_token_id};
use crate::object::{Sql, SqlError, Value};
use contract::Timestamp;

/// The most living API tokens of one user.
const MOST_TOKENS: u32 = 50;

/// The most sessions of one user: each browser has one, and those that people forget to end go by themselves.
const MOST_SESSIONS: u32 = 20;

/// The most of them that were opened with one API token.
const MOST_SESSIONS_OF_A_TOKEN: u32 = 5;

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

    /// Keeps a token, if what it is made from still counts and there are not too many, of those made `since` then.
    pub fn create(
        &self,
        hash: &TokenHash,
        token: &NewToken,
        session: Option<&str>,
        (since, now): (Timestamp, Timestamp),
    ) -> Result<Created, SqlError> {
        self.make_table()?;
        self.remove_expired(now)?;
        // It would count for nothing.
        if now < since {
            return Ok(Err(TokenRefusal::MakerGone));
        }
        let Some(token) = self.held_to_its_maker(token.clone(), session)? else {
            return Ok(Err(TokenRefusal::MakerGone));
        };
        match token.kind {
            TokenKind::Api if self.list(since, now)?.len() >= MOST_TOKENS as usize => {
                return Ok(Err(TokenRefusal::TooMany { most: MOST_TOKENS }));
            }
            TokenKind::Api => {}
            TokenKind::Session => {
                // Whoever has only a token throws nobody out but others with the same.
                if let Some(parent) = &token.parent {
                    self.end_oldest_sessions(Some(parent), MOST_SESSIONS_OF_A_TOKEN - 1)?;
                }
                self.end_oldest_sessions(None, MOST_SESSIONS - 1)?;
            }
        }
        let id = random_token_id().map_err(|error| SqlError(format!("no id for a token: {error}")))?;
        let view = TokenView { id, token, created_at: now, last_used_at: None };
        let statement = format!("INSERT INTO tokens ({WRITTEN}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
        self.sql.exec(&statement, &written(hash, &view))?;
        Ok(Ok(view))
    }

    /// The API tokens that count, newest first.
    pub fn list(&self, since: Timestamp, now: Timestamp) -> Result<Vec<TokenView>, SqlError> {
        if !self.exist()? {
            return Ok(Vec::new());
        }
        self.remove_expired(now)?;
        let statement = format!("SELECT {COLUMNS} FROM tokens WHERE kind = ? ORDER BY number DESC");
        let mut views = Vec::new();
        for row in self.sql.exec(&statement, &[word(TokenKind::Api)])? {
            let view = read(row)?;
            if self.is_from(since, &view)? {
                views.push(view);
            }
        }
        Ok(views)
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
    pub fn end_session(&self, hashes: &[TokenHash]) -> Result<bool, SqlError> {
        if !self.exist()? {
            return Ok(false);
        }
        let statement = "DELETE FROM tokens WHERE hash = ? AND kind = ? RETURNING id";
        let mut was_there = false;
        for hash in hashes {
            let row = [Value::Text(hash.to_string()), word(TokenKind::Session)];
            was_there |= !self.sql.exec(statement, &row)?.is_empty();
        }
        Ok(was_there)
    }

    /// The token of one of these hashes, if it counts at `now`; notes that an API token was used.
    pub fn check(&self, hashes: &[TokenHash], since: Timestamp, now: Timestamp) -> Result<Option<TokenView>, SqlError> {
        if !self.exist()? {
            return Ok(None);
        }
        let statement = format!("SELECT {COLUMNS} FROM tokens WHERE hash = ? AND expires_at > ?");
        let mut found = Vec::new();
        for hash in hashes {
            found.extend(self.sql.exec(&statement, &[Value::Text(hash.to_string()), time(now)])?);
        }
        let Some(mut view) = found.into_iter().next().map(read).transpose()? else { return Ok(None) };
        if !self.is_from(since, &view)? {
            return Ok(None);
        }
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

    /// Whether a token was made at `since` or later, and so was all that it was made from.
    fn is_from(&self, since: Timestamp, view: &TokenView) -> Result<bool, SqlError> {
        let (mut made, mut parent) = (view.created_at, view.token.parent.clone());
        // Never endless: what a token was made from was there before it.
        loop {
            if made < since {
                return Ok(false);
            }
            let Some(id) = parent else { return Ok(true) };
            let Some(maker) = self.find(&id, TokenKind::Api)? else { return Ok(false) };
            (made, parent) = (maker.created_at, maker.token.parent);
        }
    }

    /// Ends all but the newest so many sessions: of one token, or in all.
    fn end_oldest_sessions(&self, parent: Option<&str>, kept: u32) -> Result<(), SqlError> {
        let statement = "DELETE FROM tokens WHERE number IN (SELECT number FROM tokens
            WHERE kind = ? AND (? IS NULL OR parent = ?) ORDER BY number DESC LIMIT -1 OFFSET ?)";
        let parent = parent.map_or(Value::Null, |id| Value::Text(id.to_owned()));
        let row = [word(TokenKind::Session), parent.clone(), parent, Value::Integer(kept.into())];
        self.sql.exec(statement, &row).map(drop)
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
