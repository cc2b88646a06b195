//! Retry: the script of a finished version becomes a new version, since a final version never changes.

use std::time::Duration;

use super::deliver::refusal;
use super::object::ProjectObject;
use super::refresh::ReportCheck;
use super::request::{NewScript, ProjectTarget, Refusal, RetryVersion, UploadScript};
use super::transitions;
use super::view::{Uploaded, VersionView};
use contract::{Key, MAX_SCRIPT_BYTES, Origin, Phase, Sha256};
use s3::S3Error;

/// The limit for each request to the bucket: a person waits.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

impl ProjectObject<'_> {
    /// Accepts the script of a finished version as the next version.
    ///
    /// # Errors
    /// Nothing is accepted then.
    pub(super) async fn retry(&self, call: &ProjectTarget, request: &RetryVersion) -> Result<Uploaded, Refusal> {
        let RetryVersion { version, idempotency } = request;
        let view = self.require_current(call, *version)?;
        let replayed = transitions::replayed(self.records(), &call.caller, idempotency.as_ref(), self.clock.now())?;
        // A repeated request needs no script.
        let code = if replayed.is_some() { String::new() } else { self.script_to_repeat(call, &view).await? };
        let script = NewScript { code, metadata: view.metadata, origin: Origin::Retry, parent: Some(*version) };
        let upload = UploadScript { script, idempotency: idempotency.clone(), timeout_ms: None };
        self.upload(call, &upload).await
    }

    /// The script of a finished version, as it was run.
    async fn script_to_repeat(&self, call: &ProjectTarget, view: &VersionView) -> Result<String, Refusal> {
        let (in_time, version) = (self.with_request_timeout(REQUEST_TIMEOUT), view.version);
        let is_finished = match view.phase {
            // A report under its number belongs to another writer, as the script there would.
            Phase::Stored => false,
            Phase::Queued | Phase::Running => {
                in_time.check_report(&call.project, view, false).await? == ReportCheck::Final
            }
            phase => phase.is_final(),
        };
        if !is_finished {
            return Err(Refusal::NotFinished(version, view.phase));
        }
        let key = Key::Script(call.project.clone(), version).to_string();
        let object = match in_time.client().get(&key, MAX_SCRIPT_BYTES).await {
            Ok(object) => object,
            Err(S3Error::NotFound) => return Err(Refusal::ScriptGone(version, key)),
            Err(S3Error::TooLarge { limit }) => {
                let why = format!("its script has more than {limit} bytes, the limit for an upload");
                return Err(Refusal::NotRepeatable(why));
            }
            Err(error) => return Err(refusal(&error)),
        };
        if view.sha256.as_ref().is_some_and(|digest| *digest != Sha256::of(&object.bytes)) {
            let why = format!("its script in the bucket ({key}) differs from the one that was uploaded or run");
            return Err(Refusal::NotRepeatable(why));
        }
        String::from_utf8(object.bytes.into())
            .map_err(|_| Refusal::NotRepeatable(format!("its script ({key}) is not UTF-8")))
    }
}
