//! One route as an OpenAPI operation.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::errors;
use super::parameters::{IN_PATHS, REQUEST_ID, RETRY_AFTER, UPGRADE, WWW_AUTHENTICATE};
use super::schemas::{Schemas, example};
use crate::api::auth::permission::Permission;
use crate::api::code::Code;
use crate::api::docs::endpoint::{BodySchema, Content, ResponseDoc};
use crate::api::docs::parameter::Parameter;
use crate::api::error::Problem;
use crate::api::route::Route;

/// The headers that the document defines once.
pub(super) const SHARED_HEADERS: &[Parameter] = &[REQUEST_ID, RETRY_AFTER, WWW_AUTHENTICATE, UPGRADE];

pub(super) fn operation(route: &Route, schemas: &mut Schemas) -> Value {
    let doc = route.doc.get();
    let mut operation = json!({
        "operationId": doc.id,
        "tags": [doc.tag.name()],
        "summary": doc.summary,
        "description": doc.description,
        "security": security(route.permission),
    });
    let parameters = parameters(route, schemas);
    if !parameters.is_empty() {
        operation["parameters"] = json!(parameters);
    }
    if !doc.request_bodies.is_empty() {
        let content = contents(doc.request_bodies, |body| schemas.request(body));
        operation["requestBody"] = json!({"required": true, "content": content});
    }
    operation["responses"] = responses(route, schemas);
    operation
}

/// The accepted credentials. Each entry is an alternative; an empty list or an empty entry means that none is needed.
fn security(permission: Permission) -> Value {
    match permission {
        Permission::Public => json!([]),
        Permission::Recognised => json!([{}, {"admin": []}, {"session": []}]),
        Permission::Read | Permission::Write => json!([{"bearer": []}, {"session": []}]),
        Permission::Admin => json!([{"admin": []}, {"session": []}]),
        Permission::Runner => json!([{"runner": []}]),
    }
}

fn parameters(route: &Route, schemas: &mut Schemas) -> Vec<Value> {
    let in_path = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path = in_path.map(|name| {
        let found = IN_PATHS.iter().find(|parameter| parameter.name == name);
        assert!(found.is_some(), "the parameter {name} of {} is not among IN_PATHS", route.path);
        (found, "path")
    });
    let in_query = route.query.iter().map(|parameter| (Some(parameter), "query"));
    let in_header = route.doc.get().headers.iter().map(|parameter| (Some(parameter), "header"));
    let mut all = Vec::new();
    for (parameter, place) in in_path.chain(in_query).chain(in_header) {
        let Some(parameter) = parameter else { continue };
        let description = parameter.document.get();
        let schema = schemas.parameter(parameter);
        all.push(json!({
            "name": parameter.name,
            "in": place,
            "required": description.required,
            "description": description.description,
            "schema": schema,
            "example": example(parameter),
        }));
    }
    all
}

/// All responses of a route, by status.
fn responses(route: &Route, schemas: &mut Schemas) -> Value {
    let mut all: BTreeMap<u16, Value> = BTreeMap::new();
    for response in route.doc.get().responses {
        all.insert(response.status, success(response, schemas));
    }
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in errors::codes(route) {
        by_status.entry(code.status().as_u16()).or_default().push(code);
    }
    for (status, codes) in by_status {
        let response = all.entry(status).or_insert_with(|| json!({"headers": {}}));
        add_errors(response, &codes, schemas);
    }
    all.into_iter().map(|(status, response)| (status.to_string(), response)).collect::<Map<_, _>>().into()
}

fn success(doc: &ResponseDoc, schemas: &mut Schemas) -> Value {
    let mut headers = Map::from_iter([shared(&REQUEST_ID)]);
    for header in doc.headers {
        headers.insert(header.name.to_owned(), schemas.header(header));
    }
    let mut response = json!({"description": doc.description, "headers": headers});
    if doc.status == 101 {
        // The platform answers handshakes, without the API's headers.
        response = json!({"description": doc.description});
    }
    if !doc.contents.is_empty() {
        response["content"] = contents(doc.contents, |body| schemas.response(body.schema)).into();
    }
    if !doc.links.is_empty() {
        let links: Map<String, Value> = doc
            .links
            .iter()
            .map(|link| {
                let parameters: BTreeMap<_, _> = link.parameters.iter().copied().collect();
                (link.to.to_owned(), json!({"operationId": link.to, "parameters": parameters}))
            })
            .collect();
        response["links"] = json!(links);
    }
    response
}

/// Adds the errors of one status to its response.
fn add_errors(response: &mut Value, codes: &[Code], schemas: &mut Schemas) {
    let meanings: Vec<String> = codes.iter().map(|code| format!("`{}`: {}", code.as_str(), code.when())).collect();
    let description = response["description"].as_str().unwrap_or_default();
    response["description"] = json!(format!("{description}\n\n- {}", meanings.join("\n- ")).trim());
    for (header, needed) in [
        (&REQUEST_ID, true),
        (&RETRY_AFTER, codes.iter().any(|code| code.status() == http::StatusCode::SERVICE_UNAVAILABLE)),
        (&WWW_AUTHENTICATE, codes.iter().any(|code| code.status() == http::StatusCode::UNAUTHORIZED)),
        (&UPGRADE, codes.contains(&Code::UpgradeRequired)),
    ] {
        if needed {
            let (name, header) = shared(header);
            response["headers"][name] = header;
        }
    }
    let mut schema = schemas.response(|generator| generator.subschema_for::<Problem>());
    let words: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
    schema["properties"] = json!({"code": {"enum": words}});
    let examples: Map<String, Value> = codes
        .iter()
        .map(|code| (code.as_str().to_owned(), json!({"$ref": format!("#/components/examples/{}", code.as_str())})))
        .collect();
    response["content"]["application/problem+json"] = json!({"schema": schema, "examples": examples});
}

/// A header by reference.
fn shared(header: &Parameter) -> (String, Value) {
    (header.name.to_owned(), json!({"$ref": format!("#/components/headers/{}", header.name)}))
}

/// Bodies by media type.
fn contents(contents: &[Content], mut schema_of: impl FnMut(BodySchema) -> Value) -> Map<String, Value> {
    let mut body = |body: &BodySchema| json!({"schema": schema_of(*body), "example": (body.example)()});
    let entries = contents.iter().map(|content| match content {
        Content::Json(schema) => ("application/json".to_owned(), body(schema)),
        Content::TextOf(media_type, schema) => ((*media_type).to_owned(), body(schema)),
        Content::Text { media_type, description, example } => text(media_type, description, example),
        Content::Bytes { media_type, description } => bytes(media_type, description),
    });
    entries.collect()
}

fn text(media_type: &str, description: &str, example: &str) -> (String, Value) {
    // JSON without a schema is an object.
    let (kind, example) = match media_type {
        "application/json" => ("object", json!({})),
        _ => ("string", json!(example)),
    };
    (media_type.to_owned(), json!({"schema": {"type": kind, "description": description}, "example": example}))
}

/// Binary content has no type (OpenAPI 3.1, section 4.8.14.4) and no example.
fn bytes(media_type: &str, description: &str) -> (String, Value) {
    (media_type.to_owned(), json!({"schema": {"contentMediaType": media_type, "description": description}}))
}

/// An example of an error with this code.
pub(super) fn problem_example(code: Code) -> Value {
    json!({
        "summary": code.when(),
        "value": {
            "type": "about:blank",
            "title": code.status().canonical_reason(),
            "status": code.status().as_u16(),
            "code": code.as_str(),
            "detail": code.when(),
            "success": false,
            "request_id": "0123456789abcdef",
        },
    })
}
