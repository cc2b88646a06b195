//! Metrics: sending them, and what the metrics objects have stored.

use std::time::Duration;

use partwright::metrics::METRICS_OBJECTS;
use partwright::object::{ObjectName, Sql};
use platform::Clock;

use super::network::Line;
use super::world::World;

impl World {
    /// Sends what the API has counted, as the Worker does after a response.
    pub async fn send_tally(&self) {
        self.tally.send(self, &self.clock).await;
    }

    /// Lets the API and all objects send what they have counted, if their alarms are due within two minutes.
    pub async fn send_metrics(&self) {
        self.send_tally().await;
        let until = self.clock.now().after(Duration::from_secs(120));
        let names: Vec<ObjectName> = self.instances.borrow().keys().cloned().collect();
        for name in names {
            let due = || self.instance(&name).alarm.0.get().filter(|due| *due <= until);
            match &name {
                ObjectName::Project(project) => while due().is_some() && self.ring(project.as_str()).await {},
                ObjectName::Chat(project) => {
                    while let Some(due) = due() {
                        self.clock.sleep(due.since(self.clock.now())).await;
                        self.ring_chat(project.as_str()).await;
                    }
                }
                _ => {}
            }
        }
    }

    /// Sets the line to all metrics objects.
    pub fn set_metrics_line(&self, line: Line) {
        *self.faults.metrics.borrow_mut() = [line; METRICS_OBJECTS as usize];
    }

    /// All rows of the metrics objects as text.
    pub fn metrics_text(&self) -> String {
        let text = |shard| {
            let sql = &self.instance(&ObjectName::Figures(shard)).sql;
            let rows = |name: &str| format!("{:?}\n", sql.exec(&format!("SELECT * FROM {name}"), &[]).unwrap());
            let tables = sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'sums'", &[]).unwrap();
            if tables.is_empty() { String::new() } else { rows("sums") + &rows("writers") }
        };
        (0..METRICS_OBJECTS).map(text).collect()
    }
}
