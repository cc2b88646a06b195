//! The OpenAI-compatible `chat/completions` protocol, as OpenAI, Workers AI, OpenRouter, Gemini's and Anthropic's
//! compatible endpoints, Ollama and vLLM speak it: the request, the answer whole or in a stream, and errors.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::extract::after_thoughts;
use super::prompt::Message;

/// The most of an answer's text that is taken, in bytes: a script is at most 1 MiB, models write far less.
pub(super) const LONGEST_ANSWER: usize = 512 << 10;

/// The most tokens that are believed of one call. The object's SQLite and the sums of figures carry many times as many.
const MOST_TOKENS: u64 = 1 << 32;

/// The request's body. No temperature, and a limit only where it is set: models differ in which of them they take.
#[derive(Debug, Serialize)]
pub(super) struct Request<'a> {
    pub model: &'a str,
    pub messages: &'a [Message],
    pub stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_options: Option<StreamOptions>,
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
    pub input: u64,
    /// Of the answer.
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
    /// The provider reports an error in the middle of it: with the status that it would have answered with, where that
    /// is told, and in its own words, which may hold anything.
    Error(Option<u16>, String),
    /// It ended before it was finished.
    Cut,
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The model had said what it wanted to say.
    Whole,
    /// The model stopped at its limit of tokens, or a filter stopped it.
    Short,
    /// The provider ended the answer and did not say why. There are some that always end so, and some that hide so that
    /// the model behind them broke off.
    Unsaid,
}

/// An answer that is being put together. Only what is needed of each message is looked at: providers add fields, leave
/// some out, and write `null` where others write nothing.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    pub text: String,
    pub usage: Option<Usage>,
    finish_reason: Option<String>,
    /// The stream has said that it is through.
    is_done: bool,
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
        self.take(&parse(data)?)
    }

    /// Takes an answer that came whole.
    pub fn whole(&mut self, body: &str) -> Result<String, Defect> {
        let body = parse(body)?;
        let text = self.take(&body)?;
        if !body["choices"].is_array() {
            return Err(Defect::Invalid("it has no choices".to_owned()));
        }
        self.is_done = true;
        Ok(text)
    }

    /// Whether nothing more is to come.
    pub fn is_done(&self) -> bool {
        self.is_done
    }

    /// Whether the text is all there; what may still come are figures.
    pub fn is_finished(&self) -> bool {
        self.is_done || self.finish_reason.is_some()
    }

    fn take(&mut self, body: &Value) -> Result<String, Defect> {
        if !body["error"].is_null() {
            return Err(error_of(&body["error"]));
        }
        let count = |name: &str| body["usage"][name].as_u64().map(|count| count.min(MOST_TOKENS));
        if let (Some(input), Some(output)) = (count("prompt_tokens"), count("completion_tokens")) {
            self.usage = Some(Usage { input, output });
        }
        let mut added = String::new();
        // Only the first of several answers is taken.
        let choices = body["choices"].as_array().into_iter().flatten();
        for choice in choices.filter(|choice| choice["index"].as_u64().unwrap_or(0) == 0) {
            match choice["finish_reason"].as_str() {
                // What some servers write in every part, before there is a reason.
                None | Some("" | "null") => {}
                Some("error") => return Err(Defect::Error(None, String::new())),
                Some(reason) => self.finish_reason = Some(reason.to_owned()),
            }
            let part = if choice["delta"].is_object() { &choice["delta"] } else { &choice["message"] };
            added.push_str(&text_of(&part["content"]));
            // Where a model declines in a field of its own, that is what it says.
            added.push_str(part["refusal"].as_str().unwrap_or_default());
        }
        if self.text.len() + added.len() > LONGEST_ANSWER {
            return Err(Defect::TooLong);
        }
        self.text.push_str(&added);
        Ok(added)
    }

    /// The answer is over. Gives how it ended.
    ///
    /// # Errors
    /// When it ended before it was finished, or says nothing but thoughts.
    pub fn end(&self) -> Result<Ending, Defect> {
        if !self.is_finished() {
            return Err(Defect::Cut);
        }
        let ending = match self.finish_reason.as_deref() {
            Some("stop") => Ending::Whole,
            // Gemini adds which filter it was.
            Some(reason) if reason == "length" || reason.starts_with("content_filter") => Ending::Short,
            _ => Ending::Unsaid,
        };
        let is_silent = after_thoughts(&self.text).is_some_and(|said| said.trim().is_empty());
        // A model that has thought up to its limit would do so again.
        if is_silent && ending != Ending::Short { Err(Defect::Empty) } else { Ok(ending) }
    }
}

/// One JSON object.
fn parse(json: &str) -> Result<Value, Defect> {
    let value: Value = serde_json::from_str(json).map_err(|error| Defect::Invalid(error.to_string()))?;
    if value.is_object() { Ok(value) } else { Err(Defect::Invalid("it is no JSON object".to_owned())) }
}

/// The text of a message: a string, or a list of parts of which some are text.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
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

/// An error that is told where an answer should be. Its code is an HTTP status with some providers, a word with others.
fn error_of(error: &Value) -> Defect {
    let status = error["code"].as_u64().filter(|code| (400..600).contains(code));
    Defect::Error(status.and_then(|status| status.try_into().ok()), message_of(error))
}

fn message_of(error: &Value) -> String {
    let text = error.as_str().or_else(|| error["message"].as_str()).unwrap_or_default();
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assembled(events: &[&str]) -> (Assembly, Result<Ending, Defect>) {
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
            r#"{"choices":null,"error":null,"usage":{"prompt_tokens":null}}"#,
            r#"{"choices":[{"delta":{"content":null},"finish_reason":"stop"}]}"#,
            r#"{"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":3,"total_tokens":15}}"#,
            "[DONE]",
        ]);
        assert_eq!((answer.text.as_str(), end), ("import Part", Ok(Ending::Whole)));
        assert_eq!(answer.usage, Some(Usage { input: 12, output: 3 }));
        assert!(answer.is_done());
    }

    #[test]
    fn a_whole_answer_too() {
        let mut answer = Assembly::default();
        let body = r#"{"choices":[{"message":{"role":"assistant","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},"finish_reason":"length"}]}"#;
        assert_eq!(answer.whole(body).as_deref(), Ok("ab"));
        assert_eq!(answer.end(), Ok(Ending::Short), "cut short by its own limit");
        let declined = r#"{"choices":[{"message":{"content":null,"refusal":"I cannot."},"finish_reason":"stop"}]}"#;
        assert_eq!(Assembly::default().whole(declined).as_deref(), Ok("I cannot."));
    }

    #[test]
    fn defects_are_told_apart() {
        let text = |text: &str| format!(r#"{{"choices":[{{"index":0,"delta":{{"content":"{text}"}}}}]}}"#);
        assert_eq!(assembled(&[&text("half")]).1, Err(Defect::Cut));
        assert_eq!(assembled(&[]).1, Err(Defect::Cut));
        assert_eq!(assembled(&["[DONE]"]).1, Err(Defect::Empty));
        assert_eq!(assembled(&[&text(" "), "[DONE]"]).1, Err(Defect::Empty));
        for json in ["{", "7", "[]"] {
            assert!(matches!(assembled(&[json]).1, Err(Defect::Invalid(_))), "{json}");
        }
        assert!(matches!(Assembly::default().whole("{\"id\": 1}"), Err(Defect::Invalid(_))));
        assert_eq!(
            assembled(&[&text("a"), r#"{"choices":null,"error":{"message":"over\nloaded"}}"#]).1,
            Err(Defect::Error(None, "over loaded".to_owned()))
        );
        for (code, status) in [("402", Some(402)), ("\"rate_limit\"", None), ("7", None), ("65938", None)] {
            let error = format!(r#"{{"error":{{"code":{code},"message":"no"}}}}"#);
            assert_eq!(assembled(&[&error]).1, Err(Defect::Error(status, "no".to_owned())));
        }
        let error = r#"{"choices":[{"delta":{"content":""},"finish_reason":"error"}]}"#;
        assert_eq!(assembled(&[&text("half"), error, "[DONE]"]).1, Err(Defect::Error(None, String::new())));
        let long = text(&"x".repeat(LONGEST_ANSWER / 2));
        assert_eq!(assembled(&[&long, &long, &long]).1, Err(Defect::TooLong));
    }

    #[test]
    fn what_a_filter_stops_is_cut() {
        for reason in ["content_filter", "content_filter: RECITATION"] {
            let blocked = format!(r#"{{"choices":[{{"delta":{{"content":"half"}},"finish_reason":"{reason}"}}]}}"#);
            assert_eq!(assembled(&[&blocked, "[DONE]"]).1, Ok(Ending::Short));
        }
    }

    #[test]
    fn a_reason_is_one_only_if_it_says_something() {
        for reason in ["\"\"", "\"null\"", "null"] {
            let part = format!(r#"{{"choices":[{{"delta":{{"content":"half"}},"finish_reason":{reason}}}]}}"#);
            assert_eq!(assembled(&[&part, &part]).1, Err(Defect::Cut), "{reason}");
            assert_eq!(assembled(&[&part, "[DONE]"]).1, Ok(Ending::Unsaid), "{reason}");
            let stop = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;
            assert_eq!(assembled(&[&part, stop, &part]).1, Ok(Ending::Whole), "{reason} takes none back");
        }
    }

    #[test]
    fn no_count_is_more_than_can_be_kept() {
        let count = u64::MAX;
        let usage = format!(r#"{{"choices":[],"usage":{{"prompt_tokens":{count},"completion_tokens":{count}}}}}"#);
        assert_eq!(assembled(&[&usage]).0.usage, Some(Usage { input: MOST_TOKENS, output: MOST_TOKENS }));
    }

    #[test]
    fn thoughts_alone_are_no_answer() {
        let thought = |text: &str, reason: &str| {
            assembled(&[&format!(r#"{{"choices":[{{"delta":{{"content":"{text}"}},"finish_reason":"{reason}"}}]}}"#)]).1
        };
        assert_eq!(thought("<think>A box?</think>\\n", "stop"), Err(Defect::Empty));
        assert_eq!(thought("<think>A box?</think>Yes.", "stop"), Ok(Ending::Whole));
        assert_eq!(thought("<think>A box", "length"), Ok(Ending::Short));
        assert_eq!(thought("", "length"), Ok(Ending::Short), "it thought where nobody hears it");
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
