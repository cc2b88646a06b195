//! `GET /api/examples`, `…/{example}` and `…/{example}/picture`: scripts to start from, which need no AI.
//!
//! Each is a script in `assets/examples`, and what is told of it stands in it: `source` reads that out. The Worker holds
//! none of them and reads none of them: scripts, answers and pictures are files beside the page's. Tests make the answers
//! (`tests/api`) and the pictures (`tests/engine`, which runs every script) and find them stale.

use super::page::{FILE, UNCHANGED, find, kept, read};
use crate::api::code::Code;
use crate::api::docs::endpoint::{BodySchema, Content, EndpointDoc, ResponseDoc, Tag};
use crate::api::docs::parameter::ETAG;
use crate::api::error::ApiError;
use crate::api::request::Call;
use crate::api::response::Reply;
use crate::api::views::example::{ExampleAnswer, ExampleList};

pub const LIST: EndpointDoc = EndpointDoc {
    id: "listExamples",
    summary: "scripts to start from",
    tag: Tag::Scripts,
    description: "Scripts to start from: dimensions first, to be changed and sent as they are. Nobody needs a token for them.",
    responses: &[
        ResponseDoc {
            description: "All of them.",
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
    summary: "one of them",
    tag: Tag::Scripts,
    description: "`Accept: text/x-python` gives the bare script.",
    responses: &[
        ResponseDoc {
            description: "The example.",
            contents: &[
                Content::Json(BodySchema::of::<ExampleAnswer>()),
                Content::Text {
                    media_type: "text/x-python",
                    description: "The script itself.",
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
    summary: "what it looks like",
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

/// All of them.
pub async fn list(call: &Call<'_>) -> Result<Reply, ApiError> {
    Ok(kept(call, "application/json", read(call, "examples.json").await?, ""))
}

/// One of them.
pub async fn content(call: &Call<'_>) -> Result<Reply, ApiError> {
    let reply = if call.wants("text/x-python") {
        serve(call, "py", "text/x-python; charset=utf-8").await?
    } else {
        serve(call, "json", "application/json").await?
    };
    Ok(reply.header("vary", "accept".to_owned()))
}

/// What it looks like.
pub async fn picture(call: &Call<'_>) -> Result<Reply, ApiError> {
    serve(call, "png", "image/png").await
}

/// A file of the example in the path.
async fn serve(call: &Call<'_>, ending: &str, media_type: &'static str) -> Result<Reply, ApiError> {
    let name = call.parameter("example");
    // It becomes part of a path, so it has nothing in it that leads elsewhere.
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    let found = if is_name { find(call, &format!("examples/{name}.{ending}")).await? } else { None };
    found.map(|bytes| kept(call, media_type, bytes, "")).ok_or_else(|| {
        let shown: String = name.chars().take(200).collect();
        let detail = format!("There is no example {shown:?}. GET /api/examples lists them.");
        ApiError::not_found(Code::ExampleNotFound, detail)
    })
}
