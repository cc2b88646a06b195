//! The OpenAPI document and its page: complete, consistent with the routes, and fresh.

use std::collections::BTreeSet;
use std::path::Path;

use partwright::api::{Code, ROUTES, openapi};
use serde_json::Value;

use crate::support::openapi_check::Contract;
use crate::support::world::{Answer, World};

/// The operations of the document, each with its method and path.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            found.push((format!("{} {path}", method.to_uppercase()), operation));
        }
    }
    found
}

#[test]
fn the_document_lists_exactly_the_routes() {
    let document = openapi::document();
    let documented: BTreeSet<String> = operations(&document).into_iter().map(|(name, _)| name).collect();
    let served: BTreeSet<String> = ROUTES.iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    assert_eq!(documented, served);
    let ids: BTreeSet<&str> =
        operations(&document).iter().map(|(_, call)| call["operationId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), ROUTES.len(), "operation ids are unique");
    for id in ids {
        assert!(!id.is_empty());
        assert!(id.bytes().all(|byte| byte.is_ascii_alphabetic()), "{id}");
    }
}

#[test]
fn the_document_lists_exactly_the_codes() {
    let document = openapi::document();
    let table: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    let words =
        |value: &Value| value.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect();
    let documented: BTreeSet<String> = words(&document["components"]["schemas"]["Code"]["enum"]);
    assert_eq!(documented.iter().map(String::as_str).collect::<BTreeSet<_>>(), table);
    // These two come before an operation is found.
    let mut answered: BTreeSet<String> = ["no_route", "method_not_allowed"].map(str::to_owned).into();
    for (name, call) in operations(&document) {
        for (status, response) in call["responses"].as_object().unwrap() {
            let problem = &response["content"]["application/problem+json"];
            if problem.is_null() {
                continue;
            }
            let codes: BTreeSet<String> = words(&problem["schema"]["properties"]["code"]["enum"]);
            for code in &codes {
                let known = Code::ALL.iter().find(|known| known.as_str() == code).unwrap();
                assert_eq!(known.status().as_str(), status, "{name} {code}");
            }
            answered.extend(codes);
        }
    }
    assert_eq!(answered.iter().map(String::as_str).collect::<BTreeSet<_>>(), table, "a code that no operation uses");
}

#[test]
fn every_example_fits_its_schema() {
    let contract = Contract::new();
    let document = contract.document();
    let mut seen = 0;
    for (name, call) in operations(document) {
        let (method, path) = name.split_once(' ').unwrap();
        let method = method.to_lowercase();
        let mut bodies: Vec<(Vec<&str>, &Value)> =
            vec![(vec!["requestBody", "content"], &call["requestBody"]["content"])];
        for (status, response) in call["responses"].as_object().unwrap() {
            bodies.push((vec!["responses", status, "content"], &response["content"]));
        }
        for (place, contents) in bodies {
            for (media_type, content) in contents.as_object().into_iter().flatten() {
                if content["schema"].get("contentMediaType").is_some() {
                    // Binary bodies have no example.
                    continue;
                }
                let place = [&["paths", path, &method][..], &place, &[media_type, "schema"]].concat();
                let named = content["examples"].as_object().into_iter().flatten().map(|(_, example)| {
                    let reference = example["$ref"].as_str().unwrap();
                    &document.pointer(&reference[1..]).unwrap()["value"]
                });
                let examples: Vec<&Value> = content.get("example").into_iter().chain(named).collect();
                assert!(!examples.is_empty(), "{name}: no example of {media_type}");
                for example in examples {
                    seen += 1;
                    contract.fits(&place, example).unwrap_or_else(|problem| panic!("{name}: {problem}"));
                }
            }
        }
        for (index, parameter) in call["parameters"].as_array().into_iter().flatten().enumerate() {
            seen += 1;
            let place = ["paths", path, &method, "parameters", &index.to_string(), "schema"];
            contract.fits(&place, &parameter["example"]).unwrap_or_else(|problem| panic!("{name}: {problem}"));
        }
    }
    assert!(seen > 300, "{seen}");
}

/// The check of all responses finds statuses, headers and fields that the document does not have.
#[tokio::test(start_paused = true)]
async fn undocumented_responses_are_found() {
    let (world, contract) = (World::new(), Contract::new());
    let path = "/api/projects/demo/upload-script";
    let verify = |answer: &Answer| contract.verify(&http::Method::POST, path, answer);
    let valid = || async { world.post(path, "text/x-python", "x = 1").await };
    verify(&valid().await).unwrap();
    let changed = async |change: fn(&mut Value)| {
        let answer = valid().await;
        let mut body = answer.json();
        change(&mut body);
        verify(&Answer { bytes: body.to_string().into(), ..answer })
    };
    type Change = fn(&mut Value);
    let changes: [(Change, &str); 7] = [
        (|body| body["more"] = 1.into(), "an unknown field"),
        (|body| body["data"]["more"] = 1.into(), "an unknown nested field"),
        (|body| drop(body.as_object_mut().unwrap().remove("version")), "a missing field"),
        (|body| body["version"] = 0.into(), "a number out of range"),
        (|body| body["data"]["phase"] = "lost".into(), "an unknown enum value"),
        (|body| body["data"]["upload_time"] = "noon".into(), "an invalid time"),
        (|body| body["data"]["sha256"] = "ABC".into(), "an invalid digest"),
    ];
    for (change, what) in changes {
        assert!(changed(change).await.is_err(), "{what}");
    }
    assert!(verify(&Answer { status: 200, ..valid().await }).is_err(), "a status");
    assert!(verify(&Answer { bytes: "".into(), ..valid().await }).is_err(), "no body");
    for (header, value) in [("content-type", Some("text/html")), ("x-request-id", None), ("location", None)] {
        let mut answer = valid().await;
        answer.headers.remove(header);
        answer.headers.extend(value.map(|value| (http::header::CONTENT_TYPE, value.parse().unwrap())));
        assert!(verify(&answer).is_err(), "{header}");
    }
    // A known code of another operation.
    let refused = world.get("/api/projects/demo/script/9").await;
    let mut body = refused.json();
    body["code"] = "log_not_found".into();
    let answer = Answer { bytes: body.to_string().into(), ..refused };
    assert!(contract.verify(&http::Method::GET, "/api/projects/demo/script/9", &answer).is_err());
}

#[test]
fn every_reference_and_link_resolves() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = openapi::document();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 100);
    for reference in found {
        assert!(document.pointer(&reference[1..]).is_some(), "{reference}");
    }
    let ids: BTreeSet<&str> =
        operations(&document).iter().map(|(_, call)| call["operationId"].as_str().unwrap()).collect();
    for (name, call) in operations(&document) {
        for response in call["responses"].as_object().unwrap().values() {
            for (to, link) in response["links"].as_object().into_iter().flatten() {
                assert!(ids.contains(to.as_str()), "{name}: {to}");
                assert_eq!(link["operationId"], to.as_str(), "{name}");
            }
        }
    }
}

#[test]
fn the_api_page_names_every_code() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/api.md")).unwrap();
    for code in Code::ALL {
        assert!(page.contains(&format!("`{}`", code.as_str())), "{code:?}");
    }
}

/// Compares the generated files in `assets` with the sources; `UPDATE_OPENAPI=1` writes them.
#[test]
fn the_document_and_its_page_are_fresh() {
    let document = serde_json::to_string_pretty(&openapi::document()).unwrap() + "\n";
    for (name, text) in [("openapi.json", document), ("api.html", openapi::page())] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets").join(name);
        if std::env::var_os("UPDATE_OPENAPI").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let stored = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(stored == text, "{} is stale: UPDATE_OPENAPI=1 ONLY=fresh make test", path.display());
    }
}

#[tokio::test(start_paused = true)]
async fn the_document_and_its_page_are_public() {
    let world = World::closed();
    let document = world.get("/api/openapi.json").await;
    assert_eq!((document.status, document.header("content-type")), (200, "application/json"));
    assert!(document.json() == openapi::document(), "assets/openapi.json is stale");
    let page = world.get("/api").await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let text = String::from_utf8(page.bytes.to_vec()).unwrap();
    for inline in ["<script", " style="] {
        assert!(!text.contains(inline), "{inline}");
    }
    assert!(page.header("content-security-policy").starts_with("default-src 'none'; style-src 'self';"));
    for route in ROUTES {
        let id = format!("id=\"{}\"", route.doc.get().id);
        assert_eq!(text.matches(&id).count(), 1, "{} {}: {id}", route.method, route.path);
    }
    assert_eq!(world.get("/api.css").await.header("content-type"), "text/css; charset=utf-8");
}
