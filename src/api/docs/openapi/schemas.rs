//! Collects the schemas of types in the form of OpenAPI.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::api::docs::doc_only::SchemaOf;
use crate::api::docs::endpoint::BodySchema;
use crate::api::docs::parameter::{Parameter, Values};

/// Collects schemas. A type may differ as a request and as a response, so there is one generator for each.
pub(super) struct Schemas {
    requests: SchemaGenerator,
    responses: SchemaGenerator,
}

impl Schemas {
    pub fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        let requests = settings.clone().for_deserialize().into_generator();
        Self { requests, responses: settings.for_serialize().into_generator() }
    }

    /// The schema of a request body.
    pub fn request(&mut self, shape: BodySchema) -> Value {
        plain((shape.schema)(&mut self.requests).into())
    }

    /// The schema of a response body.
    pub fn response(&mut self, schema: SchemaOf) -> Value {
        plain(schema(&mut self.responses).into())
    }

    pub fn parameter(&mut self, parameter: &Parameter) -> Value {
        match (parameter.values, parameter.document.get().schema) {
            (Values::Number { min, max, default }, _) => {
                let mut schema = json!({"type": "integer", "minimum": min, "maximum": max});
                if let Some(default) = default {
                    schema["default"] = json!(default);
                }
                schema
            }
            (Values::Text, Some(schema)) => plain(schema(&mut self.requests).into()),
            (Values::Text, None) => json!({"type": "string"}),
        }
    }

    /// The header of a response.
    pub fn header(&mut self, header: &Parameter) -> Value {
        let description = header.document.get();
        json!({
            "description": description.description,
            "required": description.required,
            "schema": self.parameter(header),
            "example": example(header),
        })
    }

    /// All schemas that were referred to, by name.
    pub fn into_definitions(mut self) -> Map<String, Value> {
        let mut all = self.responses.take_definitions(true);
        for (name, schema) in self.requests.take_definitions(true) {
            if let Some(other) = all.get(&name) {
                assert_eq!(*other, schema, "{name} is used for two different types");
            }
            all.insert(name, schema);
        }
        let mut all: Vec<(String, Value)> = all.into_iter().map(|(name, schema)| (name, plain(schema))).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all.into_iter().collect()
    }
}

/// A parameter's example as JSON.
pub(super) fn example(parameter: &Parameter) -> Value {
    let example = parameter.document.get().example;
    match parameter.values {
        Values::Number { .. } => example.parse::<u64>().map_or_else(|_| json!(example), |number| json!(number)),
        Values::Text => json!(example),
    }
}

/// Makes a schema independent of Rust: descriptions without rustdoc links, one `enum` for an enumeration, and no
/// integer formats of Rust.
fn plain(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(fields) => {
            if let Some(Value::String(text)) = fields.get_mut("description") {
                *text = words(text);
            }
            if fields.get("format").and_then(Value::as_str).is_some_and(|format| format.starts_with("uint")) {
                fields.remove("format");
            }
            if let Some(Value::Array(options)) = fields.get("oneOf")
                && let Some((names, texts)) = enumeration(options)
            {
                fields.remove("oneOf");
                let description = fields.get("description").and_then(Value::as_str).unwrap_or_default();
                let description = format!("{description}\n\n{texts}").trim().to_owned();
                fields.insert("type".to_owned(), json!("string"));
                fields.insert("enum".to_owned(), json!(names));
                fields.insert("description".to_owned(), json!(description));
            }
            for (name, value) in fields.iter_mut() {
                if !["example", "examples", "default", "const", "enum"].contains(&name.as_str()) {
                    *value = plain(value.take());
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = plain(item.take())),
        _ => {}
    }
    schema
}

/// The words of an enumeration and a list of their meanings; `None` for other options.
fn enumeration(options: &[Value]) -> Option<(Vec<String>, String)> {
    let mut names = Vec::new();
    let mut texts = Vec::new();
    for option in options {
        let mut listed: Vec<&str> = option["const"].as_str().into_iter().collect();
        listed.extend(option["enum"].as_array().into_iter().flatten().filter_map(Value::as_str));
        if listed.is_empty() || option["type"] != "string" {
            return None;
        }
        let description = option["description"].as_str().map(words).unwrap_or_default();
        for name in listed {
            texts.push(format!("- `{name}`: {description}").trim_end_matches([':', ' ']).to_owned());
            names.push(name.to_owned());
        }
    }
    Some((names, texts.join("\n")))
}

/// A doc comment as one line without rustdoc links.
fn words(text: &str) -> String {
    text.replace("[`", "`").replace("`]", "`").split('\n').map(str::trim).collect::<Vec<_>>().join(" ")
}
