//! The list of a user's projects.

use super::call::{ListedProject, ProjectPage};
use crate::object::{Sql, SqlError, Value};
use crate::row::{Reader, integer, text, time};
use contract::{ProjectId, Timestamp};

/// The largest integer that the platform passes without loss: 2^53 - 1.
const LARGEST_ID: u64 = (1 << 53) - 1;

pub(super) struct Projects<'a> {
    sql: &'a dyn Sql,
}

impl<'a> Projects<'a> {
    pub fn new(sql: &'a dyn Sql) -> Self {
        Self { sql }
    }

    /// Lists a project, unless it is listed already.
    pub fn add(&self, project: &ProjectId, now: Timestamp) -> Result<(), SqlError> {
        let statement = "INSERT INTO projects (name, created_at) VALUES (?, ?) ON CONFLICT DO NOTHING";
        self.exec(statement, &[text(project), time(now)]).map(drop)
    }

    /// Stops listing a project.
    pub fn remove(&self, project: &ProjectId) -> Result<(), SqlError> {
        self.exec("DELETE FROM projects WHERE name = ?", &[text(project)]).map(drop)
    }

    /// At most `limit` projects, newest first, after the `cursor` of the previous page.
    pub fn list(&self, cursor: Option<u64>, limit: u32) -> Result<ProjectPage, SqlError> {
        let count = self.exec("SELECT COUNT(*) FROM projects", &[])?.pop().unwrap_or_default();
        let mut page = ProjectPage { total: Reader::new(count).parsed()?, ..ProjectPage::default() };
        let before = integer(cursor.unwrap_or(LARGEST_ID));
        let statement = "SELECT id, name, created_at FROM projects WHERE id < ? ORDER BY id DESC LIMIT ?";
        let rows = self.exec(statement, &[before, integer(u64::from(limit) + 1)])?;
        let mut last = None;
        for row in rows {
            let mut row = Reader::new(row);
            let id = row.parsed()?;
            if page.projects.len() == limit as usize {
                page.next_cursor = last;
                break;
            }
            let project_name = row.parsed()?;
            let created_at = row.time()?.unwrap_or(Timestamp::EPOCH);
            page.projects.push(ListedProject { project_name, created_at });
            last = Some(id);
        }
        Ok(page)
    }

    fn exec(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Vec<Value>>, SqlError> {
        // Ids ascend, so the newest project has the largest.
        let table = "CREATE TABLE IF NOT EXISTS projects (
            id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL)";
        self.sql.exec(table, &[])?;
        self.sql.exec(statement, parameters)
    }
}
