//! What the sums of all shards come to, in the words of the API.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Map, Value};

use super::batch::Cell;
use super::fact::Figure;
use super::histogram::{Histogram, SUM};

/// Counts by a word.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Counts(Map<String, Value>);

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
    pub fn of(cells: &[Cell<'_>]) -> Self {
        let all = Sums { cells, model: None };
        let mut models: Vec<&str> = Vec::new();
        for model in cells.iter().filter_map(|cell| model_of(cell.label)) {
            if let Err(place) = models.binary_search(&model) {
                models.insert(place, model);
            }
        }
        let mut by_code = Counts::default();
        all.count(Figure::ClientError, &mut by_code);
        all.count(Figure::ServerError, &mut by_code);
        let outcomes = all.counts(Figure::Version);
        Self {
            uploads: Uploads {
                succeeded: all.total(Figure::Upload),
                by_origin: all.counts(Figure::Upload),
                failed: all.total(Figure::UploadFailed),
                failed_by_code: all.counts(Figure::UploadFailed),
            },
            versions: Versions {
                completed: outcomes.get("completed"),
                failed: outcomes.get("failed"),
                timed_out: outcomes.get("timed_out"),
                abandoned: outcomes.get("abandoned"),
                cancelled: outcomes.get("cancelled"),
                errors: all.counts(Figure::VersionError),
                run: all.times(Figure::Run),
                upload_to_model: all.times(Figure::Way),
            },
            downloads: Downloads { links: all.total(Figure::Link), by_format: all.counts(Figure::Link) },
            errors: Errors { client: all.total(Figure::ClientError), server: all.total(Figure::ServerError), by_code },
            ai: all.ai(),
            models: models.into_iter().map(|model| all.model(model)).collect(),
        }
    }
}

/// Provider and model in the label of a figure of a language model; none in another's.
fn model_of(label: &str) -> Option<&str> {
    let (provider, rest) = label.split_once('\t')?;
    let model = rest.split_once('\t').map_or(rest, |(model, _)| model);
    label.get(..provider.len() + 1 + model.len())
}

/// The sums of many figures; of one model alone, where that is named.
struct Sums<'a> {
    cells: &'a [Cell<'a>],
    model: Option<&'a str>,
}

impl Sums<'_> {
    fn each(&self, figure: Figure, see: &mut dyn FnMut(&Cell<'_>)) {
        for cell in self.cells {
            if cell.figure == figure.as_str() && self.model.is_none_or(|model| model_of(cell.label) == Some(model)) {
                see(cell);
            }
        }
    }

    /// How often; or how much, in all.
    fn total(&self, figure: Figure) -> u64 {
        let mut total = 0;
        self.each(figure, &mut |cell| total += if cell.slot == SUM { cell.amount } else { 0 });
        total
    }

    /// The same by the last part of the label.
    fn counts(&self, figure: Figure) -> Counts {
        let mut counts = Counts::default();
        self.count(figure, &mut counts);
        counts
    }

    fn count(&self, figure: Figure, counts: &mut Counts) {
        self.each(figure, &mut |cell| {
            let word = cell.label.rsplit_once('\t').map_or(cell.label, |(_, word)| word);
            counts.add(word, cell.amount);
        });
    }

    fn times(&self, figure: Figure) -> Times {
        let mut histogram = Histogram::default();
        self.each(figure, &mut |cell| histogram.add(cell.slot, cell.amount));
        let count = histogram.count();
        let mean_ms = self.total(figure).checked_div(count);
        Times { count, mean_ms, p50_ms: histogram.percentile(50), p95_ms: histogram.percentile(95) }
    }

    fn model(&self, label: &str) -> ModelFigures {
        let (provider, model) = label.split_once('\t').unwrap_or((label, ""));
        let figures = Sums { model: Some(label), ..*self }.ai();
        ModelFigures { provider: provider.to_owned(), model: model.to_owned(), figures }
    }

    fn ai(&self) -> AiFigures {
        let (successes, failures) = (self.total(Figure::AiSuccess), self.total(Figure::AiFailure));
        let (first_runs, first_runs_won) = (self.total(Figure::FirstRun), self.total(Figure::FirstRunWon));
        AiFigures {
            calls: successes + failures,
            successes,
            failures: self.counts(Figure::AiFailure),
            input_tokens: self.total(Figure::AiInput),
            output_tokens: self.total(Figure::AiOutput),
            latency: self.times(Figure::AiTime),
            fallbacks: self.total(Figure::AiFallback),
            first_runs,
            first_runs_won,
            first_run_success_rate: (first_runs > 0).then(|| first_runs_won as f64 / first_runs as f64),
            repairs_tried: self.total(Figure::Repair),
            repairs_won: self.total(Figure::RepairWon),
        }
    }
}

impl Counts {
    fn add(&mut self, word: &str, amount: u64) {
        let amount = Value::from(self.get(word) + amount);
        self.0.insert(word.to_owned(), amount);
    }

    /// How often; 0 for a word that never came.
    pub fn get(&self, word: &str) -> u64 {
        self.0.get(word).and_then(Value::as_u64).unwrap_or_default()
    }
}

impl JsonSchema for Counts {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Counts".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        <std::collections::BTreeMap<String, u64>>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::fact::{Fact, model_label};
    use super::*;

    fn cells<'a>(facts: &[Fact<'a>]) -> Vec<Cell<'a>> {
        let cell = |fact: &Fact<'a>| {
            let Fact { figure, label, slot, amount } = *fact;
            Cell { hour: 1, figure: figure.as_str(), label, slot, amount }
        };
        facts.iter().map(cell).collect()
    }

    #[test]
    fn nothing_comes_to_nothing() {
        let figures = Figures::of(&[]);
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
        let figures = Figures::of(&[one, other].concat());
        assert_eq!((figures.uploads.succeeded, figures.uploads.failed), (5, 1));
        assert_eq!(["ai", "upload", "hand"].map(|origin| figures.uploads.by_origin.get(origin)), [4, 1, 0]);
        assert_eq!((figures.versions.completed, figures.versions.timed_out, figures.versions.failed), (1, 1, 0));
        assert_eq!((figures.downloads.links, figures.downloads.by_format.get("STEP")), (2, 2));
        assert_eq!((figures.errors.client, figures.errors.server, figures.errors.by_code.0.len()), (1, 1, 2));
    }

    #[test]
    fn each_model_has_its_own_figures() {
        let (one, two) = (model_label("a.test", "m"), model_label("b.test", "m\tx y"));
        let (first_cut, second_cut) = (format!("{one}\tcut"), format!("{two}\tcut"));
        let mut facts = vec![
            Fact::once(Figure::AiSuccess, &one),
            Fact::once(Figure::AiFailure, &first_cut),
            Fact::once(Figure::AiFailure, &second_cut),
            Fact::times(Figure::AiOutput, &one, 7),
            Fact::times(Figure::FirstRun, &one, 4),
            Fact::times(Figure::FirstRunWon, &one, 3),
        ];
        for seconds in 1..=20 {
            facts.extend(Fact::took(Figure::AiTime, &one, Duration::from_secs(seconds)));
        }
        let figures = Figures::of(&cells(&facts));
        assert_eq!((figures.ai.calls, figures.ai.successes, figures.ai.failures.get("cut")), (3, 1, 2));
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
