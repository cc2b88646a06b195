//! The Durable Object classes: each reads its call, hands it to the plain Rust object, and writes the answer.

use serde::Serialize;
use serde::de::DeserializeOwned;
use worker::{DurableObject, Env, Request, Response, State, durable_object};

use super::platform::{Bindings, ObjectAlarm, ObjectSql, WorkerClock, WorkerHttp, settings};
use crate::account::{AccountCall, AccountObject};
use crate::fleet::{FleetCall, FleetMemory, FleetObject};
use crate::http::Clock;
use crate::project::{Memory, ProjectCall, ProjectObject, postpone};
use crate::s3::{Bucket, Client, ConfigError};

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
        let call: ProjectCall = read(request).await?;
        let bucket = self.bucket.as_ref().map_err(failed)?;
        let (sql, alarm, objects) = self.platform();
        let object = ProjectObject::new((&sql, &alarm), (&WorkerHttp, &WorkerClock), &objects, bucket, &self.memory);
        answer(&object.handle(call).await)
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
        let object = ProjectObject::new((&sql, &alarm), (&WorkerHttp, &WorkerClock), &objects, bucket, &self.memory);
        if let Err(refusal) = object.alarm().await {
            worker::console_error!("an alarm's step failed: {refusal:?}");
        }
        Response::empty()
    }
}

impl Project {
    fn platform(&self) -> (ObjectSql, ObjectAlarm, Bindings) {
        let storage = self.state.storage();
        (ObjectSql(storage.sql()), ObjectAlarm(storage), Bindings::new(self.env.clone()))
    }
}

/// One user's index of projects.
#[durable_object]
pub struct Account {
    state: State,
}

impl DurableObject for Account {
    fn new(state: State, _env: Env) -> Self {
        Self { state }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        let call: AccountCall = read(request).await?;
        let sql = ObjectSql(self.state.storage().sql());
        answer(&AccountObject::new(&sql).handle(&call, WorkerClock.now()).map_err(failed)?)
    }
}

/// What is known about the store.
#[durable_object]
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
        let call: FleetCall = read(request).await?;
        let bucket = self.bucket.as_ref().map_err(failed)?;
        let sql = ObjectSql(self.state.storage().sql());
        let client = Client::new(&WorkerHttp, &WorkerClock, bucket);
        let object = FleetObject::new(&sql, client, &self.memory);
        answer(&object.handle(&call, &WorkerClock).await.map_err(failed)?)
    }
}

async fn read<T: DeserializeOwned>(mut request: Request) -> worker::Result<T> {
    // Not by `json()`, which goes through JavaScript and rounds large numbers.
    serde_json::from_str(&request.text().await?).map_err(failed)
}

fn answer(value: &impl Serialize) -> worker::Result<Response> {
    Response::from_json(value)
}

fn failed(error: impl std::fmt::Display) -> worker::Error {
    worker::Error::RustError(error.to_string())
}
