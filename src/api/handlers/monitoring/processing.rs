//! `GET /api/monitoring/projects/{project}/processing-status`.

use std::collections::BTreeMap;

use crate::api::code::Code;
use crate::api::docs::endpoint::{BodySchema, Content, EndpointDoc, ResponseDoc, Tag};
use crate::api::error::ApiError;
use crate::api::request::ApiRequest;
use crate::api::response::ApiResponse;
use crate::api::views::processing::{Known, ProcessingStatus, Seen, SeenAttempt, Sides};
use crate::project::{ListVersions, VersionPage, VersionView};
use contract::{Key, Phase, Version, prefix};

/// The maximum number of pages of 1,000 keys that are read under each prefix.
const MAX_PAGES: usize = 10;

pub const PROCESSING_STATUS: EndpointDoc = EndpointDoc {
    id: "getProcessingStatus",
    summary: "compare the state of each version in the bucket and in its object",
    tag: Tag::Monitoring,
    description: "For troubleshooting. Normally no difference lasts longer than some seconds.",
    responses: &[ResponseDoc {
        description: "A page of versions, as the bucket and the object have them.",
        contents: &[Content::Json(BodySchema::of::<ProcessingStatus>())],
        ..ResponseDoc::OK
    }],
    errors: &[Code::ProjectNotFound, Code::BucketUnavailable, Code::BucketRefuses, Code::InternalUnavailable],
    ..EndpointDoc::NONE
};

pub async fn processing_status(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    let project = request.project()?;
    let before = request.query.cursor()?.map(Version::try_from).transpose();
    let before = before.map_err(|error| ApiError::invalid("cursor", error.to_string()))?;
    let operation = ListVersions { before, limit: request.query.limit()? };
    let VersionPage { versions, total, more } = request.call_project(&project, operation).await?;

    let mut seen: BTreeMap<Version, Seen> = BTreeMap::new();
    let mut complete = true;
    let areas =
        [prefix::input(&project), prefix::pending(&project), prefix::processed(&project), prefix::output(&project)];
    for area in areas {
        let (entries, whole) = request.client().list(&area, MAX_PAGES).await?;
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
    // Only the first page can show versions that the object does not know.
    let newest = versions.first().map(|view| view.version);
    let unknown_versions =
        seen.into_keys().filter(|n| before.is_none() && newest.is_none_or(|newest| *n > newest)).collect();
    ApiResponse::json(&ProcessingStatus {
        success: true,
        project_name: project,
        versions: rows,
        total_versions: total,
        unknown_versions,
        complete,
        next_cursor: versions.last().filter(|_| more).map(|view| view.version),
    })
}

/// The differences between bucket and object, in words.
fn differences(view: &VersionView, seen: &Seen) -> Vec<&'static str> {
    if view.phase == Phase::Stored && !seen.report {
        return vec!["the object has not delivered the script yet"];
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
        found.push("no report and no ticket: no runner will claim it before the next sweep");
    }
    if seen.report && (seen.ticket || !seen.attempts.is_empty()) {
        found.push("finished, but its ticket or attempts are not deleted yet");
    }
    found
}
