//! A user's API tokens and sessions.
//!
//! Only hashes are stored. A token is found by its hash, and a caller cannot choose a hash. So the time of the search says
//! nothing about other tokens.

use std::time::Duration;

use super::call::{AccountRefusal, CheckToken, CreateToken, NewToken, TokenRefusal, TokenView};
use super::token_row::{COLUMNS, SCHEMA, WRITTEN, read, written};
use crate::auth::{TokenHash, TokenKind, random_token_id};
use crate::object::{RowReader, Sql, SqlError, row};
use contract::Timestamp;

/// The limit of valid API tokens of one user.
const MAX_TOKENS: u32 = 50;

/// The limit of sessions of one user. Each browser has one, and forgotten ones have to end.
const MAX_SESSIONS: u32 = 20;

/// The limit of sessions that were opened with one API token.
const MAX_SESSIONS_OF_A_TOKEN: u32 = 5;

/// How old a stored time of use may be. A program may send a hundred requests a second.
const USE_PRECISION: Duration = Duration::from_secs(3_600);

pub(super) struct Tokens<'a> {
    sql: &'a dyn Sql,
}

impl<'a> Tokens<'a> {
    pub fn new(sql: &'a dyn Sql) -> Self {
        Self { sql }
    }

    /// Stores a token, unless its parent is no longer valid or there are too many tokens.
    pub fn create(&self, request: &CreateToken, now: Timestamp) -> Result<TokenView, AccountRefusal> {
        let CreateToken { hash, token, session, since } = request;
        self.make_table()?;
        self.remove_expired(now)?;
        // A token created now would be invalid.
        if now < *since {
            return Err(TokenRefusal::MakerGone.into());
        }
        let token = self.limited_by_parent(token.clone(), session.as_deref())?.ok_or(TokenRefusal::MakerGone)?;
        match token.kind {
            TokenKind::Api if self.list(*since, now)?.len() >= MAX_TOKENS as usize => {
                return Err(TokenRefusal::TooMany { most: MAX_TOKENS }.into());
            }
            TokenKind::Api => {}
            TokenKind::Session => {
                // The holder of a token can only end sessions of the same token.
                if let Some(parent) = &token.parent {
                    self.end_oldest_sessions(Some(parent), MAX_SESSIONS_OF_A_TOKEN - 1)?;
                }
                self.end_oldest_sessions(None, MAX_SESSIONS - 1)?;
            }
        }
        let id = random_token_id().map_err(|error| SqlError(format!("no id for a token: {error}")))?;
        let view = TokenView { id, token, created_at: now, last_used_at: None };
        let statement = format!("INSERT INTO tokens ({WRITTEN}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
        self.sql.run(&statement, &written(hash, &view))?;
        Ok(view)
    }

    /// The API tokens that are valid and were created at `since` or later, newest first.
    pub fn list(&self, since: Timestamp, now: Timestamp) -> Result<Vec<TokenView>, SqlError> {
        if !self.exist()? {
            return Ok(Vec::new());
        }
        self.remove_expired(now)?;
        let statement = format!("SELECT {COLUMNS} FROM tokens WHERE kind = ? ORDER BY number DESC");
        let mut views = Vec::new();
        for view in self.sql.query_all(&statement, &row![TokenKind::Api], read)? {
            if self.is_created_since(since, &view)? {
                views.push(view);
            }
        }
        Ok(views)
    }

    /// Revokes an API token and all tokens created from it. Returns whether it existed.
    pub fn revoke(&self, id: &str, now: Timestamp) -> Result<bool, SqlError> {
        if !self.exist()? {
            return Ok(false);
        }
        self.remove_expired(now)?;
        let statement = "DELETE FROM tokens WHERE id = ? AND kind = ? RETURNING id";
        let existed = self.sql.any(statement, &row![id, TokenKind::Api])?;
        let mut removed = vec![id.to_owned()];
        // It ends, because each round removes rows.
        while let Some(id) = removed.pop() {
            let statement = "DELETE FROM tokens WHERE parent = ? RETURNING id";
            removed.extend(self.sql.query_all(statement, &row![id], RowReader::get::<String>)?);
        }
        Ok(existed)
    }

    /// Ends a session. Returns whether it existed.
    pub fn end_session(&self, hashes: &[TokenHash]) -> Result<bool, SqlError> {
        if !self.exist()? {
            return Ok(false);
        }
        let statement = "DELETE FROM tokens WHERE hash = ? AND kind = ? RETURNING id";
        let mut existed = false;
        for hash in hashes {
            existed |= self.sql.any(statement, &row![hash, TokenKind::Session])?;
        }
        Ok(existed)
    }

    /// The token with one of the hashes, if it is valid. Notes that an API token was used.
    pub fn check(&self, request: &CheckToken, now: Timestamp) -> Result<Option<TokenView>, SqlError> {
        if !self.exist()? {
            return Ok(None);
        }
        let statement = format!("SELECT {COLUMNS} FROM tokens WHERE hash = ? AND expires_at > ?");
        let mut found = Vec::new();
        for hash in &request.hashes {
            found.extend(self.sql.query_opt(&statement, &row![hash, now], read)?);
        }
        let Some(mut view) = found.into_iter().next() else { return Ok(None) };
        if !self.is_created_since(request.since, &view)? {
            return Ok(None);
        }
        let is_recent = view.last_used_at.is_some_and(|at| now.since(at) < USE_PRECISION);
        if view.token.kind == TokenKind::Api && !is_recent {
            self.sql.run("UPDATE tokens SET last_used_at = ? WHERE id = ?", &row![now, view.id])?;
            view.last_used_at = Some(now);
        }
        Ok(Some(view))
    }

    /// The token within the limits of its parent: a token that another one creates, directly or through a session, may
    /// do no more and is valid no longer. `None` if the parent or the session no longer exists.
    fn limited_by_parent(&self, mut token: NewToken, session: Option<&str>) -> Result<Option<NewToken>, SqlError> {
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
        self.sql.query_opt(&statement, &row![id, kind], read)
    }

    /// Whether a token and all its ancestors were created at `since` or later.
    fn is_created_since(&self, since: Timestamp, view: &TokenView) -> Result<bool, SqlError> {
        let mut created_at = view.created_at;
        let mut parent = view.token.parent.clone();
        // It ends, because a parent is older than its child.
        loop {
            if created_at < since {
                return Ok(false);
            }
            let Some(id) = parent else { return Ok(true) };
            let Some(ancestor) = self.find(&id, TokenKind::Api)? else { return Ok(false) };
            (created_at, parent) = (ancestor.created_at, ancestor.token.parent);
        }
    }

    /// Ends all but the newest `kept` sessions, of all sessions or of those with this parent.
    fn end_oldest_sessions(&self, parent: Option<&str>, kept: u32) -> Result<(), SqlError> {
        let statement = "DELETE FROM tokens WHERE number IN (SELECT number FROM tokens
            WHERE kind = ? AND (? IS NULL OR parent = ?) ORDER BY number DESC LIMIT -1 OFFSET ?)";
        self.sql.run(statement, &row![TokenKind::Session, parent, parent, kept])
    }

    fn remove_expired(&self, now: Timestamp) -> Result<(), SqlError> {
        self.sql.run("DELETE FROM tokens WHERE expires_at <= ?", &row![now])
    }

    /// Whether the user ever had a token. Forged tokens name unknown users, for whom nothing must be stored.
    fn exist(&self) -> Result<bool, SqlError> {
        self.sql.has_table("tokens")
    }

    fn make_table(&self) -> Result<(), SqlError> {
        if self.exist()? {
            return Ok(());
        }
        SCHEMA.iter().try_for_each(|statement| self.sql.run(statement, &[]))
    }
}
