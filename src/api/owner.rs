//! `PUT /api/projects/{project}/owner`: the admin gives a project to a user.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::code::Code;
use super::error::ApiError;
use super::parameter::UserName;
use super::reply::Reply;
use super::request::Call;
use super::terms::{Answer, Content, Shape, Shown, Tag, Terms};
use super::upload;
use crate::auth::is_user_id;
use crate::project::AssignOwner;
use contract::{ProjectId, RequestId};

/// The most bytes of such a body.
pub(super) const MAX_OWNER_BYTES: usize = 4 << 10;

pub(super) const ASSIGN: Terms = Terms {
    id: "assignOwner",
    tag: Tag::Access,
    about: "One that was found in the bucket, one that was made in open mode, or another user's. Asked again it changes \
            nothing.",
    takes: &[Content::Json(Shape::of::<Assignment>())],
    answers: &[Answer {
        about: "The project is the user's.",
        contents: &[Content::Json(Shape::of::<Assigned<'_>>())],
        ..Answer::OK
    }],
    errors: &[Code::ProjectNotFound, Code::BucketUnavailable, Code::BucketRefuses, Code::InternalUnavailable],
    ..Terms::NONE
};

/// Who is to own a project.
#[derive(Deserialize, JsonSchema)]
struct Assignment {
    /// The user's id.
    #[schemars(with = "UserName")]
    owner: String,
}

/// Who owns a project now.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Assigned")]
struct Assigned<'a> {
    /// Always true.
    success: bool,
    project_name: &'a ProjectId,
    /// The user's id.
    owner: &'a str,
    /// Who owned it before.
    previous_owner: Option<String>,
    request_id: &'a RequestId,
}

impl Shown for Assignment {
    fn example() -> Value {
        json!({"owner": "anna@example.com"})
    }
}

impl Shown for Assigned<'_> {
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

/// Makes the project a user's: one that was found in the bucket, one that was made in open mode, or another user's.
/// Asked again it changes nothing.
pub(super) async fn assign(call: &Call<'_>) -> Result<Reply, ApiError> {
    let project = call.project()?;
    let text = std::str::from_utf8(&call.body).map_err(|error| ApiError::not_utf8(error.valid_up_to()))?;
    let Assignment { owner } = upload::parse(text)?;
    if !is_user_id(&owner) {
        return Err(ApiError::invalid("owner", "a user's id is 1 to 128 visible ASCII characters without spaces"));
    }
    let previous_owner = call.ask(&project, AssignOwner { owner: owner.clone() }).await?;
    Reply::json(&Assigned {
        success: true,
        project_name: &project,
        owner: &owner,
        previous_owner,
        request_id: &call.request_id,
    })
}
