//! Scripts to start from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::docs::endpoint::HasExample;

/// All examples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExampleList {
    /// Always `true`.
    pub success: bool,
    /// Sorted by name.
    pub examples: Vec<Example>,
}

/// One example.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExampleAnswer {
    /// Always `true`.
    pub success: bool,
    pub example: Example,
}

/// A script to start from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Example {
    /// The name in paths.
    pub name: String,
    /// The name for people.
    pub title: String,
    /// The model, in a sentence.
    pub description: String,
    /// The parameters at the top of the script, in their order.
    pub parameters: Vec<ExampleParameter>,
    /// The source text.
    pub script: String,
    /// The path of its picture.
    pub picture_url: String,
}

/// A parameter of an example, set by a line at the top of the script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExampleParameter {
    /// The name in the script.
    pub name: String,
    /// The value in the script.
    pub value: f64,
    /// `mm`, `degrees`, `percent`, or `count`.
    pub unit: String,
    /// An explanation, if the name does not suffice.
    pub about: String,
}

impl HasExample for ExampleList {
    fn example() -> Value {
        json!({"success": true, "examples": [example()]})
    }
}

impl HasExample for ExampleAnswer {
    fn example() -> Value {
        json!({"success": true, "example": example()})
    }
}

fn example() -> Value {
    json!({
        "name": "bracket",
        "title": "Angle bracket",
        "description": "Two plates at a right angle.",
        "parameters": [{"name": "WIDTH", "value": 60.0, "unit": "mm", "about": "along X"}],
        "script": "WIDTH = 60.0  # mm, along X\n",
        "picture_url": "/api/examples/bracket/picture",
    })
}
