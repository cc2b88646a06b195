//! `GET /api/projects`.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::account::{ListProjects, ListedProject};
use crate::api::code::Code;
use crate::api::docs::endpoint::{BodySchema, Content, EndpointDoc, HasExample, ResponseDoc, Tag};
use crate::api::error::ApiError;
use crate::api::request::Call;
use crate::api::response::Reply;

pub const LIST: EndpointDoc = EndpointDoc {
    id: "listProjects",
    summary: "my projects, newest first",
    tag: Tag::Scripts,
    description: "A project is the caller's from their first upload to its name on.",
    responses: &[ResponseDoc {
        description: "A page of projects.",
        contents: &[Content::Json(BodySchema::of::<ProjectList>())],
        ..ResponseDoc::OK
    }],
    errors: &[Code::InternalUnavailable],
    ..EndpointDoc::NONE
};

/// The caller's projects.
#[derive(Serialize, JsonSchema)]
struct ProjectList {
    /// Always true.
    success: bool,
    /// Newest first.
    projects: Vec<ListedProject>,
    /// How many there are on all pages.
    total_projects: u64,
    /// The next page's `cursor`; null on the last.
    next_cursor: Option<u64>,
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

/// My projects, newest first.
pub async fn list(call: &Call<'_>) -> Result<Reply, ApiError> {
    let request = ListProjects { cursor: call.query.cursor()?, limit: call.query.limit()? };
    let page = call.ask_account(&call.identity.caller.user, request).await?;
    Reply::json(&ProjectList {
        success: true,
        projects: page.projects,
        total_projects: page.total,
        next_cursor: page.next_cursor,
    })
}
