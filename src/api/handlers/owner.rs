//! `PUT /api/projects/{project}/owner`: an admin gives a project to a user.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::body;
use crate::api::code::Code;
use crate::api::docs::endpoint::{BodySchema, Content, EndpointDoc, HasExample, ResponseDoc, Tag};
use crate::api::docs::parameter::UserName;
use crate::api::error::ApiError;
use crate::api::request::ApiRequest;
use crate::api::response::ApiResponse;
use crate::api::views::project::Assigned;
use crate::auth::is_user_id;
use crate::project::AssignOwner;

/// The maximum size of the body.
const MAX_OWNER_BYTES: usize = 4 << 10;

pub const ASSIGN: EndpointDoc = EndpointDoc {
    id: "assignOwner",
    summary: "give a project to a user",
    tag: Tag::Access,
    description: "The project may come from the bucket, from open mode, or belong to another user. Repeating the \
                  request changes nothing.",
    request_bodies: &[Content::Json(BodySchema::of::<Assignment>())],
    responses: &[ResponseDoc {
        description: "The user owns the project.",
        contents: &[Content::Json(BodySchema::of::<Assigned<'_>>())],
        ..ResponseDoc::OK
    }],
    errors: &[Code::ProjectNotFound, Code::BucketUnavailable, Code::BucketRefuses, Code::InternalUnavailable],
    ..EndpointDoc::NONE
};

/// The new owner of a project.
#[derive(Deserialize, JsonSchema)]
struct Assignment {
    /// The user's id.
    #[schemars(with = "UserName")]
    owner: String,
}

impl HasExample for Assignment {
    fn example() -> Value {
        json!({"owner": "anna@example.com"})
    }
}

pub async fn assign(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    let bytes = body::read_json(&request.headers, request.take_body(), MAX_OWNER_BYTES).await?;
    let project = request.project()?;
    let Assignment { owner } = body::parse(&bytes)?;
    if !is_user_id(&owner) {
        return Err(ApiError::invalid("owner", "a user's id is 1 to 128 visible ASCII characters without spaces"));
    }
    let previous_owner = request.call_project(&project, AssignOwner { owner: owner.clone() }).await?;
    ApiResponse::json(&Assigned {
        success: true,
        project_name: &project,
        owner: &owner,
        previous_owner,
        request_id: &request.request_id,
    })
}
