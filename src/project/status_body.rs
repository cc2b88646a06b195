//! The body of the status request, and of each message to the watchers.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::request::Refusal;
use super::view::{Progress, StatusView, VersionView};
use crate::fleet::QueuePlace;
use contract::{
    Format, Geometry, JobError, JobErrorCode, Origin, Phase, ProjectId, ProjectStatus, RequestId, StatusCode,
    Timestamp, Version,
};

/// A project's status.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Status")]
pub struct StatusBody<'a> {
    /// Always true.
    success: bool,
    project_name: &'a ProjectId,
    status: ProjectStatus,
    status_info: StatusInfo<'a>,
}

/// The state of the newest version.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "StatusInfo")]
#[serde(untagged)]
enum StatusInfo<'a> {
    /// The project has versions.
    Newest(Box<NewestInfo<'a>>),
    /// The project has no versions.
    NoScripts {
        #[schemars(extend("const" = "no_scripts"))]
        status: ProjectStatus,
        /// The status, for a person.
        message: &'static str,
        /// Always null.
        version: (),
    },
}

/// The newest version.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "NewestInfo")]
struct NewestInfo<'a> {
    status: ProjectStatus,
    /// The state in words for a person. For a failed script: the error.
    message: String,
    version: Version,
    origin: Origin,
    /// The version that this one was made from, repairs or repeats.
    parent: Option<Version>,
    phase: Phase,
    /// Why the status is `timeout` or `error`, as a stable code.
    code: Option<&'a str>,
    /// The highest attempt that was seen, from 1.
    attempt: Option<u32>,
    /// The place in the queue, if the version waits and the place is known.
    queue: Option<Place>,
    /// The progress of the run, if its runner reports any.
    progress: Option<&'a Progress>,
    /// The number that the uploader was given first, if another writer's script has taken it.
    moved_from: Option<Version>,
    /// If this is the other writer's script: the number that the uploader's version has now.
    moved_to: Option<Version>,
    /// When the script was accepted.
    upload_time: Timestamp,
    /// When the highest attempt was first seen.
    claimed_at: Option<Timestamp>,
    /// When the report was written.
    finished_at: Option<Timestamp>,
    error: Option<&'a JobError>,
    /// Problems that did not stop the run.
    warnings: Option<&'a [String]>,
    geometry: Option<&'a Geometry>,
    /// The duration of each part, in milliseconds.
    timings_ms: Option<&'a BTreeMap<String, f64>>,
    available_formats: Vec<Format>,
    /// The log's key in the bucket.
    log: Option<&'a str>,
    /// The request that sent the script.
    request_id: Option<&'a RequestId>,
    /// The URL that lists the files.
    outputs_url: String,
    /// The URL of the turn that repairs a failed version. The repair becomes the next version.
    repair_url: Option<String>,
}

/// A version's place in the queue.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "QueuePlace")]
struct Place {
    /// The number of versions that runners take before it.
    ahead: u64,
    /// The number of versions that wait, including this one.
    waiting: u64,
    /// The queue was too long to read to its end: the true numbers may be higher.
    at_least: bool,
}

impl<'a> StatusBody<'a> {
    pub fn new(project_name: &'a ProjectId, view: &'a StatusView) -> Self {
        Self { success: true, project_name, status: view.status, status_info: describe(project_name, view) }
    }

    pub(super) fn to_text(&self) -> Result<String, Refusal> {
        serde_json::to_string(self).map_err(|error| Refusal::Broken(error.to_string()))
    }
}

/// A phase in words for a person.
pub fn message(phase: Phase) -> &'static str {
    match phase {
        Phase::Stored => "Uploading to S3…",
        Phase::Cancelled => "Cancelled",
        phase => phase.project_status().message(),
    }
}

fn describe<'a>(project: &ProjectId, view: &'a StatusView) -> StatusInfo<'a> {
    let StatusView { status, code, newest, queue, progress, repair } = view;
    let Some(version) = newest else {
        return StatusInfo::NoScripts { status: *status, message: ProjectStatus::NoScripts.message(), version: () };
    };
    let report = version.report.as_ref();
    let error = report.and_then(|report| report.error.as_ref());
    StatusInfo::Newest(Box::new(NewestInfo {
        status: *status,
        message: match code {
            Some(code) => overdue(*code).to_owned(),
            None if repair.is_some() => format!("{} — it is being repaired", explain(version)),
            None => explain(version),
        },
        version: version.version,
        origin: version.origin,
        parent: version.parent,
        phase: version.phase,
        code: code.map(StatusCode::as_str).or(error.map(|error| error.code.as_str())).or(code_of_phase(version.phase)),
        attempt: version.attempt,
        queue: queue.map(|QueuePlace { ahead, waiting, at_least, .. }| Place { ahead, waiting, at_least }),
        progress: progress.as_ref(),
        moved_from: version.moved_from,
        moved_to: version.moved_to,
        upload_time: version.accepted_at,
        claimed_at: version.claimed_at,
        finished_at: report.map(|report| report.finished_at),
        error,
        warnings: report.map(|report| &report.warnings[..]),
        geometry: report.and_then(|report| report.geometry.as_ref()),
        timings_ms: report.map(|report| &report.timings_ms),
        available_formats: report
            .map(|report| report.files.iter().map(|file| file.format).collect())
            .unwrap_or_default(),
        log: report.and_then(|report| report.log.as_deref()),
        request_id: version.request_id.as_ref(),
        outputs_url: format!("/api/projects/{project}/outputs?version={}", version.version),
        repair_url: repair.as_ref().map(|turn| format!("/api/projects/{project}/chat/{turn}")),
    }))
}

/// A version in words for a person: the message of its error, if it has one.
fn explain(version: &VersionView) -> String {
    let error = version.report.as_ref().and_then(|report| report.error.as_ref());
    match (error, version.phase) {
        (Some(error), _) => error.to_string(),
        (None, Phase::Queued) => "FreeCAD processing… (waiting for a runner)".to_owned(),
        (None, phase) => message(phase).to_owned(),
    }
}

fn overdue(code: StatusCode) -> &'static str {
    match code {
        StatusCode::NoRunner => "No runner has taken this version for ten minutes. Is a freecad-runner running?",
        StatusCode::Stalled => "A runner took this version more than ten minutes ago and has not reported since.",
    }
}

/// The code that follows from a phase, if the report has none.
fn code_of_phase(phase: Phase) -> Option<&'static str> {
    match phase {
        Phase::TimedOut => Some(JobErrorCode::ScriptTimeout.as_str()),
        Phase::Abandoned => Some(JobErrorCode::Abandoned.as_str()),
        Phase::Cancelled => Some(JobErrorCode::Cancelled.as_str()),
        _ => None,
    }
}
