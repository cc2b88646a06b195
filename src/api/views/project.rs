//! Projects and their owners.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::account::ListedProject;
use crate::api::docs::endpoint::HasExample;
use contract::{ProjectId, RequestId};

/// Projects of the caller.
#[derive(Serialize, JsonSchema)]
pub struct ProjectList {
    /// Always `true`.
    pub success: bool,
    /// Newest first.
    pub projects: Vec<ListedProject>,
    /// The number of projects on all pages.
    pub total_projects: u64,
    /// The `cursor` of the next page; null on the last page.
    pub next_cursor: Option<u64>,
}

impl HasExample for ProjectList {
    fn example() -> Value {
        json!({
            "success": true,
            "projects": [{"project_name": "bracket-2", "created_at": "2026-01-31T12:00:00.000Z"}],
            "total_projects": 1,
            "next_cursor": null,
        })
    }
}

/// The new owner of a project.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Assigned")]
pub struct Assigned<'a> {
    /// Always `true`.
    pub success: bool,
    pub project_name: &'a ProjectId,
    /// The new owner's id.
    pub owner: &'a str,
    /// The previous owner's id; null without one.
    pub previous_owner: Option<String>,
    pub request_id: &'a RequestId,
}

impl HasExample for Assigned<'_> {
    fn example() -> Value {
        json!({
            "success": true,
            "project_name": "bracket-2",
            "owner": "anna@example.com",
            "previous_owner": null,
            "request_id": "0123456789abcdef",
        })
    }
}
