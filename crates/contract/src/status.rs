//! The phases of a version and the status of a project.

use schemars::JsonSchema;

use super::{Outcome, word_enum};

word_enum! {
    /// The phase of a version.
    #[derive(JsonSchema)]
    pub enum Phase {
        /// The Worker keeps the script; it is not in the bucket yet.
        Stored = "stored",
        /// The script waits in the bucket for a runner.
        Queued = "queued",
        /// A runner works on it.
        Running = "running",
        /// The files are in the bucket.
        Completed = "completed",
        /// The script or its run has failed.
        Failed = "failed",
        /// The script used up its time.
        TimedOut = "timed_out",
        /// Five attempts died while running it.
        Abandoned = "abandoned",
        /// A user cancelled it.
        Cancelled = "cancelled",
    } else "not a phase of a version"
}

impl Phase {
    /// Whether the version has a report, so that nothing changes any more.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Stored | Self::Queued | Self::Running)
    }

    /// The project's status if its newest version is in this phase and not overdue.
    pub fn project_status(self) -> ProjectStatus {
        match self {
            Self::Stored | Self::Queued | Self::Running => ProjectStatus::Processing,
            Self::Completed => ProjectStatus::Completed,
            Self::TimedOut => ProjectStatus::Timeout,
            Self::Failed | Self::Abandoned | Self::Cancelled => ProjectStatus::Error,
        }
    }
}

impl From<Outcome> for Phase {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Completed => Self::Completed,
            Outcome::Failed => Self::Failed,
            Outcome::TimedOut => Self::TimedOut,
            Outcome::Abandoned => Self::Abandoned,
            Outcome::Cancelled => Self::Cancelled,
        }
    }
}

word_enum! {
    /// A project's status: the status of its newest version.
    #[derive(JsonSchema)]
    pub enum ProjectStatus {
        /// No script was ever uploaded under this name.
        NoScripts = "no_scripts",
        /// The version is not finished.
        Processing = "processing",
        /// The files are ready.
        Completed = "completed",
        /// The version is overdue, or its script used up its time; see the code.
        Timeout = "timeout",
        /// The version ended without a model; see the code.
        Error = "error",
    }
}

impl ProjectStatus {
    /// The text for a person.
    pub fn message(self) -> &'static str {
        match self {
            Self::NoScripts => "No scripts uploaded yet",
            Self::Processing => "FreeCAD processing…",
            Self::Completed => "Model ready — view or download",
            Self::Timeout => "Processing takes longer than it should",
            Self::Error => "Processing failed",
        }
    }
}

word_enum! {
    /// A code for a version without a report. It changes nothing: a late report still completes the version.
    pub enum StatusCode {
        /// Ten minutes in the queue without any runner.
        NoRunner = "no_runner",
        /// Ten minutes since a runner took the version.
        Stalled = "stalled",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_report_is_final() {
        let open: Vec<_> = Phase::ALL.into_iter().filter(|phase| !phase.is_final()).collect();
        assert_eq!(open, [Phase::Stored, Phase::Queued, Phase::Running]);
    }
}
