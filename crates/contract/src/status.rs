//! The phases of a version's life and the words in which a project's status is told.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{IdError, Outcome};

/// Where a version stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The object holds the script; the bucket does not have it yet.
    Stored,
    /// In the bucket, waiting for a runner.
    Queued,
    /// A runner holds it.
    Running,
    /// Done, with files.
    Completed,
    /// The script is at fault.
    Failed,
    /// The script used up its own limit of time.
    TimedOut,
    /// Five attempts died under it.
    Abandoned,
    /// Somebody cancelled it.
    Cancelled,
}

impl Phase {
    const ALL: [Self; 8] = [
        Self::Stored,
        Self::Queued,
        Self::Running,
        Self::Completed,
        Self::Failed,
        Self::TimedOut,
        Self::Abandoned,
        Self::Cancelled,
    ];

    /// The word in answers and in the object's table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Abandoned => "abandoned",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether a report has been read: nothing changes any more.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Stored | Self::Queued | Self::Running)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Phase {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == text).ok_or_else(IdError::phase)
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

/// A project's status: that of its newest version, in the five words that front ends know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProjectStatus {
    /// Nothing was ever uploaded under this name.
    NoScripts,
    /// On its way.
    Processing,
    /// Files are there.
    Completed,
    /// Over time; see the code.
    Timeout,
    /// Ended without a model; see the code.
    Error,
}

impl ProjectStatus {
    /// The words that a person sees.
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

/// Codes that the status view itself gives; a report's own code comes from the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusCode {
    /// Nobody claimed it for ten minutes. A view: a late runner still completes it.
    NoRunner,
    /// Ten minutes have passed since the claim. A view: a late report still completes it.
    Stalled,
}

impl StatusCode {
    /// The code in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoRunner => "no_runner",
            Self::Stalled => "stalled",
        }
    }
}

impl Phase {
    /// The project's status while its newest version is in this phase and in time.
    pub fn project_status(self) -> ProjectStatus {
        match self {
            Self::Stored | Self::Queued | Self::Running => ProjectStatus::Processing,
            Self::Completed => ProjectStatus::Completed,
            Self::TimedOut => ProjectStatus::Timeout,
            Self::Failed | Self::Abandoned | Self::Cancelled => ProjectStatus::Error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_go_round() {
        for phase in Phase::ALL {
            assert_eq!(phase.as_str().parse::<Phase>().unwrap(), phase);
            assert_eq!(serde_json::to_string(&phase).unwrap(), format!("\"{phase}\""));
        }
    }

    #[test]
    fn only_a_report_is_final() {
        let open: Vec<_> = Phase::ALL.into_iter().filter(|phase| !phase.is_final()).collect();
        assert_eq!(open, [Phase::Stored, Phase::Queued, Phase::Running]);
    }
}
