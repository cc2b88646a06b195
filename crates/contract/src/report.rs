//! The job report, a version's `.done` object. Writing it is the commit.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{FORMAT, Format, JobError, ProjectId, RequestId, RunId, Sha256, Timestamp, Version, word_enum};

/// The largest report that readers accept, in bytes.
pub const REPORT_LIMIT: usize = 1 << 20;

word_enum! {
    /// How a version ended.
    pub enum Outcome {
        /// The script ran and left a valid model.
        Completed = "completed",
        /// The script or its run has failed; see [`Report::error`].
        Failed = "failed",
        /// The script used up its time.
        TimedOut = "timed_out",
        /// Five attempts died while running it.
        Abandoned = "abandoned",
        /// A user cancelled it.
        Cancelled = "cancelled",
    }
}

/// The job report, `processed/{p}/{p}_v{n}.py.done`. Readers skip unknown fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`FORMAT`].
    pub format: u32,
    pub project: ProjectId,
    pub version: Version,
    pub outcome: Outcome,
    /// The attempt whose files these are. Absent if no attempt ran the script.
    #[serde(default)]
    pub run: Option<RunId>,
    /// That attempt's number, from 1.
    #[serde(default)]
    pub attempt: Option<u32>,
    /// The runner's name, for people.
    #[serde(default)]
    pub runner: Option<String>,
    /// The request that brought the script, or the one that cancelled the version.
    #[serde(default)]
    pub request_id: Option<RequestId>,
    /// The digest of the script that ran.
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
    /// Measurements of the model. Absent without a model.
    #[serde(default)]
    pub geometry: Option<Geometry>,
    /// Why the version did not complete.
    #[serde(default)]
    pub error: Option<JobError>,
    /// Problems that did not stop the job.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// The engine that ran the script, such as `FreeCAD 0.20.2`.
    #[serde(default)]
    pub engine: Option<String>,
}

/// One committed file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OutputFile {
    /// Its format.
    pub format: Format,
    /// Its full key. Readers use this and never build it.
    pub key: String,
    /// In bytes.
    pub size: u64,
    /// The digest of the file. Absent for a file of other software.
    #[serde(default)]
    pub sha256: Option<Sha256>,
    /// `script` if the script exported the file itself, `runner` otherwise.
    #[serde(default)]
    pub made_by: Option<String>,
}

/// Measurements of the model. Lengths are in millimetres. A field that does not apply is null.
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
    /// The number of solids.
    pub solids: Option<u64>,
    /// The number of faces of the exact shapes.
    pub faces: Option<u64>,
    /// The number of triangles of the mesh.
    pub facets: Option<u64>,
    /// Whether the mesh is closed.
    pub watertight: Option<bool>,
    /// Whether every shape passed the geometry kernel's check.
    pub valid: Option<bool>,
    /// The exported objects, at most 100.
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
    /// The label that FreeCAD shows.
    pub label: String,
    /// FreeCAD's type, such as `Part::Box`.
    #[serde(rename = "type")]
    pub type_id: String,
}

impl Report {
    /// A report with the required fields. The caller fills in the rest.
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
