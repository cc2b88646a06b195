//! Cloudflare's platform, natively: Durable Objects with their SQL, alarm and WebSockets, and the static assets.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use contract::Timestamp;
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use partwright::account::AccountObject;
use partwright::assets::Assets;
use partwright::chat::{ChatMemory, ChatObject};
use partwright::fleet::{FleetMemory, FleetObject};
use partwright::metrics::{MetricsCall, MetricsObject, MetricsOperation};
use partwright::object::{Alarm, ObjectName, Sockets};
use partwright::project::{Memory, ProjectObject, ProjectPlatform};
use platform::{Body, Clock, Http, HttpError};
use s3::Client;

use super::sqlite::Sqlite;
use super::world::World;

/// One Durable Object.
pub struct Instance {
    pub sql: Sqlite,
    pub alarm: AlarmCell,
    pub sockets: FakeSockets,
    pub memory: RefCell<Rc<Memory>>,
    pub chat: RefCell<Rc<ChatMemory>>,
    pub fleet: FleetMemory,
}

impl World {
    pub fn instance(&self, name: &ObjectName) -> Rc<Instance> {
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

    pub fn project<'a>(&'a self, instance: &'a Instance, memory: &'a Memory) -> ProjectObject<'a> {
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

    pub fn fleet<'a>(&'a self, instance: &'a Instance) -> FleetObject<'a> {
        let client = Client::new(&self.store as &dyn Http, &self.clock, &self.config.as_ref().unwrap().bucket);
        FleetObject::new(&instance.sql, &instance.sockets, client, &instance.fleet)
    }

    pub fn chat<'a>(&'a self, instance: &'a Instance, http: &'a dyn Http, memory: &'a ChatMemory) -> ChatObject<'a> {
        let config = self.config.as_ref().unwrap();
        let ai = config.ai.as_ref().ok().and_then(Option::as_ref);
        let (sql, alarm, clock, bucket) = (&instance.sql, &instance.alarm, &self.clock, &config.bucket);
        ChatObject { sql, alarm, http, clock, objects: self, bucket, ai, memory }
    }

    /// Passes a call to an object; returns its response.
    pub async fn serve(&self, name: &ObjectName, body: &[u8]) -> http::Response<Body> {
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
                let call: MetricsCall = serde_json::from_slice(body).unwrap();
                let is_batch = matches!(call.operation, MetricsOperation::AddBatch(_));
                self.calls.metrics_batches.update(|count| count + usize::from(is_batch));
                MetricsObject::new(&instance.sql).handle(call, now)
            }
            ObjectName::Fleet => self.fleet(&instance).handle(serde_json::from_slice(body).unwrap(), &self.clock).await,
        }
    }

    /// Delivers the calls that were posted without waiting for a response.
    pub async fn deliver_posted(&self) {
        loop {
            let Some((object, body)) = self.posted.borrow_mut().pop_front() else { return };
            self.serve(&object, &body).await;
        }
    }

    /// Evicts the project's object from memory.
    pub fn evict(&self, project: &str) {
        let name = ObjectName::Project(project.parse().unwrap());
        *self.instance(&name).memory.borrow_mut() = Rc::default();
    }

    /// Evicts the conversation's object from memory. The test drops the futures that it was running.
    pub fn evict_chat(&self, project: &str) {
        *self.instance(&ObjectName::Chat(project.parse().unwrap())).chat.borrow_mut() = Rc::default();
    }
}

/// When the alarm rings. A test rings it: see `alarms.rs`.
#[derive(Default)]
pub struct AlarmCell(pub Cell<Option<Timestamp>>);

impl Alarm for AlarmCell {
    fn set(&self, at: Option<Timestamp>) -> LocalBoxFuture<'_, ()> {
        self.0.set(at);
        std::future::ready(()).boxed_local()
    }
}

/// The messages sent to one WebSocket and not read yet.
pub type Messages = Rc<RefCell<VecDeque<String>>>;

/// The open WebSockets of one object.
#[derive(Default)]
pub struct FakeSockets(RefCell<Vec<FakeSocket>>);

struct FakeSocket {
    /// Gone once the client has dropped its end, which closes the socket.
    messages: std::rc::Weak<RefCell<VecDeque<String>>>,
    /// When the object closes the socket.
    until: Option<Timestamp>,
}

impl FakeSockets {
    /// Opens a WebSocket, with its first message.
    pub fn accept(&self, first: String, until: Option<Timestamp>) -> Messages {
        let messages = Messages::default();
        messages.borrow_mut().push_back(first);
        self.0.borrow_mut().push(FakeSocket { messages: Rc::downgrade(&messages), until });
        messages
    }

    fn open(&self) -> Vec<Messages> {
        self.0.borrow().iter().filter_map(|socket| socket.messages.upgrade()).collect()
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
        self.0.borrow_mut().retain(|socket| socket.until.is_none_or(|until| until > now));
        self.0.borrow().iter().filter_map(|socket| socket.until).min()
    }
}

/// The files of `assets/`.
pub struct AssetFolder;

impl Assets for AssetFolder {
    fn file(&self, name: &str) -> LocalBoxFuture<'_, Result<http::Response<Body>, HttpError>> {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets").join(name);
        let answer = match std::fs::read(path) {
            Ok(bytes) => http::Response::new(Body::full(bytes)),
            Err(_) => http::Response::builder().status(404).body(Body::empty()).unwrap(),
        };
        std::future::ready(Ok(answer)).boxed_local()
    }
}
