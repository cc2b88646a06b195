//! Cancellation: a report like a runner's, put if absent, so that exactly one report counts.

use std::time::Duration;

use bytes::Bytes;

use super::deliver::{Delivery, refusal};
use super::object::ProjectObject;
use super::refresh::ReportCheck;
use super::request::{ProjectTarget, Refusal};
use super::transitions;
use super::view::VersionView;
use contract::{JobError, JobErrorCode, Key, Outcome, Phase, Report, UploadId, Version, Wake};
use s3::{PutOptions, S3Error};

/// The limit for each request to the bucket: a person waits.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

impl ProjectObject<'_> {
    /// Ends a version that has no report yet.
    ///
    /// # Errors
    /// [`Refusal::Finished`] if another report came first.
    pub(super) async fn cancel(&self, call: &ProjectTarget, version: Version) -> Result<VersionView, Refusal> {
        let in_time = self.with_request_timeout(REQUEST_TIMEOUT);
        let mut view = self.require_current(call, version)?;
        // A report needs a script: other writers would take a version without one for a free number.
        if let (Phase::Stored, Some(upload)) = (view.phase, &view.upload_id) {
            view = in_time.deliver_now(call, upload, version).await?;
        }
        if !view.phase.is_final() {
            view = in_time.put_cancellation(call, &view).await?;
        }
        if !is_cancelled_by(call, &view) {
            return Err(Refusal::Finished(view.version, view.phase));
        }
        // If this fails, the runner that claims the version sees the report and tidies up.
        let ticket = Key::Ticket(call.project.clone(), view.version).to_string();
        let _ = in_time.client().delete(&ticket).await;
        self.wake_runners(Wake::Cancelled { project: call.project.clone(), version: view.version });
        self.arm().await?;
        Ok(view)
    }

    async fn deliver_now(
        &self,
        call: &ProjectTarget,
        upload: &UploadId,
        version: Version,
    ) -> Result<VersionView, Refusal> {
        self.prepare_bucket(&call.project).await?;
        let delivery = self.deliver(&call.project, upload, version).await?;
        self.arm().await?;
        match delivery {
            Delivery::Delivered(version) => self.require_owned(call, version),
            Delivery::NothingToDo => {
                let version = self.records().number_of(upload, version)?.unwrap_or(version);
                self.require_owned(call, version)
            }
            // The bucket may have the script by now, or the script has another number.
            Delivery::Indeterminate(why) => Err(why.into_indeterminate()),
            Delivery::Rejected(refusal) => Err(refusal),
        }
    }

    /// Puts the report, and returns the version with the report that counts.
    async fn put_cancellation(&self, call: &ProjectTarget, view: &VersionView) -> Result<VersionView, Refusal> {
        let records = self.records();
        let mut report = Report::new(call.project.clone(), view.version, Outcome::Cancelled, self.clock.now());
        report.request_id = Some(call.request_id.clone());
        report.script_sha256 = view.sha256.clone();
        report.error = Some(JobError::new(JobErrorCode::Cancelled, &format!("Cancelled by {}", call.caller.user)));
        let body = serde_json::to_vec(&report).map_err(|error| Refusal::Broken(error.to_string()))?;
        let key = Key::Done(call.project.clone(), view.version).to_string();
        let options = PutOptions::if_absent().content_type("application/json");
        match self.client().put(&key, Bytes::from(body), &options).await {
            Ok(_) => transitions::reported(records, &report, self.clock.now())?,
            // A runner's report, another cancellation, or this one, whose answer was lost.
            Err(S3Error::PreconditionFailed) => match self.check_report(&call.project, view, false).await? {
                ReportCheck::Final => {}
                ReportCheck::Open | ReportCheck::NoAnswer => {
                    return Err(Refusal::Indeterminate("the version's report cannot be read now".to_owned()));
                }
            },
            Err(error) if error.is_transient() => {
                // If the report exists, the next refresh finds it. (If that is forgotten, a runner that claims the version
                // finds it and tidies up.)
                self.memory.recheck.borrow_mut().insert(view.version);
                transitions::schedule_soon(records, self.clock.now())?;
                self.arm().await?;
                return Err(Refusal::Indeterminate(error.to_string()));
            }
            Err(error) => return Err(refusal(&error)),
        }
        self.require_owned(call, view.version)
    }
}

/// Whether the version was cancelled by this very request.
fn is_cancelled_by(call: &ProjectTarget, view: &VersionView) -> bool {
    view.report.as_ref().is_some_and(|report| {
        report.outcome == Outcome::Cancelled && report.request_id.as_ref() == Some(&call.request_id)
    })
}
