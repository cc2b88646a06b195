//! `GET /api/monitoring/projects/{project}/processing-status`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::api::error::ApiError;
use crate::api::reply::Reply;
use crate::api::request::Call;
use crate::contract::{Key, Phase, Version, prefix};
use crate::project::{Operation, Reply as ObjectReply, VersionView};

/// The most pages of 1,000 keys that are read of each area.
const MAX_PAGES: usize = 10;

/// What the bucket shows of one version.
#[derive(Default)]
struct Seen {
    script: bool,
    ticket: bool,
    attempts: Vec<Value>,
    report: bool,
    files: Vec<String>,
}

/// The bucket's own state of each version beside the object's, and where they differ.
pub(in crate::api) async fn processing_status(call: &Call<'_>) -> Result<Reply, ApiError> {
    let project = call.project()?;
    let before = call.query.cursor()?.map(Version::try_from).transpose();
    let before = before.map_err(|error| ApiError::invalid("cursor", error.to_string()))?;
    let operation = Operation::Versions { before, limit: call.query.limit(50, 200)? };
    let ObjectReply::Versions { versions, total, more } = call.ask(&project, operation).await? else {
        return Err(ApiError::broken("the project's object answered another question"));
    };

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
                        json!({"number": k, "released": entry.size == 0, "last_heartbeat": entry.last_modified});
                    seen.entry(n).or_default().attempts.push(attempt);
                }
                Ok(Key::Done(_, n)) => seen.entry(n).or_default().report = true,
                Ok(Key::Output(_, n, _, _) | Key::Foreign(_, n, _)) => seen.entry(n).or_default().files.push(entry.key),
                _ => {}
            }
        }
    }
    let rows: Vec<Value> = versions
        .iter()
        .map(|view| {
            let seen = seen.remove(&view.version).unwrap_or_default();
            let differences = if complete { differences(view, &seen) } else { Vec::new() };
            json!({
                "version": view.version,
                "object": {"phase": view.phase, "attempt": view.attempt, "upload_time": view.accepted_at},
                "bucket": {
                    "script": seen.script, "ticket": seen.ticket, "attempts": seen.attempts,
                    "report": seen.report, "files": seen.files,
                },
                "differences": differences,
            })
        })
        .collect();
    // Only the page with the newest versions can tell what the object has never heard of.
    let newest = versions.first().map(|view| view.version);
    let unknown: Vec<Version> =
        seen.into_keys().filter(|n| before.is_none() && newest.is_none_or(|newest| *n > newest)).collect();
    Ok(Reply::json(&json!({
        "success": true,
        "project_name": project,
        "versions": rows,
        "total_versions": total,
        "unknown_versions": unknown,
        "complete": complete,
        "next_cursor": versions.last().filter(|_| more).map(|view| view.version),
    })))
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
