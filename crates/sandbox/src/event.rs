//! What the Python side says on its event pipe: JSON lines, the last of them the result.

use std::collections::BTreeMap;

use contract::{Format, Geometry, JobError, JobErrorCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

/// The most that a job may say, in bytes. What comes after that is not read.
pub(crate) const EVENT_LIMIT: usize = 4 << 20;

/// The phase in which the script runs; `job.py` says it just before.
const SCRIPT: &str = "script";

/// The phases that a watcher is told of, in their order.
pub(crate) const PHASES: [&str; 2] = [SCRIPT, "export"];

#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event {
    Phase { phase: String },
    JailFailed { step: Option<String>, reason: Option<String> },
    Result(Box<JobResult>),
}

/// The result event.
#[derive(Debug, Deserialize)]
pub(crate) struct JobResult {
    pub outcome: SaidOutcome,
    pub error: Option<JobError>,
    /// A figure that cannot be read is left out; it must not cost the model.
    #[serde(default, deserialize_with = "readable")]
    pub geometry: Option<Geometry>,
    #[serde(default)]
    pub files: Vec<SaidFile>,
    pub mesh: Option<String>,
    #[serde(default)]
    pub timings_ms: BTreeMap<String, f64>,
    #[serde(default)]
    pub warnings: Vec<String>,
    pub engine: Option<String>,
}

/// The two outcomes that the job itself can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SaidOutcome {
    Completed,
    Failed,
}

/// A file of the result event.
#[derive(Debug, Deserialize)]
pub(crate) struct SaidFile {
    pub format: Format,
    pub name: String,
    pub made_by: String,
}

/// What was said in all.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// The last phase that began.
    pub phase: Option<String>,
    /// The script was begun. Never unsaid: from then on the script may write lines of its own.
    pub script_began: bool,
    /// The step of the jail that failed, and why. The script was not run then.
    pub jail_failure: Option<String>,
    /// The first result; a job has one.
    pub result: Option<JobResult>,
}

/// The value, or none where it does not fit.
fn readable<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<Option<T>, D::Error> {
    let value = serde_json::Value::deserialize(from)?;
    Ok(serde_json::from_value(value).ok())
}

/// The most characters of a label, of a message or warning, and of a traceback: a report has an upper size.
const LABEL: usize = 200;
const MESSAGE: usize = 1_000;
const TRACEBACK: usize = 32_000;

/// The most warnings, and the most objects of a geometry.
const MANY: usize = 100;

/// The most phases that are timed, and the most characters of their names.
const TIMED: usize = 20;
const TIMED_NAME: usize = 32;

impl JobResult {
    /// Cuts what the job says to sizes that a report takes.
    fn cut(mut self) -> Self {
        self.warnings.truncate(MANY);
        self.warnings.iter_mut().for_each(|warning| cut(warning, MESSAGE));
        self.engine.iter_mut().for_each(|engine| cut(engine, LABEL));
        let timings = std::mem::take(&mut self.timings_ms).into_iter();
        self.timings_ms = timings.filter(|(phase, _)| phase.chars().count() <= TIMED_NAME).take(TIMED).collect();
        // Names come back in messages.
        self.mesh.iter_mut().for_each(|name| cut(name, LABEL));
        self.files.truncate(MANY);
        self.files.iter_mut().for_each(|file| cut(&mut file.name, LABEL));
        if let Some(geometry) = &mut self.geometry {
            geometry.objects.truncate(MANY);
            for object in &mut geometry.objects {
                cut(&mut object.name, LABEL);
                cut(&mut object.label, LABEL);
                cut(&mut object.type_id, LABEL);
            }
        }
        if let Some(error) = &mut self.error {
            if let JobErrorCode::Other(code) = &mut error.code {
                cut(code, LABEL);
            }
            cut(&mut error.message, MESSAGE);
            error.object.iter_mut().for_each(|label| cut(label, LABEL));
            error.source.iter_mut().for_each(|line| cut(line, MESSAGE));
            error.traceback.iter_mut().for_each(|traceback| cut(traceback, TRACEBACK));
        }
        self
    }
}

fn cut(text: &mut String, most: usize) {
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
        text.push('…');
    }
}

/// The phase that begins with this line, one of those `to_come`. They come in order and none twice: a script that says
/// phases by itself cannot flood a watcher.
pub(crate) fn begins(line: &[u8], to_come: &mut &[&'static str]) -> Option<&'static str> {
    if to_come.is_empty() {
        return None;
    }
    let Ok(Event::Phase { phase }) = serde_json::from_slice(line) else { return None };
    let at = to_come.iter().position(|name| *name == phase)?;
    let begun = to_come[at];
    *to_come = &to_come[at + 1..];
    Some(begun)
}

/// Reads the lines. What does not parse is passed over: without a result the job is judged by how it died.
pub(crate) fn parse(lines: &[u8]) -> Said {
    let mut said = Said::default();
    for line in lines.split(|byte| *byte == b'\n') {
        match serde_json::from_slice(line) {
            Ok(Event::Phase { phase }) if said.result.is_none() => {
                said.script_began |= phase == SCRIPT;
                said.phase = Some(phase);
            }
            // Said before the script begins, or not at all: a script cannot make its own run count as never run.
            Ok(Event::JailFailed { step, reason }) if said.phase.is_none() => {
                let text = |part: Option<String>| part.unwrap_or_else(|| "unknown".to_owned());
                said.jail_failure = Some(format!("{}: {}", text(step), text(reason)));
            }
            Ok(Event::Result(result)) if said.result.is_none() => said.result = Some(result.cut()),
            _ => {}
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_that_does_not_apply_or_fit_does_not_cost_the_result() {
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
    fn what_is_said_is_cut_to_what_a_report_takes() {
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
    fn that_the_script_began_is_never_unsaid() {
        let line = |phase: &str| format!("{{\"event\":\"phase\",\"phase\":\"{phase}\"}}\n");
        assert!(!parse(line("ready").as_bytes()).script_began);
        assert!(parse((line("ready") + &line("script") + &line("ready")).as_bytes()).script_began);
    }

    #[test]
    fn a_watcher_is_told_of_each_phase_once() {
        let mut to_come = &PHASES[..];
        let said = ["ready", "script", "script", "export", "script", "export"];
        let mut begins = |phase: &&str| {
            let line = format!("{{\"event\":\"phase\",\"phase\":\"{phase}\"}}\n");
            begins(line.as_bytes(), &mut to_come)
        };
        assert_eq!(said.iter().filter_map(&mut begins).collect::<Vec<_>>(), ["script", "export"]);
    }

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
