//! The browser page: its files as they were deployed, and what it may do.

use bytes::Bytes;

use crate::api::code::Code;
use crate::api::config::AuthMode;
use crate::api::docs::endpoint::{Content, EndpointDoc, ResponseDoc, Tag};
use crate::api::docs::parameter::{ETAG, IF_NONE_MATCH};
use crate::api::error::ApiError;
use crate::api::request::Call;
use crate::api::response::Reply;
use contract::Sha256;
use s3::Bucket;

/// The most that one file takes.
const MAX_FILE_BYTES: usize = 1 << 20;

pub const INDEX: EndpointDoc = EndpointDoc {
    id: "getPage",
    summary: "the browser page; for who wants no HTML, some lines of text",
    description: "`Accept: text/html` gives the page; without it there is plain text for a terminal.",
    responses: &[
        ResponseDoc {
            description: "The page, or some lines that say what this is and where to go on.",
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
    summary: "the page's style",
    description: "CSS.",
    responses: &[
        ResponseDoc { description: "The style sheet.", contents: &[CSS], headers: &[ETAG], ..ResponseDoc::OK },
        UNCHANGED,
    ],
    ..FILE
};

pub const PROGRAM: EndpointDoc = EndpointDoc {
    id: "getPageProgram",
    summary: "the page's program",
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
    summary: "the page's icon",
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

/// The terms that all files have.
pub const FILE: EndpointDoc = EndpointDoc {
    tag: Tag::Service,
    headers: &[IF_NONE_MATCH],
    errors: &[Code::InternalUnavailable],
    ..EndpointDoc::NONE
};

/// What is answered to who has a file already.
pub const UNCHANGED: ResponseDoc =
    ResponseDoc { status: 304, description: "It is the one that the caller has.", headers: &[ETAG], ..ResponseDoc::OK };

/// A page.
pub const HTML: Content = Content::Text { media_type: "text/html", description: "HTML.", example: "<!doctype html>" };

/// A style sheet.
pub const CSS: Content = Content::Text { media_type: "text/css", description: "CSS.", example: "body { margin: 0 }" };

/// What `welcome` answers.
const WELCOME: Content = Content::Text {
    media_type: "text/plain",
    description: "For a person.",
    example: "Partwright turns FreeCAD Python scripts into CAD files.\n",
};

/// The page, for who accepts HTML; for others the few lines that say what this is.
pub async fn index(call: &Call<'_>) -> Result<Reply, ApiError> {
    let reply = if call.wants("text/html") {
        let policy = policy(&call.config.bucket);
        let html = read(call, "index.html").await?;
        // The policy belongs to what is kept: it changes with a setting, and the file does not.
        kept(call, "text/html; charset=utf-8", html, &policy).header("content-security-policy", policy)
    } else {
        welcome(call).await?
    };
    Ok(reply.header("vary", "accept".to_owned()))
}

/// Says what this is and where to go on.
async fn welcome(call: &Call<'_>) -> Result<Reply, ApiError> {
    let open = call.config.auth == AuthMode::Open;
    let mode = if open { "Open mode: everybody on this machine is the user \"local\".\n" } else { "" };
    let text = format!(
        "Partwright turns FreeCAD Python scripts into CAD files.\n{mode}\n\
         POST /api/projects/NAME/upload-script   send a script (Content-Type: text/x-python)\n\
         GET  /api/projects/NAME/status          see where it stands\n\
         GET  /api/projects/NAME/download/STEP   get a link to the model\n\
         GET  /api/monitoring/health             whether it works\n\n\
         /api lists every call, /api/openapi.json is the same for programs.\n"
    );
    Ok(Reply::text("text/plain; charset=utf-8", text))
}

/// The page's style.
pub async fn style(call: &Call<'_>) -> Result<Reply, ApiError> {
    Ok(kept(call, "text/css; charset=utf-8", read(call, "page.css").await?, ""))
}

/// The page's program.
pub async fn program(call: &Call<'_>) -> Result<Reply, ApiError> {
    Ok(kept(call, "text/javascript; charset=utf-8", read(call, "page.js").await?, ""))
}

/// The page's icon.
pub async fn icon(call: &Call<'_>) -> Result<Reply, ApiError> {
    Ok(kept(call, "image/svg+xml", read(call, "icon.svg").await?, ""))
}

/// What the page may load and reach (Content Security Policy Level 3): its own files, this service, and pictures and
/// files of the bucket. No inline script or style, no `eval`, no markup made from text.
fn policy(bucket: &Bucket) -> String {
    let store = bucket.public_origin();
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: {store}; \
         connect-src 'self' {store}; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'"
    )
}

pub async fn read(call: &Call<'_>, name: &str) -> Result<Bytes, ApiError> {
    let found = find(call, name).await?;
    found.ok_or_else(|| ApiError::broken(&format!("the page's file {name} was not deployed")))
}

/// A file that may be missing.
pub async fn find(call: &Call<'_>, name: &str) -> Result<Option<Bytes>, ApiError> {
    let answer = call.assets.file(name).await?;
    let broken = |problem: String| ApiError::broken(&format!("the page's file {name}: {problem}"));
    if answer.status() == http::StatusCode::NOT_FOUND {
        return Ok(None);
    }
    if !answer.status().is_success() {
        return Err(broken(answer.status().to_string()));
    }
    let bytes = answer.into_body().bytes(MAX_FILE_BYTES).await;
    bytes.map(Some).map_err(|error| broken(error.to_string()))
}

/// A file that browsers keep and ask about each time: its name does not change when it does.
pub fn kept(call: &Call<'_>, media_type: &'static str, bytes: Bytes, beside: &str) -> Reply {
    let etag = format!("\"{}\"", Sha256::of(&[beside.as_bytes(), &bytes].concat()));
    let reply = if call.knows(&etag) { Reply::not_modified() } else { Reply::text(media_type, bytes) };
    reply
        .header("etag", etag)
        .header("cache-control", "no-cache".to_owned())
        .header("cross-origin-opener-policy", "same-origin".to_owned())
        .header("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()".to_owned())
}
