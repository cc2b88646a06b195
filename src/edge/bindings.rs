//! The platform traits on workerd: fetch, clock, settings, SQL, alarm, WebSockets, and calls to Durable Objects.

use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use worker::durable::{ScheduledTime, Storage};
use worker::{
    Date, Delay, Env, Fetch, SqlStorage, SqlStorageValue, State, WebSocketPair, WebSocketRequestResponsePair,
};

use super::convert::{self, broken};
use crate::assets::Assets;
use crate::object::{Alarm, ObjectName, Objects, Sockets, Sql, SqlError, Value};
use contract::Timestamp;
use platform::{Body, Clock, Http, HttpError};

/// Sends through workerd's fetch.
pub(super) struct WorkerHttp;

impl Http for WorkerHttp {
    fn send(&self, request: http::Request<Bytes>) -> LocalBoxFuture<'_, Result<http::Response<Body>, HttpError>> {
        async move {
            let request = convert::request(&request)?;
            let response = Fetch::Request(request).send().await.map_err(|error| broken(&error))?;
            convert::response(response)
        }
        .boxed_local()
    }
}

/// The platform's clock, which advances only with I/O.
pub(super) struct WorkerClock;

impl Clock for WorkerClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(i64::try_from(Date::now().as_millis()).unwrap_or(0))
    }

    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'_, ()> {
        Delay::from(duration).boxed_local()
    }
}

/// Looks a setting up in the variables, then in the secrets.
pub(super) fn settings(env: &Env) -> impl Fn(&str) -> Option<String> + '_ {
    |name| {
        let variable = env.var(name).map(|value| value.to_string());
        variable.or_else(|_| env.secret(name).map(|value| value.to_string())).ok()
    }
}

/// The bindings of Durable Objects and assets.
pub(super) struct Bindings(Env);

impl Bindings {
    pub(super) fn new(env: Env) -> Self {
        Self(env)
    }

    /// Passes a request on. The response to a handshake has the WebSocket.
    pub(super) async fn forward(
        &self,
        object: &ObjectName,
        request: &http::Request<Bytes>,
    ) -> worker::Result<worker::Response> {
        let (binding, name) = address(object);
        let request = convert::request(request).map_err(|error| worker::Error::RustError(error.to_string()))?;
        self.0.durable_object(binding)?.get_by_name(&name)?.fetch_with_request(request).await
    }
}

/// The binding and the name of an object.
fn address(object: &ObjectName) -> (&'static str, String) {
    match object {
        ObjectName::Project(project) => ("PROJECT", project.to_string()),
        ObjectName::Account(user) => ("ACCOUNT", user.clone()),
        ObjectName::Fleet => ("FLEET", "fleet".to_owned()),
        ObjectName::Chat(project) => ("CHAT", project.to_string()),
        ObjectName::Figures(shard) => ("FIGURES", format!("figures-{shard}")),
    }
}

impl Objects for Bindings {
    fn send(
        &self,
        object: &ObjectName,
        request: http::Request<Bytes>,
    ) -> LocalBoxFuture<'_, Result<http::Response<Body>, HttpError>> {
        let object = object.clone();
        async move {
            let response = self.forward(&object, &request).await.map_err(|error| broken(&error))?;
            convert::response(response)
        }
        .boxed_local()
    }

    fn post(&self, object: ObjectName, request: http::Request<Bytes>) {
        let bindings = Self(self.0.clone());
        // An object stays alive until everything that it started has ended.
        worker::wasm_bindgen_futures::spawn_local(async move {
            // A lost hint is not a failure.
            let _ = bindings.forward(&object, &request).await;
        });
    }
}

impl Assets for Bindings {
    fn file(&self, name: &str) -> LocalBoxFuture<'_, Result<http::Response<Body>, HttpError>> {
        // Only the path counts; the host is arbitrary.
        let url = format!("https://assets/{name}");
        async move {
            let assets = self.0.assets("ASSETS").map_err(|error| broken(&error))?;
            assets.fetch(url, None).await.map(convert::streamed).map_err(|error| broken(&error))
        }
        .boxed_local()
    }
}

/// The WebSockets of an object. The platform keeps them while the object hibernates.
pub(super) struct ObjectSockets<'a>(pub(super) &'a State);

impl Sockets for ObjectSockets<'_> {
    fn send_all(&self, text: &str) {
        for socket in self.0.get_websockets() {
            // The socket may be closing already.
            let _ = socket.send_with_str(text);
        }
    }

    fn count(&self) -> usize {
        self.0.get_websockets().len()
    }

    fn close_all(&self, reason: &str) {
        for socket in self.0.get_websockets() {
            // 1008: policy violation (RFC 6455, section 7.4.1). The socket may be closing already.
            let _ = socket.close(Some(1008), Some(reason));
        }
    }

    fn close_due(&self, now: Timestamp) -> Option<Timestamp> {
        let mut next = None;
        for socket in self.0.get_websockets() {
            let until = self.0.get_tags(&socket).first().and_then(|tag| tag.parse().ok()).map(Timestamp::from_millis);
            match until {
                // 1012: service restart (IANA close code registry). The socket may be closing already.
                Some(until) if until <= now => drop(socket.close(Some(1012), Some("connect again"))),
                Some(until) => next = Some(next.map_or(until, |next: Timestamp| next.min(until))),
                None => {}
            }
        }
        next
    }
}

impl ObjectSockets<'_> {
    /// Answers a handshake: accepts the socket, for at most until `until`, and sends `first`. From then on the platform
    /// answers "ping" with "pong" without waking the object.
    pub(super) fn take(&self, first: &str, until: Option<Timestamp>) -> worker::Result<worker::Response> {
        let WebSocketPair { client, server } = WebSocketPair::new()?;
        self.0.set_websocket_auto_response(&WebSocketRequestResponsePair::new("ping", "pong")?);
        match until {
            Some(until) => self.0.accept_websocket_with_tags(&server, &[&until.as_millis().to_string()]),
            None => self.0.accept_web_socket(&server),
        }
        server.send_with_str(first)?;
        worker::Response::from_websocket(client)
    }
}

pub(super) struct ObjectSql(pub(super) SqlStorage);

impl Sql for ObjectSql {
    fn exec(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Vec<Value>>, SqlError> {
        let failed = |error: worker::Error| SqlError(error.to_string());
        let parameters: Vec<SqlStorageValue> = parameters
            .iter()
            .map(|value| match value {
                Value::Null => SqlStorageValue::Null,
                Value::Integer(number) => SqlStorageValue::Integer(*number),
                Value::Text(text) => SqlStorageValue::String(text.clone()),
            })
            .collect();
        let rows = self.0.exec(statement, parameters).map_err(failed)?;
        rows.raw()
            .map(|row| {
                let columns = row.map_err(failed)?.into_iter().map(|value| match value {
                    SqlStorageValue::Null => Ok(Value::Null),
                    SqlStorageValue::Boolean(flag) => Ok(Value::Integer(flag.into())),
                    SqlStorageValue::Integer(number) => Ok(Value::Integer(number)),
                    SqlStorageValue::String(text) => Ok(Value::Text(text)),
                    other => Err(SqlError(format!("a column has an unexpected type: {other:?}"))),
                });
                columns.collect()
            })
            .collect()
    }
}

pub(super) struct ObjectAlarm(pub(super) Storage);

impl Alarm for ObjectAlarm {
    fn set(&self, at: Option<Timestamp>) -> LocalBoxFuture<'_, ()> {
        async move {
            let outcome = match at {
                Some(at) => {
                    self.0.set_alarm(ScheduledTime::new(js_sys::Date::new(&(at.as_millis() as f64).into()))).await
                }
                None => self.0.delete_alarm().await,
            };
            if let Err(error) = outcome {
                worker::console_error!("failed to set the alarm: {error}");
            }
        }
        .boxed_local()
    }
}
