//! The `Account` object.

use super::call::{AccountCall, AccountOperation, AccountRefusal};
use super::projects::Projects;
use super::tokens::Tokens;
use crate::object::{Sql, reply, respond};
use contract::Timestamp;
use platform::Body;

pub struct AccountObject<'a> {
    sql: &'a dyn Sql,
}

impl<'a> AccountObject<'a> {
    /// `sql` is the object's SQLite.
    pub fn new(sql: &'a dyn Sql) -> Self {
        Self { sql }
    }

    /// Answers one call. Each operation is one stretch of SQL without an await, so it happens completely or not at all.
    pub fn handle(&self, call: AccountCall, now: Timestamp) -> http::Response<Body> {
        respond(self.answer(call.operation, now))
    }

    fn answer(&self, operation: AccountOperation, now: Timestamp) -> Result<Body, AccountRefusal> {
        let (projects, tokens) = (Projects::new(self.sql), Tokens::new(self.sql));
        match operation {
            AccountOperation::AddProject(request) => reply(&request, Ok(projects.add(&request.0, now)?)),
            AccountOperation::RemoveProject(request) => reply(&request, Ok(projects.remove(&request.0)?)),
            AccountOperation::ListProjects(request) => {
                reply(&request, Ok(projects.list(request.cursor, request.limit)?))
            }
            AccountOperation::CreateToken(request) => reply(&request, tokens.create(&request, now)),
            AccountOperation::ListTokens(request) => reply(&request, Ok(tokens.list(request.since, now)?)),
            AccountOperation::RevokeToken(request) => reply(&request, Ok(tokens.revoke(&request.id, now)?)),
            AccountOperation::EndSession(request) => reply(&request, Ok(tokens.end_session(&request.hashes)?)),
            AccountOperation::CheckToken(request) => reply(&request, Ok(tokens.check(&request, now)?)),
        }
    }
}
