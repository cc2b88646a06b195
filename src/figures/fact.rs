//! What is counted, and under which names.

use std::time::Duration;

use super::histogram;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// The bucket has a script that was uploaded here; by origin.
    Upload,
    /// An upload was answered with an error; by its code.
    UploadFailed,
    /// A runner's report was read, or that of a cancellation; by outcome.
    Version,
    /// A report says why there is no model; by its code.
    VersionError,
    /// The time from a runner's claim to its report, for completed versions; on the runner's clock.
    Run,
    /// The time from the upload to when its report was read, for completed versions; on the object's clock.
    Way,
    /// A link to a file was made; by format.
    Link,
    /// A call was answered with a status from 400 to 499; by its code.
    ClientError,
    /// The same from 500.
    ServerError,
    /// A provider gave a whole answer; this and all that follow by provider and model.
    AiSuccess,
    /// It gave none; also by kind.
    AiFailure,
    /// Tokens of what was sent.
    AiInput,
    /// Tokens of the answers.
    AiOutput,
    /// The time that an answer took.
    AiTime,
    /// It was asked because another had failed.
    AiFallback,
    /// A first script has its report.
    FirstRun,
    /// And is a model.
    FirstRunWon,
    /// It answered a question for a repair.
    Repair,
    /// And its script is a model.
    RepairWon,
}

impl Figure {
    /// The word in tables and batches.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::UploadFailed => "upload_failed",
            Self::Version => "version",
            Self::VersionError => "version_error",
            Self::Run => "run",
            Self::Way => "way",
            Self::Link => "link",
            Self::ClientError => "client_error",
            Self::ServerError => "server_error",
            Self::AiSuccess => "ai_success",
            Self::AiFailure => "ai_failure",
            Self::AiInput => "ai_input",
            Self::AiOutput => "ai_output",
            Self::AiTime => "ai_time",
            Self::AiFallback => "ai_fallback",
            Self::FirstRun => "first_run",
            Self::FirstRunWon => "first_run_won",
            Self::Repair => "repair",
            Self::RepairWon => "repair_won",
        }
    }
}

/// Something that happened, to be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fact<'a> {
    pub(super) figure: Figure,
    pub(super) label: &'a str,
    /// Which of the figure's sums: see [`histogram`].
    pub(super) slot: u64,
    pub(super) amount: u64,
}

impl<'a> Fact<'a> {
    /// It happened once.
    pub fn once(figure: Figure, label: &'a str) -> Self {
        Self::times(figure, label, 1)
    }

    /// It happened so often, or came to so much.
    pub fn times(figure: Figure, label: &'a str, amount: u64) -> Self {
        Self { figure, label, slot: histogram::SUM, amount }
    }

    /// It took so long: the time by itself, and one more in its bucket.
    pub fn took(figure: Figure, label: &'a str, time: Duration) -> [Self; 2] {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).min(histogram::LONGEST);
        let sum = Self::times(figure, label, millis);
        [sum, Self { slot: histogram::bucket(millis), amount: 1, ..sum }]
    }
}

/// The label of a model of a provider.
pub fn model_label(provider: &str, model: &str) -> String {
    // The tab stands between the parts, and other control characters apart from other things.
    format!("{provider}\t{}", model.replace(char::is_control, " "))
}
