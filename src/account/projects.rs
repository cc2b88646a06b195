//! The index of a user's projects.

use super::call::{ListedProject, ProjectPage};
use crate::object::{Sql, SqlError, Value};
use contract::{ProjectId, Timestamp};

/// Reads and writes the index.
pub(super) struct Projects<'a> {
    sql: &'a dyn Sql,
}

impl<'a> Projects<'a> {
    pub fn new(sql: &'a dyn Sql) -> Self {
        Self { sql }
    }

    /// Lists a project, unless it is listed.
    pub fn add(&self, project: &ProjectId, now: Timestamp) -> Result<(), SqlError> {
        self.create()?;
        let row = [Value::Text(project.to_string()), Value::Integer(now.as_millis())];
        self.sql.exec("INSERT INTO projects (name, created_at) VALUES (?, ?) ON CONFLICT DO NOTHING", &row).map(drop)
    }

    /// Lists it no more.
    pub fn remove(&self, project: &ProjectId) -> Result<(), SqlError> {
        self.create()?;
        self.sql.exec("DELETE FROM projects WHERE name = ?", &[Value::Text(project.to_string())]).map(drop)
    }

    /// At most `limit` projects, newest first, from where `cursor` says.
    pub fn list(&self, cursor: Option<u64>, limit: u32) -> Result<ProjectPage, SqlError> {
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
