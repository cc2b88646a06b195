//! A user's index of projects: what runs inside the `Account` Durable Object.

use serde::{Deserialize, Serialize};

use crate::auth::{Scope, TokenHash, TokenKind};
use crate::contract::{ProjectId, Timestamp};
use crate::object::{Sql, SqlError, Value};

/// One call.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountCall {
    /// Lists a project; one that is listed already stays where it is.
    Add {
        /// The project.
        project: ProjectId,
    },
    /// Gives a page, newest first.
    List {
        /// Where the last page ended.
        cursor: Option<u64>,
        /// At most this many.
        limit: u32,
    },
    /// Stops listing a project, which is somebody else's now.
    Remove {
        /// The project.
        project: ProjectId,
    },
    /// Keeps a new token; answers with its [`TokenView`], or with [`TooManyTokens`].
    CreateToken {
        /// What is stored of its text.
        hash: TokenHash,
        /// What it is for.
        token: NewToken,
    },
    /// Gives the API tokens that have neither expired nor been revoked, newest first: a list of [`TokenView`].
    ListTokens,
    /// Revokes a token and the sessions that were made from it; answers whether there was one.
    RevokeToken {
        /// Its id.
        id: String,
    },
    /// Gives the [`TokenView`] of a token that counts now, or null.
    CheckToken {
        /// Of the text that was shown.
        hash: TokenHash,
    },
}

/// A token to be kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewToken {
    /// For a program or for a browser.
    pub kind: TokenKind,
    /// What its user calls it; empty for a session.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
    /// Whether it opens the admin's calls; never for API tokens.
    pub admin: bool,
    /// The id of the token that a session was made from.
    pub parent: Option<String>,
    /// From when on it is worth nothing.
    pub expires_at: Timestamp,
}

/// A token as its user may see it. The text is not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenView {
    /// Its id: random, no secret.
    pub id: String,
    /// All that was said of it.
    #[serde(flatten)]
    pub token: NewToken,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A page of projects.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ProjectPage {
    /// The projects, newest first.
    pub projects: Vec<ListedProject>,
    /// How many there are in all.
    pub total: u64,
    /// Where the next page begins; none on the last.
    pub next_cursor: Option<u64>,
}

/// One project of the index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedProject {
    /// Its name.
    pub project_name: ProjectId,
    /// When it was first listed.
    pub created_at: Timestamp,
}

/// The `Account` object over its SQLite.
pub struct AccountObject<'a> {
    sql: &'a dyn Sql,
}

impl<'a> AccountObject<'a> {
    /// The object over its storage.
    pub fn new(sql: &'a dyn Sql) -> Self {
        Self { sql }
    }

    /// Answers one call, as JSON.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn handle(&self, call: &AccountCall, now: Timestamp) -> Result<serde_json::Value, SqlError> {
        let json = |page: ProjectPage| serde_json::to_value(page).map_err(|error| SqlError(error.to_string()));
        match call {
            AccountCall::Add { project } => self.add(project, now).map(|()| serde_json::Value::Null),
            AccountCall::List { cursor, limit } => self.list(*cursor, *limit).and_then(json),
            AccountCall::Remove { project } => self.remove(project).map(|()| serde_json::Value::Null),
        }
    }

    fn add(&self, project: &ProjectId, now: Timestamp) -> Result<(), SqlError> {
        self.create()?;
        let row = [Value::Text(project.to_string()), Value::Integer(now.as_millis())];
        self.sql.exec("INSERT INTO projects (name, created_at) VALUES (?, ?) ON CONFLICT DO NOTHING", &row).map(drop)
    }

    fn remove(&self, project: &ProjectId) -> Result<(), SqlError> {
        self.create()?;
        self.sql.exec("DELETE FROM projects WHERE name = ?", &[Value::Text(project.to_string())]).map(drop)
    }

    fn list(&self, cursor: Option<u64>, limit: u32) -> Result<ProjectPage, SqlError> {
        self.create()?;
        let before = cursor.and_then(|id| i64::try_from(id).ok()).unwrap_or(i64::MAX >> 10);
        let statement = "SELECT id, name, created_at FROM projects WHERE id < ? ORDER BY id DESC LIMIT ?";
        let rows = self.sql.exec(statement, &[Value::Integer(before), Value::Integer(i64::from(limit) + 1)])?;
        let mut page = ProjectPage { total: self.total()?, ..ProjectPage::default() };
        let mut last = None;
        for row in rows {
            if page.projects.len() == limit as usize {
                page.next_cursor = last;
                break;
            }
            let [Value::Integer(id), Value::Text(name), Value::Integer(at)] = &row[..] else {
                return Err(SqlError("a row of the index has other columns".to_owned()));
            };
            let project_name = name.parse().map_err(|error| SqlError(format!("{name:?}: {error}")))?;
            page.projects.push(ListedProject { project_name, created_at: Timestamp::from_millis(*at) });
            last = u64::try_from(*id).ok();
        }
        Ok(page)
    }

    fn total(&self) -> Result<u64, SqlError> {
        match self.sql.exec("SELECT COUNT(*) FROM projects", &[])?.first().map(Vec::as_slice) {
            Some([Value::Integer(count)]) => Ok(u64::try_from(*count).unwrap_or(0)),
            _ => Err(SqlError("no count".to_owned())),
        }
    }

    fn create(&self) -> Result<(), SqlError> {
        // Rows get ascending ids, so the newest project has the largest.
        let statement = "CREATE TABLE IF NOT EXISTS projects (
            id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL)";
        self.sql.exec(statement, &[]).map(drop)
    }
}
