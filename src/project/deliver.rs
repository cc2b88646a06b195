//! Delivery: the script, then the ticket, into the bucket.

use std::cell::RefCell;
use std::collections::HashMap;

use bytes::Bytes;

use super::call::{Refusal, VersionView};
use super::life;
use super::object::ProjectObject;
use crate::contract::{Key, ProjectId, ScriptMetadata, Timestamp, Version, Wake};
use crate::fleet::{FleetAnswer, FleetCall, StoreVerdict};
use crate::object::{ObjectName, call};
use crate::s3::{PutOptions, S3Error};

/// How often one upload may find its number taken by somebody else who writes to the bucket.
const MAX_MOVES: usize = 20;

/// Whether a script was sent under its number before; a try of which nobody knows the outcome may have arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    Never,
    Perhaps,
}

/// What became of a script.
enum Put {
    /// The bucket has it.
    There,
    /// The bucket may have it.
    Unclear(S3Error),
    /// The bucket does not have it.
    Never(S3Error),
}

impl ProjectObject<'_> {
    /// Puts the script of an accepted version, then its ticket, and gives the number it ended up with.
    ///
    /// # Errors
    /// Nothing is accepted then: the version is withdrawn, or hidden until it is known whether the bucket has it.
    pub(super) async fn deliver(
        &self,
        project: &ProjectId,
        accepted: &VersionView,
        code: &str,
        sent: Sent,
    ) -> Result<Version, Refusal> {
        let records = self.records();
        let (view, put) = self.put_script(project, accepted.clone(), code, sent).await?;
        match put {
            Put::There => {
                life::delivered(records, view.version, self.clock.now())?;
                // The script is in the bucket, so it is accepted. Should the ticket fail, the alarm or the runner's
                // sweep makes it.
                let _ = self.put_ticket(project, view.version).await;
                Ok(view.version)
            }
            Put::Unclear(error) => {
                life::doubt(records, view.version)?;
                self.arm().await?;
                Err(refusal(&error))
            }
            Put::Never(error) => {
                life::withdraw(records, view.version)?;
                self.arm().await?;
                Err(refusal(&error))
            }
        }
    }

    /// Puts the script under the first number that nobody else has taken in the bucket.
    async fn put_script(
        &self,
        project: &ProjectId,
        mut view: VersionView,
        code: &str,
        mut sent: Sent,
    ) -> Result<(VersionView, Put), Refusal> {
        let mut options = PutOptions::if_absent().content_type("text/x-python; charset=utf-8");
        options.metadata = metadata(&view)?.to_pairs();
        for _ in 0..MAX_MOVES {
            let key = Key::Script(project.clone(), view.version).to_string();
            let _under_way = Delivering::start(&self.memory.delivering, view.version, self.clock.now());
            let put = match self.client().put(&key, Bytes::from(code.to_owned()), &options).await {
                Ok(_) => Some(Put::There),
                Err(S3Error::PreconditionFailed) => match self.is_own(&key, &view).await {
                    Ok(true) => Some(Put::There),
                    Ok(false) => None,
                    // The key is taken, and this may be the one that took it.
                    Err(error) => Some(Put::Unclear(error)),
                },
                Err(error) if error.is_passing() || sent == Sent::Perhaps => Some(Put::Unclear(error)),
                Err(error) => Some(Put::Never(error)),
            };
            if let Some(put) = put {
                return Ok((view, put));
            }
            // Somebody wrote to the bucket: take over all that is there, then take the number after it.
            let highest = self.list_foreign(project).await;
            let to = life::moved(self.records(), view.version)?;
            sent = Sent::Never;
            match highest {
                Ok(found) => self.adopt_all(&found)?,
                Err(error) => return Ok((VersionView { version: to, ..view }, Put::Never(error))),
            }
            view.version = self.leave_taken_numbers(to)?;
        }
        let busy = "other writers kept taking this project's numbers in the bucket";
        Ok((view, Put::Never(S3Error::Unavailable(busy.to_owned()))))
    }

    /// Moves on when the number just taken turned out to be among the adopted ones.
    fn leave_taken_numbers(&self, number: Version) -> Result<Version, Refusal> {
        let next = life::next(self.records())?;
        if next.get() > number.get() + 1 { life::moved(self.records(), number) } else { Ok(number) }
    }

    /// After a failed condition: is it one's own script, whose answer was lost?
    async fn is_own(&self, key: &str, view: &VersionView) -> Result<bool, S3Error> {
        match self.client().head(key).await {
            Ok(head) => Ok(head.meta(ScriptMetadata::UPLOAD_ID) == view.upload_id.as_ref().map(|id| id.as_str())),
            // Removed between the two: the same number is tried again by nobody; the next one is as good.
            Err(S3Error::NotFound) => Ok(false),
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

    /// Looks whether a doubtful script reached the bucket, and says so in the records. True if that is settled.
    pub(super) async fn settle_doubt(&self, project: &ProjectId, view: &VersionView) -> Result<bool, Refusal> {
        let key = Key::Script(project.clone(), view.version).to_string();
        match self.client().head(&key).await {
            Ok(head) if head.meta(ScriptMetadata::UPLOAD_ID) == view.upload_id.as_ref().map(|id| id.as_str()) => {
                life::confirm(self.records(), view, self.clock.now())?;
            }
            Ok(head) => {
                life::forget(self.records(), view.version)?;
                let at = head.last_modified.unwrap_or_else(|| self.clock.now());
                life::adopt(self.records(), view.version, head.size.unwrap_or(0), at)?;
            }
            Err(S3Error::NotFound) => life::forget(self.records(), view.version)?,
            Err(_) => return Ok(false),
        }
        Ok(true)
    }

    /// Refuses to write to a store that does not honour conditions, as `Fleet` found out.
    pub(super) async fn require_fit_store(&self) -> Result<(), Refusal> {
        if self.memory.store_is_fit.get() {
            return Ok(());
        }
        let answer = call::<FleetAnswer>(self.objects, &ObjectName::Fleet, &FleetCall::Verdict).await;
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

/// What the store's error means to the caller.
pub(super) fn refusal(error: &S3Error) -> Refusal {
    match error {
        S3Error::Unavailable(_) => Refusal::BucketUnavailable(error.to_string()),
        S3Error::Refused { .. } => Refusal::BucketRefuses(error.to_string()),
        _ => Refusal::Broken(error.to_string()),
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

/// Marks a version as being delivered for as long as it lives, however the delivery ends.
struct Delivering<'a> {
    under_way: &'a RefCell<HashMap<Version, Timestamp>>,
    version: Version,
}

impl<'a> Delivering<'a> {
    fn start(under_way: &'a RefCell<HashMap<Version, Timestamp>>, version: Version, now: Timestamp) -> Self {
        under_way.borrow_mut().insert(version, now);
        Self { under_way, version }
    }
}

impl Drop for Delivering<'_> {
    fn drop(&mut self) {
        self.under_way.borrow_mut().remove(&self.version);
    }
}
