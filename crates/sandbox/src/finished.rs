//! A job's result.

use std::collections::BTreeMap;

use contract::{Format, Geometry, JobError, JobErrorCode, Outcome};
use serde::Deserialize;

use crate::log::Log;

/// How a run ended, unless the runner itself failed.
#[derive(Debug)]
pub enum Run {
    /// The job ended by itself or at one of its limits.
    Finished(Box<Finished>),
    /// The runner stopped it.
    Stopped,
}

/// A job that has ended.
#[derive(Debug)]
pub struct Finished {
    pub outcome: Outcome,
    /// Present unless the job completed.
    pub error: Option<JobError>,
    pub geometry: Option<Geometry>,
    /// The files that the job claims to have made. The collector checks them.
    pub files: Vec<MadeFile>,
    /// The name of the mesh file for GLB and picture, if the job left one.
    pub mesh: Option<String>,
    /// Milliseconds by phase.
    pub timings_ms: BTreeMap<String, f64>,
    pub warnings: Vec<String>,
    /// For example `FreeCAD 0.20.2`.
    pub engine: Option<String>,
    pub log: Log,
}

impl Finished {
    /// Turns the result into a failure, in the log as well.
    pub fn fail(&mut self, code: JobErrorCode, message: &str) {
        self.log.note(&format!("{code}: {message}"));
        self.outcome = Outcome::Failed;
        self.error = Some(JobError::new(code, message));
    }

    /// Adds a warning, to the log as well.
    pub fn warn(&mut self, warning: &str) {
        self.log.note(&format!("warning: {warning}"));
        self.warnings.push(warning.to_owned());
    }
}

/// A file that the job claims to have made in its output directory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MadeFile {
    pub format: Format,
    pub name: String,
    /// `script` or `runner`.
    pub made_by: String,
}
