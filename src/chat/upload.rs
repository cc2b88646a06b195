//! The step that uploads the model's script as the next version.

use super::alarm::StepError;
use super::events;
use super::object::ChatObject;
use super::turn::Turn;
use crate::project::{Idempotency, NewScript, UploadScript};
use contract::{IdempotencyKey, Origin};

impl ChatObject<'_> {
    /// Uploads the script. The idempotency key belongs to the turn and the repair, so repeated uploads become one
    /// version.
    pub(super) async fn upload(&self, mut turn: Turn) -> Result<(), StepError> {
        let script = NewScript {
            code: turn.script.clone().unwrap_or_default(),
            metadata: None,
            origin: if turn.repair > 0 { Origin::Repair } else { Origin::Ai },
            parent: turn.parent,
        };
        let invalid = |_| StepError::Retry("the idempotency key of an upload is invalid".to_owned());
        let key: IdempotencyKey = turn.upload_key().parse().map_err(invalid)?;
        let idempotency = Some(Idempotency::of_upload(key, &script));
        let request = UploadScript { script, idempotency, timeout_ms: None };
        let version = self.ask_project(&turn, request).await?.version;
        let subscribers = &self.memory.subscribers;
        subscribers.clear();
        self.records().set_version(&turn.id, version)?;
        turn.set_version(version, self.clock.now());
        self.save(&turn)?;
        subscribers.send(events::version_event(&turn));
        subscribers.send(events::state_event(&turn));
        Ok(())
    }
}
