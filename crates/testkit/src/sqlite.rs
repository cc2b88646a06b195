//! The objects' SQL, on rusqlite.

use std::cell::Cell;

use partwright::object::{Sql, SqlError, Value};
use rusqlite::StatementStatus;
use rusqlite::types::ValueRef;

pub struct Sqlite {
    connection: rusqlite::Connection,
    /// Steps of SQLite's virtual machine so far: the cost of statements, independent of the computer's speed.
    pub steps: Cell<i64>,
}

impl Sqlite {
    pub fn new() -> Self {
        Self { connection: rusqlite::Connection::open_in_memory().unwrap(), steps: Cell::new(0) }
    }
}

impl Sql for Sqlite {
    fn exec(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Vec<Value>>, SqlError> {
        // The limit of Durable Objects.
        assert!(parameters.len() <= 100);
        let failed = |error: rusqlite::Error| SqlError(error.to_string());
        let mut prepared = self.connection.prepare_cached(statement).map_err(failed)?;
        let columns = prepared.column_count();
        let parameters = parameters.iter().map(|value| match value {
            Value::Null => rusqlite::types::Value::Null,
            Value::Integer(number) => rusqlite::types::Value::Integer(*number),
            Value::Text(text) => rusqlite::types::Value::Text(text.clone()),
        });
        let mut rows = prepared.query(rusqlite::params_from_iter(parameters)).map_err(failed)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            let read = |index| match row.get_ref(index).unwrap() {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(number) => Value::Integer(number),
                ValueRef::Text(text) => Value::Text(String::from_utf8(text.to_vec()).unwrap()),
                other => panic!("a column of another type: {other:?}"),
            };
            found.push((0..columns).map(read).collect());
        }
        drop(rows);
        self.steps.set(self.steps.get() + i64::from(prepared.reset_status(StatementStatus::VmStep)));
        Ok(found)
    }
}
