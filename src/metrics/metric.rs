//! Metrics, samples and counters.

use std::time::Duration;

use contract::{Timestamp, word_enum};
use serde::{Deserialize, Serialize};

use super::histogram;

word_enum! {
    /// A kind of event, and the label by which it is counted.
    pub enum Metric {
        /// An uploaded script is in the bucket; by origin.
        Upload = "upload",
        /// An upload was answered with an error; by code.
        UploadFailed = "upload_failed",
        /// A version ended, by a runner's report or a cancellation; by outcome.
        Version = "version",
        /// A report with an error; by job error code.
        VersionError = "version_error",
        /// Duration from the runner's claim to its report, for completed versions, on the runner's clock.
        Run = "run",
        /// Duration from the upload until the report was read, for completed versions, on the object's clock.
        UploadToModel = "way",
        /// A link to a file; by format.
        Link = "link",
        /// A response with a status from 400 to 499; by code.
        ClientError = "client_error",
        /// A response with a status from 500; by code.
        ServerError = "server_error",
        /// A provider gave a complete answer; by provider and model, like all that follow.
        AiSuccess = "ai_success",
        /// A provider gave no complete answer; also by kind of failure.
        AiFailure = "ai_failure",
        /// Input tokens.
        AiInput = "ai_input",
        /// Output tokens.
        AiOutput = "ai_output",
        /// Duration of a complete answer.
        AiTime = "ai_time",
        /// A provider was asked because another had failed.
        AiFallback = "ai_fallback",
        /// A turn's first script ended.
        FirstRun = "first_run",
        /// A turn's first script became a model.
        FirstRunSucceeded = "first_run_won",
        /// A provider answered a request for a repair.
        Repair = "repair",
        /// A repaired script became a model.
        RepairSucceeded = "repair_won",
    }
}

/// An event to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample<'a> {
    pub(super) metric: Metric,
    pub(super) label: &'a str,
    /// [`histogram::SUM`], or a bucket of the histogram.
    pub(super) slot: u64,
    pub(super) amount: u64,
}

impl<'a> Sample<'a> {
    pub fn once(metric: Metric, label: &'a str) -> Self {
        Self::times(metric, label, 1)
    }

    pub fn times(metric: Metric, label: &'a str, amount: u64) -> Self {
        Self { metric, label, slot: histogram::SUM, amount }
    }

    /// A duration counts twice: in the sum of all durations, and in its bucket.
    pub fn duration(metric: Metric, label: &'a str, duration: Duration) -> [Self; 2] {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).min(histogram::LONGEST);
        let sum = Self::times(metric, label, millis);
        [sum, Self { slot: histogram::bucket(millis), amount: 1, ..sum }]
    }
}

/// The sum of equal samples of one hour. As JSON: `[hour, metric, label, slot, amount]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Row", into = "Row")]
pub struct Counter {
    /// Hours since 1970.
    pub hour: i64,
    /// The word of a [`Metric`].
    pub metric: String,
    pub label: String,
    pub slot: u64,
    pub amount: u64,
}

type Row = (i64, String, String, u64, u64);

impl From<Row> for Counter {
    fn from((hour, metric, label, slot, amount): Row) -> Self {
        Self { hour, metric, label, slot, amount }
    }
}

impl From<Counter> for Row {
    fn from(Counter { hour, metric, label, slot, amount }: Counter) -> Self {
        (hour, metric, label, slot, amount)
    }
}

impl Counter {
    pub fn new(hour: i64, sample: &Sample<'_>) -> Self {
        let Sample { metric, label, slot, amount } = *sample;
        Self { hour, metric: metric.to_string(), label: label.to_owned(), slot, amount }
    }

    /// Whether `sample` counts here.
    pub(super) fn counts(&self, hour: i64, sample: &Sample<'_>) -> bool {
        let is_labelled = self.metric == sample.metric.as_str() && self.label == sample.label;
        is_labelled && (self.hour, self.slot) == (hour, sample.slot)
    }
}

const HOUR_MILLIS: i64 = 3_600_000;

/// The hour that contains a time: hours since 1970.
pub fn hour_of(at: Timestamp) -> i64 {
    at.as_millis() / HOUR_MILLIS
}

/// When an hour begins.
pub fn start_of(hour: i64) -> Timestamp {
    Timestamp::from_millis(hour.saturating_mul(HOUR_MILLIS))
}

/// The label of a provider's model: both names with a tab between them.
pub fn model_label(provider: &str, model: &str) -> String {
    format!("{provider}\t{}", model.replace(char::is_control, " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_contains_its_start() {
        let now = Timestamp::from_millis(1_700_000_000_123);
        let start = start_of(hour_of(now));
        assert_eq!(start.to_string(), "2023-11-14T22:00:00.000Z");
        assert_eq!(hour_of(start), hour_of(now));
        assert_eq!(hour_of(Timestamp::from_millis(start.as_millis() - 1)), hour_of(now) - 1);
    }

    #[test]
    fn a_counter_is_a_json_array() {
        let counter = Counter::new(7, &Sample::times(Metric::UploadToModel, "l", 3));
        assert_eq!(serde_json::to_string(&counter).unwrap(), r#"[7,"way","l",0,3]"#);
        assert_eq!(serde_json::from_str::<Counter>(r#"[7,"way","l",0,3]"#).unwrap(), counter);
    }
}
