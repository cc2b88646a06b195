//! A look at the bucket for the versions in flight: has a runner claimed them, is there a report?

use std::cell::Cell;

use futures::stream::{self, StreamExt};

use super::call::{Refusal, VersionView};
use super::life;
use super::object::ProjectObject;
use contract::{
    JobError, JobErrorCode, Key, Outcome, PendingView, Phase, ProjectId, REPORT_LIMIT, Report, Version, prefix,
};
use s3::S3Error;

/// How many versions one look takes in.
const MOST_OPEN: u32 = 5_000;

/// How many reports one look asks for; the next look asks for the rest.
const BATCH: usize = 100;

/// How many requests go out at once: a Worker has six connections.
const AT_ONCE: usize = 6;

/// The most pages of a project's `pending/` that one look reads.
const MAX_PAGES: usize = 3;

/// What a question for a version's report came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// There is one: the version is final.
    Final,
    /// There is none, or it could not be read, or the bucket said no.
    Open,
    /// The bucket did not answer.
    Silent,
}

impl Asked {
    fn failed(error: &S3Error) -> Self {
        if error.is_transient() { Self::Silent } else { Self::Open }
    }
}

impl ProjectObject<'_> {
    /// Looks once; true if anything changed. A bucket that cannot be reached changes nothing. While one look is under
    /// way another does nothing.
    pub(super) async fn refresh(&self, project: &ProjectId) -> Result<bool, Refusal> {
        if !self.records().exist()? || self.is_looking() {
            return Ok(false);
        }
        self.memory.looking.set(Some(self.clock.now()));
        let outcome = self.look_at_pending(project).await;
        self.memory.looking.set(None);
        self.memory.looked_at.set(Some(self.clock.now()));
        outcome
    }

    async fn look_at_pending(&self, project: &ProjectId) -> Result<bool, Refusal> {
        let records = self.records();
        let mut in_flight = records.in_flight(MOST_OPEN)?;
        let Some(last) = in_flight.last().map(|view| view.version) else { return Ok(false) };
        // The newest is looked at however many are open: the project's status is its.
        let newest = records.newest()?.filter(|view| matches!(view.phase, Phase::Queued | Phase::Running));
        in_flight.extend(newest.clone().filter(|newest| newest.version > last));
        let listing = self.client().list(&prefix::pending(project), MAX_PAGES).await;
        self.memory.bucket_answers.set(listing.is_ok());
        let Ok((entries, complete)) = listing else { return Ok(false) };
        let pending = PendingView::from_entries(&entries).versions;

        let mut changed = false;
        let mut to_ask = Vec::new();
        for view in in_flight {
            match pending.get(&(project.clone(), view.version)) {
                Some(shown) if shown.ticket.is_some() => {
                    let attempt = shown.highest_unreleased();
                    changed |= self.seen(&view, attempt)?;
                    if attempt.is_some() || self.memory.unclear.borrow_mut().remove(&view.version) {
                        to_ask.push((view, false));
                    }
                }
                // No ticket: the version is done, or nobody will ever run it unless somebody makes one.
                _ => to_ask.push((view, complete)),
            }
        }
        // Done ones first: they have no ticket any more.
        to_ask.sort_by_key(|(_, needs_ticket)| !needs_ticket);
        // For the same reason it comes before all others.
        let is_newest = |view: &VersionView| newest.as_ref().is_some_and(|newest| newest.version == view.version);
        if let Some(at) = to_ask.iter().position(|(view, _)| is_newest(view)) {
            to_ask[..=at].rotate_right(1);
        }
        to_ask.truncate(BATCH);
        // Once one question stays without an answer no other is put: the next look puts them.
        let silent = Cell::new(false);
        let asked: Vec<_> = stream::iter(to_ask)
            .map(async |(view, needs_ticket)| {
                if silent.get() {
                    return Ok(false);
                }
                let asked = self.ask_for_report(project, &view, needs_ticket).await?;
                silent.set(silent.get() || asked == Asked::Silent);
                Ok::<_, Refusal>(asked == Asked::Final)
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        for outcome in asked {
            changed |= outcome?;
        }
        Ok(changed)
    }

    fn seen(&self, view: &VersionView, attempt: Option<u32>) -> Result<bool, Refusal> {
        Ok(life::seen(self.records(), view, attempt, self.clock.now())?)
    }

    /// Reads the report if there is one; else makes the ticket that is missing.
    pub(super) async fn ask_for_report(
        &self,
        project: &ProjectId,
        view: &VersionView,
        needs_ticket: bool,
    ) -> Result<Asked, Refusal> {
        let version = view.version;
        let key = Key::Done(project.clone(), version).to_string();
        match self.client().get(&key, REPORT_LIMIT).await {
            Ok(object) => {
                let report = match self.read_report(project, version, &object.bytes).await {
                    Ok(report) => report,
                    // What it says makes no sense, and never will.
                    Err(error @ S3Error::Unusable(_)) => {
                        unreadable(project, version, &error.to_string(), self.clock.now())
                    }
                    // The store failed in the middle, or the time is not right; a later look reads it.
                    Err(_) => return Ok(Asked::Open),
                };
                life::reported(self.records(), &report, self.clock.now())?;
                Ok(Asked::Final)
            }
            Err(S3Error::NotFound) if needs_ticket => {
                // A failure is mended by the next look.
                let made = self.put_ticket(project, version).await;
                Ok(made.map_or_else(|error| Asked::failed(&error), |()| Asked::Open))
            }
            Err(S3Error::TooLarge { limit }) => {
                let problem = format!("it is larger than {limit} bytes");
                life::reported(
                    self.records(),
                    &unreadable(project, version, &problem, self.clock.now()),
                    self.clock.now(),
                )?;
                Ok(Asked::Final)
            }
            Err(error) => Ok(Asked::failed(&error)),
        }
    }

    async fn read_report(&self, project: &ProjectId, version: Version, body: &[u8]) -> Result<Report, S3Error> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return self.report_of_other_software(project, version).await;
        }
        let report: Report =
            serde_json::from_slice(body).map_err(|error| S3Error::Unusable(format!("it is no job report: {error}")))?;
        if report.project != *project || report.version != version {
            return Err(S3Error::Unusable("it is the report of another version".to_owned()));
        }
        Ok(report)
    }
}

/// The report for a `.done` that cannot be read: the version is final, since a committed report never changes.
fn unreadable(project: &ProjectId, version: Version, problem: &str, now: contract::Timestamp) -> Report {
    let mut report = Report::new(project.clone(), version, Outcome::Failed, now);
    let message = format!("The version's report in the bucket cannot be read: {problem}");
    report.error = Some(JobError::new(JobErrorCode::UnreadableReport, &message));
    report
}
