//! Delivery: puts the script, then the ticket, into the bucket.

use std::cell::Cell;

use bytes::Bytes;
use futures::stream::{self, StreamExt};

use super::object::ProjectObject;
use super::request::Refusal;
use super::transitions::{self, BucketVersion};
use super::view::VersionView;
use crate::fleet::{FleetTarget, GetVerdict, StoreVerdict};
use crate::object::{WORKER_CONNECTIONS, call};
use contract::{Key, ProjectId, ScriptMetadata, UploadId, Version, Wake};
use s3::{PutOptions, S3Error, S3ErrorKind};

/// How often one delivery moves to another number because another writer has taken its own.
const MAX_MOVES: usize = 20;

/// The most kept scripts that one alarm delivers.
const MAX_DELIVERIES: u32 = 200;

/// The result of a delivery.
pub(super) enum Delivery {
    /// The bucket has the script under this number.
    Delivered(Version),
    /// The upload was delivered or withdrawn before.
    NothingToDo,
    /// The bucket may have the script. A later delivery finds out.
    Indeterminate(Refusal),
    /// The bucket does not have the script.
    Rejected(Refusal),
}

/// The script under a number.
enum FoundScript {
    Ours,
    Foreign(BucketVersion),
    /// The script was removed since.
    Missing,
}

impl ProjectObject<'_> {
    /// Makes sure that the store is fit, and that the records know which numbers the bucket has.
    pub(super) async fn prepare_bucket(&self, project: &ProjectId) -> Result<(), Refusal> {
        self.require_fit_store().await?;
        self.catch_up_once(project).await
    }

    /// Delivers the scripts that only the object has. If the bucket does not answer, or refuses, the next alarm tries
    /// again.
    pub(super) async fn deliver_stored(&self, project: &ProjectId) -> Result<(), Refusal> {
        let waiting = self.idle(self.records().stored(MAX_DELIVERIES)?);
        if waiting.is_empty() || self.prepare_bucket(project).await.is_err() {
            return Ok(());
        }
        let stopped = Cell::new(false);
        // The preparation may have changed numbers. Each script takes up to a MiB of memory.
        let outcomes: Vec<_> = stream::iter(self.idle(self.records().stored(MAX_DELIVERIES)?))
            .map(async |view| {
                let (false, Some(upload)) = (stopped.get(), &view.upload_id) else { return Ok(()) };
                match self.deliver(project, upload, view.version).await? {
                    Delivery::Delivered(_) | Delivery::NothingToDo => {}
                    Delivery::Rejected(Refusal::NoMoreVersions | Refusal::Broken(_)) => {}
                    // The bucket would answer the other scripts in the same way.
                    Delivery::Indeterminate(_) | Delivery::Rejected(_) => stopped.set(true),
                }
                Ok::<_, Refusal>(())
            })
            .buffer_unordered(WORKER_CONNECTIONS)
            .collect()
            .await;
        outcomes.into_iter().collect()
    }

    /// Puts the script of an upload, then its ticket. `version` is a number that the upload has or had.
    ///
    /// # Errors
    /// Only when the object's own storage fails.
    pub(super) async fn deliver(
        &self,
        project: &ProjectId,
        upload: &UploadId,
        version: Version,
    ) -> Result<Delivery, Refusal> {
        let records = self.records();
        let Some(version) = records.number_of(upload, version)? else { return Ok(Delivery::NothingToDo) };
        let Some(view) = records.version(version)? else { return Ok(Delivery::NothingToDo) };
        let Some(code) = records.held_script(version)? else { return Ok(Delivery::NothingToDo) };
        let Some(_guard) = self.memory.deliveries.try_start(upload, self.clock.now()) else {
            return Ok(Delivery::Indeterminate(delivery_in_flight()));
        };
        let delivery = self.put_script(project, &view, Bytes::from(code)).await?;
        if let Delivery::Delivered(version) = delivery {
            transitions::delivered(records, version, self.clock.now())?;
            self.memory.bucket.set_responsive();
            // The bucket has the script, so the upload is accepted. If the ticket fails, the alarm or a runner's sweep
            // creates it.
            let _ = self.put_ticket(project, version).await;
        }
        Ok(delivery)
    }

    /// Puts the script under the first number that no other writer has taken.
    async fn put_script(&self, project: &ProjectId, view: &VersionView, code: Bytes) -> Result<Delivery, Refusal> {
        let mut options = PutOptions::if_absent().content_type("text/x-python; charset=utf-8");
        options.metadata = metadata(view)?.to_pairs();
        let mut version = view.version;
        for _ in 0..MAX_MOVES {
            let key = Key::Script(project.clone(), version).to_string();
            let taken = match self.client().put(&key, code.clone(), &options).await {
                Ok(_) => return Ok(Delivery::Delivered(version)),
                Err(S3Error::PreconditionFailed) => match self.script_under(&key, view, version).await {
                    Ok(FoundScript::Ours) => return Ok(Delivery::Delivered(version)),
                    Ok(FoundScript::Foreign(found)) => found,
                    Ok(FoundScript::Missing) => continue,
                    // This delivery may have taken the key.
                    Err(error) => return Ok(Delivery::Indeterminate(refusal(&error))),
                },
                Err(error) => return Ok(failed(&error)),
            };
            // Another writer has put scripts: adopt them all and take the number after them. If the bucket does not list
            // them, take the next number.
            let (others, error) = match self.list_bucket_versions(project).await {
                Ok(others) => (others, None),
                Err(error) => (Vec::new(), Some(error)),
            };
            let (records, now) = (self.records(), self.clock.now());
            match transitions::make_way(records, view.upload_id.as_ref(), &taken, &others, now) {
                Ok(Some(to)) => version = to,
                Ok(None) => return Ok(Delivery::Indeterminate(delivery_in_flight())),
                Err(refusal) => return Ok(Delivery::Rejected(refusal)),
            }
            transitions::schedule_soon(records, now)?;
            if let Some(error) = error {
                return Ok(failed(&error));
            }
        }
        let busy = "other writers kept taking this project's numbers in the bucket";
        Ok(Delivery::Indeterminate(Refusal::BucketUnavailable(busy.to_owned())))
    }

    /// Looks at the script that made a put-if-absent fail. It is ours if the answer to an earlier put was lost.
    async fn script_under(&self, key: &str, view: &VersionView, version: Version) -> Result<FoundScript, S3Error> {
        match self.client().head(key).await {
            Ok(head) if head.meta(ScriptMetadata::UPLOAD_ID) == view.upload_id.as_ref().map(|id| id.as_str()) => {
                Ok(FoundScript::Ours)
            }
            Ok(head) => {
                let at = head.last_modified.unwrap_or_else(|| self.clock.now());
                let size = head.size.unwrap_or(0);
                Ok(FoundScript::Foreign(BucketVersion { version, script: true, size, at }))
            }
            Err(S3Error::NotFound) => Ok(FoundScript::Missing),
            Err(error) => Err(error),
        }
    }

    /// Creates the ticket, unless it exists.
    pub(super) async fn put_ticket(&self, project: &ProjectId, version: Version) -> Result<(), S3Error> {
        let key = Key::Ticket(project.clone(), version).to_string();
        match self.client().put(&key, Bytes::new(), &PutOptions::if_absent()).await {
            Ok(_) => {
                self.wake_runners(Wake::Look);
                Ok(())
            }
            Err(S3Error::PreconditionFailed) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The uploads of `stored` that no request is delivering.
    pub(super) fn idle(&self, mut stored: Vec<VersionView>) -> Vec<VersionView> {
        let (deliveries, now) = (&self.memory.deliveries, self.clock.now());
        stored.retain(|view| !view.upload_id.as_ref().is_some_and(|upload| deliveries.is_in_flight(upload, now)));
        stored
    }

    /// Refuses to write to a store that `Fleet` has not found fit.
    async fn require_fit_store(&self) -> Result<(), Refusal> {
        if self.memory.bucket.is_fit.get() {
            return Ok(());
        }
        let state = call(self.objects, &FleetTarget, GetVerdict).await;
        match state.map_err(|error| Refusal::Broken(error.to_string()))?.verdict {
            StoreVerdict::Fit => {
                self.memory.bucket.is_fit.set(true);
                Ok(())
            }
            StoreVerdict::Unfit(why) | StoreVerdict::Refuses(why) => Err(Refusal::BucketRefuses(why)),
            StoreVerdict::Unavailable(why) => Err(Refusal::BucketUnavailable(why)),
        }
    }
}

/// Another request delivers the script.
fn delivery_in_flight() -> Refusal {
    Refusal::BucketUnavailable("the script is on its way to it".to_owned())
}

fn failed(error: &S3Error) -> Delivery {
    let refusal = refusal(error);
    if error.is_transient() { Delivery::Indeterminate(refusal) } else { Delivery::Rejected(refusal) }
}

/// The refusal for an error of the store.
pub(super) fn refusal(error: &S3Error) -> Refusal {
    match error.kind() {
        S3ErrorKind::Retry => Refusal::BucketUnavailable(error.to_string()),
        S3ErrorKind::Refused => Refusal::BucketRefuses(error.to_string()),
        S3ErrorKind::Object => Refusal::Broken(error.to_string()),
    }
}

fn metadata(view: &VersionView) -> Result<ScriptMetadata, Refusal> {
    let missing = || Refusal::Broken(format!("version {} was not uploaded here", view.version));
    Ok(ScriptMetadata {
        upload_id: view.upload_id.clone().ok_or_else(missing)?,
        request_id: view.request_id.clone().ok_or_else(missing)?,
        sha256: view.sha256.clone().ok_or_else(missing)?,
        user: view.user.clone().ok_or_else(missing)?,
        time: view.accepted_at,
        origin: view.origin,
        parent: view.parent,
    })
}
