//! The `Account` object: its calls.

use serde::Serialize;
use serde_json::Value;

use super::call::AccountCall;
use super::projects::Projects;
use super::tokens::Tokens;
use crate::object::{Sql, SqlError};
use contract::Timestamp;

/// The `Account` object over its SQLite.
pub struct AccountObject<'a> {
    sql: &'a dyn Sql,
}

impl<'a> AccountObject<'a> {
    /// The object over its storage.
    pub fn new(sql: &'a dyn Sql) -> Self {
        Self { sql }
    }

    /// Answers one call, as JSON. Each is one stretch of SQL without an await, so it happens whole or not at all.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn handle(&self, call: &AccountCall, now: Timestamp) -> Result<Value, SqlError> {
        let (projects, tokens) = (Projects::new(self.sql), Tokens::new(self.sql));
        match call {
            AccountCall::Add { project } => json(projects.add(project, now)?),
            AccountCall::List { cursor, limit } => json(projects.list(*cursor, *limit)?),
            AccountCall::Remove { project } => json(projects.remove(project)?),
            AccountCall::CreateToken { hash, token, session, since } => {
                json(tokens.create(hash, token, session.as_deref(), (*since, now))?)
            }
            AccountCall::ListTokens { since } => json(tokens.list(*since, now)?),
            AccountCall::RevokeToken { id } => json(tokens.revoke(id, now)?),
            AccountCall::EndSession { hashes } => json(tokens.end_session(hashes)?),
            AccountCall::CheckToken { hashes, since } => json(tokens.check(hashes, *since, now)?),
        }
    }
}

fn json(answer: impl Serialize) -> Result<Value, SqlError> {
    serde_json::to_value(answer).map_err(|error| SqlError(error.to_string()))
}
