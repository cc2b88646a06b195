//! Cancelling a version: a report that says so, put like any other report, so that exactly one ever counts.

use std::cell::Cell;
use std::time::Duration;

use bytes::Bytes;

use super::call::{ProjectTarget, Refusal, VersionView};
use super::deliver::{Delivery, refusal};
use super::life;
use super::object::ProjectObject;
use super::refresh::Asked;
use contract::{JobError, JobErrorCode, Key, Outcome, Phase, Report, Version, Wake};
use s3::{PutOptions, S3Error};

/// How long each request to the bucket may take in all: a person waits.
const PATIENCE: Duration = Duration::from_secs(10);

impl ProjectObject<'_> {
    /// Ends a version that has no report yet.
    ///
    /// # Errors
    /// [`Refusal::Finished`] if another report was first.
    pub(super) async fn cancel(&self, call: &ProjectTarget, version: Version) -> Result<VersionView, Refusal> {
        let view = self.unmoved(call, version)?;
        let hasty = self.hasty(PATIENCE);
        let view = if view.phase == Phase::Stored { hasty.deliver_now(call, &view).await? } else { view };
        let view = if view.phase.is_final() { view } else { hasty.put_cancellation(call, &view).await? };
        if !is_by(call, &view) {
            return Err(Refusal::Finished(view.version, view.phase));
        }
        // Should this fail, whoever claims the version sees the report and tidies up.
        let ticket = Key::Ticket(call.project.clone(), view.version).to_string();
        let _ = hasty.client().delete(&ticket).await;
        self.tell_runners(Wake::Cancelled { project: call.project.clone(), version: view.version });
        self.arm().await?;
        Ok(view)
    }

    /// A report needs a script: a version without one would look free to others who write to the bucket.
    async fn deliver_now(&self, call: &ProjectTarget, view: &VersionView) -> Result<VersionView, Refusal> {
        self.make_ready(&call.project).await?;
        let number = Cell::new(view.version);
        let delivery = self.deliver(&call.project, view.upload_id.as_ref(), &number).await?;
        self.arm().await?;
        match delivery {
            Delivery::There => self.theirs(call, number.get()),
            // The script may be in the bucket by now, or has another number.
            Delivery::Unclear(why) => Err(why.into_unclear()),
            Delivery::Never(refusal) => Err(refusal),
        }
    }

    /// Puts the report, and gives the version with whichever report it has now.
    async fn put_cancellation(&self, call: &ProjectTarget, view: &VersionView) -> Result<VersionView, Refusal> {
        let records = self.records();
        let mut report = Report::new(call.project.clone(), view.version, Outcome::Cancelled, self.clock.now());
        report.request_id = Some(call.request_id.clone());
        report.script_sha256 = view.sha256.clone();
        report.error = Some(JobError::new(JobErrorCode::Cancelled, &format!("Cancelled by {}", call.caller.user)));
        let body = serde_json::to_vec(&report).map_err(|error| Refusal::Broken(error.to_string()))?;
        let key = Key::Done(call.project.clone(), view.version).to_string();
        let options = PutOptions::if_absent().content_type("application/json");
        let unclear = |why: &str| Err(Refusal::Unclear(why.to_owned()));
        match self.client().put(&key, Bytes::from(body), &options).await {
            Ok(_) => life::reported(records, &report, self.clock.now())?,
            // A runner's report, another's cancellation, or this one, whose answer was lost.
            Err(S3Error::PreconditionFailed) => match self.ask_for_report(&call.project, view, false).await? {
                Asked::Final => {}
                Asked::Open | Asked::Silent => return unclear("the version's report cannot be read now"),
            },
            Err(error) if error.is_transient() => {
                // If it is there, the next look finds it. (Should that be forgotten, a runner that claims the version
                // does, and tidies up.)
                self.memory.unclear.borrow_mut().insert(view.version);
                life::touch(records, self.clock.now())?;
                self.arm().await?;
                return unclear(&error.to_string());
            }
            Err(error) => return Err(refusal(&error)),
        }
        self.theirs(call, view.version)
    }
}

/// Whether the version was cancelled by this very request.
fn is_by(call: &ProjectTarget, view: &VersionView) -> bool {
    let report = view.report.as_ref();
    report.is_some_and(|report| {
        report.outcome == Outcome::Cancelled && report.request_id.as_ref() == Some(&call.request_id)
    })
}
