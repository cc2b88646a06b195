//! The object's SQLite, by rusqlite.

use partwright::object::{Sql, SqlError, Value};
use rusqlite::types::ValueRef;

pub struct Sqlite(rusqlite::Connection);

impl Sqlite {
    pub fn new() -> Self {
        Self(rusqlite::Connection::open_in_memory().unwrap())
    }
}

impl Sql for Sqlite {
    fn exec(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Vec<Value>>, SqlError> {
        // The object's own limit.
        assert!(parameters.len() <= 100);
        let failed = |error: rusqlite::Error| SqlError(error.to_string());
        let mut prepared = self.0.prepare_cached(statement).map_err(failed)?;
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
                other => panic!("a column of another kind: {other:?}"),
            };
            found.push((0..columns).map(read).collect());
        }
        Ok(found)
    }
}
