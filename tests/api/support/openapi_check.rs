//! The check of each response against the OpenAPI document. A test fails if it receives a status, a media type, a header
//! or a field that the document does not have.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use jsonschema::{Draft, Registry, Validator};
use partwright::api::openapi;
use serde_json::{Value, json};

use super::world::Answer;

/// The document and its compiled schemas.
pub struct Contract {
    document: Value,
    registry: Registry<'static>,
    validators: RefCell<HashMap<String, Rc<Validator>>>,
}

thread_local! {
    static CONTRACT: Contract = Contract::new();
}

/// Panics if the document does not have this response to `method` on `path` (a path without its query).
pub fn assert_documented(method: &http::Method, path: &str, answer: &Answer) {
    CONTRACT.with(|contract| {
        if let Err(problem) = contract.verify(method, path, answer) {
            let body = String::from_utf8_lossy(&answer.bytes);
            panic!("{method} {path}: {} {:?} {body:.2000}\nThe document: {problem}", answer.status, answer.headers);
        }
    });
}

impl Contract {
    pub fn new() -> Self {
        let mut document = openapi::document();
        // The document allows unknown fields, for later versions. The tests do not.
        close(&mut document);
        let resource = Draft::Draft202012.create_resource(document.clone());
        let registry = Registry::new().add("urn:partwright", resource).unwrap().prepare().unwrap();
        Self { document, registry, validators: RefCell::default() }
    }

    /// Compares a response with the document.
    ///
    /// # Errors
    /// Names the first difference.
    pub fn verify(&self, method: &http::Method, path: &str, answer: &Answer) -> Result<(), String> {
        self.headers(&json!({"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}}), answer)?;
        let Some(template) = self.template(path) else { return self.only(answer, "no_route") };
        let item = &self.document["paths"][&template];
        if method == http::Method::OPTIONS && answer.status == 204 {
            // A preflight, which the document does not list.
            return self.headers(&json!({"Allow": {"required": true, "schema": {"type": "string"}}}), answer);
        }
        let is_head = method == http::Method::HEAD;
        let name = if is_head { "get".to_owned() } else { method.as_str().to_ascii_lowercase() };
        if item.get(&name).is_none() {
            return self.only(answer, "method_not_allowed");
        }
        let status = answer.status.to_string();
        let response = &item[&name]["responses"][&status];
        if response.is_null() {
            return Err(format!("{status} is not a response of {name} {template}"));
        }
        self.headers(&response["headers"], answer)?;
        let contents = response["content"].as_object();
        if is_head || contents.is_none() {
            return if answer.bytes.is_empty() { Ok(()) } else { Err("this response has no body".to_owned()) };
        }
        let given = answer.header("content-type");
        let kind = given.split(';').next().unwrap_or_default().trim();
        if !contents.is_some_and(|contents| contents.contains_key(kind)) {
            return Err(format!("{given:?} is not a media type of this response"));
        }
        if response["content"][kind]["schema"].get("contentMediaType").is_some() {
            return if answer.bytes.is_empty() { Err("the body is empty".to_owned()) } else { Ok(()) };
        }
        if !kind.ends_with("json") {
            return std::str::from_utf8(&answer.bytes).map(drop).map_err(|error| error.to_string());
        }
        let place = ["paths", &template, &name, "responses", &status, "content", kind, "schema"];
        self.fits(&place, &json_of(answer)?)
    }

    /// Accepts only an error with this code, for requests that reach no operation.
    fn only(&self, answer: &Answer, code: &str) -> Result<(), String> {
        if answer.bytes.is_empty() {
            // The response to a HEAD request.
            return Ok(());
        }
        let body = json_of(answer)?;
        self.fits(&["components", "schemas", "Problem"], &body)?;
        if body["code"] == code { Ok(()) } else { Err(format!("the only error code here is {code}")) }
    }

    /// Checks that the required headers are present and that all documented headers fit their schemas.
    fn headers(&self, headers: &Value, answer: &Answer) -> Result<(), String> {
        for (name, header) in headers.as_object().into_iter().flatten() {
            let (header, mut place) = match header["$ref"].as_str() {
                Some(reference) => {
                    let place: Vec<&str> = reference.trim_start_matches("#/").split('/').collect();
                    (self.document.pointer(&reference[1..]).unwrap(), place)
                }
                None => (header, Vec::new()),
            };
            let Some(value) = answer.headers.get(name) else {
                let required = header["required"].as_bool().unwrap_or_default();
                if required {
                    return Err(format!("the header {name} is missing"));
                }
                continue;
            };
            let text = value.to_str().map_err(|error| format!("{name}: {error}"))?;
            let value = match header["schema"]["type"].as_str() {
                Some("integer") => text.parse::<u64>().map_or_else(|_| json!(text), |number| json!(number)),
                _ => json!(text),
            };
            if place.is_empty() {
                let schema = jsonschema::draft202012::new(&header["schema"]).map_err(|error| error.to_string());
                // A schema with references is not compiled here.
                if let Ok(schema) = schema {
                    schema.validate(&value).map_err(|error| format!("{name}: {error}"))?;
                }
            } else {
                place.push("schema");
                self.fits(&place, &value)?;
            }
        }
        Ok(())
    }

    /// Validates a value with the schema at a place of the document.
    pub fn fits(&self, place: &[&str], value: &Value) -> Result<(), String> {
        let escape = |part: &&str| part.replace('~', "~0").replace('/', "~1").replace('{', "%7B").replace('}', "%7D");
        let pointer = place.iter().map(escape).collect::<Vec<_>>().join("/");
        let validator = self.validator(&pointer);
        let found: Vec<String> =
            validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        if found.is_empty() { Ok(()) } else { Err(format!("{} at #/{pointer}", found.join("; "))) }
    }

    fn validator(&self, pointer: &str) -> Rc<Validator> {
        let mut validators = self.validators.borrow_mut();
        let make = || {
            let schema = json!({"$ref": format!("urn:partwright#/{pointer}")});
            let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
            Rc::new(options.with_registry(&self.registry).build(&schema).unwrap())
        };
        validators.entry(pointer.to_owned()).or_insert_with(make).clone()
    }

    /// The path template of the document that matches `path`.
    fn template(&self, path: &str) -> Option<String> {
        let fits = |template: &str| {
            let (wanted, given): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
            let part = |(wanted, given): (&&str, &&str)| wanted.starts_with('{') || wanted == given;
            wanted.len() == given.len() && wanted.iter().zip(&given).all(part)
        };
        let paths = self.document["paths"].as_object()?;
        paths.keys().find(|template| fits(template)).cloned()
    }

    /// The document, in the form that allows no unknown fields.
    pub fn document(&self) -> &Value {
        &self.document
    }
}

fn json_of(answer: &Answer) -> Result<Value, String> {
    serde_json::from_slice(&answer.bytes).map_err(|error| format!("the body is not JSON: {error}"))
}

/// Makes each schema that names fields refuse all others.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            let names_fields = fields.get("properties").is_some_and(Value::is_object)
                && (fields.contains_key("type") || fields.contains_key("$ref"));
            for (name, value) in fields.iter_mut() {
                // Each alternative names only some of the fields.
                let is_alternative = names_fields && ["oneOf", "anyOf", "allOf"].contains(&name.as_str());
                if !is_alternative {
                    close(value);
                }
            }
            if names_fields && !fields.contains_key("additionalProperties") {
                fields.insert("unevaluatedProperties".to_owned(), json!(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}
