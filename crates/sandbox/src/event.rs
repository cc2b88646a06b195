//! The events that the Python side reports on its pipe: JSON lines, the last of them the result.

use std::collections::BTreeMap;

use contract::{Geometry, JobError, JobErrorCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use crate::finished::MadeFile;

/// The runner reads this many bytes of events, and ignores the rest.
pub(crate) const MAX_EVENT_BYTES: usize = 4 << 20;

/// The phase in which the script runs. `job.py` reports it just before.
const SCRIPT_PHASE: &str = "script";

/// The phases that a watcher gets, in their order.
pub(crate) const PHASES: [&str; 2] = [SCRIPT_PHASE, "export"];

#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event {
    Phase { phase: String },
    JailFailed { step: Option<String>, reason: Option<String> },
    Result(Box<JobResult>),
}

/// The result event. Without one, the job counts as failed.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct JobResult {
    pub outcome: ReportedOutcome,
    pub error: Option<JobError>,
    /// `None` if it cannot be read: a measurement that is wrong must not cost the model.
    #[serde(default, deserialize_with = "readable")]
    pub geometry: Option<Geometry>,
    #[serde(default)]
    pub files: Vec<MadeFile>,
    pub mesh: Option<String>,
    #[serde(default)]
    pub timings_ms: BTreeMap<String, f64>,
    #[serde(default)]
    pub warnings: Vec<String>,
    pub engine: Option<String>,
}

/// The two outcomes that the job itself can report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReportedOutcome {
    Completed,
    #[default]
    Failed,
}

/// All events of a job.
#[derive(Debug, Default)]
pub(crate) struct JobEvents {
    /// The last phase that began.
    pub phase: Option<String>,
    /// The script began. Nothing resets this, because from then on the script may write lines of its own.
    pub script_began: bool,
    /// The step of the jail that failed, and the reason. The script did not run.
    pub jail_failure: Option<String>,
    /// The first result; a job has one.
    pub result: Option<JobResult>,
}

/// Gives `None` for a value that does not parse.
fn readable<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<Option<T>, D::Error> {
    let value = serde_json::Value::deserialize(from)?;
    Ok(serde_json::from_value(value).ok())
}

// Limits in characters, which keep a report below its maximum size.
const MAX_LABEL: usize = 200;
const MAX_MESSAGE: usize = 1_000;
const MAX_TRACEBACK: usize = 32_000;
const MAX_PHASE_NAME: usize = 32;

/// The largest number of warnings, of files, and of objects of a geometry.
const MAX_LIST: usize = 100;

/// The largest number of timed phases.
const MAX_PHASES: usize = 20;

impl JobResult {
    /// Cuts every text and list to a size that fits into a report.
    fn cut(mut self) -> Self {
        self.warnings.truncate(MAX_LIST);
        self.warnings.iter_mut().for_each(|warning| cut(warning, MAX_MESSAGE));
        self.engine.iter_mut().for_each(|engine| cut(engine, MAX_LABEL));
        let timings = std::mem::take(&mut self.timings_ms).into_iter();
        self.timings_ms =
            timings.filter(|(phase, _)| phase.chars().count() <= MAX_PHASE_NAME).take(MAX_PHASES).collect();
        // Messages repeat these names.
        self.mesh.iter_mut().for_each(|name| cut(name, MAX_LABEL));
        self.files.truncate(MAX_LIST);
        self.files.iter_mut().for_each(|file| cut(&mut file.name, MAX_LABEL));
        if let Some(geometry) = &mut self.geometry {
            geometry.objects.truncate(MAX_LIST);
            for object in &mut geometry.objects {
                cut(&mut object.name, MAX_LABEL);
                cut(&mut object.label, MAX_LABEL);
                cut(&mut object.type_id, MAX_LABEL);
            }
        }
        if let Some(error) = &mut self.error {
            if let JobErrorCode::Other(code) = &mut error.code {
                cut(code, MAX_LABEL);
            }
            cut(&mut error.message, MAX_MESSAGE);
            error.object.iter_mut().for_each(|label| cut(label, MAX_LABEL));
            error.source.iter_mut().for_each(|line| cut(line, MAX_MESSAGE));
            error.traceback.iter_mut().for_each(|traceback| cut(traceback, MAX_TRACEBACK));
        }
        self
    }
}

fn cut(text: &mut String, max: usize) {
    if let Some((end, _)) = text.char_indices().nth(max) {
        text.truncate(end);
        text.push('…');
    }
}

/// The phase that starts with this line, if it is one of those that are still `expected`. They come in order, and each
/// once, so a script that reports phases by itself cannot flood a watcher.
pub(crate) fn started_phase(line: &[u8], expected: &mut &[&'static str]) -> Option<&'static str> {
    if expected.is_empty() {
        return None;
    }
    let Ok(Event::Phase { phase }) = serde_json::from_slice(line) else { return None };
    let at = expected.iter().position(|name| *name == phase)?;
    let started = expected[at];
    *expected = &expected[at + 1..];
    Some(started)
}

/// Reads the lines, and skips those that do not parse. Without a result, the verdict depends on how the process died.
pub(crate) fn parse(lines: &[u8]) -> JobEvents {
    let mut events = JobEvents::default();
    for line in lines.split(|byte| *byte == b'\n') {
        match serde_json::from_slice(line) {
            Ok(Event::Phase { phase }) if events.result.is_none() => {
                events.script_began |= phase == SCRIPT_PHASE;
                events.phase = Some(phase);
            }
            // It counts only before the first phase, so a script cannot make its own run count as one that never began.
            Ok(Event::JailFailed { step, reason }) if events.phase.is_none() => {
                let text = |part: Option<String>| part.unwrap_or_else(|| "unknown".to_owned());
                events.jail_failure = Some(format!("{}: {}", text(step), text(reason)));
            }
            Ok(Event::Result(result)) if events.result.is_none() => events.result = Some(result.cut()),
            _ => {}
        }
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_measurement_does_not_cost_the_result() {
        for (geometry, facets) in [
            ("{\"facets\": null, \"solids\": 0}", Some(None)),
            ("{\"facets\": 12}", Some(Some(12))),
            ("{\"center_of_mass\": [null, 0, 0]}", None),
            ("null", None),
        ] {
            let line = format!("{{\"event\":\"result\",\"outcome\":\"completed\",\"geometry\":{geometry}}}");
            let result = parse(line.as_bytes()).result.unwrap();
            assert_eq!(result.geometry.map(|geometry| geometry.facets), facets, "{geometry}");
        }
    }

    #[test]
    fn a_result_is_cut_to_the_size_of_a_report() {
        let long = "é".repeat(40_000);
        let object = format!("{{\"name\":\"{long}\",\"label\":\"{long}\",\"type\":\"{long}\"}}");
        let objects = vec![object; 120].join(",");
        let warnings = vec![format!("\"{long}\""); 120].join(",");
        let timings: Vec<String> = (0..90_000).map(|number| format!("\"phase {number}\":1.0")).collect();
        let timings = timings.join(",");
        let line = format!(
            "{{\"event\":\"result\",\"outcome\":\"failed\",\"geometry\":{{\"objects\":[{objects}]}},\"warnings\":[{warnings}],\
             \"mesh\":\"{long}\",\"files\":[{{\"format\":\"STL\",\"name\":\"{long}\",\"made_by\":\"script\"}}],\
             \"timings_ms\":{{\"{long}\":1.0,{timings}}},\
             \"error\":{{\"code\":\"{long}\",\"message\":\"{long}\",\"traceback\":\"{long}\"}}}}"
        );
        let result = parse(line.as_bytes()).result.unwrap();
        assert!(!result.timings_ms.is_empty());
        assert!(result.mesh.unwrap().len() < 1_000 && result.files[0].name.len() < 1_000);
        let all = (&result.geometry, &result.error, &result.warnings, &result.timings_ms);
        let size = serde_json::to_string(&all).unwrap().len();
        assert!(size < contract::REPORT_LIMIT / 2, "{size}");
    }

    #[test]
    fn nothing_resets_that_the_script_began() {
        let line = |phase: &str| format!("{{\"event\":\"phase\",\"phase\":\"{phase}\"}}\n");
        assert!(!parse(line("ready").as_bytes()).script_began);
        assert!(parse((line("ready") + &line("script") + &line("ready")).as_bytes()).script_began);
    }

    #[test]
    fn a_watcher_gets_each_phase_once() {
        let mut expected = &PHASES[..];
        let reported = ["ready", "script", "script", "export", "script", "export"];
        let started = reported.iter().filter_map(|phase| {
            let line = format!("{{\"event\":\"phase\",\"phase\":\"{phase}\"}}\n");
            started_phase(line.as_bytes(), &mut expected)
        });
        assert_eq!(started.collect::<Vec<_>>(), ["script", "export"]);
    }

    #[test]
    fn the_first_result_counts() {
        let events = parse(
            b"{\"event\":\"phase\",\"phase\":\"script\"}\n{oops\n\
              {\"event\":\"result\",\"outcome\":\"failed\",\"error\":{\"code\":\"c\",\"message\":\"m\"}}\n\
              {\"event\":\"result\",\"outcome\":\"completed\"}\n{\"event\":\"phase\",\"phase\":\"late\"}\n",
        );
        assert_eq!(events.phase.as_deref(), Some("script"));
        assert_eq!(events.result.unwrap().outcome, ReportedOutcome::Failed);
    }
}
