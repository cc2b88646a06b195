//! `GET /api/projects`: the projects of the caller.

use crate::account::ListProjects;
use crate::api::code::Code;
use crate::api::docs::endpoint::{BodySchema, Content, EndpointDoc, ResponseDoc, Tag};
use crate::api::error::ApiError;
use crate::api::request::ApiRequest;
use crate::api::response::ApiResponse;
use crate::api::views::project::ProjectList;

pub const LIST: EndpointDoc = EndpointDoc {
    id: "listProjects",
    summary: "list my projects, newest first",
    tag: Tag::Scripts,
    description: "A project belongs to the user who first uploaded to its name.",
    responses: &[ResponseDoc {
        description: "A page of projects.",
        contents: &[Content::Json(BodySchema::of::<ProjectList>())],
        ..ResponseDoc::OK
    }],
    errors: &[Code::InternalUnavailable],
    ..EndpointDoc::NONE
};

pub async fn list(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    let operation = ListProjects { cursor: request.query.cursor()?, limit: request.query.limit()? };
    let page = request.call_account(&request.identity.caller.user, operation).await?;
    ApiResponse::json(&ProjectList {
        success: true,
        projects: page.projects,
        total_projects: page.total,
        next_cursor: page.next_cursor,
    })
}
