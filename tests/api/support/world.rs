//! The whole Worker natively: the API over the objects over a store, with their alarms rung by hand.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use bytes::Bytes;
use contract::{Attempt, Format, Key, Outcome, OutputFile, ProjectId, Report, RunId, Sha256, Timestamp, Version};
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use partwright::account::AccountObject;
use partwright::api::{App, Config, Platform, Served};
use partwright::assets::Assets;
use partwright::auth::SharedKeys;
use partwright::chat::{ChatMemory, ChatObject};
use partwright::figures::{FiguresCall, FiguresObject, FiguresOperation, SHARDS, Tally};
use partwright::fleet::{FleetMemory, FleetObject};
use partwright::object::{Alarm, ObjectName, Objects, Sockets, Sql, handshake_call};
use partwright::project::{Memory, ProjectCall, ProjectObject, ProjectPlatform, postpone};
use platform::ConfigError;
use platform::{Body, Clock, Http, HttpError};
use s3::Client;
use serde_json::Value;

pub use super::answer::Answer;
use super::clock::TestClock;
use super::faults::Faulty;
use super::issuer::{self, KeySetAddress};
use super::memory_store::MemoryStore;
use super::openapi_check;
use super::provider::Provider;
use super::signer::Signer;
use super::sqlite::Sqlite;
use super::verifier::RingVerifier;

/// One Durable Object.
struct Instance {
    sql: Sqlite,
    alarm: AlarmCell,
    sockets: FakeSockets,
    memory: RefCell<Rc<Memory>>,
    chat: RefCell<Rc<ChatMemory>>,
    fleet: FleetMemory,
}

#[derive(Default)]
struct AlarmCell(Cell<Option<Timestamp>>);

impl Alarm for AlarmCell {
    fn set(&self, at: Option<Timestamp>) -> LocalBoxFuture<'_, ()> {
        self.0.set(at);
        std::future::ready(()).boxed_local()
    }
}

/// The messages that one WebSocket was sent.
pub type Messages = Rc<RefCell<VecDeque<String>>>;

/// The WebSockets of one object. One whose other end was dropped is closed.
#[derive(Default)]
struct FakeSockets(RefCell<Vec<FakeSocket>>);

/// What one was sent, as long as its other end is there, and when it is to be closed.
type FakeSocket = (std::rc::Weak<RefCell<VecDeque<String>>>, Option<Timestamp>);

impl FakeSockets {
    fn open(&self) -> Vec<Messages> {
        self.0.borrow().iter().filter_map(|(socket, _)| socket.upgrade()).collect()
    }
}

impl Sockets for FakeSockets {
    fn send_all(&self, text: &str) {
        self.open().iter().for_each(|socket| socket.borrow_mut().push_back(text.to_owned()));
    }

    fn count(&self) -> usize {
        self.open().len()
    }

    fn close_all(&self, _: &str) {
        self.0.borrow_mut().clear();
    }

    fn close_due(&self, now: Timestamp) -> Option<Timestamp> {
        self.0.borrow_mut().retain(|(_, until)| until.is_none_or(|until| until > now));
        self.0.borrow().iter().filter_map(|(_, until)| *until).min()
    }
}

pub struct World {
    pub store: Faulty<MemoryStore>,
    /// The issuer of tokens, where one is trusted.
    pub issuer: Faulty<KeySetAddress>,
    /// The language model, where one is configured.
    pub provider: Provider,
    pub clock: TestClock,
    pub config: Result<Config, ConfigError>,
    keys: SharedKeys,
    /// What the API has counted and not told.
    tally: Tally,
    instances: RefCell<HashMap<ObjectName, Rc<Instance>>>,
    /// How many calls the `Fleet` object was sent whose answer somebody waits for.
    pub fleet_calls: Cell<usize>,
    /// How many calls accounts were sent whose answer somebody waits for.
    pub account_calls: Cell<usize>,
    /// The users whose accounts answer nothing.
    pub accounts_away: RefCell<Vec<String>>,
    /// No project's object answers anything.
    pub projects_away: Cell<bool>,
    /// What becomes of calls to each of the objects that add figures up.
    pub figures: RefCell<[Line; SHARDS as usize]>,
    /// How many batches reached them.
    pub batches: Cell<usize>,
    /// Where it is not 0, each call to an account is late, and so is its answer, by times that follow from it.
    pub account_pace: Cell<u64>,
    /// Calls between objects that nobody waits for.
    posted: RefCell<VecDeque<(ObjectName, Bytes)>>,
}

/// How an object can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// It answers.
    Up,
    /// It cannot be reached.
    Down,
    /// It does what it is told, and its answer is lost.
    Lossy,
    /// It never answers.
    Silent,
}

pub const ADMIN_TOKEN: &str = "the admin's token, 32 characters";
pub const RUNNER_TOKEN: &str = "the runners' token, 33 characters";

/// The settings of two language models.
pub const MODELS: [(&str, &str); 6] = [
    ("AI_BASE_URL", "https://first.test/v1"),
    ("AI_API_KEY", "sk-the-first-key"),
    ("AI_MODEL", "one"),
    ("AI_FALLBACK_BASE_URL", "https://other.test/v1"),
    ("AI_FALLBACK_API_KEY", "sk-the-other-key"),
    ("AI_FALLBACK_MODEL", "two"),
];

impl World {
    /// Open mode on loopback, with both tokens.
    pub fn new() -> Self {
        let tokens = [("ADMIN_TOKEN", ADMIN_TOKEN), ("RUNNER_TOKEN", RUNNER_TOKEN)];
        Self::with(MemoryStore::new(), &[&[("AUTH_MODE", "open")], &tokens[..]].concat())
    }

    /// No open mode: users by tokens that are signed with the issuer's secret, and both tokens.
    pub fn closed() -> Self {
        let tokens = [("ADMIN_TOKEN", ADMIN_TOKEN), ("RUNNER_TOKEN", RUNNER_TOKEN)];
        Self::with(MemoryStore::new(), &[&issuer::BY_SECRET[..], &tokens].concat())
    }

    /// The same with a language model, and another to fall back to.
    pub fn talking() -> Self {
        let tokens = [("ADMIN_TOKEN", ADMIN_TOKEN), ("RUNNER_TOKEN", RUNNER_TOKEN)];
        Self::with(MemoryStore::new(), &[&issuer::BY_SECRET[..], &tokens, &MODELS].concat())
    }

    pub fn with(store: MemoryStore, settings: &[(&str, &str)]) -> Self {
        let config = Config::from_settings(&|name| {
            let given = settings.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            given.or_else(|| MemoryStore::setting(name))
        });
        let (instances, posted) = (RefCell::default(), RefCell::default());
        let (keys, fleet_calls, account_calls) = (SharedKeys::default(), Cell::default(), Cell::default());
        let (store, issuer) = (Faulty::new(store), Faulty::new(KeySetAddress::default()));
        Self {
            store,
            issuer,
            provider: Provider::default(),
            clock: TestClock::new(),
            config,
            keys,
            tally: Tally::default(),
            instances,
            fleet_calls,
            account_calls,
            accounts_away: RefCell::default(),
            projects_away: Cell::default(),
            figures: RefCell::new([Line::Up; SHARDS as usize]),
            batches: Cell::default(),
            account_pace: Cell::default(),
            posted,
        }
    }

    /// A token of `user` by the issuer's secret, good for an hour.
    pub fn jwt(&self, user: &str) -> String {
        Signer::secret(issuer::SECRET).token(None, &issuer::claims(user, self.clock.now()))
    }

    /// The same for an admin.
    pub fn admin_jwt(&self, user: &str) -> String {
        let mut claims = issuer::claims(user, self.clock.now());
        claims["role"] = "admin".into();
        Signer::secret(issuer::SECRET).token(None, &claims)
    }

    /// Sends one request through the API.
    pub async fn send(&self, request: http::Request<Body>) -> Answer {
        match self.serve_request(request).await {
            Ok(answer) => answer,
            Err(_) => panic!("a WebSocket: see `connect`"),
        }
    }

    /// Opens a WebSocket; the answer where it is refused.
    pub async fn connect(&self, path: &str, header: Option<(&str, &str)>) -> Result<Messages, Answer> {
        let mut request = http::Request::get(url(path)).header("upgrade", "websocket");
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let (object, request) = match self.serve_request(request.body(Body::empty()).unwrap()).await {
            Ok(answer) => return Err(answer),
            Err(upgrade) => upgrade,
        };
        let asked = request.uri().to_string();
        let instance = self.instance(&object);
        let (first, until) = match object {
            ObjectName::Project(_) => {
                let call: ProjectCall = handshake_call(&asked).unwrap();
                let memory = instance.memory.borrow().clone();
                let greeting = self.project(&instance, &memory).greeting(&call).await.unwrap();
                (greeting.message, Some(greeting.close_at))
            }
            ObjectName::Fleet => (self.fleet(&instance).greeting(&handshake_call(&asked).unwrap()).unwrap(), None),
            other => panic!("{other:?} holds no WebSockets"),
        };
        let messages = Messages::default();
        messages.borrow_mut().push_back(first);
        instance.sockets.0.borrow_mut().push((Rc::downgrade(&messages), until));
        Ok(messages)
    }

    /// Sends one request through the API; a WebSocket that would be opened is the status 101, and is not opened.
    pub async fn attempt(&self, request: http::Request<Body>) -> Answer {
        let opened = |_| Answer { status: 101, headers: http::HeaderMap::new(), bytes: Bytes::new() };
        self.serve_request(request).await.unwrap_or_else(opened)
    }

    /// Sends one request through the API, and gives the answer before its body is read.
    pub async fn start(&self, request: http::Request<Body>) -> http::Response<Body> {
        let http = self.network();
        let platform =
            Platform { http: &http, clock: &self.clock, objects: self, verifier: &RingVerifier, assets: &PageOnDisk };
        match App::new(&self.config, platform, (&self.keys, &self.tally)).handle(request).await {
            Served::Answer(answer) => answer,
            Served::Upgrade { .. } => panic!("a WebSocket: see `connect`"),
        }
    }

    async fn serve_request(&self, request: http::Request<Body>) -> Result<Answer, (ObjectName, http::Request<Bytes>)> {
        let http = self.network();
        let platform =
            Platform { http: &http, clock: &self.clock, objects: self, verifier: &RingVerifier, assets: &PageOnDisk };
        let app = App::new(&self.config, platform, (&self.keys, &self.tally));
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let outcome = app.handle(request).await;
        self.deliver_posted().await;
        let (head, body) = match outcome {
            Served::Answer(response) => response.into_parts(),
            Served::Upgrade { object, request } => return Err((object, request)),
        };
        let bytes = body.bytes(usize::MAX).await.unwrap();
        let answer = Answer { status: head.status.as_u16(), headers: head.headers, bytes };
        openapi_check::assert_documented(&method, &path, &answer);
        Ok(answer)
    }

    /// Makes the calls that nobody waits for.
    async fn deliver_posted(&self) {
        loop {
            let Some((object, body)) = self.posted.borrow_mut().pop_front() else { return };
            self.serve(&object, &body).await;
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(http::Request::get(url(path)).body(Body::empty()).unwrap()).await
    }

    pub async fn get_with(&self, path: &str, header: (&str, &str)) -> Answer {
        self.send(http::Request::get(url(path)).header(header.0, header.1).body(Body::empty()).unwrap()).await
    }

    pub async fn post(&self, path: &str, media_type: &str, body: impl Into<Bytes>) -> Answer {
        let request = http::Request::post(url(path)).header("content-type", media_type);
        self.send(request.body(Body::full(body)).unwrap()).await
    }

    /// Posts nothing, or JSON, with one more header.
    pub async fn post_with(&self, path: &str, header: (&str, &str), body: Option<Value>) -> Answer {
        let request = http::Request::post(url(path)).header(header.0, header.1);
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(Body::full(body.to_string())),
            None => request.body(Body::empty()),
        };
        self.send(request.unwrap()).await
    }

    /// Posts JSON as it stands, with a token.
    pub async fn post_with_bearer(&self, path: &str, token: &str, body: String) -> Answer {
        let request = http::Request::post(url(path)).header("authorization", format!("Bearer {token}"));
        self.send(request.header("content-type", "application/json").body(Body::full(body)).unwrap()).await
    }

    /// Uploads a script and gives its version.
    pub async fn upload(&self, project: &str, code: &str) -> u64 {
        let path = format!("/api/projects/{project}/upload-script");
        let answer = self.post(&path, "text/x-python", code.to_owned()).await;
        assert_eq!(answer.status, 201, "{:?}", answer.bytes);
        answer.json()["version"].as_u64().unwrap()
    }

    /// The project's status word, read a while after the last look.
    pub async fn status(&self, project: &str) -> Value {
        self.clock.sleep(std::time::Duration::from_secs(4)).await;
        self.get(&format!("/api/projects/{project}/status")).await.json()["status_info"].clone()
    }

    /// Forgets what the project's object keeps in memory, as an eviction does.
    pub fn evict(&self, project: &str) {
        let name = ObjectName::Project(project.parse().unwrap());
        *self.instance(&name).memory.borrow_mut() = Rc::default();
    }

    /// The same for the object of its conversation. What it was at is dropped by whoever drops the future of it.
    pub fn evict_chat(&self, project: &str) {
        *self.instance(&ObjectName::Chat(project.parse().unwrap())).chat.borrow_mut() = Rc::default();
    }

    /// When the alarm of the project's conversation is set for.
    pub fn chat_alarm(&self, project: &str) -> Option<Timestamp> {
        self.instance(&ObjectName::Chat(project.parse().unwrap())).alarm.0.get()
    }

    /// Rings the alarm of the project's conversation, at once. It is cleared before, as the platform does.
    pub async fn ring_chat(&self, project: &str) {
        let instance = self.instance(&ObjectName::Chat(project.parse().unwrap()));
        instance.alarm.0.take();
        let memory = instance.chat.borrow().clone();
        self.chat(&instance, &self.network(), &memory).alarm().await.unwrap();
    }

    /// What comes of `work` while the alarms of the project and of its conversation ring whenever they are due.
    pub async fn while_ringing<T>(&self, project: &str, work: impl Future<Output = T>) -> T {
        let pause = std::time::Duration::from_millis(20);
        let chat = async {
            loop {
                match self.chat_alarm(project) {
                    Some(due) if due <= self.clock.now() => Box::pin(self.ring_chat(project)).await,
                    _ => self.clock.sleep(pause).await,
                }
            }
        };
        let versions = async {
            loop {
                match self.alarm(project) {
                    Some(due) if due <= self.clock.now() => drop(Box::pin(self.ring(project)).await),
                    _ => self.clock.sleep(pause).await,
                }
            }
        };
        tokio::select! {
            done = work => done,
            never = chat => never,
            never = versions => never,
        }
    }

    /// The turn that is open in the project's conversation.
    pub fn open_turn(&self, project: &str) -> Option<String> {
        let sql = &self.instance(&ObjectName::Chat(project.parse().unwrap())).sql;
        let rows = sql.exec("SELECT id FROM turns WHERE ended_at IS NULL", &[]).unwrap();
        rows.into_iter().flatten().next().map(|id| match id {
            partwright::object::Value::Text(id) => id,
            other => panic!("{other:?}"),
        })
    }

    /// The projects that anybody has talked about.
    pub fn chats(&self) -> Vec<String> {
        let instances = self.instances.borrow();
        let names = instances.keys().filter_map(|name| match name {
            ObjectName::Chat(project) => Some(project.to_string()),
            _ => None,
        });
        names.collect()
    }

    /// All that the object of the project's conversation keeps, as text.
    pub fn chat_text(&self, project: &str) -> String {
        let sql = &self.instance(&ObjectName::Chat(project.parse().unwrap())).sql;
        let tables = sql.exec("SELECT name FROM sqlite_master WHERE name IN ('turns', 'messages')", &[]).unwrap();
        let rows = |name: &str| format!("{:?}\n", sql.exec(&format!("SELECT * FROM {name}"), &[]).unwrap());
        if tables.is_empty() { String::new() } else { rows("turns") + &rows("messages") }
    }

    /// Whether the project's object has ever kept anything.
    pub fn has_tables(&self, project: &str) -> bool {
        let instance = self.instance(&ObjectName::Project(project.parse().unwrap()));
        !instance.sql.exec("SELECT 1 FROM sqlite_master", &[]).unwrap().is_empty()
    }

    /// All that a user's account keeps of tokens, as text; empty where it keeps nothing.
    pub fn account_text(&self, user: &str) -> String {
        let instance = self.instance(&ObjectName::Account(user.to_owned()));
        let tables = instance.sql.exec("SELECT name FROM sqlite_master WHERE name = 'tokens'", &[]).unwrap();
        if tables.is_empty() { String::new() } else { format!("{:?}", instance.sql.exec("SELECT * FROM tokens", &[])) }
    }

    /// Runs a statement in the project's SQLite.
    pub fn write_sql(&self, project: &str, statement: &str) {
        self.instance(&ObjectName::Project(project.parse().unwrap())).sql.exec(statement, &[]).unwrap();
    }

    /// How many steps SQLite has taken in the project's object.
    pub fn sql_steps(&self, project: &str) -> i64 {
        self.instance(&ObjectName::Project(project.parse().unwrap())).sql.steps.get()
    }

    /// When the project's alarm is set for.
    pub fn alarm(&self, project: &str) -> Option<Timestamp> {
        self.instance(&ObjectName::Project(project.parse().unwrap())).alarm.0.get()
    }

    /// Rings the project's alarm once, when it is due. False if it is not set.
    pub async fn ring(&self, project: &str) -> bool {
        let instance = self.instance(&ObjectName::Project(project.parse().unwrap()));
        let Some(at) = instance.alarm.0.take() else { return false };
        self.clock.sleep(at.since(self.clock.now())).await;
        let memory = instance.memory.borrow().clone();
        match self.config {
            Ok(_) => self.project(&instance, &memory).alarm().await.unwrap(),
            Err(_) => postpone(&instance.alarm, self.clock.now()).await,
        }
        self.deliver_posted().await;
        true
    }

    /// Rings until nothing is left to do but to close WebSockets; at most `most` times.
    pub async fn settle(&self, project: &str, most: usize) {
        let instance = self.instance(&ObjectName::Project(project.parse().unwrap()));
        for _ in 0..most {
            let closing = instance.sockets.close_due(self.clock.now());
            if self.alarm(project) == closing || !self.ring(project).await {
                return;
            }
        }
        panic!("the alarm of {project} still rings after {most} times");
    }

    /// Does what a runner does to claim a version.
    pub fn claim(&self, project: &str, version: u64, number: u32) -> RunId {
        let run = RunId::random();
        let attempt = Attempt::new("runner-one", run.clone(), self.clock.now());
        let key = Key::Attempt(project.parse().unwrap(), version.try_into().unwrap(), number).to_string();
        self.store.inner.drop_in(&key, serde_json::to_vec(&attempt).unwrap());
        run
    }

    /// Does what a runner does with a version: files, report, tidy-up. Gives the run's id.
    pub fn complete(&self, project: &str, version: u64, formats: &[Format]) -> RunId {
        let project: ProjectId = project.parse().unwrap();
        let version = Version::try_from(version).unwrap();
        let run = RunId::random();
        let mut report = Report::new(project.clone(), version, Outcome::Completed, self.clock.now());
        report.run = Some(run.clone());
        for format in formats {
            let key = Key::Output(project.clone(), version, run.clone(), *format).to_string();
            let bytes = format!("{format} of version {version}");
            report.files.push(OutputFile {
                format: *format,
                key: key.clone(),
                size: bytes.len() as u64,
                sha256: Some(Sha256::of(bytes.as_bytes())),
                made_by: Some("runner".to_owned()),
            });
            self.store.inner.drop_in(&key, bytes);
        }
        self.commit(&report);
        run
    }

    /// Puts a report and removes the ticket.
    pub fn commit(&self, report: &Report) {
        let done = Key::Done(report.project.clone(), report.version).to_string();
        self.store.inner.drop_in(&done, serde_json::to_vec(report).unwrap());
        self.store.inner.remove(&Key::Ticket(report.project.clone(), report.version).to_string());
    }

    /// Lets the API tell what it has counted, as it does after an answer.
    pub async fn tell_tally(&self) {
        self.tally.tell(self, &self.clock).await;
    }

    /// Lets everybody tell what they have counted, as far as it takes no longer than two minutes.
    pub async fn tell_figures(&self) {
        self.tell_tally().await;
        let until = self.clock.now().after(std::time::Duration::from_secs(120));
        let names: Vec<ObjectName> = self.instances.borrow().keys().cloned().collect();
        for name in names {
            let due = || self.instance(&name).alarm.0.get().filter(|due| *due <= until);
            match &name {
                ObjectName::Project(project) => while due().is_some() && self.ring(project.as_str()).await {},
                ObjectName::Chat(project) => {
                    while let Some(due) = due() {
                        self.clock.sleep(due.since(self.clock.now())).await;
                        self.ring_chat(project.as_str()).await;
                    }
                }
                _ => {}
            }
        }
    }

    /// From now on this becomes of calls to all of the objects that add figures up.
    pub fn set_figures(&self, line: Line) {
        *self.figures.borrow_mut() = [line; SHARDS as usize];
    }

    /// All that those objects keep, as text.
    pub fn sums(&self) -> String {
        let text = |shard| {
            let sql = &self.instance(&ObjectName::Figures(shard)).sql;
            let rows = |name: &str| format!("{:?}\n", sql.exec(&format!("SELECT * FROM {name}"), &[]).unwrap());
            let tables = sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'sums'", &[]).unwrap();
            if tables.is_empty() { String::new() } else { rows("sums") + &rows("writers") }
        };
        (0..SHARDS).map(text).collect()
    }

    fn instance(&self, name: &ObjectName) -> Rc<Instance> {
        let mut instances = self.instances.borrow_mut();
        let fresh = || Instance {
            sql: Sqlite::new(),
            alarm: AlarmCell::default(),
            sockets: FakeSockets::default(),
            memory: RefCell::default(),
            chat: RefCell::default(),
            fleet: FleetMemory::default(),
        };
        instances.entry(name.clone()).or_insert_with(|| Rc::new(fresh())).clone()
    }

    fn project<'a>(&'a self, instance: &'a Instance, memory: &'a Memory) -> ProjectObject<'a> {
        let bucket = &self.config.as_ref().unwrap().bucket;
        let platform = ProjectPlatform {
            sql: &instance.sql,
            alarm: &instance.alarm,
            sockets: &instance.sockets,
            http: &self.store,
            clock: &self.clock,
            objects: self,
            bucket,
        };
        ProjectObject::new(platform, memory)
    }

    fn fleet<'a>(&'a self, instance: &'a Instance) -> FleetObject<'a> {
        let client = Client::new(&self.store as &dyn Http, &self.clock, &self.config.as_ref().unwrap().bucket);
        FleetObject::new(&instance.sql, &instance.sockets, client, &instance.fleet)
    }

    fn network(&self) -> Network<'_> {
        Network { store: &self.store, issuer: &self.issuer, provider: &self.provider }
    }

    fn chat<'a>(&'a self, instance: &'a Instance, http: &'a dyn Http, memory: &'a ChatMemory) -> ChatObject<'a> {
        let config = self.config.as_ref().unwrap();
        let ai = config.ai.as_ref().ok().and_then(Option::as_ref);
        let platform = (&instance.sql as &dyn Sql, &instance.alarm as &dyn Alarm);
        ChatObject::new(platform, (http, &self.clock), self, (&config.bucket, ai), memory)
    }

    /// Hands a call to the object.
    async fn serve(&self, name: &ObjectName, body: &[u8]) -> http::Response<Body> {
        let instance = self.instance(name);
        let now = self.clock.now();
        match name {
            ObjectName::Chat(_) => {
                let memory = instance.chat.borrow().clone();
                self.chat(&instance, &self.network(), &memory).handle(serde_json::from_slice(body).unwrap()).await
            }
            ObjectName::Project(_) => {
                let memory = instance.memory.borrow().clone();
                self.project(&instance, &memory).handle(serde_json::from_slice(body).unwrap()).await
            }
            ObjectName::Account(_) => {
                AccountObject::new(&instance.sql).handle(serde_json::from_slice(body).unwrap(), now)
            }
            ObjectName::Figures(_) => {
                let call: FiguresCall = serde_json::from_slice(body).unwrap();
                let is_batch = matches!(call.operation, FiguresOperation::AddBatch(_));
                self.batches.set(self.batches.get() + usize::from(is_batch));
                FiguresObject::new(&instance.sql).handle(call, now)
            }
            ObjectName::Fleet => self.fleet(&instance).handle(serde_json::from_slice(body).unwrap(), &self.clock).await,
        }
    }
}

/// The page's files as they stand in the work tree.
struct PageOnDisk;

impl Assets for PageOnDisk {
    fn file(&self, name: &str) -> LocalBoxFuture<'_, Result<http::Response<Body>, HttpError>> {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets").join(name);
        let answer = match std::fs::read(path) {
            Ok(bytes) => http::Response::new(Body::full(bytes)),
            Err(_) => http::Response::builder().status(404).body(Body::empty()).unwrap(),
        };
        std::future::ready(Ok(answer)).boxed_local()
    }
}

/// The issuer and the language model under their own hosts, the store under all others.
struct Network<'a> {
    store: &'a dyn Http,
    issuer: &'a dyn Http,
    provider: &'a dyn Http,
}

impl Http for Network<'_> {
    fn send(&self, request: http::Request<Bytes>) -> LocalBoxFuture<'_, Result<http::Response<Body>, HttpError>> {
        match request.uri().host() {
            Some("issuer.test") => self.issuer.send(request),
            Some("first.test" | "other.test") => self.provider.send(request),
            _ => self.store.send(request),
        }
    }
}

impl Objects for World {
    fn send(
        &self,
        object: &ObjectName,
        request: http::Request<Bytes>,
    ) -> LocalBoxFuture<'_, Result<http::Response<Body>, HttpError>> {
        let object = object.clone();
        if object == ObjectName::Fleet {
            self.fleet_calls.set(self.fleet_calls.get() + 1);
        }
        if self.projects_away.get() && matches!(object, ObjectName::Project(_)) {
            return std::future::ready(Err(HttpError("the project is away".to_owned()))).boxed_local();
        }
        let pace = if let ObjectName::Account(user) = &object {
            self.account_calls.set(self.account_calls.get() + 1);
            if self.accounts_away.borrow().contains(user) {
                return std::future::ready(Err(HttpError("the account is away".to_owned()))).boxed_local();
            }
            // An xorshift generator: any will do.
            let next = |x: u64| [x ^ (x << 13)].map(|x| x ^ (x >> 7)).map(|x| x ^ (x << 17))[0];
            self.account_pace.replace(next(self.account_pace.get()))
        } else {
            0
        };
        let line = match &object {
            ObjectName::Figures(shard) => self.figures.borrow()[usize::from(*shard)],
            _ => Line::Up,
        };
        async move {
            match line {
                Line::Up | Line::Lossy => {}
                Line::Down => return Err(HttpError("the object is away".to_owned())),
                Line::Silent => return std::future::pending().await,
            }
            // Half of them hardly at all, so that some overtake others.
            let late = |chance: u64| {
                let most = if chance & 1 == 0 { 50 } else { 4_000 };
                self.clock.sleep(std::time::Duration::from_millis((chance >> 1) % most))
            };
            if pace != 0 {
                late(pace >> 8).await;
            }
            let answer = self.serve(&object, request.body()).await;
            if line == Line::Lossy {
                return Err(HttpError("connection reset by peer".to_owned()));
            }
            if pace != 0 {
                late(pace >> 32).await;
            }
            Ok(answer)
        }
        .boxed_local()
    }

    fn post(&self, object: ObjectName, request: http::Request<Bytes>) {
        self.posted.borrow_mut().push_back((object, request.into_body()));
    }
}

pub fn url(path: &str) -> String {
    format!("http://127.0.0.1:8787{path}")
}
