//! One response of the API, and its body as text for inline snapshots.

use bytes::Bytes;
use contract::Timestamp;
use serde_json::Value;

/// A response with its whole body.
pub struct Answer {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub bytes: Bytes,
}

impl Answer {
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("the body is not JSON: {:?}", self.bytes))
    }

    /// A header's value, empty if the header is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Asserts an error response.
    #[track_caller]
    pub fn assert_problem(&self, status: u16, code: &str) {
        let body = self.json();
        assert_eq!((self.status, body["code"].as_str()), (status, Some(code)), "{body}");
    }

    /// The status and the body, for `expect_test`; see [`snapshot`].
    #[track_caller]
    pub fn snapshot(&self) -> String {
        format!("{} {}", self.status, snapshot(&self.json()))
    }
}

/// JSON for `expect_test`, with a placeholder for each value that differs between runs: `[time]`, `[id]` (16 hex
/// digits), `[token]` and `[link]` (presigned). `UPDATE_EXPECT=1 cargo test` writes the snapshots into the tests;
/// cargo-nextest cannot, because its processes would overwrite each other's changes.
pub fn snapshot(value: &Value) -> String {
    lines(&redact(value.clone()), 0)
}

/// Columns of a snapshot.
const WIDTH: usize = 108;

/// JSON with as many fields on a line as fit.
fn lines(value: &Value, indent: usize) -> String {
    let one_line = value.to_string().replace("\":", "\": ").replace(",\"", ", \"");
    let (open, close, items): (_, _, Vec<String>) = match value {
        Value::Object(fields) if indent + one_line.len() > WIDTH => {
            let field = |(name, value)| format!("{name:?}: {}", lines(value, indent + 2));
            ('{', '}', fields.iter().map(field).collect())
        }
        Value::Array(values) if indent + one_line.len() > WIDTH => {
            ('[', ']', values.iter().map(|value| lines(value, indent + 2)).collect())
        }
        _ => return one_line,
    };
    let mut filled: Vec<String> = Vec::new();
    for item in items {
        match filled.last_mut() {
            Some(line) if indent + line.len() + item.len() + 4 <= WIDTH && !(line.clone() + &item).contains('\n') => {
                *line += &format!(", {item}");
            }
            _ => filled.push(item),
        }
    }
    let (inner, outer) = (" ".repeat(indent + 2), " ".repeat(indent));
    format!("{open}\n{inner}{}\n{outer}{close}", filled.join(&format!(",\n{inner}")))
}

fn redact(value: Value) -> Value {
    match value {
        Value::String(text) if text.parse::<Timestamp>().is_ok() => "[time]".into(),
        Value::String(text) if text.starts_with("pw_") => "[token]".into(),
        Value::String(text) if text.contains("X-Amz-Signature=") => "[link]".into(),
        Value::String(text) => redact_ids(&text).into(),
        Value::Array(values) => values.into_iter().map(redact).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, redact(value))).collect(),
        other => other,
    }
}

/// Replaces each part of 16 hexadecimal digits.
fn redact_ids(text: &str) -> String {
    let is_id = |part: &str| part.len() == 16 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let separators: Vec<char> = text.chars().filter(|letter| !letter.is_ascii_alphanumeric()).collect();
    let parts = text.split(|letter: char| !letter.is_ascii_alphanumeric());
    let parts: Vec<&str> = parts.map(|part| if is_id(part) { "[id]" } else { part }).collect();
    let separators = separators.into_iter().map(String::from).chain([String::new()]);
    parts.into_iter().zip(separators).map(|(part, separator)| part.to_owned() + &separator).collect()
}
