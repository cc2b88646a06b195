//! The numbers that the API returns.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::histogram::{Histogram, SUM};
use super::metric::{Counter, Metric};

/// Counts by word.
pub type Counts = BTreeMap<String, u64>;

/// All counts of some hours.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "Figures")]
pub struct Summary {
    /// Uploaded scripts.
    pub uploads: Uploads,
    /// Versions that ended.
    pub versions: Versions,
    /// Links to files.
    pub downloads: Downloads,
    /// Requests that failed.
    pub errors: Errors,
    /// All language models together.
    pub ai: AiSummary,
    /// Each language model that was asked.
    pub models: Vec<ModelSummary>,
}

/// Uploaded scripts.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Uploads {
    /// How many are in the bucket. A kept upload counts when it reaches the bucket.
    pub succeeded: u64,
    /// The same by origin: `upload`, `ai`, `repair`, `retry`.
    pub by_origin: Counts,
    /// How many were answered with an error, alone or in a batch.
    pub failed: u64,
    /// The same by error code.
    pub failed_by_code: Counts,
}

/// Versions that ended.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Versions {
    /// The script became a model.
    pub completed: u64,
    /// The script or its run has failed.
    pub failed: u64,
    /// The script used up its time.
    pub timed_out: u64,
    /// Five attempts died while running it.
    pub abandoned: u64,
    /// A user cancelled it.
    pub cancelled: u64,
    /// Failures by job error code; `other` for a code that this service does not know.
    pub errors: Counts,
    /// From a runner's claim to its report, for completed versions.
    pub run: Times,
    /// From the upload until the report was read, for completed versions.
    pub upload_to_model: Times,
}

/// Links to files.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Downloads {
    /// How many were made.
    pub links: u64,
    /// The same by file format.
    pub by_format: Counts,
}

/// Requests that were answered with an error.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Errors {
    /// How many with a status from 400 to 499.
    pub client: u64,
    /// How many with a status from 500.
    pub server: u64,
    /// Both by error code.
    pub by_code: Counts,
}

/// One model of one provider.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "ModelFigures")]
pub struct ModelSummary {
    /// The provider's host.
    pub provider: String,
    /// The provider's name for the model.
    pub model: String,
    /// Its counts.
    pub figures: AiSummary,
}

/// Requests to language models, and their results.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "AiFigures")]
pub struct AiSummary {
    /// How often a provider was asked. Each try counts.
    pub calls: u64,
    /// How many calls gave a complete answer.
    pub successes: u64,
    /// The other calls by kind: `unauthorized`, `refused`, `rate_limited`, `unavailable`, `timed_out`, `cut`, `invalid`,
    /// `empty`, `too_long`.
    pub failures: Counts,
    /// Input tokens, as far as providers report them.
    pub input_tokens: u64,
    /// Output tokens, as far as providers report them.
    pub output_tokens: u64,
    /// The time that complete answers took.
    pub latency: Times,
    /// How often another provider had failed before.
    pub fallbacks: u64,
    /// First scripts of a turn that FreeCAD ran.
    pub first_runs: u64,
    /// How many of them became models.
    pub first_runs_won: u64,
    /// Their share; null without any first run.
    pub first_run_success_rate: Option<f64>,
    /// Answers to requests for a repair.
    pub repairs_tried: u64,
    /// How many of them became models.
    pub repairs_won: u64,
}

/// Durations.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Times {
    /// How many.
    pub count: u64,
    /// Their mean in milliseconds; null without any.
    pub mean_ms: Option<u64>,
    /// Their median in milliseconds, within 9.1 %.
    pub p50_ms: Option<u64>,
    /// Their 95th percentile in milliseconds, within 9.1 %.
    pub p95_ms: Option<u64>,
}

impl Summary {
    /// Adds up `counters`, in which the same counter may occur several times.
    pub fn of(counters: &[Counter]) -> Self {
        let sums = Sums { counters, model: None };
        let mut models: Vec<&str> = counters.iter().filter_map(|counter| model_of(&counter.label)).collect();
        models.sort_unstable();
        models.dedup();
        let outcomes = sums.counts(&[Metric::Version]);
        let outcome = |word: &str| outcomes.get(word).copied().unwrap_or_default();
        Self {
            uploads: Uploads {
                succeeded: sums.total(Metric::Upload),
                by_origin: sums.counts(&[Metric::Upload]),
                failed: sums.total(Metric::UploadFailed),
                failed_by_code: sums.counts(&[Metric::UploadFailed]),
            },
            versions: Versions {
                completed: outcome("completed"),
                failed: outcome("failed"),
                timed_out: outcome("timed_out"),
                abandoned: outcome("abandoned"),
                cancelled: outcome("cancelled"),
                errors: sums.counts(&[Metric::VersionError]),
                run: sums.times(Metric::Run),
                upload_to_model: sums.times(Metric::UploadToModel),
            },
            downloads: Downloads { links: sums.total(Metric::Link), by_format: sums.counts(&[Metric::Link]) },
            errors: Errors {
                client: sums.total(Metric::ClientError),
                server: sums.total(Metric::ServerError),
                by_code: sums.counts(&[Metric::ClientError, Metric::ServerError]),
            },
            ai: sums.ai(),
            models: models.into_iter().map(|model| sums.model(model)).collect(),
        }
    }
}

/// Provider and model, in the label of a language model's counter.
fn model_of(label: &str) -> Option<&str> {
    let (provider, rest) = label.split_once('\t')?;
    let model = rest.split_once('\t').map_or(rest, |(model, _)| model);
    label.get(..provider.len() + 1 + model.len())
}

/// Counters, of one model only if `model` names one.
struct Sums<'a> {
    counters: &'a [Counter],
    model: Option<&'a str>,
}

impl Sums<'_> {
    fn of(&self, metric: Metric) -> impl Iterator<Item = &Counter> {
        self.counters.iter().filter(move |counter| {
            counter.metric == metric.as_str() && self.model.is_none_or(|model| model_of(&counter.label) == Some(model))
        })
    }

    fn total(&self, metric: Metric) -> u64 {
        self.of(metric).filter(|counter| counter.slot == SUM).map(|counter| counter.amount).sum()
    }

    /// Counts by the last part of the label.
    fn counts(&self, metrics: &[Metric]) -> Counts {
        let mut counts = Counts::default();
        for counter in metrics.iter().flat_map(|metric| self.of(*metric)) {
            let word = counter.label.rsplit('\t').next().unwrap_or_default();
            *counts.entry(word.to_owned()).or_default() += counter.amount;
        }
        counts
    }

    fn times(&self, metric: Metric) -> Times {
        let mut histogram = Histogram::default();
        self.of(metric).for_each(|counter| histogram.add(counter.slot, counter.amount));
        let count = histogram.count();
        let mean_ms = self.total(metric).checked_div(count);
        Times { count, mean_ms, p50_ms: histogram.percentile(50), p95_ms: histogram.percentile(95) }
    }

    fn model(&self, label: &str) -> ModelSummary {
        let (provider, model) = label.split_once('\t').unwrap_or((label, ""));
        let figures = Sums { model: Some(label), ..*self }.ai();
        ModelSummary { provider: provider.to_owned(), model: model.to_owned(), figures }
    }

    fn ai(&self) -> AiSummary {
        let (successes, failures) = (self.total(Metric::AiSuccess), self.total(Metric::AiFailure));
        let (first_runs, first_runs_won) = (self.total(Metric::FirstRun), self.total(Metric::FirstRunSucceeded));
        AiSummary {
            calls: successes + failures,
            successes,
            failures: self.counts(&[Metric::AiFailure]),
            input_tokens: self.total(Metric::AiInput),
            output_tokens: self.total(Metric::AiOutput),
            latency: self.times(Metric::AiTime),
            fallbacks: self.total(Metric::AiFallback),
            first_runs,
            first_runs_won,
            first_run_success_rate: (first_runs > 0).then(|| first_runs_won as f64 / first_runs as f64),
            repairs_tried: self.total(Metric::Repair),
            repairs_won: self.total(Metric::RepairSucceeded),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::metric::{Sample, model_label};
    use super::*;

    fn summary(samples: &[Sample<'_>]) -> Summary {
        Summary::of(&samples.iter().map(|sample| Counter::new(1, sample)).collect::<Vec<_>>())
    }

    #[test]
    fn equal_counters_are_added() {
        let summary = summary(&[
            Sample::once(Metric::Upload, "ai"),
            Sample::once(Metric::ClientError, "no_route"),
            Sample::times(Metric::Upload, "ai", 3),
            Sample::once(Metric::Upload, "upload"),
            Sample::once(Metric::ServerError, "bucket_refuses"),
        ]);
        assert_eq!(summary.uploads.succeeded, 5);
        assert_eq!(summary.uploads.by_origin, Counts::from([("ai".to_owned(), 4), ("upload".to_owned(), 1)]));
        assert_eq!((summary.errors.client, summary.errors.server, summary.errors.by_code.len()), (1, 1, 2));
        assert_eq!(summary.versions.run, Times { count: 0, mean_ms: None, p50_ms: None, p95_ms: None });
    }

    #[test]
    fn models_are_counted_apart() {
        let (one, two) = (model_label("a.test", "m"), model_label("b.test", "m\tx y"));
        let (first_cut, second_cut) = (format!("{one}\tcut"), format!("{two}\tcut"));
        let mut samples = vec![
            Sample::once(Metric::AiSuccess, &one),
            Sample::once(Metric::AiFailure, &first_cut),
            Sample::once(Metric::AiFailure, &second_cut),
            Sample::times(Metric::FirstRun, &one, 4),
            Sample::times(Metric::FirstRunSucceeded, &one, 3),
        ];
        for seconds in 1..=20 {
            samples.extend(Sample::duration(Metric::AiTime, &one, Duration::from_secs(seconds)));
        }
        let summary = summary(&samples);
        assert_eq!((summary.ai.calls, summary.ai.successes, summary.ai.failures["cut"]), (3, 1, 2));
        let [first, second] = &summary.models[..] else { panic!("{:?}", summary.models) };
        assert_eq!((first.provider.as_str(), first.model.as_str(), first.figures.calls), ("a.test", "m", 2));
        assert_eq!(first.figures.first_run_success_rate, Some(0.75));
        assert_eq!((second.model.as_str(), second.figures.calls, second.figures.successes), ("m x y", 1, 0));
        let latency = &first.figures.latency;
        assert_eq!((latency.count, latency.mean_ms), (20, Some(10_500)));
        assert!((9_100..=10_900).contains(&latency.p50_ms.unwrap()), "{latency:?}");
        assert!((17_300..=20_800).contains(&latency.p95_ms.unwrap()), "{latency:?}");
    }
}
