//! The list of a user's projects.

use super::call::{ListedProject, ProjectPage};
use crate::object::{RowReader, Sql, SqlError, row};
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
        self.create()?;
        self.sql.run(statement, &row![project, now])
    }

    /// Stops listing a project.
    pub fn remove(&self, project: &ProjectId) -> Result<(), SqlError> {
        self.create()?;
        self.sql.run("DELETE FROM projects WHERE name = ?", &row![project])
    }

    /// At most `limit` projects, newest first, after the `cursor` of the previous page.
    pub fn list(&self, cursor: Option<u64>, limit: u32) -> Result<ProjectPage, SqlError> {
        self.create()?;
        let total = self.sql.query_one("SELECT COUNT(*) FROM projects", &[], RowReader::get)?;
        let statement = "SELECT id, name, created_at FROM projects WHERE id < ? ORDER BY id DESC LIMIT ?";
        let parameters = row![cursor.unwrap_or(LARGEST_ID), u64::from(limit) + 1];
        let mut rows = self.sql.query_all(statement, &parameters, |row| {
            Ok((row.get::<u64>()?, ListedProject { project_name: row.get()?, created_at: row.get()? }))
        })?;
        let has_more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next_cursor = rows.last().filter(|_| has_more).map(|(id, _)| *id);
        Ok(ProjectPage { total, projects: rows.into_iter().map(|(_, project)| project).collect(), next_cursor })
    }

    fn create(&self) -> Result<(), SqlError> {
        // Ids ascend, so the newest project has the largest.
        let table = "CREATE TABLE IF NOT EXISTS projects (
            id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL)";
        self.sql.run(table, &[])
    }
}
