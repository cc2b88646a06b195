//! Language models: aimock, an independent implementation of OpenAI's protocol, and a fake for faults.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Method, Request};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::http::{send, try_send};
use crate::process::{Process, command};
use crate::tools::{free_port, tool};
use crate::transport::Transport;
use crate::wait::until;

/// The key that aimock accepts.
pub const KEY: &str = "sk-stack-test-model-key";

/// aimock, which chooses its answer by the last message.
pub struct Aimock {
    port: u16,
    /// Dropping this ends it.
    _process: Process,
}

impl Aimock {
    /// Starts aimock with these fixtures (its own format). It refuses requests that match none.
    pub async fn start(folder: &Path, transport: &Transport, fixtures: &Value) -> Self {
        let port = free_port();
        let path = folder.join("answers.json");
        std::fs::write(&path, json!({"fixtures": fixtures}).to_string()).unwrap();
        let mut aimock = command(&tool("PARTWRIGHT_AIMOCK"), Signal::SIGTERM);
        aimock.env("AIMOCK_API_KEYS", KEY).args(["--strict", "--log-level", "warn", "--port", &port.to_string()]);
        aimock.arg("--fixtures").arg(path);
        let mut process = Process::start(folder, "aimock", Duration::from_secs(5), aimock);
        let health = format!("http://127.0.0.1:{port}/health");
        until("aimock", async || {
            process.must_live();
            let answer = try_send(transport, crate::http::request(Method::GET, &health)).await?;
            if answer.status == 200 { Ok(()) } else { Err(answer.to_string()) }
        })
        .await;
        Self { port, _process: process }
    }

    /// The settings of a Worker that uses it.
    pub fn settings(&self) -> [(String, String); 3] {
        [("AI_BASE_URL", &*self.base_url()), ("AI_API_KEY", KEY), ("AI_MODEL", "one")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    }

    /// The base of its `chat/completions`.
    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }

    /// The bodies of the requests whose last message contains `words`, oldest first.
    pub async fn requests_with(&self, transport: &Transport, words: &str) -> Vec<Value> {
        let request = Request::get(format!("http://127.0.0.1:{}/__aimock/journal?limit=1000", self.port));
        let request = request.header("authorization", format!("Bearer {KEY}")).body(bytes::Bytes::new()).unwrap();
        let journal = send(transport, request).await.expect(200).json();
        let entries = journal.as_array().unwrap_or_else(|| panic!("{journal}"));
        let holds = |body: &&Value| {
            let last = body["messages"].as_array().and_then(|messages| messages.last());
            last.and_then(|last| last["content"].as_str()).is_some_and(|content| content.contains(words))
        };
        entries.iter().map(|entry| &entry["body"]).filter(holds).cloned().collect()
    }
}

/// A step of the fake after it has read a request.
#[derive(Debug, Clone)]
pub enum Step {
    /// Sends these bytes.
    Send(String),
    /// Sends these bytes until the client disconnects.
    SendForEver(String),
    /// Waits.
    Wait(Duration),
}

/// A server that follows one plan a connection and then closes it.
pub struct Fake {
    /// Its loopback port.
    pub port: u16,
    plans: Arc<Mutex<VecDeque<Vec<Step>>>>,
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Fake {
    /// Starts a fake without plans, which closes each connection at once.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (plans, requests) = (Arc::<Mutex<VecDeque<Vec<Step>>>>::default(), Arc::<Mutex<Vec<String>>>::default());
        let (shared, kept) = (plans.clone(), requests.clone());
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let plan = shared.lock().unwrap().pop_front().unwrap_or_default();
                tokio::spawn(serve(socket, plan, kept.clone()));
            }
        });
        Self { port, plans, requests, task }
    }

    /// Adds the plan of a further connection.
    pub fn plan(&self, steps: Vec<Step>) {
        self.plans.lock().unwrap().push_back(steps);
    }

    /// Whether every plan was used.
    pub fn is_done(&self) -> bool {
        self.plans.lock().unwrap().is_empty()
    }

    /// The requests so far, head and body.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut socket: TcpStream, plan: Vec<Step>, requests: Arc<Mutex<Vec<String>>>) {
    let mut request = Vec::new();
    let mut part = vec![0; 64 << 10];
    while !is_whole(&request) {
        match socket.read(&mut part).await {
            Ok(read @ 1..) => request.extend_from_slice(&part[..read]),
            _ => return,
        }
    }
    requests.lock().unwrap().push(String::from_utf8_lossy(&request).into_owned());
    for step in plan {
        match step {
            Step::Send(text) => drop(socket.write_all(text.as_bytes()).await),
            Step::SendForEver(text) => while socket.write_all(text.as_bytes()).await.is_ok() {},
            Step::Wait(duration) => tokio::time::sleep(duration).await,
        }
    }
}

/// Whether head and body of a request are complete.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, _)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    request.len() >= head.len() + 4 + length.unwrap_or(0)
}

/// A response with this status and a JSON body.
pub fn answer(status: &str, headers: &str, body: &str) -> Step {
    let length = body.len();
    Step::Send(format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{headers}connection: close\r\n\r\n\
         {body}"
    ))
}

/// The head of a stream of [`chunk`]s. Without [`end`] the stream is cut.
pub fn stream() -> Step {
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
    Step::Send(head.to_owned())
}

/// A chunk of a stream with this text.
pub fn chunk(text: &str) -> String {
    let data = json!({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]});
    raw_chunk(&format!("data: {data}\n\n"))
}

/// A chunk of a stream with these bytes.
pub fn raw_chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

/// The regular end of a stream.
pub fn end() -> Step {
    Step::Send(raw_chunk("data: [DONE]\n\n") + "0\r\n\r\n")
}
