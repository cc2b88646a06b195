//! `GET /api/projects`.

use serde_json::json;

use super::error::ApiError;
use super::reply::Reply;
use super::request::Call;
use crate::account::{AccountCall, ProjectPage};
use crate::object::ObjectName;

/// My projects, newest first.
pub(super) async fn list(call: &Call<'_>) -> Result<Reply, ApiError> {
    let question = AccountCall::List { cursor: call.query.cursor()?, limit: call.query.limit(50, 200)? };
    let page: ProjectPage = call.ask_object(&ObjectName::Account(call.identity.caller.user.clone()), &question).await?;
    Ok(Reply::json(&json!({
        "success": true,
        "projects": page.projects,
        "total_projects": page.total,
        "next_cursor": page.next_cursor,
    })))
}
