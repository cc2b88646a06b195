//! An upload: takes a number, stores the script, and delivers it to the bucket now or by the alarm.

use std::future::Future;
use std::time::Duration;

use futures::future::{Either, LocalBoxFuture, select};

use super::deliver::Delivery;
use super::object::ProjectObject;
use super::request::{ProjectTarget, Refusal, UploadScript};
use super::transitions::{self, AcceptContext, Accepted, Ownership};
use super::view::Uploaded;
use contract::{Key, Phase, Timestamp, Version};

/// How long an upload waits for the bucket in all. Then it becomes a kept upload.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(10);

impl ProjectObject<'_> {
    /// Accepts a script as the next version. Waits for the bucket until the timeout of the request, at most 10 s. A bucket
    /// that does not answer is not an error: the object keeps the script for it.
    ///
    /// # Errors
    /// Nothing is accepted then.
    pub(super) async fn upload(&self, call: &ProjectTarget, request: &UploadScript) -> Result<Uploaded, Refusal> {
        let UploadScript { script, idempotency, timeout_ms } = request;
        let idempotency = idempotency.as_ref();
        let timeout = timeout_ms.map_or(UPLOAD_TIMEOUT, |timeout| UPLOAD_TIMEOUT.min(Duration::from_millis(timeout)));
        let records = self.records();
        if transitions::ownership(records, &call.caller)? == Ownership::Other {
            return Err(Refusal::NameTaken);
        }
        let began = self.clock.now();
        if let Some(version) = transitions::replayed(records, &call.caller, idempotency, began)? {
            return self.uploaded(call, version, true);
        }
        let mut end = self.clock.sleep(timeout);
        let in_time = self.with_request_timeout(timeout);
        let prepared = if timeout.is_zero() || self.memory.bucket.is_silent(began) {
            None
        } else {
            before(&mut end, in_time.prepare_bucket(&call.project)).await
        };
        let is_prepared = match prepared {
            Some(Ok(())) => true,
            None | Some(Err(Refusal::BucketUnavailable(_))) => false,
            Some(Err(refusal)) => return Err(refusal),
        };
        let context = AcceptContext { is_caught_up: self.is_caught_up()?, now: self.clock.now() };
        let (first, upload) = match transitions::accept(records, call, script, idempotency, context)? {
            Accepted::New(version, upload) => (version, upload),
            Accepted::Replayed(version) => return self.uploaded(call, version, true),
        };
        self.arm().await?;
        let _ = self.notify(&call.project).await;
        let delivery = match is_prepared {
            true => before(&mut end, in_time.deliver(&call.project, &upload, first)).await.transpose()?,
            false => None,
        };
        // The delivery, or another request that caught up with the bucket, may have changed the number.
        let version = records.number_of(&upload, first)?.unwrap_or(first);
        if let Some(Delivery::Rejected(refusal)) = delivery
            && transitions::withdraw(records, version)?
        {
            self.arm().await?;
            return Err(refusal);
        }
        let answer = self.uploaded(call, version, false);
        self.note_silence(began, &answer);
        transitions::record_first_admin(records, &call.caller)?;
        self.update_accounts(&call.project).await;
        self.arm().await?;
        answer
    }

    /// The reply for an accepted upload. From now on the uploader knows of the version, even if the bucket lacks it.
    fn uploaded(&self, call: &ProjectTarget, version: Version, replayed: bool) -> Result<Uploaded, Refusal> {
        let records = self.records();
        transitions::promise(records, version)?;
        let missing = || Refusal::Broken(format!("version {version} is missing from its table"));
        let view = records.version(version)?.ok_or_else(missing)?;
        Ok(Uploaded {
            version,
            key: Key::Script(call.project.clone(), version).to_string(),
            sha256: view.sha256.ok_or_else(|| Refusal::Broken(format!("version {version} has no digest")))?,
            time: view.accepted_at,
            phase: view.phase,
            request_id: view.request_id,
            replayed,
        })
    }

    /// A kept upload that waited for at least half of the timeout shows that the bucket is silent.
    fn note_silence(&self, began: Timestamp, answer: &Result<Uploaded, Refusal>) {
        let is_kept = matches!(answer, Ok(Uploaded { phase: Phase::Stored, .. }));
        let now = self.clock.now();
        if is_kept && now.since(began) >= UPLOAD_TIMEOUT / 2 {
            self.memory.bucket.set_silent(now);
        }
    }
}

/// The output of `work`, unless `end` comes first.
async fn before<T>(end: &mut LocalBoxFuture<'_, ()>, work: impl Future<Output = T>) -> Option<T> {
    // `end` is polled first. Otherwise many uploads that wait for one probe would each start their own when all time out.
    match select(end, Box::pin(work)).await {
        Either::Left(_) => None,
        Either::Right((done, _)) => Some(done),
    }
}
