//! What the sums of all shards come to, in the words of the API.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::batch::Cell;
use super::fact::Figure;
use super::histogram::{self, percentile};

/// Counts by a word.
type Counts = BTreeMap<String, u64>;

/// All that was counted in some time.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Figures {
    /// Scripts that came.
    pub uploads: Uploads,
    /// What became of versions.
    pub versions: Versions,
    /// Links to files.
    pub downloads: Downloads,
    /// Calls that failed.
    pub errors: Errors,
    /// Of all models together.
    pub ai: AiFigures,
    /// Each model that was asked.
    pub models: Vec<ModelFigures>,
}

/// Scripts that came.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Uploads {
    /// How many are in the bucket; one that is kept until the bucket answers counts then.
    pub succeeded: u64,
    /// Of these, how many came how: `upload`, `ai`, `repair`, `retry`.
    pub by_origin: Counts,
    /// How many were answered with an error, alone or in a batch.
    pub failed: u64,
    /// The same by the error's code.
    pub failed_by_code: Counts,
}

/// Versions that have come to an end.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Versions {
    /// There is a model.
    pub completed: u64,
    /// The script is at fault.
    pub failed: u64,
    /// The script used up its own limit of time.
    pub timed_out: u64,
    /// Five attempts died under it.
    pub abandoned: u64,
    /// Somebody cancelled it.
    pub cancelled: u64,
    /// Why there is no model, by the error's code; `other` for a code that this service does not give.
    pub errors: Counts,
    /// From a runner's claim to its report, of completed ones.
    pub run: Times,
    /// From the upload to when the report was read, of completed ones.
    pub upload_to_model: Times,
}

/// Links to files.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Downloads {
    /// How many were made.
    pub links: u64,
    /// The same by the file's format.
    pub by_format: Counts,
}

/// Calls that were answered with an error.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Errors {
    /// How many with a status from 400 to 499.
    pub client: u64,
    /// How many with a status from 500.
    pub server: u64,
    /// Both by the error's code.
    pub by_code: Counts,
}

/// One model of one provider.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ModelFigures {
    /// The provider's host.
    pub provider: String,
    /// The model, as the provider has it.
    pub model: String,
    /// What it was asked, and what came of it.
    pub figures: AiFigures,
}

/// What language models were asked, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AiFigures {
    /// How often a provider was asked: each try counts.
    pub calls: u64,
    /// How many gave a whole answer.
    pub successes: u64,
    /// The others, by kind: `unauthorized`, `refused`, `rate_limited`, `unavailable`, `timed_out`, `cut`, `invalid`,
    /// `empty`, `too_long`.
    pub failures: Counts,
    /// Tokens of what was sent, where providers told.
    pub input_tokens: u64,
    /// Tokens of the answers.
    pub output_tokens: u64,
    /// How long whole answers took.
    pub latency: Times,
    /// How often another provider had failed before.
    pub fallbacks: u64,
    /// First scripts that FreeCAD has run.
    pub first_runs: u64,
    /// How many of those are models.
    pub first_runs_won: u64,
    /// The share of these; null without any.
    pub first_run_success_rate: Option<f64>,
    /// Answers to the question to mend a script.
    pub repairs_tried: u64,
    /// How many of those made a model of it.
    pub repairs_won: u64,
}

/// Times of what was counted.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Times {
    /// How many.
    pub count: u64,
    /// Their mean in milliseconds; null without any.
    pub mean_ms: Option<u64>,
    /// What half of them do not exceed, within 9.1 %.
    pub p50_ms: Option<u64>,
    /// The same of 95 in a hundred.
    pub p95_ms: Option<u64>,
}

impl Figures {
    /// What the sums come to. The same sum may come from several shards.
    pub fn of(cells: &[&Cell]) -> Self {
        let sums = Sums(cells);
        let outcome = |word: &str| sums.of(Figure::Version).counts().remove(word).unwrap_or_default();
        let (client, server) = (sums.of(Figure::ClientError), sums.of(Figure::ServerError));
        let mut by_code = client.counts();
        by_code.extend(server.counts());
        let models: BTreeSet<&str> = cells.iter().filter_map(|cell| model_of(cell)).collect();
        Self {
            uploads: Uploads {
                succeeded: sums.of(Figure::Upload).total(),
                by_origin: sums.of(Figure::Upload).counts(),
                failed: sums.of(Figure::UploadFailed).total(),
                failed_by_code: sums.of(Figure::UploadFailed).counts(),
            },
            versions: Versions {
                completed: outcome("completed"),
                failed: outcome("failed"),
                timed_out: outcome("timed_out"),
                abandoned: outcome("abandoned"),
                cancelled: outcome("cancelled"),
                errors: sums.of(Figure::VersionError).counts(),
                run: sums.of(Figure::Run).times(),
                upload_to_model: sums.of(Figure::Way).times(),
            },
            downloads: Downloads { links: sums.of(Figure::Link).total(), by_format: sums.of(Figure::Link).counts() },
            errors: Errors { client: client.total(), server: server.total(), by_code },
            ai: AiFigures::of(&sums),
            models: models.into_iter().map(|label| ModelFigures::of(&sums, label)).collect(),
        }
    }
}

impl ModelFigures {
    fn of(sums: &Sums<'_>, label: &str) -> Self {
        let (provider, model) = label.split_once('\t').unwrap_or((label, ""));
        let own: Vec<&Cell> = sums.0.iter().copied().filter(|cell| model_of(cell) == Some(label)).collect();
        Self { provider: provider.to_owned(), model: model.to_owned(), figures: AiFigures::of(&Sums(&own)) }
    }
}

impl AiFigures {
    fn of(sums: &Sums<'_>) -> Self {
        let total = |figure| sums.of(figure).total();
        let (first_runs, won) = (total(Figure::FirstRun), total(Figure::FirstRunWon));
        let (successes, mut failures) = (total(Figure::AiSuccess), Counts::new());
        for (label, count) in sums.of(Figure::AiFailure).counts() {
            let kind = label.rsplit('\t').next().unwrap_or_default();
            *failures.entry(kind.to_owned()).or_default() += count;
        }
        Self {
            calls: successes + failures.values().sum::<u64>(),
            successes,
            failures,
            input_tokens: total(Figure::AiInput),
            output_tokens: total(Figure::AiOutput),
            latency: sums.of(Figure::AiTime).times(),
            fallbacks: total(Figure::AiFallback),
            first_runs,
            first_runs_won: won,
            first_run_success_rate: (first_runs > 0).then(|| won as f64 / first_runs as f64),
            repairs_tried: total(Figure::Repair),
            repairs_won: total(Figure::RepairWon),
        }
    }
}

/// Provider and model of a figure of a language model; none of another.
fn model_of(cell: &Cell) -> Option<&str> {
    let (provider, rest) = cell.2.split_once('\t')?;
    let model = rest.split('\t').next().unwrap_or_default();
    cell.2.get(..provider.len() + 1 + model.len())
}

/// The sums of many figures.
struct Sums<'a>(&'a [&'a Cell]);

/// The sums of one figure: label, slot, amount.
struct Of<'a>(Vec<(&'a str, u64, u64)>);

impl<'a> Sums<'a> {
    fn of(&self, figure: Figure) -> Of<'a> {
        let own = self.0.iter().filter(|cell| cell.1 == figure.as_str());
        Of(own.map(|cell| (&*cell.2, cell.3, cell.4)).collect())
    }
}

impl Of<'_> {
    fn total(&self) -> u64 {
        self.0.iter().filter(|(_, slot, _)| *slot == histogram::SUM).map(|(.., amount)| amount).sum()
    }

    fn counts(&self) -> Counts {
        let mut counts = Counts::new();
        for (label, _, amount) in &self.0 {
            *counts.entry((*label).to_owned()).or_default() += amount;
        }
        counts
    }

    fn times(&self) -> Times {
        let mut buckets: BTreeMap<u64, u64> = BTreeMap::new();
        for (_, slot, amount) in self.0.iter().filter(|(_, slot, _)| *slot != histogram::SUM) {
            *buckets.entry(*slot).or_default() += amount;
        }
        let buckets: Vec<(u64, u64)> = buckets.into_iter().collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let [p50_ms, p95_ms] = [50, 95].map(|percent| percentile(&buckets, percent));
        Times { count, mean_ms: self.total().checked_div(count), p50_ms, p95_ms }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::fact::{Fact, model_label};
    use super::*;

    fn cells(facts: &[Fact]) -> Vec<Cell> {
        facts.iter().map(|fact| Cell::new(1, fact)).collect()
    }

    fn figures(cells: &[Cell]) -> Figures {
        Figures::of(&cells.iter().collect::<Vec<_>>())
    }

    #[test]
    fn nothing_comes_to_nothing() {
        let figures = figures(&[]);
        assert_eq!((figures.uploads.succeeded, figures.ai.calls, figures.models.len()), (0, 0, 0));
        assert_eq!(figures.versions.run, Times { count: 0, mean_ms: None, p50_ms: None, p95_ms: None });
        assert_eq!(figures.ai.first_run_success_rate, None);
    }

    #[test]
    fn sums_of_several_shards_come_together() {
        let one = cells(&[
            Fact::once(Figure::Upload, "ai"),
            Fact::once(Figure::Version, "completed"),
            Fact::once(Figure::ClientError, "no_route"),
            Fact::times(Figure::Link, "STEP", 2),
        ]);
        let other = cells(&[
            Fact::times(Figure::Upload, "ai", 3),
            Fact::once(Figure::Upload, "upload"),
            Fact::once(Figure::Version, "timed_out"),
            Fact::once(Figure::VersionError, "script_timeout"),
            Fact::once(Figure::ServerError, "bucket_refuses"),
            Fact::once(Figure::UploadFailed, "bucket_refuses"),
        ]);
        let figures = figures(&[one, other].concat());
        assert_eq!((figures.uploads.succeeded, figures.uploads.failed), (5, 1));
        assert_eq!(figures.uploads.by_origin, Counts::from([("ai".to_owned(), 4), ("upload".to_owned(), 1)]));
        assert_eq!((figures.versions.completed, figures.versions.timed_out, figures.versions.failed), (1, 1, 0));
        assert_eq!((figures.downloads.links, figures.downloads.by_format["STEP"]), (2, 2));
        assert_eq!((figures.errors.client, figures.errors.server, figures.errors.by_code.len()), (1, 1, 2));
    }

    #[test]
    fn each_model_has_its_own_figures() {
        let (one, two) = (model_label("a.test", "m"), model_label("b.test", "m\tx y"));
        let mut facts = vec![
            Fact::once(Figure::AiSuccess, &one),
            Fact::once(Figure::AiFailure, &format!("{one}\tcut")),
            Fact::once(Figure::AiFailure, &format!("{two}\tcut")),
            Fact::times(Figure::AiOutput, &one, 7),
            Fact::times(Figure::FirstRun, &one, 4),
            Fact::times(Figure::FirstRunWon, &one, 3),
        ];
        for seconds in 1..=20 {
            facts.extend(Fact::took(Figure::AiTime, &one, Duration::from_secs(seconds)));
        }
        let figures = figures(&cells(&facts));
        assert_eq!((figures.ai.calls, figures.ai.successes, figures.ai.failures["cut"]), (3, 1, 2));
        let [first, second] = &figures.models[..] else { panic!("{:?}", figures.models) };
        assert_eq!((first.provider.as_str(), first.model.as_str()), ("a.test", "m"));
        assert_eq!((first.figures.calls, first.figures.output_tokens), (2, 7));
        assert_eq!(first.figures.first_run_success_rate, Some(0.75));
        assert_eq!((second.model.as_str(), second.figures.calls, second.figures.successes), ("m x y", 1, 0));
        let latency = &first.figures.latency;
        assert_eq!((latency.count, latency.mean_ms), (20, Some(10_500)));
        assert!((9_100..=10_900).contains(&latency.p50_ms.unwrap()), "{latency:?}");
        assert!((17_300..=20_800).contains(&latency.p95_ms.unwrap()), "{latency:?}");
        assert_eq!(figures.ai.latency, *latency);
    }
}
