//! A provider of a language model that answers by a script, and remembers what it was asked.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use futures::stream::{self, StreamExt};
use platform::{Body, Http, HttpError};
use serde_json::{Value, json};

/// What it does with one request.
#[derive(Debug, Clone)]
pub enum Said {
    /// Answers with this text, some letters a chunk, one chunk every 10 ms.
    Stream(String),
    /// The same, stopped at its own limit of tokens.
    Limited(String),
    /// Streams it letter by letter, and all of that comes in one piece.
    AtOnce(String),
    /// Answers with all of it at once, whatever was asked for.
    Whole(String),
    /// Streams half of it, and then the connection breaks.
    Cut(String),
    /// Streams these bytes as they stand, and then the connection breaks.
    Broken(Vec<u8>),
    /// Streams it, and then says nothing more.
    Stalls(String),
    /// Streams the first as it stands, and then the second for ever, once every 5 s.
    Repeats(String, &'static str),
    /// Answers with this status, header and body.
    Status(u16, Option<(&'static str, &'static str)>, String),
    /// Answers with this body of this media type.
    Body(&'static str, String),
    /// Streams without an end.
    Endless,
    /// Never answers.
    Silence,
    /// Does the rest after so long.
    Slow(Duration, Box<Said>),
    /// Cannot be reached.
    NoConnection,
}

/// One request that came.
#[derive(Debug, Clone)]
pub struct Question {
    pub host: String,
    pub path: String,
    pub key: Option<String>,
    pub body: Value,
}

impl Question {
    /// The words that were sent, all in one text.
    pub fn words(&self) -> String {
        let messages = self.body["messages"].as_array().unwrap();
        messages.iter().map(|message| format!("{}\n", message["content"].as_str().unwrap())).collect()
    }
}

#[derive(Default)]
pub struct Provider {
    planned: RefCell<VecDeque<Said>>,
    /// Every request, oldest first.
    pub asked: RefCell<Vec<Question>>,
}

impl Provider {
    /// One that answers the next requests so.
    pub fn saying(said: impl IntoIterator<Item = Said>) -> Self {
        Self { planned: RefCell::new(said.into_iter().collect()), asked: RefCell::default() }
    }

    /// The next request that nothing is planned for yet is answered so.
    pub fn plan(&self, said: Said) {
        self.planned.borrow_mut().push_back(said);
    }

    /// How many requests came.
    pub fn count(&self) -> usize {
        self.asked.borrow().len()
    }

    /// The newest request.
    pub fn last(&self) -> Question {
        self.asked.borrow().last().unwrap().clone()
    }
}

impl Http for Provider {
    fn send(&self, request: http::Request<Bytes>) -> LocalBoxFuture<'_, Result<http::Response<Body>, HttpError>> {
        let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        self.asked.borrow_mut().push(Question {
            host: request.uri().host().unwrap().to_owned(),
            path: request.uri().path().to_owned(),
            key: header("authorization"),
            body: serde_json::from_slice(request.body()).unwrap(),
        });
        let said = self.planned.borrow_mut().pop_front();
        let said = said.unwrap_or_else(|| panic!("nothing is planned for this request"));
        answer(said).boxed_local()
    }
}

fn answer(said: Said) -> LocalBoxFuture<'static, Result<http::Response<Body>, HttpError>> {
    async move {
        Ok(match said {
            Said::Stream(text) => streamed(&text, Some("stop"), End::Done),
            Said::Limited(text) => streamed(&text, Some("length"), End::Done),
            Said::Cut(text) => streamed(&text[..text.len() / 2], None, End::Broken),
            Said::Broken(bytes) => {
                let parts = [Ok(bytes.into()), Err(HttpError("connection reset".to_owned()))];
                event_stream(Body::from_stream(stream::iter(parts)))
            }
            Said::Repeats(first, again) => {
                let again = stream::repeat(again).then(|again| async move {
                    tokio::time::sleep(Duration::from_secs(5)).await;
                    Ok(Bytes::from(again))
                });
                event_stream(Body::from_stream(stream::iter([Ok(first.into())]).chain(again)))
            }
            Said::Stalls(text) => streamed(&text, None, End::Silence),
            Said::AtOnce(text) => {
                let letters: String = text.chars().map(|letter| chunk(letter.encode_utf8(&mut [0; 4]), None)).collect();
                event_stream(Body::full(format!("{letters}{}data: [DONE]\n\n", chunk("", Some("stop")))))
            }
            Said::Whole(text) => {
                let choice =
                    json!({"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"});
                let usage = json!({"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16});
                let body = json!({"object": "chat.completion", "choices": [choice], "usage": usage});
                body_of("application/json", body.to_string())
            }
            Said::Status(status, header, body) => {
                let mut answer = http::Response::builder().status(status).header("content-type", "application/json");
                if let Some((name, value)) = header {
                    answer = answer.header(name, value);
                }
                answer.body(Body::full(body)).unwrap()
            }
            Said::Body(media_type, body) => body_of(media_type, body),
            Said::Endless => {
                let chunk = Bytes::from(chunk(&"x".repeat(60_000), None));
                event_stream(Body::from_stream(stream::repeat(Ok(chunk))))
            }
            Said::Silence => std::future::pending().await,
            Said::Slow(delay, said) => {
                tokio::time::sleep(delay).await;
                answer(*said).await?
            }
            Said::NoConnection => return Err(HttpError("connection refused".to_owned())),
        })
    }
    .boxed_local()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Done,
    Broken,
    Silence,
}

fn streamed(text: &str, reason: Option<&str>, end: End) -> http::Response<Body> {
    let letters: Vec<char> = text.chars().collect();
    let mut chunks: Vec<Result<Bytes, HttpError>> =
        letters.chunks(16).map(|part| Ok(chunk(&part.iter().collect::<String>(), None).into())).collect();
    match end {
        End::Done => {
            chunks.push(Ok(chunk("", reason).into()));
            let usage = json!({"choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": 7}});
            chunks.push(Ok(format!("data: {usage}\n\ndata: [DONE]\n\n").into()));
        }
        End::Broken => chunks.push(Err(HttpError("connection reset".to_owned()))),
        End::Silence => {}
    }
    let paced = stream::iter(chunks).then(|chunk| async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        chunk
    });
    if end == End::Silence {
        return event_stream(Body::from_stream(paced.chain(stream::pending())));
    }
    event_stream(Body::from_stream(paced))
}

/// A part of a stream that says `text`, and perhaps why it ends.
pub fn chunk(text: &str, reason: Option<&str>) -> String {
    let delta = if text.is_empty() { json!({}) } else { json!({"content": text}) };
    let choice = json!({"index": 0, "delta": delta, "finish_reason": reason});
    format!("data: {}\n\n", json!({"object": "chat.completion.chunk", "choices": [choice]}))
}

fn event_stream(body: Body) -> http::Response<Body> {
    http::Response::builder().header("content-type", "text/event-stream; charset=utf-8").body(body).unwrap()
}

fn body_of(media_type: &str, body: String) -> http::Response<Body> {
    http::Response::builder().header("content-type", media_type).body(Body::full(body)).unwrap()
}
