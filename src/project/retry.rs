//! Running a finished version again: its script becomes a new version, since a committed one never changes.

use std::time::Duration;

use super::call::{Idempotency, NewScript, ProjectTarget, Refusal, Uploaded, VersionView};
use super::deliver::refusal;
use super::life;
use super::object::ProjectObject;
use super::refresh::Asked;
use contract::{Key, MAX_SCRIPT_BYTES, Origin, Phase, Sha256, Version};
use s3::S3Error;

/// How long each request to the bucket may take in all: a person waits.
const PATIENCE: Duration = Duration::from_secs(10);

impl ProjectObject<'_> {
    /// Takes the script of a finished version as the next version.
    ///
    /// # Errors
    /// Nothing is accepted then.
    pub(super) async fn retry(
        &self,
        call: &ProjectTarget,
        version: Version,
        idempotency: Option<&Idempotency>,
    ) -> Result<Uploaded, Refusal> {
        let view = self.unmoved(call, version)?;
        let replayed = life::replayed(self.records(), &call.caller, idempotency, self.clock.now())?;
        // What was a version already needs no script.
        let code = if replayed.is_some() { String::new() } else { self.script_to_repeat(call, &view).await? };
        let script = NewScript { code, metadata: view.metadata, origin: Origin::Retry, parent: Some(version) };
        self.upload(call, &script, idempotency, None).await
    }

    /// The script of a finished version, as it was run.
    async fn script_to_repeat(&self, call: &ProjectTarget, view: &VersionView) -> Result<String, Refusal> {
        let (hasty, version) = (self.hasty(PATIENCE), view.version);
        let is_finished = match view.phase {
            // A report under its number is another's, as the script there would be.
            Phase::Stored => false,
            Phase::Queued | Phase::Running => hasty.ask_for_report(&call.project, view, false).await? == Asked::Final,
            phase => phase.is_final(),
        };
        if !is_finished {
            return Err(Refusal::NotFinished(version, view.phase));
        }
        let key = Key::Script(call.project.clone(), version).to_string();
        let object = match hasty.client().get(&key, MAX_SCRIPT_BYTES).await {
            Ok(object) => object,
            Err(S3Error::NotFound) => return Err(Refusal::ScriptGone(version, key)),
            Err(S3Error::TooLarge { limit }) => {
                let why = format!("its script is larger than {limit} bytes, the most that an upload takes");
                return Err(Refusal::NotRepeatable(why));
            }
            Err(error) => return Err(refusal(&error)),
        };
        if view.sha256.as_ref().is_some_and(|sum| *sum != Sha256::of(&object.bytes)) {
            let why = format!("its script in the bucket ({key}) is not the one that was uploaded or run");
            return Err(Refusal::NotRepeatable(why));
        }
        String::from_utf8(object.bytes.into())
            .map_err(|_| Refusal::NotRepeatable(format!("its script ({key}) is not UTF-8")))
    }
}
