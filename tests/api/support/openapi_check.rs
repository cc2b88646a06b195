//! The OpenAPI document as a judge: every answer that a test gets is held against what the document says of its call.
//! A status, a media type, a header or a field that the document does not know fails the test that met it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use jsonschema::{Draft, Registry, Validator};
use partwright::api::openapi;
use serde_json::{Value, json};

use super::world::Answer;

/// The document and what was made ready of it.
pub struct Contract {
    document: Value,
    registry: Registry<'static>,
    validators: RefCell<HashMap<String, Rc<Validator>>>,
}

thread_local! {
    static CONTRACT: Contract = Contract::new();
}

/// Fails unless the document knows `answer` to `method` on `path`, which is without its query.
pub fn check(method: &http::Method, path: &str, answer: &Answer) {
    CONTRACT.with(|contract| {
        if let Err(problem) = contract.judge(method, path, answer) {
            let body = String::from_utf8_lossy(&answer.bytes);
            panic!("{method} {path}: {} {:?} {body:.2000}\nThe document: {problem}", answer.status, answer.headers);
        }
    });
}

impl Contract {
    pub fn new() -> Self {
        let mut document = openapi::document();
        // What the document leaves open for the future is closed here: a field that it does not name fails.
        close(&mut document);
        let resource = Draft::Draft202012.create_resource(document.clone());
        let registry = Registry::new().add("urn:partwright", resource).unwrap().prepare().unwrap();
        Self { document, registry, validators: RefCell::default() }
    }

    /// Why an answer is not what the document says, where it is not.
    pub fn judge(&self, method: &http::Method, path: &str, answer: &Answer) -> Result<(), String> {
        self.headers(&json!({"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}}), answer)?;
        let Some(template) = self.template(path) else { return self.only(answer, "no_route") };
        let item = &self.document["paths"][&template];
        if method == http::Method::OPTIONS && answer.status == 204 {
            // What a browser asks before a page of another site may call; no call by itself.
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
            return Err(format!("{status} is not among the answers of {name} {template}"));
        }
        self.headers(&response["headers"], answer)?;
        let contents = response["content"].as_object();
        if is_head || contents.is_none() {
            return if answer.bytes.is_empty() { Ok(()) } else { Err("this answer has no body".to_owned()) };
        }
        let given = answer.header("content-type");
        let kind = given.split(';').next().unwrap_or_default().trim();
        if !contents.is_some_and(|contents| contents.contains_key(kind)) {
            return Err(format!("{given:?} is not among the media types of this answer"));
        }
        if response["content"][kind]["schema"].get("contentMediaType").is_some() {
            return if answer.bytes.is_empty() { Err("there is nothing in it".to_owned()) } else { Ok(()) };
        }
        if !kind.ends_with("json") {
            return std::str::from_utf8(&answer.bytes).map(drop).map_err(|error| error.to_string());
        }
        let place = ["paths", &template, &name, "responses", &status, "content", kind, "schema"];
        self.fits(&place, &json_of(answer)?)
    }

    /// Whether an answer is this problem, which no call has by itself.
    fn only(&self, answer: &Answer, code: &str) -> Result<(), String> {
        if answer.bytes.is_empty() {
            // To a HEAD.
            return Ok(());
        }
        let body = json_of(answer)?;
        self.fits(&["components", "schemas", "Problem"], &body)?;
        if body["code"] == code { Ok(()) } else { Err(format!("the only answer here is {code}")) }
    }

    /// Whether the headers are there that must be, and fit.
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
                // A reference out of an inline header is not resolved here.
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

    /// Whether a value fits the schema at a place of the document.
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

    /// The path of the document that `path` is an instance of.
    fn template(&self, path: &str) -> Option<String> {
        let fits = |template: &str| {
            let (wanted, given): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
            let part = |(wanted, given): (&&str, &&str)| wanted.starts_with('{') || wanted == given;
            wanted.len() == given.len() && wanted.iter().zip(&given).all(part)
        };
        let paths = self.document["paths"].as_object()?;
        paths.keys().find(|template| fits(template)).cloned()
    }

    /// The document, closed.
    pub fn document(&self) -> &Value {
        &self.document
    }
}

fn json_of(answer: &Answer) -> Result<Value, String> {
    serde_json::from_slice(&answer.bytes).map_err(|error| format!("the body is no JSON: {error}"))
}

/// Refuses fields that are not named, wherever a schema names any.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            let names_fields = fields.get("properties").is_some_and(Value::is_object)
                && (fields.contains_key("type") || fields.contains_key("$ref"));
            for (name, value) in fields.iter_mut() {
                // Each of the options names a part of the fields of the whole.
                let is_part = names_fields && ["oneOf", "anyOf", "allOf"].contains(&name.as_str());
                if !is_part {
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
