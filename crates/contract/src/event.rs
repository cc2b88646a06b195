//! Hints between runner and Worker.
//!
//! A hint makes things faster and decides nothing. Its receiver looks at the bucket, or displays the hint. If all hints
//! are lost, polling finds the same.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ProjectId, RunId, Version};

/// The most events in one request.
pub const MAX_EVENTS: usize = 100;

/// The most lines in one `progress` event; the newest are kept.
pub const MAX_PROGRESS_LINES: usize = 50;

/// The most characters of one line of a `progress` event.
pub const MAX_PROGRESS_LINE: usize = 500;

/// The body of `POST /api/runner/events`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunnerEvents {
    /// At most 100, in the order in which they happened.
    #[schemars(length(max = MAX_EVENTS))]
    pub events: Vec<RunnerEvent>,
}

/// An event, and the attempt that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunnerEvent {
    /// The project.
    pub project: ProjectId,
    /// The version.
    pub version: Version,
    /// The attempt.
    pub run: RunId,
    /// The event.
    #[serde(flatten)]
    pub happened: Happened,
}

/// An event of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Happened {
    /// The runner created the attempt.
    Claimed,
    /// The attempt has made progress.
    Progress {
        /// `script`, `export`, `drawing` or `publishing`.
        phase: String,
        /// The lines printed since the last event, without line ends; at most 50.
        #[serde(default)]
        lines: Vec<String>,
    },
    /// The report is in the bucket.
    Done,
}

/// A message of the Worker to runners over `GET /api/runner/wake`: one JSON object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "wake")]
pub enum Wake {
    /// There is work: poll now.
    Look,
    /// A version was cancelled: the runner that runs it checks for a report.
    Cancelled { project: ProjectId, version: Version },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_as_json() {
        let event = RunnerEvent {
            project: "p".parse().unwrap(),
            version: 3.try_into().unwrap(),
            run: "0123456789abcdef".parse().unwrap(),
            happened: Happened::Progress { phase: "script".to_owned(), lines: vec!["half".to_owned()] },
        };
        let text = r#"{"project":"p","version":3,"run":"0123456789abcdef","event":"progress","phase":"script","lines":["half"]}"#;
        assert_eq!(serde_json::to_string(&event).unwrap(), text);
        assert_eq!(serde_json::from_str::<RunnerEvent>(text).unwrap(), event);
        assert_eq!(serde_json::to_string(&Wake::Look).unwrap(), r#"{"wake":"look"}"#);
        let cancelled = Wake::Cancelled { project: "p".parse().unwrap(), version: 3.try_into().unwrap() };
        assert_eq!(serde_json::to_string(&cancelled).unwrap(), r#"{"wake":"cancelled","project":"p","version":3}"#);
    }
}
