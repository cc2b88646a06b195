//! `GET /api/projects`.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::code::Code;
use super::error::ApiError;
use super::reply::Reply;
use super::request::Call;
use super::terms::{Answer, Content, Shape, Shown, Tag, Terms};
use crate::account::{ListProjects, ListedProject};

pub(super) const LIST: Terms = Terms {
    id: "listProjects",
    tag: Tag::Scripts,
    about: "A project is the caller's from their first upload to its name on.",
    answers: &[Answer {
        about: "A page of projects.",
        contents: &[Content::Json(Shape::of::<ProjectList>())],
        ..Answer::OK
    }],
    errors: &[Code::InternalUnavailable],
    ..Terms::NONE
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

impl Shown for ProjectList {
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
pub(super) async fn list(call: &Call<'_>) -> Result<Reply, ApiError> {
    let request = ListProjects { cursor: call.query.cursor()?, limit: call.query.limit()? };
    let page = call.ask_account(&call.identity.caller.user, request).await?;
    Reply::json(&ProjectList {
        success: true,
        projects: page.projects,
        total_projects: page.total,
        next_cursor: page.next_cursor,
    })
}
