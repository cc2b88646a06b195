//! `GET /api` and `GET /api/openapi.json`: what this API takes and answers, for people and for programs. Both are made
//! from the table of routes by `openapi` and kept in `assets`; a test finds them stale.

use super::page::{CSS, FILE, HTML, UNCHANGED, kept, read};
use crate::api::docs::endpoint::{Content, EndpointDoc, ResponseDoc};
use crate::api::docs::parameter::ETAG;
use crate::api::error::ApiError;
use crate::api::request::Call;
use crate::api::response::Reply;

pub const DOCUMENT: EndpointDoc = EndpointDoc {
    id: "getOpenApi",
    summary: "this reference, for programs",
    description: "OpenAPI 3.1.",
    responses: &[
        ResponseDoc {
            description: "The document.",
            contents: &[Content::Text {
                media_type: "application/json",
                description: "This very document.",
                example: "{}",
            }],
            headers: &[ETAG],
            ..ResponseDoc::OK
        },
        UNCHANGED,
    ],
    ..FILE
};

pub const PAGE: EndpointDoc = EndpointDoc {
    id: "getReference",
    summary: "this reference, as a page",
    description: "Made from the OpenAPI document.",
    responses: &[
        ResponseDoc { description: "The page.", contents: &[HTML], headers: &[ETAG], ..ResponseDoc::OK },
        UNCHANGED,
    ],
    ..FILE
};

pub const STYLE: EndpointDoc = EndpointDoc {
    id: "getReferenceStyle",
    summary: "the page's look",
    description: "CSS.",
    responses: &[
        ResponseDoc { description: "The style sheet.", contents: &[CSS], headers: &[ETAG], ..ResponseDoc::OK },
        UNCHANGED,
    ],
    ..FILE
};

/// What the page may load: its style, and no script.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The OpenAPI document.
pub async fn document(call: &Call<'_>) -> Result<Reply, ApiError> {
    Ok(kept(call, "application/json", read(call, "openapi.json").await?, ""))
}

/// The same as a page.
pub async fn page(call: &Call<'_>) -> Result<Reply, ApiError> {
    let page = kept(call, "text/html; charset=utf-8", read(call, "api.html").await?, POLICY);
    Ok(page.header("content-security-policy", POLICY.to_owned()))
}

/// The page's look.
pub async fn style(call: &Call<'_>) -> Result<Reply, ApiError> {
    Ok(kept(call, "text/css; charset=utf-8", read(call, "api.css").await?, ""))
}
