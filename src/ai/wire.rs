//! The OpenAI-compatible `chat/completions` protocol, as OpenAI, Workers AI, OpenRouter, Gemini's and Anthropic's
//! compatible endpoints, Ollama and vLLM speak it: the request, the answer whole or in a stream, and errors.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::prompt::Message;

/// The most of an answer's text that is taken, in bytes: a script is at most 1 MiB, models write far less.
pub(super) const LONGEST_ANSWER: usize = 512 << 10;

/// The most of a provider's own error message that is passed on, in characters.
const LONGEST_MESSAGE: usize = 300;

/// The request's body. No limits and no temperature: models differ in which of them they take.
#[derive(Debug, Serialize)]
pub(super) struct Request<'a> {
    pub model: &'a str,
    pub messages: &'a [Message],
    pub stream: bool,
    pub stream_options: StreamOptions,
}

/// What more a stream is to tell.
#[derive(Debug, Serialize)]
pub(super) struct StreamOptions {
    pub include_usage: bool,
}

/// Tokens of one call, as the provider counts them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Of what was sent.
    #[serde(default, rename = "prompt_tokens")]
    pub input: u64,
    /// Of the answer.
    #[serde(default, rename = "completion_tokens")]
    pub output: u64,
}

/// What is wrong with an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Defect {
    /// It is not of the protocol.
    Invalid(String),
    /// It says nothing.
    Empty,
    /// It is longer than what is taken.
    TooLong,
    /// The provider reports an error in the middle of it.
    Error(String),
    /// It ended before it was finished.
    Cut,
}

/// An answer that is being put together.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    pub text: String,
    pub usage: Option<Usage>,
    finish_reason: Option<String>,
    /// The stream has said that it is through.
    is_done: bool,
}

#[derive(Debug, Deserialize)]
struct Body {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Usage>,
    error: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    /// Which of several answers; only the first is taken.
    #[serde(default)]
    index: u64,
    message: Option<Part>,
    delta: Option<Part>,
    finish_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Part {
    content: Option<Value>,
}

impl Assembly {
    /// Takes the data of one event of a stream. Gives the text that it adds.
    pub fn event(&mut self, data: &str) -> Result<String, Defect> {
        let data = data.trim();
        if data == "[DONE]" {
            self.is_done = true;
            return Ok(String::new());
        }
        if data.is_empty() || self.is_done {
            return Ok(String::new());
        }
        self.take(data)
    }

    /// Takes an answer that came whole.
    pub fn whole(&mut self, body: &str) -> Result<String, Defect> {
        let text = self.take(body)?;
        self.is_done = true;
        Ok(text)
    }

    fn take(&mut self, json: &str) -> Result<String, Defect> {
        let body: Body = serde_json::from_str(json).map_err(|error| Defect::Invalid(error.to_string()))?;
        if let Some(error) = body.error.filter(|error| !error.is_null()) {
            return Err(Defect::Error(message_of(&error)));
        }
        self.usage = body.usage.or(self.usage);
        let mut added = String::new();
        for choice in body.choices.into_iter().filter(|choice| choice.index == 0) {
            self.finish_reason = choice.finish_reason.or(self.finish_reason.take());
            let content = choice.delta.or(choice.message).and_then(|part| part.content);
            added.push_str(&text_of(content));
        }
        if self.text.len() + added.len() > LONGEST_ANSWER {
            return Err(Defect::TooLong);
        }
        self.text.push_str(&added);
        Ok(added)
    }

    /// The answer is over. Gives whether the model was cut short by its own limit of tokens.
    ///
    /// # Errors
    /// When it ended before it was finished, or says nothing.
    pub fn end(&self) -> Result<bool, Defect> {
        if !self.is_done && self.finish_reason.is_none() {
            return Err(Defect::Cut);
        }
        if self.text.trim().is_empty() {
            return Err(Defect::Empty);
        }
        Ok(self.finish_reason.as_deref() == Some("length"))
    }
}

/// The text of a message: a string, or a list of parts of which some are text.
fn text_of(content: Option<Value>) -> String {
    match content {
        Some(Value::String(text)) => text,
        Some(Value::Array(parts)) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}

/// What an error answer says, for a person. Providers differ: `{"error": {"message"}}`, `{"error": "…"}`, the same in a
/// list, `{"detail"}`, `{"message"}`, or no JSON at all, of which nothing is repeated.
pub(super) fn error_message(body: &[u8]) -> Option<String> {
    let json: Value = serde_json::from_slice(body).ok()?;
    let json = json.get(0).unwrap_or(&json);
    let found = [&json["error"], &json["detail"], &json["message"]].into_iter().find(|found| !found.is_null())?;
    Some(message_of(found)).filter(|message| !message.is_empty())
}

fn message_of(error: &Value) -> String {
    let text = error.as_str().or_else(|| error["message"].as_str()).unwrap_or_default();
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(LONGEST_MESSAGE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assembled(events: &[&str]) -> (Assembly, Result<bool, Defect>) {
        let mut assembly = Assembly::default();
        for event in events {
            if let Err(defect) = assembly.event(event) {
                return (assembly, Err(defect));
            }
        }
        let end = assembly.end();
        (assembly, end)
    }

    #[test]
    fn a_stream_becomes_a_text() {
        let (answer, end) = assembled(&[
            r#"{"id":"1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"import "},"finish_reason":null}],"usage":null}"#,
            r#"{"choices":[{"index":1,"delta":{"content":"other"}},{"index":0,"delta":{"content":"Part"}}]}"#,
            r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
            r#"{"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":3,"total_tokens":15}}"#,
            "[DONE]",
        ]);
        assert_eq!((answer.text.as_str(), end), ("import Part", Ok(false)));
        assert_eq!(answer.usage, Some(Usage { input: 12, output: 3 }));
    }

    #[test]
    fn a_whole_answer_too() {
        let mut answer = Assembly::default();
        let body = r#"{"choices":[{"message":{"role":"assistant","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},"finish_reason":"length"}]}"#;
        assert_eq!(answer.whole(body).as_deref(), Ok("ab"));
        assert_eq!(answer.end(), Ok(true), "cut short by its own limit");
    }

    #[test]
    fn defects_are_told_apart() {
        let text = |text: &str| format!(r#"{{"choices":[{{"index":0,"delta":{{"content":"{text}"}}}}]}}"#);
        assert_eq!(assembled(&[&text("half")]).1, Err(Defect::Cut));
        assert_eq!(assembled(&[]).1, Err(Defect::Cut));
        assert_eq!(assembled(&["[DONE]"]).1, Err(Defect::Empty));
        assert_eq!(assembled(&[&text(" "), "[DONE]"]).1, Err(Defect::Empty));
        assert!(matches!(assembled(&["{"]).1, Err(Defect::Invalid(_))));
        assert_eq!(
            assembled(&[&text("a"), r#"{"error":{"message":"over\nloaded"}}"#]).1,
            Err(Defect::Error("over loaded".to_owned()))
        );
        let long = text(&"x".repeat(LONGEST_ANSWER / 2));
        assert_eq!(assembled(&[&long, &long, &long]).1, Err(Defect::TooLong));
    }

    #[test]
    fn errors_of_several_providers() {
        for (body, message) in [
            (r#"{"error":{"message":"no such model","type":"invalid_request_error"}}"#, Some("no such model")),
            (r#"{"error":"model not found"}"#, Some("model not found")),
            (r#"[{"error":{"code":400,"message":"bad key"}}]"#, Some("bad key")),
            (r#"{"detail":"Not Found"}"#, Some("Not Found")),
            (r#"{"object":"error","message":"too long"}"#, Some("too long")),
            ("<html>", None),
            ("{}", None),
        ] {
            assert_eq!(error_message(body.as_bytes()).as_deref(), message, "{body}");
        }
    }
}
