//! `GET /api/examples`, `…/{example}` and `…/{example}/picture`: scripts to start from, which need no AI.
//!
//! Each is a script in `assets/examples`, and what is told of it stands in it: `source` reads that out. The Worker holds
//! none of them and reads none of them: scripts, answers and pictures are files beside the page's. Tests make the answers
//! (`tests/api`) and the pictures (`tests/engine`, which runs every script) and find them stale.

#[cfg(not(target_arch = "wasm32"))]
mod source;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[cfg(not(target_arch = "wasm32"))]
pub use self::source::{SourceError, read as read_source};

use super::code::Code;
use super::error::ApiError;
use super::page::{FILE, UNCHANGED, find, kept, read};
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
    let reply = if call.wants("text/x-python") {
        serve(call, "py", "text/x-python; charset=utf-8").await?
    } else {
        serve(call, "json", "application/json").await?
    };
    Ok(reply.header("vary", "accept".to_owned()))
}

/// What it looks like.
pub(super) async fn picture(call: &Call<'_>) -> Result<Reply, ApiError> {
    serve(call, "png", "image/png").await
}

/// A file of the example in the path.
async fn serve(call: &Call<'_>, ending: &str, media_type: &'static str) -> Result<Reply, ApiError> {
    let name = call.parameter("example");
    // It becomes part of a path, so it has nothing in it that leads elsewhere.
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    let found = if is_name { find(call, &format!("examples/{name}.{ending}")).await? } else { None };
    found.map(|bytes| kept(call, media_type, bytes, "")).ok_or_else(|| {
        let shown: String = name.chars().take(200).collect();
        let detail = format!("There is no example {shown:?}. GET /api/examples lists them.");
        ApiError::not_found(Code::ExampleNotFound, detail)
    })
}
