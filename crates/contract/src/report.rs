//! The job report: what a version's `.done` object says. Writing it is the commit.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{FORMAT, Format, ProjectId, RequestId, RunId, Sha256, Timestamp, Version};

/// The largest report that is read, in bytes.
pub const REPORT_LIMIT: usize = 1 << 20;

/// How a version ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The script ran and left a valid model.
    Completed,
    /// The script is at fault; see [`Report::error`].
    Failed,
    /// The script used up its own limit of time.
    TimedOut,
    /// Five attempts died under it.
    Abandoned,
    /// Somebody cancelled it.
    Cancelled,
}

/// The job report, `processed/{p}/{p}_v{n}.py.done`. Unknown fields are skipped when read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`FORMAT`].
    pub format: u32,
    /// The project.
    pub project: ProjectId,
    /// The version.
    pub version: Version,
    /// How it ended.
    pub outcome: Outcome,
    /// The attempt whose files these are; none for a version that was never run.
    #[serde(default)]
    pub run: Option<RunId>,
    /// That attempt's number, from 1.
    #[serde(default)]
    pub attempt: Option<u32>,
    /// The runner's name, for people.
    #[serde(default)]
    pub runner: Option<String>,
    /// The request that brought the script; that cancelled the version, where one did.
    #[serde(default)]
    pub request_id: Option<RequestId>,
    /// The sum of the script that ran.
    #[serde(default)]
    pub script_sha256: Option<Sha256>,
    /// When the attempt began, on the runner's clock.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// When the report was written, on its writer's clock.
    pub finished_at: Timestamp,
    /// How long each phase took, in milliseconds: `load`, `script`, `export`, `publish` …
    #[serde(default)]
    pub timings_ms: BTreeMap<String, f64>,
    /// The files, in [`Format::ALL`]'s order. Empty unless completed.
    #[serde(default)]
    pub files: Vec<OutputFile>,
    /// The full key of the log.
    #[serde(default)]
    pub log: Option<String>,
    /// What the model measures; none where no model came out.
    #[serde(default)]
    pub geometry: Option<Geometry>,
    /// Why it did not complete.
    #[serde(default)]
    pub error: Option<JobError>,
    /// Things worth knowing that did not stop the job.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// What ran it, such as `FreeCAD 0.20.2`.
    #[serde(default)]
    pub engine: Option<String>,
}

/// One committed file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OutputFile {
    /// Its format.
    pub format: Format,
    /// Its full key; readers use this and never build it.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// The sum of its bytes; none for a file that other software left.
    #[serde(default)]
    pub sha256: Option<Sha256>,
    /// `script` where the script exported it itself, `runner` otherwise.
    #[serde(default)]
    pub made_by: Option<String>,
}

/// Why a version did not complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobError {
    /// A stable code: `script_error`, `syntax_error`, `script_timeout`, `no_geometry`, `invalid_shape` …
    pub code: String,
    /// One sentence for a person.
    pub message: String,
    /// The line of the script, from 1.
    #[serde(default)]
    pub line: Option<u32>,
    /// The column in that line, from 1; for syntax errors.
    #[serde(default)]
    pub column: Option<u32>,
    /// The text of that line.
    #[serde(default)]
    pub source: Option<String>,
    /// The label of the object at fault.
    #[serde(default)]
    pub object: Option<String>,
    /// Python's traceback, without the runner's own frames.
    #[serde(default)]
    pub traceback: Option<String>,
}

/// What the model measures. Lengths in millimetres; a field that does not apply is none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Geometry {
    /// Volume of all solids.
    pub volume_mm3: Option<f64>,
    /// Area of all faces.
    pub area_mm2: Option<f64>,
    /// Centre of mass, weighted by volume.
    pub center_of_mass: Option<[f64; 3]>,
    /// The box around everything.
    pub bounding_box: Option<BoundingBox>,
    /// How many solids.
    pub solids: Option<u64>,
    /// How many faces of the exact shapes.
    pub faces: Option<u64>,
    /// How many triangles of the mesh.
    pub facets: Option<u64>,
    /// Whether the mesh is closed.
    pub watertight: Option<bool>,
    /// Whether every shape passed the kernel's check.
    pub valid: Option<bool>,
    /// The objects that were exported, 100 at most.
    pub objects: Vec<CadObject>,
}

/// An axis-parallel box.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BoundingBox {
    /// The corner with the smallest coordinates.
    pub min: [f64; 3],
    /// The corner with the largest coordinates.
    pub max: [f64; 3],
}

/// One exported object of the document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CadObject {
    /// FreeCAD's internal name.
    pub name: String,
    /// The label that a person sees.
    pub label: String,
    /// FreeCAD's type, such as `Part::Box`.
    #[serde(rename = "type")]
    pub type_id: String,
}

impl JobError {
    /// An error without a place in the script.
    pub fn new(code: &str, message: &str) -> Self {
        Self {
            code: code.to_owned(),
            message: message.to_owned(),
            line: None,
            column: None,
            source: None,
            object: None,
            traceback: None,
        }
    }
}

impl Report {
    /// A report with the fields that every report has; the caller fills in the rest.
    pub fn new(project: ProjectId, version: Version, outcome: Outcome, finished_at: Timestamp) -> Self {
        Self {
            format: FORMAT,
            project,
            version,
            outcome,
            run: None,
            attempt: None,
            runner: None,
            request_id: None,
            script_sha256: None,
            started_at: None,
            finished_at,
            timings_ms: BTreeMap::new(),
            files: Vec::new(),
            log: None,
            geometry: None,
            error: None,
            warnings: Vec::new(),
            engine: None,
        }
    }

    /// The file of one format.
    pub fn file(&self, format: Format) -> Option<&OutputFile> {
        self.files.iter().find(|file| file.format == format)
    }
}
