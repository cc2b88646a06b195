//! Scripts to start from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::docs::endpoint::HasExample;

/// All examples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExampleList {
    /// Always true.
    pub success: bool,
    /// By name.
    pub examples: Vec<Example>,
}

/// One example.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExampleAnswer {
    /// Always true.
    pub success: bool,
    /// The example.
    pub example: Example,
}

/// A script to start from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Example {
    /// What paths call it.
    pub name: String,
    /// Its name for a person.
    pub title: String,
    /// What it makes, in a sentence.
    pub description: String,
    /// What can be changed at its top, in the order of the script.
    pub parameters: Vec<ExampleParameter>,
    /// The script itself.
    pub script: String,
    /// Where its picture is.
    pub picture_url: String,
}

/// A dimension of an example, which a line at the top of its script sets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExampleParameter {
    /// Its name in the script.
    pub name: String,
    /// Its value in the script.
    pub value: f64,
    /// `mm`, `degrees`, `percent`, or `count` for a number of things.
    pub unit: String,
    /// What it is, as far as its name does not say it.
    pub about: String,
}

impl HasExample for ExampleList {
    fn example() -> Value {
        json!({"success": true, "examples": [shown()]})
    }
}

impl HasExample for ExampleAnswer {
    fn example() -> Value {
        json!({"success": true, "example": shown()})
    }
}

fn shown() -> Value {
    json!({
        "name": "bracket",
        "title": "Angle bracket",
        "description": "Two plates at a right angle.",
        "parameters": [{"name": "WIDTH", "value": 60.0, "unit": "mm", "about": "along X"}],
        "script": "WIDTH = 60.0  # mm, along X\n",
        "picture_url": "/api/examples/bracket/picture",
    })
}
