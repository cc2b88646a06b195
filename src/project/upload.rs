//! An upload: its number is taken and its script kept, then the bucket gets it, now or by the alarm.

use std::cell::Cell;
use std::future::Future;
use std::time::Duration;

use futures::future::{Either, LocalBoxFuture, select};

use super::call::{Idempotency, NewScript, ProjectTarget, Refusal, Uploaded};
use super::deliver::Delivery;
use super::life::{self, Accepted, Standing};
use super::object::ProjectObject;
use contract::{Key, Phase, Timestamp, Version};

/// How long an upload waits for the bucket in all: then its caller is told that the script is kept.
const PATIENCE: Duration = Duration::from_secs(10);

/// A bucket that has let an upload wait for at least half of that is not waited for again so soon: else a hundred
/// scripts in a row would take a quarter of an hour.
const SILENT_FOR: Duration = Duration::from_secs(5);

impl ProjectObject<'_> {
    /// Takes a script as the next version. The bucket is waited for no longer than `patience`, nor than 10 s.
    ///
    /// # Errors
    /// Nothing is accepted then. A bucket that does not answer is no error: the script is kept for it.
    pub(super) async fn upload(
        &self,
        call: &ProjectTarget,
        script: &NewScript,
        idempotency: Option<&Idempotency>,
        patience: Option<Duration>,
    ) -> Result<Uploaded, Refusal> {
        let patience = patience.map_or(PATIENCE, |patience| patience.min(PATIENCE));
        let records = self.records();
        if life::standing(records, &call.caller)? == Standing::Foreign {
            return Err(Refusal::NameTaken);
        }
        let began = self.clock.now();
        if let Some(version) = life::replayed(records, &call.caller, idempotency, began)? {
            return self.uploaded(call, version, true);
        }
        let mut end = self.clock.sleep(patience);
        let hasty = self.hasty(patience);
        let ready = if patience.is_zero() || self.is_silent() {
            None
        } else {
            within(hasty.make_ready(&call.project), &mut end).await
        };
        let ready = match ready {
            Some(Ok(())) => true,
            None | Some(Err(Refusal::BucketUnavailable(_))) => false,
            Some(Err(refusal)) => return Err(refusal),
        };
        let now = (self.is_caught_up()?, self.clock.now());
        let (number, upload) = match life::accept(records, call, script, idempotency, now)? {
            Accepted::New(version, upload) => (Cell::new(version), upload),
            Accepted::Before(version) => return self.uploaded(call, version, true),
        };
        self.arm().await?;
        let _ = self.tell(&call.project).await;
        if ready
            && let Some(Delivery::Never(refusal)) =
                within(hasty.deliver(&call.project, Some(&upload), &number), &mut end).await.transpose()?
            && life::withdraw(records, number.get())?
        {
            self.arm().await?;
            return Err(refusal);
        }
        // Another request may have caught up meanwhile, and given it another number.
        let number = records.number_of(&upload, number.get())?.unwrap_or(number.get());
        let answer = self.uploaded(call, number, false);
        self.note_silence(began, &answer);
        life::meet_admin(records, &call.caller)?;
        self.register(&call.project).await;
        self.arm().await?;
        answer
    }

    /// The answer to an upload that is a version. What the bucket does not have yet is promised by it.
    fn uploaded(&self, call: &ProjectTarget, version: Version, replayed: bool) -> Result<Uploaded, Refusal> {
        let records = self.records();
        life::promise(records, version)?;
        let gone = || Refusal::Broken(format!("version {version} is gone from its table"));
        let view = records.version(version)?.ok_or_else(gone)?;
        Ok(Uploaded {
            version,
            key: Key::Script(call.project.clone(), version).to_string(),
            sha256: view.sha256.ok_or_else(|| Refusal::Broken("a script without a sum".to_owned()))?,
            time: view.accepted_at,
            phase: view.phase,
            request_id: view.request_id,
            replayed,
        })
    }

    fn is_silent(&self) -> bool {
        self.memory.silent_at.get().is_some_and(|at| self.clock.now().since(at) < SILENT_FOR)
    }

    fn note_silence(&self, began: Timestamp, answer: &Result<Uploaded, Refusal>) {
        let kept = matches!(answer, Ok(Uploaded { phase: Phase::Stored, .. }));
        let now = self.clock.now();
        if kept && now.since(began) >= PATIENCE / 2 {
            self.memory.silent_at.set(Some(now));
        }
    }
}

/// What comes of `work`, unless `end` comes first.
async fn within<T>(work: impl Future<Output = T>, end: &mut LocalBoxFuture<'_, ()>) -> Option<T> {
    // The end is looked at first: else many who wait for one thing would each begin it anew when all give up.
    match select(end, Box::pin(work)).await {
        Either::Left(_) => None,
        Either::Right((done, _)) => Some(done),
    }
}
