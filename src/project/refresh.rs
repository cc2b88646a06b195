//! Refresh: reads from the bucket which versions in flight are claimed and which have a report.

use std::cell::Cell;

use futures::stream::{self, StreamExt};

use super::object::ProjectObject;
use super::request::Refusal;
use super::transitions;
use super::view::VersionView;
use crate::object::WORKER_CONNECTIONS;
use contract::{
    JobError, JobErrorCode, Key, Outcome, PendingView, ProjectId, REPORT_LIMIT, Report, Timestamp, Version, prefix,
};
use s3::S3Error;

/// The most versions that one refresh covers.
const MAX_VERSIONS: u32 = 5_000;

/// The most reports that one refresh asks for. The next refresh asks for the rest.
const MAX_REPORTS: usize = 100;

/// The most pages of a project's `pending/` that one refresh reads.
const MAX_PAGES: usize = 3;

/// The result of asking for a version's report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReportCheck {
    /// The report exists, so the version is final.
    Final,
    /// There is no readable report, or the bucket refused.
    Open,
    /// The bucket did not answer.
    NoAnswer,
}

impl ReportCheck {
    fn failed(error: &S3Error) -> Self {
        if error.is_transient() { Self::NoAnswer } else { Self::Open }
    }
}

impl ProjectObject<'_> {
    /// Refreshes the records; true if anything changed. Does nothing while another refresh is in flight. A bucket that
    /// cannot be reached changes nothing.
    pub(super) async fn refresh(&self, project: &ProjectId) -> Result<bool, Refusal> {
        if !self.records().exist()? {
            return Ok(false);
        }
        let Some(_guard) = self.memory.freshness.start_refresh(self.clock.now()) else { return Ok(false) };
        let outcome = self.refresh_in_flight(project).await;
        self.memory.freshness.set_refreshed(self.clock.now());
        outcome
    }

    async fn refresh_in_flight(&self, project: &ProjectId) -> Result<bool, Refusal> {
        let records = self.records();
        let mut in_flight = records.in_flight(MAX_VERSIONS)?;
        let Some(last) = in_flight.last().map(|view| view.version) else { return Ok(false) };
        // The newest version counts in any case, because the project's status is its status.
        let newest = records.newest()?.filter(VersionView::is_in_flight);
        in_flight.extend(newest.clone().filter(|newest| newest.version > last));
        let listing = self.client().list(&prefix::pending(project), MAX_PAGES).await;
        self.memory.bucket.answers.set(listing.is_ok());
        let Ok((entries, complete)) = listing else { return Ok(false) };
        let pending = PendingView::from_entries(&entries).versions;

        let mut changed = false;
        let mut checks = Vec::new();
        for view in in_flight {
            match pending.get(&(project.clone(), view.version)) {
                Some(shown) if shown.ticket.is_some() => {
                    let attempt = shown.highest_unreleased();
                    changed |= transitions::attempt_seen(records, &view, attempt, self.clock.now())?;
                    if attempt.is_some() || self.memory.recheck.borrow_mut().remove(&view.version) {
                        checks.push((view, false));
                    }
                }
                // Without a ticket the version is done, or no runner will ever take it unless the ticket is created.
                _ => checks.push((view, complete)),
            }
        }
        // Finished versions have no ticket, so those without one come first. Before them comes the newest version.
        checks.sort_by_key(|(_, needs_ticket)| !needs_ticket);
        let is_newest = |view: &VersionView| newest.as_ref().is_some_and(|newest| newest.version == view.version);
        if let Some(at) = checks.iter().position(|(view, _)| is_newest(view)) {
            checks[..=at].rotate_right(1);
        }
        checks.truncate(MAX_REPORTS);
        // If one request stays without an answer, the rest is left to the next refresh.
        let silent = Cell::new(false);
        let outcomes: Vec<_> = stream::iter(checks)
            .map(async |(view, needs_ticket)| {
                if silent.get() {
                    return Ok(false);
                }
                let check = self.check_report(project, &view, needs_ticket).await?;
                silent.set(silent.get() || check == ReportCheck::NoAnswer);
                Ok::<_, Refusal>(check == ReportCheck::Final)
            })
            .buffer_unordered(WORKER_CONNECTIONS)
            .collect()
            .await;
        for outcome in outcomes {
            changed |= outcome?;
        }
        Ok(changed)
    }

    /// Reads the report if it exists. Otherwise creates a missing ticket.
    pub(super) async fn check_report(
        &self,
        project: &ProjectId,
        view: &VersionView,
        needs_ticket: bool,
    ) -> Result<ReportCheck, Refusal> {
        let version = view.version;
        let key = Key::Done(project.clone(), version).to_string();
        let report = match self.client().get(&key, REPORT_LIMIT).await {
            Ok(object) => match self.read_report(project, version, &object.bytes).await {
                Ok(report) => report,
                // It will never be readable.
                Err(error @ S3Error::Unusable(_)) => {
                    unreadable_report(project, version, &error.to_string(), self.clock.now())
                }
                // The store failed halfway, or the flat path is being written. A later refresh reads the report.
                Err(_) => return Ok(ReportCheck::Open),
            },
            Err(S3Error::TooLarge { limit }) => {
                let problem = format!("it is larger than {limit} bytes");
                unreadable_report(project, version, &problem, self.clock.now())
            }
            Err(S3Error::NotFound) if needs_ticket => {
                // The next refresh makes up for a failure.
                let created = self.put_ticket(project, version).await;
                return Ok(created.map_or_else(|error| ReportCheck::failed(&error), |()| ReportCheck::Open));
            }
            Err(error) => return Ok(ReportCheck::failed(&error)),
        };
        transitions::reported(self.records(), &report, self.clock.now())?;
        Ok(ReportCheck::Final)
    }

    async fn read_report(&self, project: &ProjectId, version: Version, body: &[u8]) -> Result<Report, S3Error> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return self.foreign_report(project, version).await;
        }
        let report: Report = serde_json::from_slice(body)
            .map_err(|error| S3Error::Unusable(format!("it is not a job report: {error}")))?;
        if report.project != *project || report.version != version {
            return Err(S3Error::Unusable("it belongs to another version".to_owned()));
        }
        Ok(report)
    }
}

/// The report for a `.done` that cannot be read. The version is final, since a committed report never changes.
fn unreadable_report(project: &ProjectId, version: Version, problem: &str, now: Timestamp) -> Report {
    let mut report = Report::new(project.clone(), version, Outcome::Failed, now);
    let message = format!("The version's report in the bucket cannot be read: {problem}");
    report.error = Some(JobError::new(JobErrorCode::UnreadableReport, &message));
    report
}
