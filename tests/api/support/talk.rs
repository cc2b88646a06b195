//! A user who chats about a project, with a runner at work.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use contract::{
    BoundingBox, Format, Geometry, JobError, Key, Outcome, OutputFile, ProjectId, Report, RunId, Sha256, Version,
};
use futures::StreamExt;
use platform::{Body, Clock};
use serde_json::{Value, json};

use super::world::{Answer, World, url};

/// A script.
pub fn script(words: &str) -> String {
    format!("import FreeCAD as App\nimport Part\n# {words}\n")
}

/// A model's answer with a [`script`].
pub fn written(words: &str) -> String {
    format!("Here it is: {words}.\n\n```python\n{}```\n\nNext:\n- Add holes\n- Round the edges\n", script(words))
}

/// The result of a version's run.
#[derive(Debug, Clone)]
pub enum Run {
    Completes,
    Fails(JobError),
    Ends(Outcome),
}

/// An error in a line of the script.
pub fn error(message: &str, source: &str) -> JobError {
    let mut error = JobError::new("script_error", message);
    (error.line, error.source) = (Some(3), Some(source.to_owned()));
    error.traceback = Some(format!("Traceback (most recent call last):\n  File \"x.py\", line 3\n{message}"));
    error
}

pub struct Talk<'a> {
    pub world: &'a World,
    pub project: &'static str,
    token: String,
    runs: RefCell<VecDeque<Run>>,
}

impl<'a> Talk<'a> {
    /// `user` talks about `project`.
    pub fn new(world: &'a World, user: &str, project: &'static str) -> Self {
        Self { world, project, token: world.jwt(user), runs: RefCell::default() }
    }

    /// Plans the result of one more version. Versions without a plan wait.
    pub fn runs(&self, run: Run) {
        self.runs.borrow_mut().push_back(run);
    }

    pub fn request(&self, method: &str, path: &str) -> http::request::Builder {
        http::Request::builder().method(method).uri(url(path)).header("authorization", self.bearer())
    }

    /// The authorization header.
    pub fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }

    /// A message, as a request.
    pub fn message(&self, message: &str) -> http::request::Builder {
        assert!(!message.is_empty());
        self.request("POST", "/api/ai/chat").header("content-type", "application/json")
    }

    fn body(&self, message: &str, repair: Option<u32>) -> Body {
        Body::full(json!({"message": message, "project_name": self.project, "repair": repair}).to_string())
    }

    /// A request that starts a turn and is answered once the script is uploaded.
    pub fn begin(&self, message: &str) -> http::Request<Body> {
        self.message(message).body(self.body(message, None)).unwrap()
    }

    /// The same with a limit of repairs.
    pub fn begin_repaired(&self, message: &str, repairs: u32) -> http::Request<Body> {
        self.message(message).body(self.body(message, Some(repairs))).unwrap()
    }

    /// Sends a message. Returns the answer, with alarms and runner at work.
    pub async fn say(&self, message: &str) -> Answer {
        self.working(self.world.send(self.begin(message))).await
    }

    /// The same with a limit of repairs.
    pub async fn say_repaired(&self, message: &str, repairs: u32) -> Answer {
        self.working(self.world.send(self.begin_repaired(message, repairs))).await
    }

    /// The same with an idempotency key.
    pub async fn say_once(&self, message: &str, key: &str) -> Answer {
        let request = self.message(message).header("idempotency-key", key);
        self.working(self.world.send(request.body(self.body(message, None)).unwrap())).await
    }

    /// Posts any body.
    pub async fn post(&self, body: Value) -> Answer {
        let request = self.message("any").body(Body::full(body.to_string())).unwrap();
        self.working(self.world.send(request)).await
    }

    /// Sends a message. Returns every event to the end.
    pub async fn hear(&self, message: &str) -> Vec<(String, Value)> {
        let request = self.message(message).header("accept", "text/event-stream");
        let answer = self.working(self.world.send(request.body(self.body(message, None)).unwrap())).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "text/event-stream"), "{:?}", answer.bytes);
        events(&answer.bytes)
    }

    /// Sends a message. Returns the stream; alarms and runner do not work.
    pub async fn stream(&self, message: &str) -> http::Response<Body> {
        let request = self.message(message).header("accept", "text/event-stream");
        self.world.start(request.body(self.body(message, None)).unwrap()).await
    }

    /// The turn's present state.
    pub async fn turn(&self, id: &str) -> Value {
        let answer = self.get(&format!("/api/projects/{}/chat/{id}", self.project)).await;
        assert_eq!(answer.status, 200, "{:?}", answer.bytes);
        answer.json()
    }

    /// The turn once it has ended, with alarms and runner at work.
    pub async fn end(&self, id: &str) -> Value {
        self.working(async {
            loop {
                let turn = self.turn(id).await;
                if !turn["ended_at"].is_null() {
                    return turn;
                }
                self.world.clock.sleep(Duration::from_millis(500)).await;
            }
        })
        .await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.world.send(self.request("GET", path).body(Body::empty()).unwrap()).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.world.send(self.request("DELETE", path).body(Body::empty()).unwrap()).await
    }

    /// All messages, oldest first: role, content, version.
    pub async fn messages(&self) -> Vec<(String, String, Option<u64>)> {
        let answer = self.get(&format!("/api/projects/{}/messages?limit=200", self.project)).await.json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let messages = answer["messages"].as_array().unwrap().iter().rev();
        messages
            .map(|message| (text(&message["role"]), text(&message["content"]), message["version"].as_u64()))
            .collect()
    }

    /// The versions, oldest first: number, origin, parent.
    pub async fn versions(&self) -> Vec<(u64, String, Option<u64>)> {
        let answer = self.get(&format!("/api/projects/{}/scripts", self.project)).await.json();
        let versions = answer["scripts"].as_array().map_or(&[][..], Vec::as_slice).iter().rev();
        let of = |version: &Value| {
            (
                version["version"].as_u64().unwrap(),
                version["origin"].as_str().unwrap().to_owned(),
                version["parent"].as_u64(),
            )
        };
        versions.map(of).collect()
    }

    /// The script of a version in the bucket.
    pub fn script(&self, version: u64) -> Option<String> {
        let key = Key::Script(self.project.parse().unwrap(), version.try_into().unwrap()).to_string();
        self.world.store.inner.object(&key).map(|object| String::from_utf8(object.bytes.to_vec()).unwrap())
    }

    /// The result of `work`, with alarms and runner at work.
    pub async fn working<T>(&self, work: impl Future<Output = T>) -> T {
        let work = async {
            tokio::select! {
                done = work => done,
                never = self.running() => never,
            }
        };
        Box::pin(self.world.while_ringing(self.project, work)).await
    }

    /// The result of `work`, with the alarms of all conversations at work.
    pub async fn under_any_name<T>(&self, work: impl Future<Output = T>) -> T {
        let ringing = async {
            loop {
                let (world, now) = (self.world, self.world.clock.now());
                let due = |name: &String| world.chat_alarm(name).is_some_and(|due| due <= now);
                for name in world.chats().into_iter().filter(due) {
                    world.ring_chat(&name).await;
                }
                world.clock.sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::select! {
            done = work => done,
            never = ringing => never,
        }
    }

    /// The runner: reports on each version that has a ticket.
    async fn running<T>(&self) -> T {
        let project: ProjectId = self.project.parse().unwrap();
        loop {
            self.world.clock.sleep(Duration::from_millis(250)).await;
            let tickets = self.world.store.inner.keys().into_iter().filter_map(|key| match key.parse() {
                Ok(Key::Ticket(of, version)) if of == project => Some(version),
                _ => None,
            });
            for version in tickets.collect::<Vec<_>>() {
                let Some(run) = self.runs.borrow_mut().pop_front() else { break };
                self.world.commit(&self.report(&project, version, run));
            }
        }
    }

    fn report(&self, project: &ProjectId, version: Version, run: Run) -> Report {
        let id = RunId::random();
        let log = Key::Log(project.clone(), format!("{project}_info_20260131_120000_v{version}_{id}.log")).to_string();
        let printed = format!("[runner] on the machine secret-host\nprinted by version {version}\n");
        self.world.store.inner.drop_in(&log, printed);
        let outcome = match &run {
            Run::Completes => Outcome::Completed,
            Run::Fails(_) => Outcome::Failed,
            Run::Ends(outcome) => *outcome,
        };
        let mut report = Report::new(project.clone(), version, outcome, self.world.clock.now());
        report.log = Some(log);
        match run {
            Run::Completes => {
                let key = Key::Output(project.clone(), version, id.clone(), Format::Step).to_string();
                self.world.store.inner.drop_in(&key, "a model");
                let sha256 = Some(Sha256::of(b"a model"));
                report.files.push(OutputFile { format: Format::Step, key, size: 7, sha256, made_by: None });
                report.geometry = Some(Geometry {
                    volume_mm3: Some(1_234.5),
                    bounding_box: Some(BoundingBox { min: [0.0; 3], max: [10.0, 20.0, version.get() as f64] }),
                    ..Geometry::default()
                });
            }
            Run::Fails(error) => report.error = Some(error),
            Run::Ends(outcome) => report.error = Some(JobError::new("ended", &format!("{outcome:?}"))),
        }
        report.run = Some(id);
        report
    }
}

/// The events of a complete stream. A comment is an event without a name.
pub fn events(bytes: &[u8]) -> Vec<(String, Value)> {
    let text = std::str::from_utf8(bytes).unwrap();
    let frames = text.split_terminator("\n\n");
    frames
        .map(|frame| {
            if frame.starts_with(':') {
                return (String::new(), Value::Null);
            }
            let (event, data) = frame.split_once('\n').unwrap();
            let data = data.strip_prefix("data: ").unwrap();
            (event.strip_prefix("event: ").unwrap().to_owned(), serde_json::from_str(data).unwrap())
        })
        .collect()
}

/// The names of the events, without comments and repeats in a row.
pub fn names(events: &[(String, Value)]) -> Vec<&str> {
    let mut names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).filter(|name| !name.is_empty()).collect();
    names.dedup();
    names
}

/// Reads a stream up to an event with this name.
pub async fn until(
    body: &mut futures::stream::LocalBoxStream<'static, Result<Bytes, platform::HttpError>>,
    name: &str,
) {
    let wanted = format!("event: {name}\n");
    while let Some(chunk) = body.next().await {
        if String::from_utf8_lossy(&chunk.unwrap()).contains(&wanted) {
            return;
        }
    }
    panic!("the stream ended before {name}");
}
