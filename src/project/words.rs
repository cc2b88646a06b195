//! A project's status as people and programs are told it: the body of the status call and of each message to those
//! who watch.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::call::{Progress, Refusal, StatusView, VersionView};
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

/// What is known of the newest version.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "StatusInfo")]
#[serde(untagged)]
enum StatusInfo<'a> {
    /// There is a version.
    Newest(Box<NewestInfo<'a>>),
    /// Nothing was ever uploaded under this name.
    NoScripts {
        #[schemars(extend("const" = "no_scripts"))]
        status: ProjectStatus,
        /// The status, for a person.
        message: &'static str,
        /// Always null.
        version: (),
    },
}

/// Where the newest version stands.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "NewestInfo")]
struct NewestInfo<'a> {
    status: ProjectStatus,
    /// Where it stands, for a person; of a script that failed, why.
    message: String,
    version: Version,
    origin: Origin,
    /// The version that it was made from, mends or repeats.
    parent: Option<Version>,
    phase: Phase,
    /// Why the status is `timeout` or `error`, as a stable word.
    code: Option<&'a str>,
    /// The highest attempt that was seen, from 1.
    attempt: Option<u32>,
    /// Its place in the queue, while it waits and that is known.
    queue: Option<Place>,
    /// How far its run is, while it runs and its runner says so.
    progress: Option<&'a Progress>,
    /// The number that its uploader was told, where somebody else's script took that one.
    moved_from: Option<Version>,
    /// What became of the version that an uploader was told to have this number, where this is somebody else's script.
    moved_to: Option<Version>,
    /// When it was taken.
    upload_time: Timestamp,
    /// When its highest attempt was first seen.
    claimed_at: Option<Timestamp>,
    /// When its report was written.
    finished_at: Option<Timestamp>,
    error: Option<&'a JobError>,
    /// What was worth knowing and stopped nothing.
    warnings: Option<&'a [String]>,
    geometry: Option<&'a Geometry>,
    /// How long each part took, in milliseconds.
    timings_ms: Option<&'a BTreeMap<String, f64>>,
    available_formats: Vec<Format>,
    /// The log's key in the bucket.
    log: Option<&'a str>,
    /// The request that brought it.
    request_id: Option<&'a RequestId>,
    /// Where its files are listed.
    outputs_url: String,
    /// Where its repair is followed, of a version that failed and is being repaired: what comes of it is the next version.
    repair_url: Option<String>,
}

/// A version's place in the queue.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "QueuePlace")]
struct Place {
    /// How many versions runners will take before it.
    ahead: u64,
    /// How many wait in all, itself among them.
    waiting: u64,
    /// The queue was too long to be read whole: the figures are the least that they can be.
    at_least: bool,
}

impl<'a> StatusBody<'a> {
    /// The status in the words of the API.
    pub fn new(project_name: &'a ProjectId, view: &'a StatusView) -> Self {
        Self { success: true, project_name, status: view.status, status_info: describe(project_name, view) }
    }

    /// The same as text.
    pub(super) fn to_text(&self) -> Result<String, Refusal> {
        serde_json::to_string(self).map_err(|error| Refusal::Broken(error.to_string()))
    }
}

/// The words that a person sees for a phase.
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
        code: code.map(StatusCode::as_str).or(error.map(|error| error.code.as_str())).or(own_code(version.phase)),
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

/// The words for a version in time: its error's own message where it has one.
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

/// The code of a phase that says it all, where the report gives none.
fn own_code(phase: Phase) -> Option<&'static str> {
    match phase {
        Phase::TimedOut => Some(JobErrorCode::ScriptTimeout.as_str()),
        Phase::Abandoned => Some(JobErrorCode::Abandoned.as_str()),
        Phase::Cancelled => Some(JobErrorCode::Cancelled.as_str()),
        _ => None,
    }
}
