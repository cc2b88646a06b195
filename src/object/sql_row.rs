//! Between the columns of a row and the types of this program.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Sql, SqlError, Value};
use contract::{IdempotencyKey, Origin, Phase, ProjectId, Report, RequestId, Sha256, Timestamp, UploadId, Version};

/// A type that a column can hold.
pub(crate) trait Column: Sized {
    fn to_value(&self) -> Value;

    /// # Errors
    /// When the value is not one that [`to_value`](Self::to_value) gives.
    fn from_value(value: Value) -> Result<Self, SqlError>;
}

/// Builds the parameters of a statement, or a row, from columns.
macro_rules! row {
    ($($value:expr),* $(,)?) => { [$($crate::object::Column::to_value(&$value)),*] };
}
pub(crate) use row;

/// Reads the columns of one row from left to right.
pub(crate) struct RowReader(std::vec::IntoIter<Value>);

impl RowReader {
    pub(crate) fn get<T: Column>(&mut self) -> Result<T, SqlError> {
        T::from_value(self.0.next().ok_or_else(|| SqlError("a row is too short".to_owned()))?)
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
        self.any("SELECT 1 FROM sqlite_master WHERE name = ?", &[Value::Text(name.to_owned())])
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

impl<T: Column> Column for Option<T> {
    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_value)
    }

    fn from_value(value: Value) -> Result<Self, SqlError> {
        if value == Value::Null { Ok(None) } else { T::from_value(value).map(Some) }
    }
}

impl Column for String {
    fn to_value(&self) -> Value {
        Value::Text(self.clone())
    }

    fn from_value(value: Value) -> Result<Self, SqlError> {
        match value {
            Value::Text(text) => Ok(text),
            Value::Integer(number) => Ok(number.to_string()),
            Value::Null => Err(SqlError("a column is NULL".to_owned())),
        }
    }
}

impl Column for Timestamp {
    fn to_value(&self) -> Value {
        Value::Integer(self.as_millis())
    }

    fn from_value(value: Value) -> Result<Self, SqlError> {
        parsed(value).map(Self::from_millis)
    }
}

/// A number of at most 2^53 - 1.
macro_rules! number_columns {
    ($($type:ty: $number:expr),*) => {
        $(impl Column for $type {
            fn to_value(&self) -> Value {
                let number: fn(&$type) -> u64 = $number;
                Value::Integer(i64::try_from(number(self)).unwrap_or(i64::MAX))
            }

            fn from_value(value: Value) -> Result<Self, SqlError> {
                parsed(value)
            }
        })*
    };
}
number_columns!(u32: |number| u64::from(*number), u64: |number| *number, Version: |version| version.get());

/// Text as `Display` writes and `FromStr` reads it.
macro_rules! text_columns {
    ($($type:ty),*) => {
        $(impl Column for $type {
            fn to_value(&self) -> Value {
                Value::Text(self.to_string())
            }

            fn from_value(value: Value) -> Result<Self, SqlError> {
                parsed(value)
            }
        })*
    };
}
text_columns!(IdempotencyKey, Origin, Phase, ProjectId, RequestId, Sha256, UploadId);

macro_rules! json_columns {
    ($($type:ty),*) => {
        $(impl Column for $type {
            fn to_value(&self) -> Value {
                json_value(self)
            }

            fn from_value(value: Value) -> Result<Self, SqlError> {
                from_json(value)
            }
        })*
    };
}
json_columns!(Report, serde_json::Value);

fn parsed<T: std::str::FromStr>(value: Value) -> Result<T, SqlError> {
    let text = String::from_value(value)?;
    text.parse().map_err(|_| SqlError(format!("a column holds {text:?}")))
}

/// The types that are stored as JSON are plain data, which JSON can always hold.
fn json_value(value: &impl Serialize) -> Value {
    Value::Text(serde_json::to_string(value).unwrap_or_default())
}

fn from_json<T: DeserializeOwned>(value: Value) -> Result<T, SqlError> {
    serde_json::from_str(&String::from_value(value)?).map_err(|error| SqlError(error.to_string()))
}
