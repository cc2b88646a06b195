//! `GET /api` and `GET /api/openapi.json`: what this API takes and answers, for people and for programs. Both are made
//! from the table of routes by `openapi` and kept in `src/page`; a test finds them stale.

use super::error::ApiError;
use super::reply::Reply;
use super::request::Call;
use super::terms::{Answer, Content, Tag, Terms};

pub(super) const DOCUMENT: Terms = Terms {
    id: "getOpenApi",
    tag: Tag::Service,
    about: "OpenAPI 3.1.",
    answers: &[Answer {
        about: "The document.",
        contents: &[Content::Text { media_type: "application/json", about: "This very document.", example: "{}" }],
        ..Answer::OK
    }],
    ..Terms::NONE
};

pub(super) const PAGE: Terms = Terms {
    id: "getReference",
    tag: Tag::Service,
    about: "Made from the OpenAPI document.",
    answers: &[Answer {
        about: "The page.",
        contents: &[Content::Text { media_type: "text/html", about: "HTML.", example: "<!doctype html>" }],
        ..Answer::OK
    }],
    ..Terms::NONE
};

pub(super) const STYLE: Terms = Terms {
    id: "getReferenceStyle",
    tag: Tag::Service,
    about: "The page's look.",
    answers: &[Answer {
        about: "The style sheet.",
        contents: &[Content::Text { media_type: "text/css", about: "CSS.", example: "body {}" }],
        ..Answer::OK
    }],
    ..Terms::NONE
};

/// The OpenAPI document.
pub(super) async fn document(_: &Call<'_>) -> Result<Reply, ApiError> {
    Ok(kept(Reply::text("application/json", include_str!("../page/openapi.json"))))
}

/// The same as a page.
pub(super) async fn page(_: &Call<'_>) -> Result<Reply, ApiError> {
    let policy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    let page = Reply::text("text/html; charset=utf-8", include_str!("../page/api.html"));
    Ok(kept(page).header("content-security-policy", policy.to_owned()))
}

/// The page's look.
pub(super) async fn style(_: &Call<'_>) -> Result<Reply, ApiError> {
    Ok(kept(Reply::text("text/css; charset=utf-8", include_str!("../page/api.css"))))
}

/// It changes with the service alone.
fn kept(reply: Reply) -> Reply {
    reply.header("cache-control", "public, max-age=300".to_owned())
}
