//! `GET /api` and `GET /api/openapi.json`: the reference of the API. `docs::openapi` generates both files in `assets/`,
//! and a test finds them stale.

use super::page::{CSS, FILE, HTML, UNCHANGED, cached, read};
use crate::api::docs::endpoint::{Content, EndpointDoc, ResponseDoc};
use crate::api::docs::parameter::ETAG;
use crate::api::error::ApiError;
use crate::api::request::ApiRequest;
use crate::api::response::ApiResponse;

pub const DOCUMENT: EndpointDoc = EndpointDoc {
    id: "getOpenApi",
    summary: "get this reference as an OpenAPI document",
    description: "OpenAPI 3.1.",
    responses: &[
        ResponseDoc {
            description: "The document.",
            contents: &[Content::Text { media_type: "application/json", description: "This document.", example: "{}" }],
            headers: &[ETAG],
            ..ResponseDoc::OK
        },
        UNCHANGED,
    ],
    ..FILE
};

pub const PAGE: EndpointDoc = EndpointDoc {
    id: "getReference",
    summary: "get this reference as a page",
    description: "Made from the OpenAPI document.",
    responses: &[
        ResponseDoc { description: "The page.", contents: &[HTML], headers: &[ETAG], ..ResponseDoc::OK },
        UNCHANGED,
    ],
    ..FILE
};

pub const STYLE: EndpointDoc = EndpointDoc {
    id: "getReferenceStyle",
    summary: "get the style sheet of the reference",
    description: "CSS.",
    responses: &[
        ResponseDoc { description: "The style sheet.", contents: &[CSS], headers: &[ETAG], ..ResponseDoc::OK },
        UNCHANGED,
    ],
    ..FILE
};

/// The page may load its style sheet and no script.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub async fn document(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    Ok(cached(request, "application/json", read(request, "openapi.json").await?, ""))
}

pub async fn page(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    let page = cached(request, "text/html; charset=utf-8", read(request, "api.html").await?, POLICY);
    Ok(page.header("content-security-policy", POLICY.to_owned()))
}

pub async fn style(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    Ok(cached(request, "text/css; charset=utf-8", read(request, "api.css").await?, ""))
}
