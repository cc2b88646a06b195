//! `PUT /api/projects/{project}/owner`: the admin gives a project to a user.

use serde::Deserialize;
use serde_json::json;

use super::error::ApiError;
use super::reply::Reply;
use super::request::Call;
use super::upload;
use crate::auth::is_user_id;
use crate::project::{Operation, Reply as ObjectReply};

/// The most bytes of such a body.
pub(super) const MAX_OWNER_BYTES: usize = 4 << 10;

#[derive(Deserialize)]
struct Assignment {
    owner: String,
}

/// Makes the project a user's: one that was found in the bucket, one that was made in open mode, or another user's.
/// Asked again it changes nothing.
pub(super) async fn assign(call: &Call<'_>) -> Result<Reply, ApiError> {
    let project = call.project()?;
    let text = std::str::from_utf8(&call.body).map_err(|error| ApiError::not_utf8(error.valid_up_to()))?;
    let Assignment { owner } = upload::parse(text)?;
    if !is_user_id(&owner) {
        return Err(ApiError::invalid("owner", "a user's id is 1 to 128 visible ASCII characters without spaces"));
    }
    let operation = Operation::AssignOwner { owner: owner.clone() };
    let ObjectReply::Assigned { before } = call.ask(&project, operation).await? else {
        return Err(ApiError::broken("the project's object answered another question"));
    };
    Ok(Reply::json(&json!({
        "success": true,
        "project_name": project,
        "owner": owner,
        "previous_owner": before,
        "request_id": call.request_id,
    })))
}
