//! Delivery: the script, then the ticket, into the bucket.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use bytes::Bytes;
use futures::stream::{self, StreamExt};

use super::call::{Refusal, VersionView};
use super::life::{self, Found};
use super::object::{ProjectObject, is_under_way};
use crate::fleet::{FleetTarget, GetVerdict, StoreVerdict};
use crate::object::call;
use contract::{Key, ProjectId, ScriptMetadata, Timestamp, UploadId, Version, Wake};
use s3::{PutOptions, S3Error, S3ErrorKind};

/// How often one delivery may find its number taken by somebody else who writes to the bucket.
const MAX_MOVES: usize = 20;

/// How many kept scripts one alarm delivers; the next one does the rest.
const BATCH: u32 = 200;

/// How many of them go out at once: each is up to a MiB in memory, and a Worker has six connections.
const AT_ONCE: usize = 6;

/// What became of a delivery.
pub(super) enum Delivery {
    /// The bucket has the script.
    There,
    /// The bucket may have it; a later delivery finds out.
    Unclear(Refusal),
    /// The bucket does not have it.
    Never(Refusal),
}

/// Whose the script under a number is.
enum Whose {
    Ours,
    Theirs(Found),
    /// Nobody's any more.
    Gone,
}

impl ProjectObject<'_> {
    /// What has to be known before anything is put into the bucket: that the store is fit, and which numbers are taken.
    pub(super) async fn make_ready(&self, project: &ProjectId) -> Result<(), Refusal> {
        self.require_fit_store().await?;
        self.catch_up_once(project).await
    }

    /// Delivers what only the object has: uploads that were answered so, and those whose caller got no answer. A
    /// bucket that does not answer, or refuses, is tried again by the next alarm.
    pub(super) async fn deliver_stored(&self, project: &ProjectId) -> Result<(), Refusal> {
        let waiting = self.idle(self.records().stored(BATCH)?);
        if waiting.is_empty() || self.make_ready(project).await.is_err() {
            return Ok(());
        }
        let stopped = Cell::new(false);
        // Catching up may have given some of them other numbers.
        let outcomes: Vec<_> = stream::iter(self.idle(self.records().stored(BATCH)?))
            .map(async |view| {
                if stopped.get() {
                    return Ok(());
                }
                match self.deliver(project, view.upload_id.as_ref(), &Cell::new(view.version)).await? {
                    Delivery::There | Delivery::Never(Refusal::NoMoreVersions | Refusal::Broken(_)) => {}
                    // What it says of one script it says of the others.
                    Delivery::Unclear(_) | Delivery::Never(_) => stopped.set(true),
                }
                Ok::<_, Refusal>(())
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        outcomes.into_iter().collect()
    }

    /// Puts the script of a stored version, then its ticket. `number` is the one it had, and follows it when it has
    /// moved or has to move.
    ///
    /// # Errors
    /// Only when the object's own storage fails.
    pub(super) async fn deliver(
        &self,
        project: &ProjectId,
        upload: Option<&UploadId>,
        number: &Cell<Version>,
    ) -> Result<Delivery, Refusal> {
        let records = self.records();
        let Some(upload) = upload else { return Ok(Delivery::There) };
        let Some(now_at) = records.number_of(upload, number.get())? else { return Ok(Delivery::There) };
        number.set(now_at);
        let Some(view) = records.version(now_at)? else { return Ok(Delivery::There) };
        let Some(code) = records.held(now_at)? else { return Ok(Delivery::There) };
        let Some(_turn) = Delivering::start(&self.memory.delivering, upload.clone(), self.clock.now()) else {
            return Ok(Delivery::Unclear(under_way()));
        };
        let delivery = self.put_script(project, view, Bytes::from(code), number).await?;
        if matches!(delivery, Delivery::There) {
            life::delivered(records, number.get(), self.clock.now())?;
            self.memory.silent_at.set(None);
            // The script is in the bucket, so it is accepted. Should the ticket fail, the alarm or the runner's
            // sweep makes it.
            let _ = self.put_ticket(project, number.get()).await;
        }
        Ok(delivery)
    }

    /// Puts the script under the first number that nobody else has taken in the bucket.
    async fn put_script(
        &self,
        project: &ProjectId,
        view: VersionView,
        code: Bytes,
        number: &Cell<Version>,
    ) -> Result<Delivery, Refusal> {
        let mut options = PutOptions::if_absent().content_type("text/x-python; charset=utf-8");
        options.metadata = metadata(&view)?.to_pairs();
        for _ in 0..MAX_MOVES {
            let key = Key::Script(project.clone(), number.get()).to_string();
            let taken = match self.client().put(&key, code.clone(), &options).await {
                Ok(_) => return Ok(Delivery::There),
                Err(S3Error::PreconditionFailed) => match self.whose(&key, &view, number.get()).await {
                    Ok(Whose::Ours) => return Ok(Delivery::There),
                    Ok(Whose::Theirs(found)) => found,
                    // Removed between the two: the number is free after all.
                    Ok(Whose::Gone) => continue,
                    // The key is taken, and this may be the one that took it.
                    Err(error) => return Ok(Delivery::Unclear(refusal(&error))),
                },
                Err(error) if error.is_transient() => return Ok(Delivery::Unclear(refusal(&error))),
                Err(error) => return Ok(Delivery::Never(refusal(&error))),
            };
            // Somebody wrote to the bucket: take over all that is there, and take the number after it. Where the
            // bucket does not say what else is there, the next number is tried.
            let (others, failed) = match self.list_foreign(project).await {
                Ok(others) => (others, None),
                Err(error) => (Vec::new(), Some(error)),
            };
            match life::moved(self.records(), view.upload_id.as_ref(), &taken, (&others, self.clock.now())) {
                Ok(Some(to)) => number.set(to),
                Ok(None) => return Ok(Delivery::Unclear(under_way())),
                Err(refusal) => return Ok(Delivery::Never(refusal)),
            }
            life::touch(self.records(), self.clock.now())?;
            match failed {
                None => {}
                Some(error) if error.is_transient() => return Ok(Delivery::Unclear(refusal(&error))),
                Some(error) => return Ok(Delivery::Never(refusal(&error))),
            }
        }
        let busy = "other writers kept taking this project's numbers in the bucket";
        Ok(Delivery::Unclear(Refusal::BucketUnavailable(busy.to_owned())))
    }

    /// After a failed condition: is it one's own script, whose answer was lost?
    async fn whose(&self, key: &str, view: &VersionView, version: Version) -> Result<Whose, S3Error> {
        match self.client().head(key).await {
            Ok(head) if head.meta(ScriptMetadata::UPLOAD_ID) == view.upload_id.as_ref().map(|id| id.as_str()) => {
                Ok(Whose::Ours)
            }
            Ok(head) => {
                let at = head.last_modified.unwrap_or_else(|| self.clock.now());
                Ok(Whose::Theirs(Found { version, script: true, size: head.size.unwrap_or(0), at }))
            }
            Err(S3Error::NotFound) => Ok(Whose::Gone),
            Err(error) => Err(error),
        }
    }

    /// Makes the ticket; one that is there already is as good.
    pub(super) async fn put_ticket(&self, project: &ProjectId, version: Version) -> Result<(), S3Error> {
        let key = Key::Ticket(project.clone(), version).to_string();
        match self.client().put(&key, Bytes::new(), &PutOptions::if_absent()).await {
            Ok(_) => {
                self.tell_runners(Wake::Look);
                Ok(())
            }
            Err(S3Error::PreconditionFailed) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Those of `stored` that nobody is delivering.
    pub(super) fn idle(&self, mut stored: Vec<VersionView>) -> Vec<VersionView> {
        let (under_way, now) = (self.memory.delivering.borrow(), self.clock.now());
        let began = |view: &VersionView| view.upload_id.as_ref().and_then(|id| under_way.get(id)).copied();
        stored.retain(|view| !is_under_way(began(view), now));
        stored
    }

    /// Refuses to write to a store that does not honour conditions, as `Fleet` found out.
    async fn require_fit_store(&self) -> Result<(), Refusal> {
        if self.memory.store_is_fit.get() {
            return Ok(());
        }
        let answer = call(self.objects, &FleetTarget, GetVerdict).await;
        match answer.map_err(|error| Refusal::Broken(error.to_string()))?.verdict {
            StoreVerdict::Fit => {
                self.memory.store_is_fit.set(true);
                Ok(())
            }
            StoreVerdict::Unfit(why) | StoreVerdict::Refuses(why) => Err(Refusal::BucketRefuses(why)),
            StoreVerdict::Unavailable(why) => Err(Refusal::BucketUnavailable(why)),
        }
    }
}

/// What a delivery says that leaves a script to another one.
fn under_way() -> Refusal {
    Refusal::BucketUnavailable("the script is on its way to it".to_owned())
}

/// What the store's error means to the caller.
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

/// Marks an upload as being delivered for as long as it lives, however the delivery ends.
struct Delivering<'a> {
    under_way: &'a RefCell<HashMap<UploadId, Timestamp>>,
    upload: UploadId,
}

impl<'a> Delivering<'a> {
    /// None while another delivers it.
    fn start(under_way: &'a RefCell<HashMap<UploadId, Timestamp>>, upload: UploadId, now: Timestamp) -> Option<Self> {
        if is_under_way(under_way.borrow().get(&upload).copied(), now) {
            return None;
        }
        under_way.borrow_mut().insert(upload.clone(), now);
        Some(Self { under_way, upload })
    }
}

impl Drop for Delivering<'_> {
    fn drop(&mut self) {
        self.under_way.borrow_mut().remove(&self.upload);
    }
}
