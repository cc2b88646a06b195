//! The contents of the objects' databases.

use partwright::object::{ObjectName, Sql, Value};

use super::world::World;

impl World {
    /// Whether the project's object has created any table.
    pub fn has_tables(&self, project: &str) -> bool {
        let instance = self.instance(&ObjectName::Project(project.parse().unwrap()));
        !instance.sql.exec("SELECT 1 FROM sqlite_master", &[]).unwrap().is_empty()
    }

    /// Runs a statement in the project's SQLite.
    pub fn write_sql(&self, project: &str, statement: &str) {
        self.instance(&ObjectName::Project(project.parse().unwrap())).sql.exec(statement, &[]).unwrap();
    }

    /// The number of steps that SQLite has taken in the project's object.
    pub fn sql_steps(&self, project: &str) -> i64 {
        self.instance(&ObjectName::Project(project.parse().unwrap())).sql.steps.get()
    }

    /// The account's token rows as text. Empty if there are none.
    pub fn account_text(&self, user: &str) -> String {
        let instance = self.instance(&ObjectName::Account(user.to_owned()));
        let tables = instance.sql.exec("SELECT name FROM sqlite_master WHERE name = 'tokens'", &[]).unwrap();
        if tables.is_empty() { String::new() } else { format!("{:?}", instance.sql.exec("SELECT * FROM tokens", &[])) }
    }

    /// The id of the open turn in the project's conversation.
    pub fn open_turn(&self, project: &str) -> Option<String> {
        let sql = &self.instance(&ObjectName::Chat(project.parse().unwrap())).sql;
        let rows = sql.exec("SELECT id FROM turns WHERE ended_at IS NULL", &[]).unwrap();
        rows.into_iter().flatten().next().map(|id| match id {
            Value::Text(id) => id,
            other => panic!("{other:?}"),
        })
    }

    /// The projects that have a conversation.
    pub fn chats(&self) -> Vec<String> {
        let instances = self.instances.borrow();
        let names = instances.keys().filter_map(|name| match name {
            ObjectName::Chat(project) => Some(project.to_string()),
            _ => None,
        });
        names.collect()
    }

    /// All rows of the project's conversation as text.
    pub fn chat_text(&self, project: &str) -> String {
        let sql = &self.instance(&ObjectName::Chat(project.parse().unwrap())).sql;
        let tables = sql.exec("SELECT name FROM sqlite_master WHERE name IN ('turns', 'messages')", &[]).unwrap();
        let rows = |name: &str| format!("{:?}\n", sql.exec(&format!("SELECT * FROM {name}"), &[]).unwrap());
        if tables.is_empty() { String::new() } else { rows("turns") + &rows("messages") }
    }

    /// Runs a statement in the object of the project's conversation.
    pub fn chat_sql(&self, project: &str, statement: &str) {
        self.instance(&ObjectName::Chat(project.parse().unwrap())).sql.exec(statement, &[]).unwrap();
    }
}
