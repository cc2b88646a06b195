//! `GET /` and the files of the browser page.

use bytes::Bytes;

use crate::api::code::Code;
use crate::api::config::AuthMode;
use crate::api::docs::endpoint::{Content, EndpointDoc, ResponseDoc, Tag};
use crate::api::docs::parameter::{ETAG, IF_NONE_MATCH};
use crate::api::error::ApiError;
use crate::api::request::ApiRequest;
use crate::api::response::ApiResponse;
use contract::Sha256;
use s3::Bucket;

/// The maximum size of a file.
const MAX_FILE_BYTES: usize = 1 << 20;

pub const INDEX: EndpointDoc = EndpointDoc {
    id: "getPage",
    summary: "get the browser page; without `Accept: text/html`, a short text",
    description: "`Accept: text/html` gives the page. Without it, there is plain text for a terminal.",
    responses: &[
        ResponseDoc {
            description: "The page, or a short text about the service and its main endpoints.",
            contents: &[HTML, WELCOME],
            headers: &[ETAG],
            ..ResponseDoc::OK
        },
        UNCHANGED,
    ],
    ..FILE
};

pub const STYLE: EndpointDoc = EndpointDoc {
    id: "getPageStyle",
    summary: "get the style sheet of the page",
    description: "CSS.",
    responses: &[
        ResponseDoc { description: "The style sheet.", contents: &[CSS], headers: &[ETAG], ..ResponseDoc::OK },
        UNCHANGED,
    ],
    ..FILE
};

pub const PROGRAM: EndpointDoc = EndpointDoc {
    id: "getPageProgram",
    summary: "get the program of the page",
    description: "JavaScript.",
    responses: &[
        ResponseDoc {
            description: "The program.",
            contents: &[Content::Text {
                media_type: "text/javascript",
                description: "JavaScript.",
                example: "export {};",
            }],
            headers: &[ETAG],
            ..ResponseDoc::OK
        },
        UNCHANGED,
    ],
    ..FILE
};

pub const ICON: EndpointDoc = EndpointDoc {
    id: "getPageIcon",
    summary: "get the icon of the page",
    description: "SVG.",
    responses: &[
        ResponseDoc {
            description: "The icon.",
            contents: &[Content::Text { media_type: "image/svg+xml", description: "SVG.", example: "<svg/>" }],
            headers: &[ETAG],
            ..ResponseDoc::OK
        },
        UNCHANGED,
    ],
    ..FILE
};

/// The part of the entry that all files share.
pub const FILE: EndpointDoc = EndpointDoc {
    tag: Tag::Service,
    headers: &[IF_NONE_MATCH],
    errors: &[Code::InternalUnavailable],
    ..EndpointDoc::NONE
};

/// The response if the client has the current file.
pub const UNCHANGED: ResponseDoc =
    ResponseDoc { status: 304, description: "The client has the current file.", headers: &[ETAG], ..ResponseDoc::OK };

pub const HTML: Content = Content::Text { media_type: "text/html", description: "HTML.", example: "<!doctype html>" };

pub const CSS: Content = Content::Text { media_type: "text/css", description: "CSS.", example: "body { margin: 0 }" };

const WELCOME: Content = Content::Text {
    media_type: "text/plain",
    description: "For people.",
    example: "Partwright turns FreeCAD Python scripts into CAD files.\n",
};

/// The page for clients that accept HTML, otherwise a short text.
pub async fn index(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    let response = if request.accepts("text/html") {
        let policy = policy(&request.config.bucket);
        let html = read(request, "index.html").await?;
        // The policy is part of the ETag: it changes with a setting, and the file does not.
        cached(request, "text/html; charset=utf-8", html, &policy).header("content-security-policy", policy)
    } else {
        welcome(request).await?
    };
    Ok(response.header("vary", "accept".to_owned()))
}

/// A short text about the service and its main endpoints.
async fn welcome(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    let open = request.config.auth == AuthMode::Open;
    let mode = if open { "Open mode: everybody on this machine is the user \"local\".\n" } else { "" };
    let text = format!(
        "Partwright turns FreeCAD Python scripts into CAD files.\n{mode}\n\
         POST /api/projects/NAME/upload-script   send a script (Content-Type: text/x-python)\n\
         GET  /api/projects/NAME/status          get its status\n\
         GET  /api/projects/NAME/download/STEP   get a link to the model\n\
         GET  /api/monitoring/health             get the health of the service\n\n\
         /api lists every request, /api/openapi.json is the same for programs.\n"
    );
    Ok(ApiResponse::text("text/plain; charset=utf-8", text))
}

pub async fn style(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    Ok(cached(request, "text/css; charset=utf-8", read(request, "page.css").await?, ""))
}

pub async fn program(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    Ok(cached(request, "text/javascript; charset=utf-8", read(request, "page.js").await?, ""))
}

pub async fn icon(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    Ok(cached(request, "image/svg+xml", read(request, "icon.svg").await?, ""))
}

/// The page's Content Security Policy (Level 3). It allows the page's files, this service, and pictures and files of the
/// bucket. It forbids inline scripts and styles, `eval`, and markup made from text.
fn policy(bucket: &Bucket) -> String {
    let store = bucket.public_origin();
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: {store}; \
         connect-src 'self' {store}; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'"
    )
}

pub async fn read(request: &ApiRequest<'_>, name: &str) -> Result<Bytes, ApiError> {
    let found = find(request, name).await?;
    found.ok_or_else(|| ApiError::broken(&format!("the page's file {name} was not deployed")))
}

/// Reads a file that may not exist.
pub async fn find(request: &ApiRequest<'_>, name: &str) -> Result<Option<Bytes>, ApiError> {
    let file = request.assets.file(name).await?;
    let broken = |problem: String| ApiError::broken(&format!("the page's file {name}: {problem}"));
    if file.status() == http::StatusCode::NOT_FOUND {
        return Ok(None);
    }
    if !file.status().is_success() {
        return Err(broken(file.status().to_string()));
    }
    let bytes = file.into_body().bytes(MAX_FILE_BYTES).await;
    bytes.map(Some).map_err(|error| broken(error.to_string()))
}

/// A file that browsers cache and revalidate each time, because its name stays the same when it changes.
pub fn cached(request: &ApiRequest<'_>, media_type: &'static str, bytes: Bytes, policy: &str) -> ApiResponse {
    let etag = format!("\"{}\"", Sha256::of(&[policy.as_bytes(), &bytes].concat()));
    let response =
        if request.has_etag(&etag) { ApiResponse::not_modified() } else { ApiResponse::text(media_type, bytes) };
    response
        .header("etag", etag)
        .header("cache-control", "no-cache".to_owned())
        .header("cross-origin-opener-policy", "same-origin".to_owned())
        .header("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()".to_owned())
}
