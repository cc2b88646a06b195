//! `GET /api/examples`, `…/{example}` and `…/{example}/picture`: scripts to start from.
//!
//! Scripts, response bodies and pictures are files in `assets/`. Tests generate the bodies from the scripts
//! (`tests/api`) and the pictures (`tests/engine`, which runs every script), and find stale files.

use super::page::{FILE, UNCHANGED, cached, find, read};
use crate::api::code::Code;
use crate::api::docs::endpoint::{BodySchema, Content, EndpointDoc, ResponseDoc, Tag};
use crate::api::docs::parameter::ETAG;
use crate::api::error::ApiError;
use crate::api::request::ApiRequest;
use crate::api::response::ApiResponse;
use crate::api::views::example::{ExampleAnswer, ExampleList};

pub const LIST: EndpointDoc = EndpointDoc {
    id: "listExamples",
    summary: "list the example scripts",
    tag: Tag::Scripts,
    description: "Scripts to start from, with their dimensions at the top. No token is needed to read them.",
    responses: &[
        ResponseDoc {
            description: "All examples.",
            contents: &[Content::Json(BodySchema::of::<ExampleList>())],
            headers: &[ETAG],
            ..ResponseDoc::OK
        },
        UNCHANGED,
    ],
    ..FILE
};

pub const CONTENT: EndpointDoc = EndpointDoc {
    id: "getExample",
    summary: "get an example",
    tag: Tag::Scripts,
    description: "`Accept: text/x-python` gives the script itself.",
    responses: &[
        ResponseDoc {
            description: "The example.",
            contents: &[
                Content::Json(BodySchema::of::<ExampleAnswer>()),
                Content::Text {
                    media_type: "text/x-python",
                    description: "The source text.",
                    example: "WIDTH = 60.0\n",
                },
            ],
            headers: &[ETAG],
            ..ResponseDoc::OK
        },
        UNCHANGED,
    ],
    errors: &[Code::ExampleNotFound, Code::InternalUnavailable],
    ..FILE
};

pub const PICTURE: EndpointDoc = EndpointDoc {
    id: "getExamplePicture",
    summary: "get the picture of an example",
    tag: Tag::Scripts,
    description: "The model as the runner draws it, on a transparent background.",
    responses: &[
        ResponseDoc {
            description: "The picture.",
            contents: &[Content::Bytes { media_type: "image/png", description: "A PNG, 384 pixels wide and high." }],
            headers: &[ETAG],
            ..ResponseDoc::OK
        },
        UNCHANGED,
    ],
    errors: &[Code::ExampleNotFound, Code::InternalUnavailable],
    ..FILE
};

pub async fn list(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    Ok(cached(request, "application/json", read(request, "examples.json").await?, ""))
}

pub async fn content(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    let response = if request.accepts("text/x-python") {
        serve(request, "py", "text/x-python; charset=utf-8").await?
    } else {
        serve(request, "json", "application/json").await?
    };
    Ok(response.header("vary", "accept".to_owned()))
}

pub async fn picture(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    serve(request, "png", "image/png").await
}

/// A file of the example in the path.
async fn serve(request: &ApiRequest<'_>, ending: &str, media_type: &'static str) -> Result<ApiResponse, ApiError> {
    let name = request.parameter("example");
    // The name becomes part of a path, so other characters are refused.
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    let found = if is_name { find(request, &format!("examples/{name}.{ending}")).await? } else { None };
    found.map(|bytes| cached(request, media_type, bytes, "")).ok_or_else(|| {
        let name: String = name.chars().take(200).collect();
        let detail = format!("There is no example {name:?}. GET /api/examples lists them.");
        ApiError::not_found(Code::ExampleNotFound, detail)
    })
}
