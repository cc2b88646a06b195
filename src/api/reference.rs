//! `GET /api` and `GET /api/openapi.json`: what this API takes and answers, for people and for programs. Both are made
//! from the table of routes by `openapi` and kept in `assets`; a test finds them stale.

use super::error::ApiError;
use super::page::{CSS, FILE, HTML, UNCHANGED, kept, read};
use super::parameter::ETAG;
use super::reply::Reply;
use super::request::Call;
use super::terms::{Answer, Content, Terms};

pub(super) const DOCUMENT: Terms = Terms {
    id: "getOpenApi",
    about: "OpenAPI 3.1.",
    answers: &[
        Answer {
            about: "The document.",
            contents: &[Content::Text { media_type: "application/json", about: "This very document.", example: "{}" }],
            headers: &[ETAG],
            ..Answer::OK
        },
        UNCHANGED,
    ],
    ..FILE
};

pub(super) const PAGE: Terms = Terms {
    id: "getReference",
    about: "Made from the OpenAPI document.",
    answers: &[Answer { about: "The page.", contents: &[HTML], headers: &[ETAG], ..Answer::OK }, UNCHANGED],
    ..FILE
};

pub(super) const STYLE: Terms = Terms {
    id: "getReferenceStyle",
    about: "CSS.",
    answers: &[Answer { about: "The style sheet.", contents: &[CSS], headers: &[ETAG], ..Answer::OK }, UNCHANGED],
    ..FILE
};

/// What the page may load: its style, and no script.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The OpenAPI document.
pub(super) async fn document(call: &Call<'_>) -> Result<Reply, ApiError> {
    Ok(kept(call, "application/json", read(call, "openapi.json").await?, ""))
}

/// The same as a page.
pub(super) async fn page(call: &Call<'_>) -> Result<Reply, ApiError> {
    let page = kept(call, "text/html; charset=utf-8", read(call, "api.html").await?, POLICY);
    Ok(page.header("content-security-policy", POLICY.to_owned()))
}

/// The page's look.
pub(super) async fn style(call: &Call<'_>) -> Result<Reply, ApiError> {
    Ok(kept(call, "text/css; charset=utf-8", read(call, "api.css").await?, ""))
}
