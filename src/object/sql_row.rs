//! Between the columns of a row and the types of this program.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Sql, SqlError, Value};
use crate::auth::{Scope, TokenHash, TokenKind};
use contract::{
    IdempotencyKey, Origin, Phase, ProjectId, Report, RequestId, Sha256, Timestamp, TurnId, UploadId, Version,
};

/// A type that can be written to a column.
pub(crate) trait ToValue {
    fn to_value(&self) -> Value;
}

/// A type that can be read from a column.
pub(crate) trait FromValue: Sized {
    /// # Errors
    /// When the column holds something that this program never wrote.
    fn from_value(value: Value) -> Result<Self, SqlError>;
}

/// Builds the parameters of a statement.
macro_rules! row {
    ($($value:expr),* $(,)?) => { [$($crate::object::ToValue::to_value(&$value)),*] };
}
pub(crate) use row;

/// Reads the columns of one row from left to right.
pub(crate) struct RowReader(std::vec::IntoIter<Value>);

impl RowReader {
    pub(crate) fn get<T: FromValue>(&mut self) -> Result<T, SqlError> {
        T::from_value(self.next()?)
    }

    /// Reads a column that holds JSON text.
    pub(crate) fn json<T: DeserializeOwned>(&mut self) -> Result<T, SqlError> {
        from_json(self.next()?)
    }

    fn next(&mut self) -> Result<Value, SqlError> {
        self.0.next().ok_or_else(|| SqlError("a row is too short".to_owned()))
    }
}

impl dyn Sql + '_ {
    /// Runs a statement that gives no rows.
    pub(crate) fn run(&self, statement: &str, parameters: &[Value]) -> Result<(), SqlError> {
        self.exec(statement, parameters).map(drop)
    }

    /// Whether a statement gives any row.
    pub(crate) fn any(&self, statement: &str, parameters: &[Value]) -> Result<bool, SqlError> {
        self.exec(statement, parameters).map(|rows| !rows.is_empty())
    }

    pub(crate) fn has_table(&self, name: &str) -> Result<bool, SqlError> {
        self.any("SELECT 1 FROM sqlite_master WHERE name = ?", &row![name])
    }

    /// Reads every row.
    pub(crate) fn query_all<T>(
        &self,
        statement: &str,
        parameters: &[Value],
        mut read: impl FnMut(&mut RowReader) -> Result<T, SqlError>,
    ) -> Result<Vec<T>, SqlError> {
        let rows = self.exec(statement, parameters)?;
        rows.into_iter().map(|row| read(&mut RowReader(row.into_iter()))).collect()
    }

    /// Reads the first row, if there is one.
    pub(crate) fn query_opt<T>(
        &self,
        statement: &str,
        parameters: &[Value],
        read: impl FnOnce(&mut RowReader) -> Result<T, SqlError>,
    ) -> Result<Option<T>, SqlError> {
        let first = self.exec(statement, parameters)?.into_iter().next();
        first.map(|row| read(&mut RowReader(row.into_iter()))).transpose()
    }

    /// Reads the first row of a statement that always gives one, such as a count.
    pub(crate) fn query_one<T>(
        &self,
        statement: &str,
        parameters: &[Value],
        read: impl FnOnce(&mut RowReader) -> Result<T, SqlError>,
    ) -> Result<T, SqlError> {
        self.query_opt(statement, parameters, read)?.ok_or_else(|| SqlError("a query gave no row".to_owned()))
    }
}

impl ToValue for Value {
    fn to_value(&self) -> Value {
        self.clone()
    }
}

impl<T: ToValue + ?Sized> ToValue for &T {
    fn to_value(&self) -> Value {
        T::to_value(self)
    }
}

impl<T: ToValue> ToValue for Option<T> {
    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_value)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Result<Self, SqlError> {
        if value == Value::Null { Ok(None) } else { T::from_value(value).map(Some) }
    }
}

impl FromValue for String {
    fn from_value(value: Value) -> Result<Self, SqlError> {
        match value {
            Value::Text(text) => Ok(text),
            Value::Integer(number) => Ok(number.to_string()),
            Value::Null => Err(SqlError("a column is NULL".to_owned())),
        }
    }
}

impl ToValue for Timestamp {
    fn to_value(&self) -> Value {
        Value::Integer(self.as_millis())
    }
}

impl FromValue for Timestamp {
    fn from_value(value: Value) -> Result<Self, SqlError> {
        parsed(value).map(Self::from_millis)
    }
}

impl ToValue for bool {
    fn to_value(&self) -> Value {
        Value::Integer((*self).into())
    }
}

impl FromValue for bool {
    fn from_value(value: Value) -> Result<Self, SqlError> {
        parsed::<u8>(value).map(|number| number == 1)
    }
}

impl ToValue for Version {
    fn to_value(&self) -> Value {
        self.get().to_value()
    }
}

macro_rules! numbers {
    ($($type:ty),*) => {
        $(impl ToValue for $type {
            fn to_value(&self) -> Value {
                Value::Integer(i64::try_from(*self).unwrap_or(i64::MAX))
            }
        })*
    };
}
numbers!(u32, u64, i64);

/// Types that are stored as text.
macro_rules! texts {
    ($($type:ty),*) => {
        $(impl ToValue for $type {
            fn to_value(&self) -> Value {
                Value::Text(self.to_string())
            }
        })*
    };
}
texts!(
    str,
    String,
    IdempotencyKey,
    Origin,
    Phase,
    ProjectId,
    RequestId,
    Scope,
    Sha256,
    TokenHash,
    TokenKind,
    TurnId,
    UploadId
);

/// Types that are read with `FromStr`, from text or a number.
macro_rules! parsed {
    ($($type:ty),*) => {
        $(impl FromValue for $type {
            fn from_value(value: Value) -> Result<Self, SqlError> {
                parsed(value)
            }
        })*
    };
}
parsed!(u32, u64, i64, Origin, Phase, ProjectId, RequestId, Scope, Sha256, TokenKind, TurnId, UploadId, Version);

/// Types that are stored as JSON text.
macro_rules! json {
    ($($type:ty),*) => {
        $(impl ToValue for $type {
            fn to_value(&self) -> Value {
                json_value(self)
            }
        }

        impl FromValue for $type {
            fn from_value(value: Value) -> Result<Self, SqlError> {
                from_json(value)
            }
        })*
    };
}
json!(Report, serde_json::Value);

fn parsed<T: std::str::FromStr>(value: Value) -> Result<T, SqlError> {
    let text = String::from_value(value)?;
    text.parse().map_err(|_| SqlError(format!("a column holds {text:?}")))
}

/// A column of JSON text. `value` is plain data, which JSON can always hold.
pub(crate) fn json_value(value: &impl Serialize) -> Value {
    Value::Text(serde_json::to_string(value).unwrap_or_default())
}

fn from_json<T: DeserializeOwned>(value: Value) -> Result<T, SqlError> {
    serde_json::from_str(&String::from_value(value)?).map_err(|error| SqlError(error.to_string()))
}
