//! The objects' alarms. They ring only when a test rings them.

use std::time::Duration;

use contract::Timestamp;
use partwright::object::{ObjectName, Sockets};
use partwright::project::postpone;
use platform::Clock;

use super::world::World;

impl World {
    /// When the alarm of the project's object is set to ring.
    pub fn alarm(&self, project: &str) -> Option<Timestamp> {
        self.instance(&ObjectName::Project(project.parse().unwrap())).alarm.0.get()
    }

    /// Waits until the project's alarm is due, and rings it. False if no alarm is set.
    pub async fn ring(&self, project: &str) -> bool {
        let instance = self.instance(&ObjectName::Project(project.parse().unwrap()));
        let Some(at) = instance.alarm.0.take() else { return false };
        self.clock.sleep(at.since(self.clock.now())).await;
        let memory = instance.memory.borrow().clone();
        match self.config {
            Ok(_) => self.project(&instance, &memory).alarm().await.unwrap(),
            Err(_) => postpone(&instance.alarm, self.clock.now()).await,
        }
        self.deliver_posted().await;
        true
    }

    /// Rings the project's alarm until only WebSockets are left to close.
    ///
    /// # Panics
    /// If that takes more than `most` times.
    pub async fn settle(&self, project: &str, most: usize) {
        let instance = self.instance(&ObjectName::Project(project.parse().unwrap()));
        for _ in 0..most {
            let closing = instance.sockets.close_due(self.clock.now());
            if self.alarm(project) == closing || !self.ring(project).await {
                return;
            }
        }
        panic!("the alarm of {project} still rings after {most} times");
    }

    /// When the alarm of the project's conversation is set to ring.
    pub fn chat_alarm(&self, project: &str) -> Option<Timestamp> {
        self.instance(&ObjectName::Chat(project.parse().unwrap())).alarm.0.get()
    }

    /// Rings the conversation's alarm now. The platform clears an alarm before it rings.
    pub async fn ring_chat(&self, project: &str) {
        let instance = self.instance(&ObjectName::Chat(project.parse().unwrap()));
        instance.alarm.0.take();
        let memory = instance.chat.borrow().clone();
        self.chat(&instance, &self.network(), &memory).alarm().await.unwrap();
    }

    /// Runs `work` while the alarms of the project and of its conversation ring when they are due.
    pub async fn while_ringing<T>(&self, project: &str, work: impl Future<Output = T>) -> T {
        let pause = Duration::from_millis(20);
        let chat = async {
            loop {
                match self.chat_alarm(project) {
                    Some(due) if due <= self.clock.now() => Box::pin(self.ring_chat(project)).await,
                    _ => self.clock.sleep(pause).await,
                }
            }
        };
        let versions = async {
            loop {
                match self.alarm(project) {
                    Some(due) if due <= self.clock.now() => drop(Box::pin(self.ring(project)).await),
                    _ => self.clock.sleep(pause).await,
                }
            }
        };
        tokio::select! {
            done = work => done,
            never = chat => never,
            never = versions => never,
        }
    }
}
