//! `PUT /api/projects/{project}/owner`: the admin gives a project to a user.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::body;
use crate::api::code::Code;
use crate::api::docs::endpoint::{BodySchema, Content, EndpointDoc, HasExample, ResponseDoc, Tag};
use crate::api::docs::parameter::UserName;
use crate::api::error::ApiError;
use crate::api::request::Call;
use crate::api::response::Reply;
use crate::auth::is_user_id;
use crate::project::AssignOwner;
use contract::{ProjectId, RequestId};

/// The most bytes of such a body.
const MAX_OWNER_BYTES: usize = 4 << 10;

pub const ASSIGN: EndpointDoc = EndpointDoc {
    id: "assignOwner",
    summary: "gives the project to a user",
    tag: Tag::Access,
    description: "One that was found in the bucket, one that was made in open mode, or another user's. Asked again it changes \
            nothing.",
    request_bodies: &[Content::Json(BodySchema::of::<Assignment>())],
    responses: &[ResponseDoc {
        description: "The project is the user's.",
        contents: &[Content::Json(BodySchema::of::<Assigned<'_>>())],
        ..ResponseDoc::OK
    }],
    errors: &[Code::ProjectNotFound, Code::BucketUnavailable, Code::BucketRefuses, Code::InternalUnavailable],
    ..EndpointDoc::NONE
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

impl HasExample for Assignment {
    fn example() -> Value {
        json!({"owner": "anna@example.com"})
    }
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

/// Makes the project a user's: one that was found in the bucket, one that was made in open mode, or another user's.
/// Asked again it changes nothing.
pub async fn assign(call: &Call<'_>) -> Result<Reply, ApiError> {
    let bytes = body::read_json(&call.headers, call.take_body(), MAX_OWNER_BYTES).await?;
    let project = call.project()?;
    let Assignment { owner } = body::parse(&bytes)?;
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
