//! `GET /api/examples`, `…/{example}` and `…/{example}/picture`: scripts to start from, which need no AI.
//!
//! Each is a file of `src/examples`, and what is told of it stands in it: `source` reads that out. The Worker holds none
//! of them: their list is one file of the page, `examples.json`, and the pictures lie beside it. Tests keep them fresh:
//! the list in `tests/api`, the pictures in `tests/engine`, which runs every script.

#[cfg(not(target_arch = "wasm32"))]
mod source;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[cfg(not(target_arch = "wasm32"))]
pub use self::source::{SourceError, read as read_source};

use super::code::Code;
use super::error::ApiError;
use super::page::{FILE, UNCHANGED, kept, read};
use super::parameter::ETAG;
use super::reply::Reply;
use super::request::Call;
use super::terms::{Answer, Content, Shape, Shown, Tag, Terms};

pub(super) const LIST: Terms = Terms {
    id: "listExamples",
    tag: Tag::Scripts,
    about: "Scripts to start from: dimensions first, to be changed and sent as they are. Nobody needs a token for them.",
    answers: &[
        Answer {
            about: "All of them.",
            contents: &[Content::Json(Shape::of::<ExampleList>())],
            headers: &[ETAG],
            ..Answer::OK
        },
        UNCHANGED,
    ],
    ..FILE
};

pub(super) const CONTENT: Terms = Terms {
    id: "getExample",
    tag: Tag::Scripts,
    about: "`Accept: text/x-python` gives the bare script.",
    answers: &[
        Answer {
            about: "The example.",
            contents: &[
                Content::Json(Shape::of::<ExampleAnswer>()),
                Content::Text { media_type: "text/x-python", about: "The script itself.", example: "WIDTH = 60.0\n" },
            ],
            headers: &[ETAG],
            ..Answer::OK
        },
        UNCHANGED,
    ],
    errors: &[Code::ExampleNotFound, Code::InternalUnavailable],
    ..FILE
};

pub(super) const PICTURE: Terms = Terms {
    id: "getExamplePicture",
    tag: Tag::Scripts,
    about: "The model as the runner draws it, on a transparent background.",
    answers: &[
        Answer {
            about: "The picture.",
            contents: &[Content::Bytes { media_type: "image/png", about: "A PNG, 384 pixels wide and high." }],
            headers: &[ETAG],
            ..Answer::OK
        },
        UNCHANGED,
    ],
    errors: &[Code::ExampleNotFound, Code::InternalUnavailable],
    ..FILE
};

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

impl Shown for ExampleList {
    fn example() -> Value {
        json!({"success": true, "examples": [shown()]})
    }
}

impl Shown for ExampleAnswer {
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

/// All of them.
pub(super) async fn list(call: &Call<'_>) -> Result<Reply, ApiError> {
    Ok(kept(call, "application/json", read(call, "examples.json").await?, ""))
}

/// One of them.
pub(super) async fn content(call: &Call<'_>) -> Result<Reply, ApiError> {
    let example = find(call).await?;
    let reply = if call.wants("text/x-python") {
        let script = example["script"].as_str().unwrap_or_default().to_owned();
        kept(call, "text/x-python; charset=utf-8", script.into(), "")
    } else {
        // As `ExampleAnswer` has it.
        kept(call, "application/json", json!({"success": true, "example": example}).to_string().into(), "")
    };
    Ok(reply.header("vary", "accept".to_owned()))
}

/// What it looks like.
pub(super) async fn picture(call: &Call<'_>) -> Result<Reply, ApiError> {
    // A name from the list, and not what the caller wrote: it becomes part of a path.
    let example = find(call).await?;
    let file = format!("examples/{}.png", example["name"].as_str().unwrap_or_default());
    Ok(kept(call, "image/png", read(call, &file).await?, ""))
}

/// The example in the path, as the list has it. To read it into its type would weigh some KB in the wasm.
async fn find(call: &Call<'_>) -> Result<Value, ApiError> {
    let name = call.parameter("example");
    let mut list: Value = serde_json::from_slice(&read(call, "examples.json").await?)
        .map_err(|error| ApiError::broken(&format!("examples.json: {error}")))?;
    let mut examples = list["examples"].as_array_mut().into_iter().flatten();
    examples.find(|example| example["name"] == name).map(Value::take).ok_or_else(|| {
        let shown: String = name.chars().take(200).collect();
        let detail = format!("There is no example {shown:?}. GET /api/examples lists them.");
        ApiError::not_found(Code::ExampleNotFound, detail)
    })
}
