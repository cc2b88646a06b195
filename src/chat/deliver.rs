//! The step that makes the model's script the next version.

use super::alarm::Setback;
use super::object::ChatObject;
use super::turn::Turn;
use super::words;
use crate::project::{Idempotency, NewScript, UploadScript};
use contract::{IdempotencyKey, Origin, ProjectId};

impl ChatObject<'_> {
    /// Uploads the script. Its key is the turn's and the try's own, so that it becomes one version however often this
    /// runs.
    pub(super) async fn deliver(&self, project: &ProjectId, mut turn: Turn) -> Result<(), Setback> {
        let script = NewScript {
            code: turn.script.clone().unwrap_or_default(),
            metadata: None,
            origin: if turn.repair > 0 { Origin::Repair } else { Origin::Ai },
            parent: turn.parent,
        };
        let broken = |why: &str| Setback::Passing(why.to_owned());
        let key: IdempotencyKey = turn.upload_key().parse().map_err(|_| broken("an upload's key has a wrong form"))?;
        let idempotency = Some(Idempotency::of_upload(key, &script));
        let request = UploadScript { script, idempotency, timeout_ms: None };
        let uploaded = self.ask_project(project, &turn, request).await?;
        let live = &self.memory.live;
        live.begin_answer();
        self.records().set_version(&turn.id, uploaded.version)?;
        turn.uploaded(uploaded.version, self.clock.now());
        self.keep(project, &turn)?;
        live.tell(words::version_event(project, &turn));
        live.tell(words::state_event(&turn));
        Ok(())
    }
}
