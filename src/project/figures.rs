//! What of a version's life is counted, noted in the stretch of SQL in which it happens.

use super::records::Records;
use crate::figures::{Fact, Figure, Outbox};
use contract::{JobErrorCode, Origin, Outcome, Phase, Report, Timestamp};

/// The label of all codes that this program does not know: anybody may put a report into the bucket.
const OTHER: &str = "other";

/// The bucket has an upload's script.
pub(super) fn delivered(records: Records<'_>, origin: Origin, now: Timestamp) {
    Outbox::new(records.sql).note(&[Fact::once(Figure::Upload, origin.as_str())], now, now);
}

/// The report of a version was read, which was taken at `accepted_at`. It counts in the hour in which it was written.
pub(super) fn reported(records: Records<'_>, report: &Report, accepted_at: Timestamp, now: Timestamp) {
    let mut facts: Vec<Fact<'_>> = Vec::new();
    // Versions that other software ran have a report without a run.
    if report.run.is_some() || matches!(report.outcome, Outcome::Cancelled | Outcome::Abandoned) {
        facts.push(Fact::once(Figure::Version, Phase::from(report.outcome).as_str()));
        if report.outcome == Outcome::Completed {
            let run = report.started_at.map(|started_at| report.finished_at.since(started_at));
            facts.extend(run.into_iter().flat_map(|run| Fact::took(Figure::Run, "", run)));
            facts.extend(Fact::took(Figure::Way, "", now.since(accepted_at)));
        }
    }
    if let Some(error) = &report.error {
        let code = if let JobErrorCode::Other(_) = error.code { OTHER } else { error.code.as_str() };
        facts.push(Fact::once(Figure::VersionError, code));
    }
    Outbox::new(records.sql).note(&facts, report.finished_at, now);
}
