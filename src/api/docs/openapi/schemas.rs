//! The schemas of the types, collected as they are asked for, and put into the words of OpenAPI.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::api::docs::doc_only::SchemaOf;
use crate::api::docs::endpoint::BodySchema;
use crate::api::docs::parameter::{Parameter, Values};

/// Collects schemas. What a body that is sent must hold and what an answer holds may differ for one type, so there is a
/// generator each.
pub(super) struct Schemas {
    requests: SchemaGenerator,
    answers: SchemaGenerator,
}

impl Schemas {
    pub fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        let requests = settings.clone().for_deserialize().into_generator();
        Self { requests, answers: settings.for_serialize().into_generator() }
    }

    /// The schema of a body that is sent.
    pub fn request(&mut self, shape: BodySchema) -> Value {
        plain((shape.schema)(&mut self.requests).into())
    }

    /// The schema of a body that is answered.
    pub fn answer(&mut self, schema: SchemaOf) -> Value {
        plain(schema(&mut self.answers).into())
    }

    /// The schema of a parameter.
    pub fn parameter(&mut self, parameter: &Parameter) -> Value {
        match (parameter.values, parameter.document.get().schema) {
            (Values::Number { least, most, default }, _) => {
                let mut schema = json!({"type": "integer", "minimum": least, "maximum": most});
                if let Some(default) = default {
                    schema["default"] = json!(default);
                }
                schema
            }
            (Values::Text, Some(schema)) => plain(schema(&mut self.requests).into()),
            (Values::Text, None) => json!({"type": "string"}),
        }
    }

    /// A header of an answer.
    pub fn header(&mut self, header: &Parameter) -> Value {
        let description = header.document.get();
        json!({
            "description": description.description,
            "required": description.required,
            "schema": self.parameter(header),
            "example": example(header),
        })
    }

    /// Everything that was referred to, by name.
    pub fn into_definitions(mut self) -> Map<String, Value> {
        let mut all = self.answers.take_definitions(true);
        for (name, schema) in self.requests.take_definitions(true) {
            if let Some(other) = all.get(&name) {
                // Two meanings of one name: the types have to be told apart.
                assert_eq!(*other, schema, "{name} is one thing in a request and another in an answer");
            }
            all.insert(name, schema);
        }
        let mut all: Vec<(String, Value)> = all.into_iter().map(|(name, schema)| (name, plain(schema))).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all.into_iter().collect()
    }
}

/// A parameter's example, as its type has it.
pub(super) fn example(parameter: &Parameter) -> Value {
    let example = parameter.document.get().example;
    match parameter.values {
        Values::Number { .. } => example.parse::<u64>().map_or_else(|_| json!(example), |number| json!(number)),
        Values::Text => json!(example),
    }
}

/// The same schema for readers who know no Rust: words from the sources without their marks, an enumeration as one, and
/// no formats that are Rust's own.
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
                let said = fields.get("description").and_then(Value::as_str).unwrap_or_default();
                let description = format!("{said}\n\n{texts}").trim().to_owned();
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

/// The words of an enumeration, and what each means as a list; none where the options are something else.
fn enumeration(options: &[Value]) -> Option<(Vec<String>, String)> {
    let mut names = Vec::new();
    let mut texts = Vec::new();
    for option in options {
        let mut listed: Vec<&str> = option["const"].as_str().into_iter().collect();
        listed.extend(option["enum"].as_array().into_iter().flatten().filter_map(Value::as_str));
        if listed.is_empty() || option["type"] != "string" {
            return None;
        }
        let said = option["description"].as_str().map(words).unwrap_or_default();
        for name in listed {
            texts.push(format!("- `{name}`: {said}").trim_end_matches([':', ' ']).to_owned());
            names.push(name.to_owned());
        }
    }
    Some((names, texts.join("\n")))
}

/// A doc comment as one line without links into the sources.
fn words(text: &str) -> String {
    text.replace("[`", "`").replace("`]", "`").split('\n').map(str::trim).collect::<Vec<_>>().join(" ")
}
