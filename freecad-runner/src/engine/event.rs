//! What the Python side says on its event pipe: JSON lines, the last of them the result.

use std::collections::BTreeMap;

use partwright::contract::{Format, Geometry, JobError};
use serde::Deserialize;

/// The most that a job may say, in bytes. What comes after that is not read.
pub(super) const EVENT_LIMIT: usize = 4 << 20;

#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event {
    Phase { phase: String },
    Result(Box<JobResult>),
}

/// The result event.
#[derive(Debug, Deserialize)]
pub(super) struct JobResult {
    pub outcome: SaidOutcome,
    pub error: Option<JobError>,
    pub geometry: Option<Geometry>,
    #[serde(default)]
    pub files: Vec<SaidFile>,
    #[serde(default)]
    pub timings_ms: BTreeMap<String, f64>,
    #[serde(default)]
    pub warnings: Vec<String>,
    pub engine: Option<String>,
}

/// The two outcomes that the job itself can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SaidOutcome {
    Completed,
    Failed,
}

/// A file of the result event.
#[derive(Debug, Deserialize)]
pub(super) struct SaidFile {
    pub format: Format,
    pub name: String,
    pub made_by: String,
}

/// What was said in all.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// The last phase that began.
    pub phase: Option<String>,
    /// The first result; a job has one.
    pub result: Option<JobResult>,
}

/// Reads the lines. What does not parse is passed over: without a result the job is judged by how it died.
pub(super) fn parse(lines: &[u8]) -> Said {
    let mut said = Said::default();
    for line in lines.split(|byte| *byte == b'\n') {
        match serde_json::from_slice(line) {
            Ok(Event::Phase { phase }) if said.result.is_none() => said.phase = Some(phase),
            Ok(Event::Result(result)) if said.result.is_none() => said.result = Some(*result),
            _ => {}
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_result_counts() {
        let said = parse(
            b"{\"event\":\"phase\",\"phase\":\"script\"}\n{oops\n\
              {\"event\":\"result\",\"outcome\":\"failed\",\"error\":{\"code\":\"c\",\"message\":\"m\"}}\n\
              {\"event\":\"result\",\"outcome\":\"completed\"}\n{\"event\":\"phase\",\"phase\":\"late\"}\n",
        );
        assert_eq!(said.phase.as_deref(), Some("script"));
        assert_eq!(said.result.unwrap().outcome, SaidOutcome::Failed);
    }
}
