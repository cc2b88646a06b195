//! The OpenAPI 3.1 document, made from the table of routes, the types of the bodies and the table of codes: from what
//! serves, so that it says what is so. Native only: `assets/openapi.json` and the page made from it are kept with the
//! sources, a test in `tests/api` finds them stale, and the Worker serves those.
//!
//! - `parameters`: the parameters and headers that no handler names
//! - `errors`: which codes a route may answer
//! - `schemas`: the types' schemas, in the words of OpenAPI
//! - `operation`: one route
//! - `page`, `html`: the page

mod errors;
mod html;
mod operation;
mod page;
mod parameters;
mod schemas;

use serde_json::{Map, Value, json};

pub use page::page;

use self::schemas::Schemas;
use crate::api::code::Code;
use crate::api::cookie;
use crate::api::docs::endpoint::Tag;
use crate::api::route::ROUTES;

/// What the document says of the whole.
const ABOUT: &str = "\
Partwright turns FreeCAD Python scripts into CAD files. A script that is uploaded becomes the next version of its \
project; a runner runs it in FreeCAD; the files that come out are downloaded by links that lead to the bucket itself.

Answers are JSON unless said otherwise; times are RFC 3339 in UTC. New fields may be added to answers at any time. \
`GET` calls answer `HEAD` too, and every path answers `OPTIONS`. Query parameters, and fields of bodies, that are not \
known are left alone, unless a call says otherwise.

Errors are `application/problem+json` (RFC 9457) with a stable `code`. A path that no call has answers 404 `no_route`; \
a method that its path does not take answers 405 `method_not_allowed` with `Allow`. What became of a **script** is never \
an HTTP error: it stands in the status.

`X-Request-Id` (1 to 64 of `A-Z a-z 0-9 - _ .`) is taken over from a request that has it, and comes back in every answer.";

/// The whole document.
pub fn document() -> Value {
    let mut schemas = Schemas::new();
    let mut paths = Map::new();
    for route in ROUTES {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.as_str().to_ascii_lowercase()] = operation::operation(route, &mut schemas);
    }
    let tags: Vec<Value> =
        Tag::ALL.iter().map(|tag| json!({"name": tag.name(), "description": tag.description()})).collect();
    let headers: Map<String, Value> =
        operation::SHARED_HEADERS.iter().map(|header| (header.name.to_owned(), schemas.header(header))).collect();
    let examples: Map<String, Value> =
        Code::ALL.iter().map(|code| (code.as_str().to_owned(), operation::problem_example(*code))).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Partwright",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas.into_definitions(),
            "headers": headers,
            "examples": examples,
            "securitySchemes": security_schemes(),
        },
    })
}

/// How callers are known.
fn security_schemes() -> Value {
    json!({
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "An API token (`pw_…`), a JSON Web Token of the configured issuer, or `ADMIN_TOKEN`.",
        },
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": cookie::NAME,
            "description": "A browser's session. A page of another site cannot use it.",
        },
        "admin": {
            "type": "http",
            "scheme": "bearer",
            "description": "`ADMIN_TOKEN`, or a JSON Web Token with the role `admin`.",
        },
        "runner": {"type": "http", "scheme": "bearer", "description": "`RUNNER_TOKEN`."},
    })
}
