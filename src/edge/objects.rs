//! The Durable Object classes. Each reads its request, passes it to the plain Rust object, and writes the response.
//!
//! The attribute of a class names its event handlers besides `fetch`, because each unused handler takes a kilobyte of
//! the Worker. `Project` has all of them.

use serde::de::DeserializeOwned;
use worker::{DurableObject, Env, Request, Response, State, WebSocket, WebSocketIncomingMessage, durable_object};

use super::bindings::{Bindings, ObjectAlarm, ObjectSockets, ObjectSql, WorkerClock, WorkerHttp, settings};
use super::convert;
use crate::account::AccountObject;
use crate::ai::AiConfig;
use crate::chat::{ChatMemory, ChatObject};
use crate::fleet::{FleetMemory, FleetObject};
use crate::metrics::MetricsObject;
use crate::object::handshake_call;
use crate::project::{Greeting, Memory, ProjectObject, ProjectPlatform, postpone};
use platform::Clock;
use platform::ConfigError;
use s3::{Bucket, Client};

/// The versions of one project.
#[durable_object]
pub struct Project {
    state: State,
    env: Env,
    bucket: Result<Bucket, ConfigError>,
    memory: Memory,
}

impl DurableObject for Project {
    fn new(state: State, env: Env) -> Self {
        let bucket = Bucket::from_settings(&settings(&env));
        Self { state, env, bucket, memory: Memory::default() }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        let bucket = self.bucket.as_ref().map_err(failed)?;
        let parts = self.platform();
        let object = self.object(&parts, bucket);
        match websocket_request(&request)? {
            Some(call) => match object.greeting(&call).await {
                Ok(Greeting { message, close_at }) => parts.sockets.take(&message, Some(close_at)),
                Err(refusal) => Response::error(format!("{refusal:?}"), 503),
            },
            None => convert::outgoing(object.handle(read(request).await?).await).await,
        }
    }

    async fn alarm(&self) -> worker::Result<Response> {
        let parts = self.platform();
        let Some(bucket) = bucket_or_postpone(&self.bucket, &parts.alarm).await else { return Response::empty() };
        if let Err(refusal) = self.object(&parts, bucket).alarm().await {
            worker::console_error!("a step of an alarm failed: {refusal:?}");
        }
        Response::empty()
    }

    async fn websocket_message(&self, _socket: WebSocket, _message: WebSocketIncomingMessage) -> worker::Result<()> {
        Ok(())
    }

    async fn websocket_close(&self, socket: WebSocket, _: usize, _: String, _: bool) -> worker::Result<()> {
        close(&socket);
        Ok(())
    }

    async fn websocket_error(&self, _socket: WebSocket, _error: worker::Error) -> worker::Result<()> {
        Ok(())
    }
}

/// The platform's part of a `Project` object.
struct ProjectParts<'a> {
    sql: ObjectSql,
    alarm: ObjectAlarm,
    sockets: ObjectSockets<'a>,
    objects: Bindings,
}

impl Project {
    fn platform(&self) -> ProjectParts<'_> {
        let storage = self.state.storage();
        let (sql, sockets) = (ObjectSql(storage.sql()), ObjectSockets(&self.state));
        ProjectParts { sql, alarm: ObjectAlarm(storage), sockets, objects: Bindings::new(self.env.clone()) }
    }

    fn object<'a>(&'a self, parts: &'a ProjectParts<'_>, bucket: &'a Bucket) -> ProjectObject<'a> {
        let ProjectParts { sql, alarm, sockets, objects } = parts;
        let (http, clock) = (&WorkerHttp, &WorkerClock);
        let platform = ProjectPlatform { sql, alarm, sockets, http, clock, objects, bucket };
        ProjectObject::new(platform, &self.memory)
    }
}

/// One user's projects, tokens and sessions.
#[durable_object(fetch)]
pub struct Account {
    state: State,
}

impl DurableObject for Account {
    fn new(state: State, _env: Env) -> Self {
        Self { state }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        let sql = ObjectSql(self.state.storage().sql());
        convert::outgoing(AccountObject::new(&sql).handle(read(request).await?, WorkerClock.now())).await
    }
}

/// The state of the store, the queue and the runners.
#[durable_object(websocket)]
pub struct Fleet {
    state: State,
    bucket: Result<Bucket, ConfigError>,
    memory: FleetMemory,
}

impl DurableObject for Fleet {
    fn new(state: State, env: Env) -> Self {
        let bucket = Bucket::from_settings(&settings(&env));
        Self { state, bucket, memory: FleetMemory::default() }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        let bucket = self.bucket.as_ref().map_err(failed)?;
        let (sql, sockets) = (ObjectSql(self.state.storage().sql()), ObjectSockets(&self.state));
        let client = Client::new(&WorkerHttp, &WorkerClock, bucket);
        let object = FleetObject::new(&sql, &sockets, client, &self.memory);
        match websocket_request(&request)? {
            Some(call) => match object.greeting(&call) {
                Ok(first) => sockets.take(&first, None),
                Err(refusal) => Response::error(refusal, 503),
            },
            None => convert::outgoing(object.handle(read(request).await?, &WorkerClock).await).await,
        }
    }

    async fn websocket_message(&self, _socket: WebSocket, _message: WebSocketIncomingMessage) -> worker::Result<()> {
        Ok(())
    }

    async fn websocket_close(&self, socket: WebSocket, _: usize, _: String, _: bool) -> worker::Result<()> {
        close(&socket);
        Ok(())
    }

    async fn websocket_error(&self, _socket: WebSocket, _error: worker::Error) -> worker::Result<()> {
        Ok(())
    }
}

/// The conversation about one project.
#[durable_object(alarm)]
pub struct Chat {
    state: State,
    env: Env,
    bucket: Result<Bucket, ConfigError>,
    ai: Result<Option<AiConfig>, ConfigError>,
    memory: ChatMemory,
}

impl DurableObject for Chat {
    fn new(state: State, env: Env) -> Self {
        let bucket = Bucket::from_settings(&settings(&env));
        let ai = AiConfig::from_settings(&settings(&env));
        Self { state, env, bucket, ai, memory: ChatMemory::default() }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        let bucket = self.bucket.as_ref().map_err(failed)?;
        let parts = self.platform();
        convert::outgoing(self.object(&parts, bucket).handle(read(request).await?).await).await
    }

    async fn alarm(&self) -> worker::Result<Response> {
        let parts = self.platform();
        let Some(bucket) = bucket_or_postpone(&self.bucket, &parts.alarm).await else { return Response::empty() };
        if let Err(refusal) = self.object(&parts, bucket).alarm().await {
            worker::console_error!("a step of an alarm failed: {refusal:?}");
        }
        Response::empty()
    }
}

/// The platform's part of a `Chat` object.
struct ChatParts {
    sql: ObjectSql,
    alarm: ObjectAlarm,
    objects: Bindings,
}

impl Chat {
    fn platform(&self) -> ChatParts {
        let storage = self.state.storage();
        let sql = ObjectSql(storage.sql());
        ChatParts { sql, alarm: ObjectAlarm(storage), objects: Bindings::new(self.env.clone()) }
    }

    fn object<'a>(&'a self, parts: &'a ChatParts, bucket: &'a Bucket) -> ChatObject<'a> {
        let ChatParts { sql, alarm, objects } = parts;
        let ai = self.ai.as_ref().ok().and_then(Option::as_ref);
        ChatObject { sql, alarm, http: &WorkerHttp, clock: &WorkerClock, objects, bucket, ai, memory: &self.memory }
    }
}

/// A shard of the metrics.
#[durable_object(fetch)]
pub struct Figures {
    state: State,
}

impl DurableObject for Figures {
    fn new(state: State, _env: Env) -> Self {
        Self { state }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        let sql = ObjectSql(self.state.storage().sql());
        convert::outgoing(MetricsObject::new(&sql).handle(read(request).await?, WorkerClock.now())).await
    }
}

/// The bucket. If its settings are wrong, postpones the alarm and returns `None`.
async fn bucket_or_postpone<'a>(bucket: &'a Result<Bucket, ConfigError>, alarm: &ObjectAlarm) -> Option<&'a Bucket> {
    match bucket {
        Ok(bucket) => Some(bucket),
        Err(error) => {
            // The platform repeats an alarm that throws only a few times.
            postpone(alarm, WorkerClock.now()).await;
            worker::console_error!("an alarm is postponed until a setting is corrected: {error}");
            None
        }
    }
}

/// The request in the handshake of a WebSocket; `None` for any other request.
fn websocket_request<T: DeserializeOwned>(request: &Request) -> worker::Result<Option<T>> {
    if request.headers().get("upgrade")?.is_none() {
        return Ok(None);
    }
    // Not `url()`, whose parser takes a tenth of the whole Worker.
    let call = handshake_call(&request.inner().url());
    call.map(Some).ok_or_else(|| failed("the handshake has no request"))
}

/// Answers a close frame, without which the other end waits. The received code is not returned: a frame without a code
/// is reported with a number that must not be sent.
fn close(socket: &WebSocket) {
    // The socket may already be closed.
    let _ = socket.close(Some(1000), None::<&str>);
}

async fn read<T: DeserializeOwned>(mut request: Request) -> worker::Result<T> {
    // Not `json()`, which goes through JavaScript and rounds large numbers.
    serde_json::from_str(&request.text().await?).map_err(failed)
}

fn failed(error: impl std::fmt::Display) -> worker::Error {
    worker::Error::RustError(error.to_string())
}
