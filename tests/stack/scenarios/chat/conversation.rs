//! A conversation about one project, and its events.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::LocalBoxStream;
use http::Request;
use platform::HttpError;
use serde_json::{Value, json};

use crate::http::Api;
use crate::project::Project;
use crate::stack::Stack;
use crate::wait::until;

/// A conversation of one user about one project.
pub struct Conversation<'a> {
    pub api: Api<'a>,
    pub project: Project<'a>,
}

impl<'a> Conversation<'a> {
    pub fn new(api: Api<'a>, stack: &'a Stack, name: &str) -> Self {
        Self { api, project: Project::new(api, stack.client(), name) }
    }

    fn body(&self, message: &str) -> Bytes {
        json!({"message": message, "project_name": self.project.id}).to_string().into()
    }

    /// Sends a message and returns the turn.
    pub async fn send(&self, message: &str) -> Value {
        self.api.post("/api/ai/chat", "application/json", self.body(message)).await.expect(200).json()
    }

    /// Sends a message and returns the turn's events.
    pub async fn stream(&self, message: &str) -> Events {
        let request = Request::post(self.api.url("/api/ai/chat")).header("content-type", "application/json");
        self.events(request, self.body(message)).await
    }

    /// The events of an earlier turn.
    pub async fn resume(&self, turn: &Value) -> Events {
        let path = self.project.path(&format!("chat/{}", turn["turn"].as_str().unwrap()));
        self.events(Request::get(self.api.url(&path)), Bytes::new()).await
    }

    async fn events(&self, request: http::request::Builder, body: Bytes) -> Events {
        let answer = self.api.stream(request.header("accept", "text/event-stream").body(body).unwrap()).await;
        let kind = &answer.headers()["content-type"];
        assert_eq!((answer.status().as_u16(), kind.as_bytes()), (200, &b"text/event-stream"[..]));
        Events { body: answer.into_body().into_stream(), rest: String::new() }
    }

    /// The present state of the turn.
    pub async fn turn(&self, turn: &Value) -> Value {
        self.project.get(&format!("chat/{}", turn["turn"].as_str().unwrap())).await
    }

    /// Waits until the turn has ended.
    pub async fn end(&self, turn: &Value) -> Value {
        until("the turn's end", async || {
            let turn = self.turn(turn).await;
            if turn["ended_at"].is_null() { Err(turn.to_string()) } else { Ok(turn) }
        })
        .await
    }

    /// The versions, oldest first: number, origin, parent, phase.
    pub async fn versions(&self) -> Value {
        let answer = self.api.get(&self.project.path("scripts")).await;
        if answer.status == 404 {
            return json!([]);
        }
        let answer = answer.expect(200).json();
        let versions = answer["scripts"].as_array().unwrap().iter().rev();
        versions
            .map(|version| json!([version["version"], version["origin"], version["parent"], version["phase"]]))
            .collect()
    }

    /// The messages, oldest first.
    pub async fn messages(&self) -> Vec<Value> {
        let mut messages = self.project.get("messages?limit=200").await["messages"].as_array().unwrap().clone();
        messages.reverse();
        messages
    }
}

/// Events as they arrive.
pub struct Events {
    body: LocalBoxStream<'static, Result<Bytes, HttpError>>,
    rest: String,
}

impl Events {
    /// The next event, without comments.
    pub async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((frame, rest)) = self.rest.split_once("\n\n") {
                let (frame, rest) = (frame.to_owned(), rest.to_owned());
                self.rest = rest;
                if frame.starts_with(':') {
                    continue;
                }
                let (name, data) = frame.split_once('\n').unwrap();
                let data = data.strip_prefix("data: ").unwrap();
                return Some((name.strip_prefix("event: ").unwrap().to_owned(), serde_json::from_str(data).unwrap()));
            }
            let chunk = tokio::time::timeout(Duration::from_secs(60), self.body.next())
                .await
                .expect("an event must arrive in time");
            self.rest.push_str(std::str::from_utf8(&chunk?.unwrap()).unwrap());
        }
    }

    /// The next event with this name.
    pub async fn until(&mut self, name: &str) -> Value {
        while let Some((other, data)) = self.next().await {
            if other == name {
                return data;
            }
        }
        panic!("the stream ended before {name}");
    }

    /// All remaining events.
    pub async fn all(mut self) -> Vec<(String, Value)> {
        let mut all = Vec::new();
        while let Some(event) = self.next().await {
            all.push(event);
        }
        all
    }
}

/// The names of the events. Repetitions in a row count once.
pub fn names(events: &[(String, Value)]) -> Vec<&str> {
    let mut names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    names.dedup();
    names
}

/// The data of all events with this name.
pub fn data_of<'e>(events: &'e [(String, Value)], name: &str) -> Vec<&'e Value> {
    events.iter().filter(|(other, _)| other == name).map(|(_, data)| data).collect()
}
