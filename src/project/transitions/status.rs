//! The status of the project: that of its newest version.

use std::time::Duration;

use crate::fleet::QueuePlace;
use crate::object::SqlError;
use crate::project::records::Records;
use crate::project::view::StatusView;
use contract::{Phase, ProjectStatus, StatusCode, Timestamp};

/// A version that waits for a runner, or runs, for longer is shown as `timeout`: 10 minutes.
const OVERDUE_AFTER: Duration = Duration::from_secs(600);

pub(in crate::project) fn status(records: Records<'_>, now: Timestamp) -> Result<StatusView, SqlError> {
    let newest = if records.exist()? { records.newest()? } else { None };
    let Some(newest) = newest else {
        let status = ProjectStatus::NoScripts;
        return Ok(StatusView { status, code: None, newest: None, queue: None, progress: None, repair: None });
    };
    let is_overdue = |since: Option<Timestamp>| since.is_some_and(|since| now.since(since) > OVERDUE_AFTER);
    let code = match newest.phase {
        Phase::Queued if is_overdue(newest.queued_at) => Some(StatusCode::NoRunner),
        Phase::Running if is_overdue(newest.claimed_at) => Some(StatusCode::Stalled),
        _ => None,
    };
    let status = if code.is_some() { ProjectStatus::Timeout } else { newest.phase.project_status() };
    Ok(StatusView { status, code, newest: Some(newest), queue: None, progress: None, repair: None })
}

/// Adds the newest version's place in the queue. A version that waits while runners work on others is not overdue.
pub(in crate::project) fn add_place(view: &mut StatusView, place: Option<QueuePlace>) {
    if view.code == Some(StatusCode::NoRunner) && place.is_some_and(|place| place.held > 0) {
        view.code = None;
        view.status = ProjectStatus::Processing;
    }
    view.queue = place;
}
