//! What a report must say. Each part of `expected.json` is a demand; what it leaves out may be anything.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::batch::Result;

/// `expected.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// The outcome, or those that are as good as each other.
    outcome: OneOrMore,
    #[serde(default)]
    error: BTreeMap<String, Value>,
    /// Computed by the formula beside it, not taken from a report.
    volume_mm3: Option<f64>,
    #[expect(dead_code, reason = "the formula is for the reader")]
    volume_is: Option<String>,
    /// The share by which the volume may differ, where the model only comes near to what is calculated.
    volume_within: Option<f64>,
    solids: Option<u64>,
    facets: Option<u64>,
    bounding_box: Option<BTreeMap<String, [f64; 3]>>,
    /// The mm by which the box may differ, likewise.
    box_within: Option<f64>,
    /// Formats that must be there; FCStd, STEP, STL and OBJ where nothing is said.
    formats: Option<Vec<String>>,
    #[serde(default)]
    no_formats: Vec<String>,
    /// `script` or `runner`, by format.
    #[serde(default)]
    made_by: BTreeMap<String, String>,
    /// The labels of the objects that are the model.
    objects: Option<Vec<String>>,
    #[serde(default)]
    warnings_have: Vec<String>,
    #[serde(default)]
    log_has: Vec<String>,
    #[serde(default)]
    log_lacks: Vec<String>,
    /// The most bytes of the log.
    log_bytes: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

/// The share by which a volume may differ.
const VOLUME: f64 = 1e-3;

/// The mm by which a box may differ: that of curved faces is their mesh's, which is made with this deviation.
const CORNER: f64 = 0.1;

impl Expected {
    /// Whether nothing but completing is as it must be.
    pub fn completes(&self) -> bool {
        matches!(&self.outcome, OneOrMore::One(outcome) if outcome == "completed")
    }

    /// What is wrong with a result; `out` is where its files are.
    pub fn faults(&self, result: &Result, out: &Path) -> Vec<String> {
        let (report, log) = (&result.report, &result.log);
        let mut faults = Vec::new();
        let outcome = report["outcome"].as_str().unwrap_or_default();
        let is_right = match &self.outcome {
            OneOrMore::One(one) => one == outcome,
            OneOrMore::More(more) => more.iter().any(|one| one == outcome),
        };
        if !is_right {
            faults.push(format!("{outcome}, not {:?}: {}", self.outcome, report["error"]["message"]));
        }
        for (field, wanted) in &self.error {
            let said = &report["error"][field];
            // Of a message the beginning or the telling part is given.
            let holds = match (field.as_str(), said.as_str(), wanted.as_str()) {
                ("message", Some(said), Some(wanted)) => said.contains(wanted),
                _ => said == wanted,
            };
            if !holds {
                faults.push(format!("error.{field} is {said}, not {wanted}"));
            }
        }
        if outcome == "completed" {
            self.geometry(report, &mut faults);
            self.files(report, out, &mut faults);
        }
        let missing = self.log_has.iter().filter(|text| !log.contains(text.as_str()));
        faults.extend(missing.map(|text| format!("{text:?} is not in the log")));
        let unwanted = self.log_lacks.iter().filter_map(|text| log.find(text.as_str()));
        faults.extend(unwanted.map(|at| format!("the log has: {}", log[at..].lines().next().unwrap_or_default())));
        if self.log_bytes.is_some_and(|most| log.len() > most) {
            faults.push(format!("the log has {} bytes", log.len()));
        }
        faults
    }

    fn geometry(&self, report: &Value, faults: &mut Vec<String>) {
        let geometry = &report["geometry"];
        if geometry["valid"] != true {
            faults.push("the geometry is not valid".to_owned());
        }
        if let Some(wanted) = self.volume_mm3 {
            let said = geometry["volume_mm3"].as_f64().unwrap_or(f64::NAN);
            if (said - wanted).abs() > wanted.abs() * self.volume_within.unwrap_or(VOLUME) || said.is_nan() {
                faults.push(format!("the volume is {said}, not {wanted}"));
            }
        }
        for (field, wanted) in [("solids", self.solids), ("facets", self.facets)] {
            if wanted.is_some_and(|wanted| geometry[field] != wanted) {
                faults.push(format!("{field}: {}, not {wanted:?}", geometry[field]));
            }
        }
        let within = self.box_within.unwrap_or(CORNER);
        for (end, wanted) in self.bounding_box.iter().flatten() {
            let said: Vec<f64> = serde_json::from_value(geometry["bounding_box"][end].clone()).unwrap_or_default();
            if said.len() != 3 || said.iter().zip(wanted).any(|(said, wanted)| (said - wanted).abs() > within) {
                faults.push(format!("the box's {end} is {said:?}, not {wanted:?}"));
            }
        }
        if let Some(wanted) = &self.objects {
            let objects = geometry["objects"].as_array().into_iter().flatten();
            let said: Vec<&str> = objects.filter_map(|object| object["label"].as_str()).collect();
            if said != *wanted {
                faults.push(format!("the objects are {said:?}, not {wanted:?}"));
            }
        }
        let warnings = report["warnings"].to_string();
        let missing = self.warnings_have.iter().filter(|text| !warnings.contains(text.as_str()));
        faults.extend(missing.map(|text| format!("{text:?} is not in the warnings {warnings}")));
    }

    fn files(&self, report: &Value, out: &Path, faults: &mut Vec<String>) {
        let files = report["files"].as_array().into_iter().flatten();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let made: BTreeMap<String, String> =
            files.map(|file| (text(&file["format"]), text(&file["made_by"]))).collect();
        let usual = || ["FCStd", "STEP", "STL", "OBJ"].map(str::to_owned).to_vec();
        for format in self.formats.clone().unwrap_or_else(usual) {
            if !made.contains_key(&format) {
                faults.push(format!("there is no {format}"));
            }
        }
        let unwanted = self.no_formats.iter().filter(|format| made.contains_key(*format));
        faults.extend(unwanted.map(|format| format!("there is a {format}")));
        for (format, by) in self.made_by.iter().filter(|(format, by)| made.get(*format) != Some(by)) {
            faults.push(format!("{format} is made by {:?}, not by the {by}", made.get(format)));
        }
        for format in made.keys() {
            let path = out.join(format!("MyHeadlessModel.{format}"));
            if !path.symlink_metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() > 0) {
                faults.push(format!("{} is no file", path.display()));
            }
        }
        if made.contains_key("STL") && report["geometry"]["watertight"] != true {
            faults.push("the mesh is not watertight".to_owned());
        }
    }
}
