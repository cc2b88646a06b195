//! OpenAI's `chat/completions` protocol: the request, the answer whole or streamed, and errors.
//!
//! It accepts the variants of OpenAI, Workers AI, OpenRouter, Ollama, vLLM and the compatible endpoints of Gemini and
//! Anthropic.

use serde::Serialize;
use serde_json::Value;

use super::answer::{Ending, Usage, after_thoughts};
use super::prompt::Message;

/// The longest answer, in bytes. A script may have 1 MiB; models write far less.
pub(super) const MAX_ANSWER: usize = 512 << 10;

/// The most tokens that one call may report. The object's SQLite and the sums of the metrics hold many times as many.
const MOST_TOKENS: u64 = 1 << 32;

/// The request's body. It has no temperature, and a token limit only if one is set, because some models reject them.
#[derive(Debug, Serialize)]
pub(super) struct RequestBody<'a> {
    pub model: &'a str,
    pub messages: &'a [Message],
    pub stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_options: Option<StreamOptions>,
}

#[derive(Debug, Serialize)]
pub(super) struct StreamOptions {
    pub include_usage: bool,
}

/// Why an answer cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AnswerError {
    /// It does not follow the protocol.
    Invalid(String),
    /// It has no text.
    Empty,
    /// It is longer than [`MAX_ANSWER`].
    TooLong,
    /// The provider reports an error in the middle of the answer.
    Provider {
        /// The status that the provider would have answered with, if it says so.
        status: Option<u16>,
        /// The provider's own text, which may hold anything.
        message: String,
    },
    /// It ended before it was finished.
    Cut,
}

/// Builds an answer from its parts. It reads only the fields that it needs: providers add fields, omit some, and write
/// `null` for missing ones.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    pub text: String,
    pub usage: Option<Usage>,
    finish_reason: Option<String>,
    /// The stream has sent its end.
    is_done: bool,
}

impl Assembly {
    /// Takes the data of one event of a stream. Returns the text that it adds.
    pub fn event(&mut self, data: &str) -> Result<String, AnswerError> {
        let data = data.trim();
        if data == "[DONE]" {
            self.is_done = true;
            return Ok(String::new());
        }
        if data.is_empty() || self.is_done {
            return Ok(String::new());
        }
        self.take(&parse(data)?)
    }

    /// Takes an answer that is not streamed. Returns its text.
    pub fn whole(&mut self, body: &str) -> Result<String, AnswerError> {
        let body = parse(body)?;
        let text = self.take(&body)?;
        if !body["choices"].is_array() {
            return Err(AnswerError::Invalid("`choices` is missing".to_owned()));
        }
        self.is_done = true;
        Ok(text)
    }

    pub fn is_done(&self) -> bool {
        self.is_done
    }

    /// Whether the text is complete. The usage may still follow.
    pub fn is_finished(&self) -> bool {
        self.is_done || self.finish_reason.is_some()
    }

    fn take(&mut self, body: &Value) -> Result<String, AnswerError> {
        if !body["error"].is_null() {
            return Err(error_of(&body["error"]));
        }
        let count = |name: &str| body["usage"][name].as_u64().map(|count| count.min(MOST_TOKENS));
        if let (Some(input), Some(output)) = (count("prompt_tokens"), count("completion_tokens")) {
            self.usage = Some(Usage { input, output });
        }
        let mut added = String::new();
        // Of several choices, only the first is read.
        let choices = body["choices"].as_array().into_iter().flatten();
        for choice in choices.filter(|choice| choice["index"].as_u64().unwrap_or(0) == 0) {
            match choice["finish_reason"].as_str() {
                // Some servers write these in every part until there is a reason.
                None | Some("" | "null") => {}
                Some("error") => {
                    return Err(AnswerError::Provider { status: None, message: String::new() });
                }
                Some(reason) => self.finish_reason = Some(reason.to_owned()),
            }
            let part = if choice["delta"].is_object() { &choice["delta"] } else { &choice["message"] };
            added.push_str(&text_of(&part["content"]));
            // OpenAI's models decline in a field of its own.
            added.push_str(part["refusal"].as_str().unwrap_or_default());
        }
        if self.text.len() + added.len() > MAX_ANSWER {
            return Err(AnswerError::TooLong);
        }
        self.text.push_str(&added);
        Ok(added)
    }

    /// Ends the answer.
    ///
    /// # Errors
    /// If it ended before it was finished, or has no text besides thoughts.
    pub fn end(&self) -> Result<Ending, AnswerError> {
        if !self.is_finished() {
            return Err(AnswerError::Cut);
        }
        let ending = match self.finish_reason.as_deref() {
            Some("stop") => Ending::Complete,
            // Gemini appends the filter's name.
            Some(reason) if reason == "length" || reason.starts_with("content_filter") => Ending::Limited,
            _ => Ending::Unknown,
        };
        let is_empty = after_thoughts(&self.text).is_some_and(|text| text.trim().is_empty());
        // A retry of a model that spent its whole limit on thoughts would end in the same way.
        if is_empty && ending != Ending::Limited { Err(AnswerError::Empty) } else { Ok(ending) }
    }
}

fn parse(json: &str) -> Result<Value, AnswerError> {
    let value: Value = serde_json::from_str(json).map_err(|error| AnswerError::Invalid(error.to_string()))?;
    if value.is_object() { Ok(value) } else { Err(AnswerError::Invalid("it is not a JSON object".to_owned())) }
}

/// The text of a message: a string, or a list of parts, some of them text.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}

/// The message in the body of an error. Providers differ: `{"error": {"message"}}`, `{"error": "…"}`, the same in a
/// list, `{"detail"}` or `{"message"}`. A body that is not JSON is not repeated.
pub(super) fn error_message(body: &[u8]) -> Option<String> {
    let json: Value = serde_json::from_slice(body).ok()?;
    let json = json.get(0).unwrap_or(&json);
    let found = [&json["error"], &json["detail"], &json["message"]].into_iter().find(|found| !found.is_null())?;
    Some(message_of(found)).filter(|message| !message.is_empty())
}

/// An error in the place of an answer. Some providers give an HTTP status as its code, others a word.
fn error_of(error: &Value) -> AnswerError {
    let status = error["code"].as_u64().filter(|code| (400..600).contains(code));
    let status = status.and_then(|status| status.try_into().ok());
    AnswerError::Provider { status, message: message_of(error) }
}

fn message_of(error: &Value) -> String {
    let text = error.as_str().or_else(|| error["message"].as_str()).unwrap_or_default();
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider_error(status: Option<u16>, message: &str) -> AnswerError {
        AnswerError::Provider { status, message: message.to_owned() }
    }

    fn assembled(events: &[&str]) -> (Assembly, Result<Ending, AnswerError>) {
        let mut assembly = Assembly::default();
        for event in events {
            if let Err(error) = assembly.event(event) {
                return (assembly, Err(error));
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
            r#"{"choices":null,"error":null,"usage":{"prompt_tokens":null}}"#,
            r#"{"choices":[{"delta":{"content":null},"finish_reason":"stop"}]}"#,
            r#"{"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":3,"total_tokens":15}}"#,
            "[DONE]",
        ]);
        assert_eq!((answer.text.as_str(), end), ("import Part", Ok(Ending::Complete)));
        assert_eq!(answer.usage, Some(Usage { input: 12, output: 3 }));
        assert!(answer.is_done());
    }

    #[test]
    fn an_answer_without_a_stream() {
        let mut answer = Assembly::default();
        let body = r#"{"choices":[{"message":{"role":"assistant","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},"finish_reason":"length"}]}"#;
        assert_eq!(answer.whole(body).as_deref(), Ok("ab"));
        assert_eq!(answer.end(), Ok(Ending::Limited), "limited");
        let declined = r#"{"choices":[{"message":{"content":null,"refusal":"I cannot."},"finish_reason":"stop"}]}"#;
        assert_eq!(Assembly::default().whole(declined).as_deref(), Ok("I cannot."));
    }

    #[test]
    fn each_error_has_its_kind() {
        let text = |text: &str| format!(r#"{{"choices":[{{"index":0,"delta":{{"content":"{text}"}}}}]}}"#);
        assert_eq!(assembled(&[&text("half")]).1, Err(AnswerError::Cut));
        assert_eq!(assembled(&[]).1, Err(AnswerError::Cut));
        assert_eq!(assembled(&["[DONE]"]).1, Err(AnswerError::Empty));
        assert_eq!(assembled(&[&text(" "), "[DONE]"]).1, Err(AnswerError::Empty));
        for json in ["{", "7", "[]"] {
            assert!(matches!(assembled(&[json]).1, Err(AnswerError::Invalid(_))), "{json}");
        }
        assert!(matches!(Assembly::default().whole("{\"id\": 1}"), Err(AnswerError::Invalid(_))));
        assert_eq!(
            assembled(&[&text("a"), r#"{"choices":null,"error":{"message":"over\nloaded"}}"#]).1,
            Err(provider_error(None, "over loaded"))
        );
        for (code, status) in [("402", Some(402)), ("\"rate_limit\"", None), ("7", None), ("65938", None)] {
            let error = format!(r#"{{"error":{{"code":{code},"message":"no"}}}}"#);
            assert_eq!(assembled(&[&error]).1, Err(provider_error(status, "no")));
        }
        let error = r#"{"choices":[{"delta":{"content":""},"finish_reason":"error"}]}"#;
        assert_eq!(assembled(&[&text("half"), error, "[DONE]"]).1, Err(provider_error(None, "")));
        let long = text(&"x".repeat(MAX_ANSWER / 2));
        assert_eq!(assembled(&[&long, &long, &long]).1, Err(AnswerError::TooLong));
    }

    #[test]
    fn a_filtered_answer_is_limited() {
        for reason in ["content_filter", "content_filter: RECITATION"] {
            let blocked = format!(r#"{{"choices":[{{"delta":{{"content":"half"}},"finish_reason":"{reason}"}}]}}"#);
            assert_eq!(assembled(&[&blocked, "[DONE]"]).1, Ok(Ending::Limited));
        }
    }

    #[test]
    fn an_empty_finish_reason_is_ignored() {
        for reason in ["\"\"", "\"null\"", "null"] {
            let part = format!(r#"{{"choices":[{{"delta":{{"content":"half"}},"finish_reason":{reason}}}]}}"#);
            assert_eq!(assembled(&[&part, &part]).1, Err(AnswerError::Cut), "{reason}");
            assert_eq!(assembled(&[&part, "[DONE]"]).1, Ok(Ending::Unknown), "{reason}");
            let stop = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;
            assert_eq!(assembled(&[&part, stop, &part]).1, Ok(Ending::Complete), "{reason} does not undo it");
        }
    }

    #[test]
    fn token_counts_are_bounded() {
        let count = u64::MAX;
        let usage = format!(r#"{{"choices":[],"usage":{{"prompt_tokens":{count},"completion_tokens":{count}}}}}"#);
        assert_eq!(assembled(&[&usage]).0.usage, Some(Usage { input: MOST_TOKENS, output: MOST_TOKENS }));
    }

    #[test]
    fn thoughts_alone_are_an_empty_answer() {
        let thought = |text: &str, reason: &str| {
            assembled(&[&format!(r#"{{"choices":[{{"delta":{{"content":"{text}"}},"finish_reason":"{reason}"}}]}}"#)]).1
        };
        assert_eq!(thought("<think>A box?</think>\\n", "stop"), Err(AnswerError::Empty));
        assert_eq!(thought("<think>A box?</think>Yes.", "stop"), Ok(Ending::Complete));
        assert_eq!(thought("<think>A box", "length"), Ok(Ending::Limited));
        assert_eq!(thought("", "length"), Ok(Ending::Limited), "its thoughts are not in the stream");
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
