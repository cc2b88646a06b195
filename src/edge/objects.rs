//! The Durable Object classes: each reads its call, hands it to the plain Rust object, and writes the answer. What a class
//! has beside `fetch` stands in its attribute, since each door that nobody uses weighs a kilobyte; `Project` has all.

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

/// The life of one project's versions.
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
        let (sql, alarm, sockets, objects) = self.platform();
        let platform = ProjectPlatform {
            sql: &sql,
            alarm: &alarm,
            sockets: &sockets,
            http: &WorkerHttp,
            clock: &WorkerClock,
            objects: &objects,
            bucket,
        };
        let object = ProjectObject::new(platform, &self.memory);
        match asked_to_hold(&request)? {
            Some(call) => match object.greeting(&call).await {
                Ok(Greeting { message, close_at }) => sockets.take(&message, Some(close_at)),
                Err(refusal) => Response::error(format!("{refusal:?}"), 503),
            },
            None => convert::outgoing(object.handle(read(request).await?).await).await,
        }
    }

    async fn alarm(&self) -> worker::Result<Response> {
        let (sql, alarm, sockets, objects) = self.platform();
        let bucket = match &self.bucket {
            Ok(bucket) => bucket,
            Err(error) => {
                // Thrown, it would be repeated a few times and then forgotten.
                postpone(&alarm, WorkerClock.now()).await;
                worker::console_error!("an alarm is put off until a setting is mended: {error}");
                return Response::empty();
            }
        };
        let platform = ProjectPlatform {
            sql: &sql,
            alarm: &alarm,
            sockets: &sockets,
            http: &WorkerHttp,
            clock: &WorkerClock,
            objects: &objects,
            bucket,
        };
        let object = ProjectObject::new(platform, &self.memory);
        if let Err(refusal) = object.alarm().await {
            worker::console_error!("an alarm's step failed: {refusal:?}");
        }
        Response::empty()
    }

    async fn websocket_message(&self, _socket: WebSocket, _message: WebSocketIncomingMessage) -> worker::Result<()> {
        Ok(())
    }

    async fn websocket_close(&self, socket: WebSocket, _: usize, _: String, _: bool) -> worker::Result<()> {
        part(&socket);
        Ok(())
    }

    async fn websocket_error(&self, _socket: WebSocket, _error: worker::Error) -> worker::Result<()> {
        Ok(())
    }
}

impl Project {
    fn platform(&self) -> (ObjectSql, ObjectAlarm, ObjectSockets<'_>, Bindings) {
        let storage = self.state.storage();
        let (sql, sockets) = (ObjectSql(storage.sql()), ObjectSockets(&self.state));
        (sql, ObjectAlarm(storage), sockets, Bindings::new(self.env.clone()))
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

/// What is known about the store.
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
        match asked_to_hold(&request)? {
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
        part(&socket);
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
        let (sql, alarm, objects) = self.platform();
        let object = self.object((&sql, &alarm), &objects, bucket);
        convert::outgoing(object.handle(read(request).await?).await).await
    }

    async fn alarm(&self) -> worker::Result<Response> {
        let (sql, alarm, objects) = self.platform();
        let bucket = match &self.bucket {
            Ok(bucket) => bucket,
            Err(error) => {
                // Thrown, it would be repeated a few times and then forgotten.
                postpone(&alarm, WorkerClock.now()).await;
                worker::console_error!("an alarm is put off until a setting is mended: {error}");
                return Response::empty();
            }
        };
        if let Err(refusal) = self.object((&sql, &alarm), &objects, bucket).alarm().await {
            worker::console_error!("an alarm's step failed: {refusal:?}");
        }
        Response::empty()
    }
}

impl Chat {
    fn platform(&self) -> (ObjectSql, ObjectAlarm, Bindings) {
        let storage = self.state.storage();
        (ObjectSql(storage.sql()), ObjectAlarm(storage), Bindings::new(self.env.clone()))
    }

    fn object<'a>(
        &'a self,
        (sql, alarm): (&'a ObjectSql, &'a ObjectAlarm),
        objects: &'a Bindings,
        bucket: &'a Bucket,
    ) -> ChatObject<'a> {
        let ai = self.ai.as_ref().ok().and_then(Option::as_ref);
        ChatObject::new((sql, alarm), (&WorkerHttp, &WorkerClock), objects, (bucket, ai), &self.memory)
    }
}

/// One of those that add figures up.
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

/// The call of a WebSocket's handshake; none where the request is none.
fn asked_to_hold<T: DeserializeOwned>(request: &Request) -> worker::Result<Option<T>> {
    if request.headers().get("upgrade")?.is_none() {
        return Ok(None);
    }
    // Not by `url()`, whose parser weighs a tenth of the whole Worker.
    let call = handshake_call(&request.inner().url());
    call.map(Some).ok_or_else(|| failed("a handshake without a call"))
}

/// The other half of the goodbye, without which the other end waits. Not with the code that came: one that came without
/// any is told here by a number that nobody may send.
fn part(socket: &WebSocket) {
    // It may be closed already.
    let _ = socket.close(Some(1000), None::<&str>);
}

async fn read<T: DeserializeOwned>(mut request: Request) -> worker::Result<T> {
    // Not by `json()`, which goes through JavaScript and rounds large numbers.
    serde_json::from_str(&request.text().await?).map_err(failed)
}

fn failed(error: impl std::fmt::Display) -> worker::Error {
    worker::Error::RustError(error.to_string())
}
