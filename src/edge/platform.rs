//! workerd behind the seams: fetch, the clock, settings, SQL, the alarm, and the way to the objects.

use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use worker::durable::{ScheduledTime, Storage};
use worker::{Date, Delay, Env, Fetch, SqlStorage, SqlStorageValue};

use super::convert::{self, broken};
use crate::contract::Timestamp;
use crate::http::{Body, Clock, Http, HttpError};
use crate::object::{Alarm, ObjectName, Objects, Sql, SqlError, Value};

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

/// The platform's clock, which stands still between I/O.
pub(super) struct WorkerClock;

impl Clock for WorkerClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(i64::try_from(Date::now().as_millis()).unwrap_or(0))
    }

    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'_, ()> {
        Delay::from(duration).boxed_local()
    }
}

/// Looks a setting up among the variables, then among the secrets.
pub(super) fn settings(env: &Env) -> impl Fn(&str) -> Option<String> + '_ {
    |name| {
        let variable = env.var(name).map(|value| value.to_string());
        variable.or_else(|_| env.secret(name).map(|value| value.to_string())).ok()
    }
}

/// The objects behind the bindings.
pub(super) struct Bindings(Env);

impl Bindings {
    pub(super) fn new(env: Env) -> Self {
        Self(env)
    }
}

impl Objects for Bindings {
    fn send(
        &self,
        object: &ObjectName,
        request: http::Request<Bytes>,
    ) -> LocalBoxFuture<'_, Result<http::Response<Body>, HttpError>> {
        let (binding, name) = match object {
            ObjectName::Project(project) => ("PROJECT", project.to_string()),
            ObjectName::Account(user) => ("ACCOUNT", user.clone()),
            ObjectName::Fleet => ("FLEET", "fleet".to_owned()),
        };
        async move {
            let namespace = self.0.durable_object(binding).map_err(|error| broken(&error))?;
            let stub = namespace.get_by_name(&name).map_err(|error| broken(&error))?;
            let request = convert::request(&request)?;
            let response = stub.fetch_with_request(request).await.map_err(|error| broken(&error))?;
            convert::response(response)
        }
        .boxed_local()
    }
}

/// An object's SQLite.
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
                    other => Err(SqlError(format!("a column of another kind: {other:?}"))),
                });
                columns.collect()
            })
            .collect()
    }
}

/// An object's alarm.
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
                worker::console_error!("the alarm could not be set: {error}");
            }
        }
        .boxed_local()
    }
}
