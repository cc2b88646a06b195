//! The metrics of a version's life, counted in the stretch of SQL in which each event happens.

use super::records::Records;
use crate::metrics::{Metric, Sample, StoredOutbox};
use contract::{JobErrorCode, Origin, Outcome, Phase, Report, Timestamp};

/// The label of all codes that this program does not know: anybody may put a report into the bucket.
const OTHER: &str = "other";

/// An uploaded script is in the bucket.
pub(super) fn delivered(records: Records<'_>, origin: Origin, now: Timestamp) {
    StoredOutbox::new(records.sql).record(&[Sample::once(Metric::Upload, origin.as_str())], now, now);
}

/// The report of a version that was accepted at `accepted_at` was read. It counts in the hour in which it was written.
pub(super) fn reported(records: Records<'_>, report: &Report, accepted_at: Timestamp, now: Timestamp) {
    let mut samples = Vec::new();
    // A report without a run comes from other software, unless its outcome says more.
    if report.run.is_some() || matches!(report.outcome, Outcome::Cancelled | Outcome::Abandoned) {
        samples.push(Sample::once(Metric::Version, Phase::from(report.outcome).as_str()));
        if report.outcome == Outcome::Completed {
            let run = report.started_at.map(|started_at| report.finished_at.since(started_at));
            samples.extend(run.into_iter().flat_map(|run| Sample::duration(Metric::Run, "", run)));
            samples.extend(Sample::duration(Metric::UploadToModel, "", now.since(accepted_at)));
        }
    }
    if let Some(error) = &report.error {
        let code = if let JobErrorCode::Other(_) = error.code { OTHER } else { error.code.as_str() };
        samples.push(Sample::once(Metric::VersionError, code));
    }
    StoredOutbox::new(records.sql).record(&samples, report.finished_at, now);
}
