//! Compares a report with `expected.json`. Fields that the file leaves out may have any value.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::batch::Result;

/// `expected.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// The outcome, or several that are all right.
    outcome: OneOrMore,
    #[serde(default)]
    error: BTreeMap<String, Value>,
    /// Calculated with the formula in `volume_is`, not copied from a report.
    volume_mm3: Option<f64>,
    #[expect(dead_code, reason = "the formula is for the reader")]
    volume_is: Option<String>,
    /// The relative tolerance of the volume, for models that only approximate the calculation. Default:
    /// `VOLUME_TOLERANCE`.
    volume_within: Option<f64>,
    solids: Option<u64>,
    facets: Option<u64>,
    bounding_box: Option<BTreeMap<String, [f64; 3]>>,
    /// The tolerance of the bounding box in mm. Default: `BOX_TOLERANCE`.
    box_within: Option<f64>,
    /// Formats that must exist. Default: FCStd, STEP, STL and OBJ.
    formats: Option<Vec<String>>,
    #[serde(default)]
    no_formats: Vec<String>,
    /// `script` or `runner`, by format.
    #[serde(default)]
    made_by: BTreeMap<String, String>,
    /// The labels of the objects in the model.
    objects: Option<Vec<String>>,
    #[serde(default)]
    warnings_have: Vec<String>,
    #[serde(default)]
    log_has: Vec<String>,
    #[serde(default)]
    log_lacks: Vec<String>,
    /// The largest size of the log.
    log_bytes: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

/// The default tolerance of a volume, relative.
const VOLUME_TOLERANCE: f64 = 1e-3;

/// The default tolerance of a box in mm. Curved faces have the box of their mesh, which is made with this deviation.
const BOX_TOLERANCE: f64 = 0.1;

impl Expected {
    /// Whether the script must complete.
    pub fn completes(&self) -> bool {
        matches!(&self.outcome, OneOrMore::One(outcome) if outcome == "completed")
    }

    /// The faults of a result, with its files in `out`.
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
            let actual = &report["error"][field];
            // The file has only a part of the message.
            let holds = match (field.as_str(), actual.as_str(), wanted.as_str()) {
                ("message", Some(actual), Some(wanted)) => actual.contains(wanted),
                _ => actual == wanted,
            };
            if !holds {
                faults.push(format!("error.{field} is {actual}, not {wanted}"));
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
        if self.log_bytes.is_some_and(|limit| log.len() > limit) {
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
            let actual = geometry["volume_mm3"].as_f64().unwrap_or(f64::NAN);
            if (actual - wanted).abs() > wanted.abs() * self.volume_within.unwrap_or(VOLUME_TOLERANCE)
                || actual.is_nan()
            {
                faults.push(format!("the volume is {actual}, not {wanted}"));
            }
        }
        for (field, wanted) in [("solids", self.solids), ("facets", self.facets)] {
            if wanted.is_some_and(|wanted| geometry[field] != wanted) {
                faults.push(format!("{field}: {}, not {wanted:?}", geometry[field]));
            }
        }
        let within = self.box_within.unwrap_or(BOX_TOLERANCE);
        for (end, wanted) in self.bounding_box.iter().flatten() {
            let actual: Vec<f64> = serde_json::from_value(geometry["bounding_box"][end].clone()).unwrap_or_default();
            if actual.len() != 3 || actual.iter().zip(wanted).any(|(at, wanted)| (at - wanted).abs() > within) {
                faults.push(format!("the {end} of the box is {actual:?}, not {wanted:?}"));
            }
        }
        if let Some(wanted) = &self.objects {
            let objects = geometry["objects"].as_array().into_iter().flatten();
            let actual: Vec<&str> = objects.filter_map(|object| object["label"].as_str()).collect();
            if actual != *wanted {
                faults.push(format!("the objects are {actual:?}, not {wanted:?}"));
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
                faults.push(format!("{format} is missing"));
            }
        }
        let unwanted = self.no_formats.iter().filter(|format| made.contains_key(*format));
        faults.extend(unwanted.map(|format| format!("{format} should not exist")));
        for (format, by) in self.made_by.iter().filter(|(format, by)| made.get(*format) != Some(by)) {
            faults.push(format!("{format} is made by {:?}, not by the {by}", made.get(format)));
        }
        for format in made.keys() {
            let path = out.join(format!("MyHeadlessModel.{format}"));
            if !path.symlink_metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() > 0) {
                faults.push(format!("{} is missing, empty or not a file", path.display()));
            }
        }
        if made.contains_key("STL") && report["geometry"]["watertight"] != true {
            faults.push("the mesh is not watertight".to_owned());
        }
    }
}
