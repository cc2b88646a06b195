//! The OpenAPI 3.1 document, made from the table of routes, the types of the bodies and the table of codes.
//!
//! Native only. The Worker serves `assets/openapi.json` and the page made from it; a test in `tests/api` finds them
//! stale.
//!
//! - `parameters`: parameters and headers that no handler names
//! - `errors`: the error codes of a route
//! - `schemas`: the schemas of types
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

/// The introduction of the document.
const DESCRIPTION: &str = "\
Partwright turns FreeCAD Python scripts into CAD files. An uploaded script becomes the next version of its project; a \
runner runs it in FreeCAD; links to the bucket download the resulting files.

Responses are JSON unless an endpoint says otherwise; times are RFC 3339 in UTC. Later versions of the service may add \
fields to responses. `GET` endpoints also accept `HEAD`, and every path accepts `OPTIONS`. Unknown query parameters \
and unknown fields of bodies are ignored unless an endpoint says otherwise.

Errors are `application/problem+json` (RFC 9457) with a stable `code`. An unknown path gives 404 `no_route`; a method \
that a path does not take gives 405 `method_not_allowed` with `Allow`. The outcome of a **script** is never an HTTP \
error; it is part of the status.

`X-Request-Id` (1 to 64 of `A-Z a-z 0-9 - _ .`) is taken from the request if it has one, and is in every response.";

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
            "description": DESCRIPTION,
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

/// The kinds of credentials.
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
            "description": "The session of a browser. Pages of other sites cannot use it.",
        },
        "admin": {
            "type": "http",
            "scheme": "bearer",
            "description": "`ADMIN_TOKEN`, or a JSON Web Token with the role `admin`.",
        },
        "runner": {"type": "http", "scheme": "bearer", "description": "`RUNNER_TOKEN`."},
    })
}
