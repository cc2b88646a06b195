//! What of a version's life is counted, noted in the stretch of SQL in which it happens.

use super::records::Records;
use crate::figures::{Fact, Figure, Outbox};
use contract::{Origin, Outcome, Phase, Report, Timestamp};

/// The codes of the errors in reports. Those of others count together: a report is read from the bucket, where anybody may
/// have put it.
const CODES: [&str; 20] = [
    "abandoned",
    "cancelled",
    "crashed",
    "export_failed",
    "internal_error",
    "invalid_shape",
    "no_geometry",
    "no_output",
    "out_of_memory",
    "output_invalid",
    "output_unusable",
    "script_changed",
    "script_error",
    "script_exited",
    "script_missing",
    "script_timeout",
    "script_too_large",
    "syntax_error",
    "unreadable_report",
    OTHER,
];

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
        let code = CODES.into_iter().find(|code| *code == error.code).unwrap_or(OTHER);
        facts.push(Fact::once(Figure::VersionError, code));
    }
    Outbox::new(records.sql).note(&facts, report.finished_at, now);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_that_is_documented_counts_by_itself() {
        let page = include_str!("../../docs/scripts.md");
        let (_, table) = page.split_once("## Job error codes").unwrap();
        let (table, _) = table.split_once("\n## ").unwrap();
        let codes = table.lines().filter_map(|line| line.strip_prefix("| `")?.split_once(" |"));
        let codes = codes.flat_map(|(codes, _)| codes.split(", ")).map(|code| code.trim_matches('`'));
        // What the status view says of versions without a report.
        let mut codes: Vec<&str> = codes.filter(|code| !["no_runner", "stalled"].contains(code)).collect();
        codes.push(OTHER);
        codes.sort_unstable();
        let mut known = CODES;
        known.sort_unstable();
        assert_eq!(codes, known);
    }
}
