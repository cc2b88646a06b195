//! `GET /api/monitoring/projects/{project}/processing-status`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::api::code::Code;
use crate::api::docs::endpoint::{BodySchema, Content, EndpointDoc, HasExample, ResponseDoc, Tag};
use crate::api::error::ApiError;
use crate::api::request::Call;
use crate::api::response::Reply;
use crate::project::{ListVersions, VersionPage, VersionView};
use contract::{Key, Phase, ProjectId, Timestamp, Version, prefix};

/// The most pages of 1,000 keys that are read of each area.
const MAX_PAGES: usize = 10;

pub const PROCESSING_STATUS: EndpointDoc = EndpointDoc {
    id: "getProcessingStatus",
    summary: "the bucket's own state of each version beside the object's",
    tag: Tag::Monitoring,
    description: "For those who look for a fault: normally nothing differs for longer than some seconds.",
    responses: &[ResponseDoc {
        description: "A page of versions, as the bucket and as the object have them.",
        contents: &[Content::Json(BodySchema::of::<ProcessingStatus>())],
        ..ResponseDoc::OK
    }],
    errors: &[Code::ProjectNotFound, Code::BucketUnavailable, Code::BucketRefuses, Code::InternalUnavailable],
    ..EndpointDoc::NONE
};

/// What bucket and object show of a project's versions.
#[derive(Serialize, JsonSchema)]
struct ProcessingStatus {
    /// Always true.
    success: bool,
    project_name: ProjectId,
    /// Newest first.
    versions: Vec<Sides>,
    /// How many there are on all pages.
    total_versions: u64,
    /// Numbers that the bucket shows and the object has never heard of; told on the first page.
    unknown_versions: Vec<Version>,
    /// False where the bucket holds more than was looked at; then no differences are told.
    complete: bool,
    /// The next page's `cursor`; null on the last.
    next_cursor: Option<Version>,
}

/// One version from both sides.
#[derive(Serialize, JsonSchema)]
struct Sides {
    version: Version,
    object: Known,
    bucket: Seen,
    /// What the two tell differently, for a person.
    differences: Vec<&'static str>,
}

/// What the object knows of one version.
#[derive(Serialize, JsonSchema)]
struct Known {
    phase: Phase,
    /// The highest attempt that was seen.
    attempt: Option<u32>,
    upload_time: Timestamp,
}

/// What the bucket shows of one version.
#[derive(Default, Serialize, JsonSchema)]
struct Seen {
    /// Whether it has the script.
    script: bool,
    /// Whether it has a ticket: the version wants to be run.
    ticket: bool,
    attempts: Vec<SeenAttempt>,
    /// Whether it has the report: the version is final.
    report: bool,
    /// The keys of its files.
    files: Vec<String>,
}

/// An attempt at a version, as the bucket shows it.
#[derive(Serialize, JsonSchema)]
struct SeenAttempt {
    number: u32,
    /// Whether its runner gave it back.
    released: bool,
    last_heartbeat: Option<Timestamp>,
}

impl HasExample for ProcessingStatus {
    fn example() -> Value {
        json!({
            "success": true,
            "project_name": "bracket-2",
            "versions": [{
                "version": 2,
                "object": {"phase": "running", "attempt": 1, "upload_time": "2026-01-31T12:00:00.000Z"},
                "bucket": {
                    "script": true,
                    "ticket": true,
                    "attempts": [{"number": 1, "released": false, "last_heartbeat": "2026-01-31T12:00:01.000Z"}],
                    "report": false,
                    "files": [],
                },
                "differences": [],
            }],
            "total_versions": 2,
            "unknown_versions": [],
            "complete": true,
            "next_cursor": 2,
        })
    }
}

/// The bucket's own state of each version beside the object's, and where they differ.
pub async fn processing_status(call: &Call<'_>) -> Result<Reply, ApiError> {
    let project = call.project()?;
    let before = call.query.cursor()?.map(Version::try_from).transpose();
    let before = before.map_err(|error| ApiError::invalid("cursor", error.to_string()))?;
    let request = ListVersions { before, limit: call.query.limit()? };
    let VersionPage { versions, total, more } = call.ask(&project, request).await?;

    let mut seen: BTreeMap<Version, Seen> = BTreeMap::new();
    let mut complete = true;
    let areas =
        [prefix::input(&project), prefix::pending(&project), prefix::processed(&project), prefix::output(&project)];
    for area in areas {
        let (entries, whole) = call.client().list(&area, MAX_PAGES).await?;
        complete &= whole;
        for entry in entries {
            match entry.key.parse() {
                Ok(Key::Script(_, n)) => seen.entry(n).or_default().script = true,
                Ok(Key::Ticket(_, n)) => seen.entry(n).or_default().ticket = true,
                Ok(Key::Attempt(_, n, k)) => {
                    let attempt =
                        SeenAttempt { number: k, released: entry.size == 0, last_heartbeat: entry.last_modified };
                    seen.entry(n).or_default().attempts.push(attempt);
                }
                Ok(Key::Done(_, n)) => seen.entry(n).or_default().report = true,
                Ok(Key::Output(_, n, _, _) | Key::Foreign(_, n, _)) => seen.entry(n).or_default().files.push(entry.key),
                _ => {}
            }
        }
    }
    let rows: Vec<Sides> = versions
        .iter()
        .map(|view| {
            let seen = seen.remove(&view.version).unwrap_or_default();
            let differences = if complete { differences(view, &seen) } else { Vec::new() };
            let object = Known { phase: view.phase, attempt: view.attempt, upload_time: view.accepted_at };
            Sides { version: view.version, object, bucket: seen, differences }
        })
        .collect();
    // Only the page with the newest versions can tell what the object has never heard of.
    let newest = versions.first().map(|view| view.version);
    let unknown_versions =
        seen.into_keys().filter(|n| before.is_none() && newest.is_none_or(|newest| *n > newest)).collect();
    Reply::json(&ProcessingStatus {
        success: true,
        project_name: project,
        versions: rows,
        total_versions: total,
        unknown_versions,
        complete,
        next_cursor: versions.last().filter(|_| more).map(|view| view.version),
    })
}

/// What the bucket and the object tell differently, in words.
fn differences(view: &VersionView, seen: &Seen) -> Vec<&'static str> {
    if view.phase == Phase::Stored && !seen.report {
        return vec!["the object still has to deliver the script"];
    }
    let mut found = Vec::new();
    let is_final = view.phase.is_final();
    if !seen.script {
        found.push("the script is not in the bucket");
    }
    if is_final && !seen.report {
        found.push("the object holds a report that the bucket does not have");
    }
    if !is_final && seen.report {
        found.push("the bucket has a report that the object has not read yet");
    }
    if !is_final && !seen.report && !seen.ticket {
        found.push("no report and no ticket: no runner will take it before the next sweep");
    }
    if seen.report && (seen.ticket || !seen.attempts.is_empty()) {
        found.push("done, but its ticket or attempts were not tidied up yet");
    }
    found
}
