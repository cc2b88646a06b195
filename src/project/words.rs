//! A project's status as people and programs are told it: the body of the status call and of each message to those
//! who watch.

use serde_json::{Value, json};

use super::call::{StatusView, VersionView};
use crate::contract::{Format, Phase, ProjectId, ProjectStatus, StatusCode};

/// The status in the words of the API.
pub fn status_body(project: &ProjectId, view: &StatusView) -> Value {
    json!({
        "success": true,
        "project_name": project,
        "status": view.status,
        "status_info": describe(project, view),
    })
}

/// The words that a person sees for a phase.
pub fn message(phase: Phase) -> &'static str {
    match phase {
        Phase::Stored => "Uploading to S3…",
        Phase::Cancelled => "Cancelled",
        phase => phase.project_status().message(),
    }
}

fn describe(project: &ProjectId, view: &StatusView) -> Value {
    let StatusView { status, code, newest, queue, progress } = view;
    let Some(version) = newest else {
        return json!({"status": status, "message": ProjectStatus::NoScripts.message(), "version": null});
    };
    let report = version.report.as_ref();
    let error = report.and_then(|report| report.error.as_ref());
    let formats: Vec<Format> =
        report.map(|report| report.files.iter().map(|file| file.format).collect()).unwrap_or_default();
    json!({
        "status": status,
        "message": code.map_or_else(|| explain(version), |code| overdue(code).to_owned()),
        "version": version.version,
        "phase": version.phase,
        "code": code.map(StatusCode::as_str).or(error.map(|error| error.code.as_str())).or(own_code(version.phase)),
        "attempt": version.attempt,
        "queue": queue.map(|place| {
            json!({"ahead": place.ahead, "waiting": place.waiting, "at_least": place.at_least})
        }),
        "progress": progress,
        "moved_from": version.moved_from,
        "moved_to": version.moved_to,
        "upload_time": version.accepted_at,
        "claimed_at": version.claimed_at,
        "finished_at": report.map(|report| report.finished_at),
        "error": error,
        "warnings": report.map(|report| &report.warnings),
        "geometry": report.and_then(|report| report.geometry.as_ref()),
        "timings_ms": report.map(|report| &report.timings_ms),
        "available_formats": formats,
        "log": report.and_then(|report| report.log.as_ref()),
        "request_id": version.request_id,
        "outputs_url": format!("/api/projects/{project}/outputs?version={}", version.version),
    })
}

/// The words for a version in time: its error's own message where it has one.
fn explain(version: &VersionView) -> String {
    let error = version.report.as_ref().and_then(|report| report.error.as_ref());
    match (error, version.phase) {
        (Some(error), _) => match error.line {
            Some(line) => format!("{} (line {line})", error.message),
            None => error.message.clone(),
        },
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
        Phase::TimedOut => Some("script_timeout"),
        Phase::Abandoned => Some("abandoned"),
        Phase::Cancelled => Some("cancelled"),
        _ => None,
    }
}
