//! Between the columns of a row and the types of the records.

use std::fmt::Display;

use serde::de::DeserializeOwned;

use crate::object::{SqlError, Value};
use contract::{Timestamp, Version};

/// Reads the columns of one row from left to right.
pub(super) struct Reader(std::vec::IntoIter<Value>);

impl Reader {
    pub(super) fn new(row: Vec<Value>) -> Self {
        Self(row.into_iter())
    }

    pub(super) fn optional_text(&mut self) -> Result<Option<String>, SqlError> {
        match self.0.next() {
            Some(Value::Null) => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::Integer(number)) => Ok(Some(number.to_string())),
            None => Err(SqlError("a row is too short".to_owned())),
        }
    }

    pub(super) fn text(&mut self) -> Result<String, SqlError> {
        self.optional_text()?.ok_or_else(|| SqlError("a column is NULL".to_owned()))
    }

    pub(super) fn optional_parsed<T: std::str::FromStr>(&mut self) -> Result<Option<T>, SqlError> {
        let parse = |text: String| text.parse().map_err(|_| SqlError(format!("a column holds {text:?}")));
        self.optional_text()?.map(parse).transpose()
    }

    pub(super) fn parsed<T: std::str::FromStr>(&mut self) -> Result<T, SqlError> {
        self.optional_parsed()?.ok_or_else(|| SqlError("a column is NULL".to_owned()))
    }

    pub(super) fn time(&mut self) -> Result<Option<Timestamp>, SqlError> {
        Ok(self.optional_parsed()?.map(Timestamp::from_millis))
    }

    pub(super) fn json<T: DeserializeOwned>(&mut self) -> Result<Option<T>, SqlError> {
        let parse = |text: String| serde_json::from_str(&text).map_err(|error| SqlError(error.to_string()));
        self.optional_text()?.map(parse).transpose()
    }
}

pub(super) fn text(value: impl Display) -> Value {
    Value::Text(value.to_string())
}

pub(super) fn optional(value: &Option<impl Display>) -> Value {
    value.as_ref().map_or(Value::Null, text)
}

pub(super) fn integer(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

pub(super) fn version(version: Version) -> Value {
    integer(version.get())
}

pub(super) fn time(time: Timestamp) -> Value {
    Value::Integer(time.as_millis())
}
