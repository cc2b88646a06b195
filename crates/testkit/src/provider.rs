//! A fake provider of a language model: planned answers, and a record of the requests.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use futures::stream::{self, StreamExt};
use platform::{Body, Http, HttpError};
use serde_json::{Value, json};

/// The behaviour for one request.
#[derive(Debug, Clone)]
pub enum Behaviour {
    /// Streams this text, 16 characters every 10 ms.
    Stream(String),
    /// The same, and ends at the token limit.
    Limited(String),
    /// Streams it character by character, all in one chunk.
    AtOnce(String),
    /// Answers without a stream, also if one was requested.
    Whole(String),
    /// Streams half of it, then the connection breaks.
    Cut(String),
    /// Sends these bytes, then the connection breaks.
    Broken(Vec<u8>),
    /// Streams it, then sends nothing more.
    Stalls(String),
    /// Sends the first text, then the second every 5 s without an end.
    Repeats(String, &'static str),
    /// Answers with a status, a header and a body.
    Status(u16, Option<(&'static str, &'static str)>, String),
    /// Answers with a media type and a body.
    Body(&'static str, String),
    /// Streams without an end.
    Endless,
    /// Never answers.
    Silence,
    /// Waits, then does the other.
    Slow(Duration, Box<Behaviour>),
    /// Cannot be reached.
    NoConnection,
}

/// One request that was received.
#[derive(Debug, Clone)]
pub struct Question {
    pub host: String,
    pub path: String,
    pub key: Option<String>,
    pub body: Value,
}

impl Question {
    /// The content of all messages.
    pub fn text(&self) -> String {
        let messages = self.body["messages"].as_array().unwrap();
        messages.iter().map(|message| format!("{}\n", message["content"].as_str().unwrap())).collect()
    }
}

#[derive(Default)]
pub struct Provider {
    planned: RefCell<VecDeque<Behaviour>>,
    /// Every request, oldest first.
    pub asked: RefCell<Vec<Question>>,
}

impl Provider {
    /// One with a plan for the next requests.
    pub fn with(plan: impl IntoIterator<Item = Behaviour>) -> Self {
        Self { planned: RefCell::new(plan.into_iter().collect()), asked: RefCell::default() }
    }

    /// Adds a plan for one more request.
    pub fn plan(&self, behaviour: Behaviour) {
        self.planned.borrow_mut().push_back(behaviour);
    }

    /// The number of requests.
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
        let behaviour = self.planned.borrow_mut().pop_front();
        answer(behaviour.unwrap_or_else(|| panic!("nothing is planned for this request"))).boxed_local()
    }
}

fn answer(behaviour: Behaviour) -> LocalBoxFuture<'static, Result<http::Response<Body>, HttpError>> {
    async move {
        Ok(match behaviour {
            Behaviour::Stream(text) => streamed(&text, Some("stop"), End::Done),
            Behaviour::Limited(text) => streamed(&text, Some("length"), End::Done),
            Behaviour::Cut(text) => streamed(&text[..text.len() / 2], None, End::Broken),
            Behaviour::Broken(bytes) => {
                let parts = [Ok(bytes.into()), Err(HttpError("connection reset".to_owned()))];
                event_stream(Body::from_stream(stream::iter(parts)))
            }
            Behaviour::Repeats(first, again) => {
                let again = stream::repeat(again).then(|again| async move {
                    tokio::time::sleep(Duration::from_secs(5)).await;
                    Ok(Bytes::from(again))
                });
                event_stream(Body::from_stream(stream::iter([Ok(first.into())]).chain(again)))
            }
            Behaviour::Stalls(text) => streamed(&text, None, End::Silence),
            Behaviour::AtOnce(text) => {
                let chunks: String = text.chars().map(|c| chunk(&c.to_string(), None)).collect();
                event_stream(Body::full(format!("{chunks}{}data: [DONE]\n\n", chunk("", Some("stop")))))
            }
            Behaviour::Whole(text) => {
                let choice =
                    json!({"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"});
                let usage = json!({"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16});
                let body = json!({"object": "chat.completion", "choices": [choice], "usage": usage});
                body_of("application/json", body.to_string())
            }
            Behaviour::Status(status, header, body) => {
                let mut answer = http::Response::builder().status(status).header("content-type", "application/json");
                if let Some((name, value)) = header {
                    answer = answer.header(name, value);
                }
                answer.body(Body::full(body)).unwrap()
            }
            Behaviour::Body(media_type, body) => body_of(media_type, body),
            Behaviour::Endless => {
                let chunk = Bytes::from(chunk(&"x".repeat(60_000), None));
                event_stream(Body::from_stream(stream::repeat(Ok(chunk))))
            }
            Behaviour::Silence => std::future::pending().await,
            Behaviour::Slow(delay, behaviour) => {
                tokio::time::sleep(delay).await;
                answer(*behaviour).await?
            }
            Behaviour::NoConnection => return Err(HttpError("connection refused".to_owned())),
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
    let characters: Vec<char> = text.chars().collect();
    let mut chunks: Vec<Result<Bytes, HttpError>> =
        characters.chunks(16).map(|part| Ok(chunk(&part.iter().collect::<String>(), None).into())).collect();
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

/// One event of a stream, with a piece of text and perhaps the finish reason.
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
