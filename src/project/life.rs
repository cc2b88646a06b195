//! The transitions of a version's life. Each is one synchronous stretch of SQL: it happens whole or not at all.

use std::time::Duration;

use super::call::{Caller, NewScript, Refusal, StatusView, VersionView};
use super::records::{Records, Single};
use crate::contract::{
    Origin, Phase, ProjectId, ProjectStatus, Report, RequestId, Sha256, StatusCode, Timestamp, UploadId, Version,
};
use crate::fleet::QueuePlace;
use crate::object::SqlError;

/// How long a version may wait for a runner, or run, before the status view says `timeout`: 10 minutes.
const PATIENCE: Duration = Duration::from_secs(600);

/// The pause before the first look at the bucket after a change; each quiet one makes the next longer.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause between two looks.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What a caller may do with this project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nobody has the name.
    Free,
    /// It is the caller's.
    Theirs,
    /// It is somebody else's.
    Foreign,
}

/// Who the project belongs to, as `caller` sees it. One found in the bucket belongs to the admin.
pub(super) fn standing(records: Records<'_>, caller: &Caller) -> Result<Standing, SqlError> {
    if !records.exist()? {
        return Ok(Standing::Free);
    }
    let total = records.single_number(Single::Total)?.unwrap_or(0);
    Ok(match records.single(Single::Owner)? {
        Some(owner) if owner == caller.user => Standing::Theirs,
        Some(_) => Standing::Foreign,
        None if total == 0 => Standing::Free,
        None if caller.admin => Standing::Theirs,
        None => Standing::Foreign,
    })
}

/// Takes the next number and keeps the script. The first upload to a free name owns it.
pub(super) fn accept(
    records: Records<'_>,
    project: &ProjectId,
    caller: &Caller,
    request_id: &RequestId,
    script: &NewScript,
    now: Timestamp,
) -> Result<VersionView, Refusal> {
    records.create()?;
    let standing = standing(records, caller)?;
    if standing == Standing::Foreign {
        return Err(Refusal::NameTaken);
    }
    let version = next(records)?;
    if standing == Standing::Free {
        records.set_single(Single::Owner, &caller.user)?;
    }
    let view = VersionView {
        version,
        phase: Phase::Stored,
        origin: script.origin,
        parent: script.parent,
        user: Some(caller.user.clone()),
        upload_id: Some(UploadId::random()),
        request_id: Some(request_id.clone()),
        sha256: Some(Sha256::of(script.code.as_bytes())),
        size: script.code.len() as u64,
        accepted_at: now,
        attempt: None,
        claimed_at: None,
        finished_at: None,
        metadata: script.metadata.clone(),
        report: None,
    };
    records.set_single(Single::Project, project)?;
    records.set_single(Single::Next, version.get() + 1)?;
    records.insert(&view, Some(&script.code))?;
    count(records, 1)?;
    touch(records, now)?;
    Ok(view)
}

/// The next number to give.
pub(super) fn next(records: Records<'_>) -> Result<Version, Refusal> {
    let number = records.single_number(Single::Next)?.unwrap_or(1);
    Version::try_from(number).map_err(|_| Refusal::NoMoreVersions)
}

/// The bucket has the script.
pub(super) fn delivered(records: Records<'_>, version: Version, now: Timestamp) -> Result<(), SqlError> {
    // Another delivery of the same version may have ended in doubt meanwhile.
    if records.set_doubtful(version, false)? {
        count(records, 1)?;
    }
    records.set_queued(version)?;
    touch(records, now)
}

/// The number turned out to be somebody else's: the version moves to the next free one.
pub(super) fn moved(records: Records<'_>, from: Version) -> Result<Version, Refusal> {
    let to = next(records)?;
    records.renumber(from, to)?;
    records.set_single(Single::Next, to.get() + 1)?;
    Ok(to)
}

/// The upload was answered with a no: the version never was. The number is given again unless later ones are taken.
pub(super) fn withdraw(records: Records<'_>, version: Version) -> Result<(), SqlError> {
    if records.remove(version)? {
        count(records, -1)?;
    }
    give_back(records)?;
    release_name(records)
}

/// Gives numbers again that no version has. Scripts that others drop in are looked for under the next number alone, so a
/// number that is passed over without need would hide one. Should a late put still take it, the next upload moves on.
fn give_back(records: Records<'_>) -> Result<(), SqlError> {
    records.set_single(Single::Next, records.highest()? + 1)
}

/// The upload was answered with a no, but the bucket may have the script all the same: hide it until that is known.
pub(super) fn doubt(records: Records<'_>, version: Version) -> Result<(), SqlError> {
    if records.set_doubtful(version, true)? {
        count(records, -1)?;
    }
    release_name(records)
}

/// A doubtful script is in the bucket after all, where a runner will find it: it is a version like any other.
pub(super) fn confirm(records: Records<'_>, view: &VersionView, now: Timestamp) -> Result<(), SqlError> {
    if let (None, Some(user)) = (records.single(Single::Owner)?, &view.user) {
        records.set_single(Single::Owner, user)?;
    }
    delivered(records, view.version, now)
}

/// A doubtful script is not in the bucket.
pub(super) fn forget(records: Records<'_>, version: Version) -> Result<(), SqlError> {
    records.remove(version)?;
    give_back(records)
}

/// A script or report that somebody put into the bucket becomes a version.
pub(super) fn adopt(records: Records<'_>, version: Version, size: u64, at: Timestamp) -> Result<bool, SqlError> {
    adopt_all(records, [(version, size, at)].into_iter())
}

/// The same for many: version, bytes of the script, time. True if any was news.
pub(super) fn adopt_all(
    records: Records<'_>,
    found: impl Iterator<Item = (Version, u64, Timestamp)>,
) -> Result<bool, SqlError> {
    // One statement a version; what they come to is written once, since a bucket may hold many thousands.
    let mut news = 0;
    let mut next = 0;
    for (version, size, at) in found {
        news += i64::from(records.insert(&adopted(version, size, at), None)?);
        next = next.max(version.get() + 1);
    }
    if news > 0 {
        count(records, news)?;
    }
    if records.single_number(Single::Next)?.unwrap_or(1) < next {
        records.set_single(Single::Next, next)?;
    }
    Ok(news > 0)
}

fn adopted(version: Version, size: u64, at: Timestamp) -> VersionView {
    VersionView {
        version,
        phase: Phase::Queued,
        origin: Origin::Hand,
        parent: None,
        user: None,
        upload_id: None,
        request_id: None,
        sha256: None,
        size,
        accepted_at: at,
        attempt: None,
        claimed_at: None,
        finished_at: None,
        metadata: None,
        report: None,
    }
}

/// What a look at `pending/` showed: the highest attempt that is not released. True if that is news.
pub(super) fn seen(
    records: Records<'_>,
    view: &VersionView,
    attempt: Option<u32>,
    now: Timestamp,
) -> Result<bool, SqlError> {
    let phase = if attempt.is_some() { Phase::Running } else { Phase::Queued };
    if view.phase == phase && view.attempt == attempt {
        return Ok(false);
    }
    records.set_attempt(view.version, phase, attempt, attempt.map(|_| now))?;
    touch(records, now)?;
    Ok(true)
}

/// The report was read: the version is final.
pub(super) fn reported(records: Records<'_>, report: &Report, now: Timestamp) -> Result<(), SqlError> {
    records.set_report(report, now)?;
    touch(records, now)
}

/// Something changed: the next look at the bucket comes soon.
pub(super) fn touch(records: Records<'_>, now: Timestamp) -> Result<(), SqlError> {
    records.set_single(Single::Quiet, 0)?;
    records.set_single(Single::Due, now.after(FIRST_PAUSE).as_millis())
}

/// Nothing changed: the next look comes later than the last one did.
pub(super) fn wait_longer(records: Records<'_>, now: Timestamp) -> Result<(), SqlError> {
    let quiet = records.single_number(Single::Quiet)?.unwrap_or(0) + 1;
    let pause = FIRST_PAUSE.mul_f64(1.6_f64.powi(i32::try_from(quiet.min(20)).unwrap_or(20))).min(LONGEST_PAUSE);
    records.set_single(Single::Quiet, quiet)?;
    records.set_single(Single::Due, now.after(pause).as_millis())
}

/// When the alarm must ring; none when nothing is open.
pub(super) fn due(records: Records<'_>) -> Result<Option<Timestamp>, SqlError> {
    if !records.exist()? || !is_open(records)? {
        return Ok(None);
    }
    let due = records.single_number(Single::Due)?.and_then(|millis| i64::try_from(millis).ok());
    Ok(Some(Timestamp::from_millis(due.unwrap_or(0))))
}

/// Whether the alarm has anything left to do.
fn is_open(records: Records<'_>) -> Result<bool, SqlError> {
    Ok(records.any_open()? || is_flat_due(records)? || account_is_due(records)?.is_some())
}

/// Whether the flat path ought to hold another version, or was not yet verified.
fn is_flat_due(records: Records<'_>) -> Result<bool, SqlError> {
    let Some(newest) = records.newest_completed_number()? else { return Ok(false) };
    let there = records.single_number(Single::FlatVersion)? == Some(newest);
    Ok(!there || records.single(Single::FlatVerified)?.is_none())
}

/// The version that the flat path ought to hold and does not, or was not yet verified to.
pub(super) fn flat_is_due(records: Records<'_>) -> Result<Option<VersionView>, SqlError> {
    if is_flat_due(records)? { records.newest_completed() } else { Ok(None) }
}

/// Remembers the admin who uses a project without an owner, so that their account lists it. True if that is news.
pub(super) fn meet_admin(records: Records<'_>, caller: &Caller) -> Result<bool, SqlError> {
    if standing(records, caller)? != Standing::Theirs
        || records.single(Single::Owner)?.is_some()
        || records.single(Single::Admin)?.is_some()
    {
        return Ok(false);
    }
    records.set_single(Single::Admin, &caller.user)?;
    Ok(true)
}

/// The user whose account ought to list the project and does not yet: its owner, or the admin of one without.
pub(super) fn account_is_due(records: Records<'_>) -> Result<Option<String>, SqlError> {
    if records.single(Single::Registered)?.is_some() {
        return Ok(None);
    }
    match records.single(Single::Owner)? {
        Some(owner) => Ok(Some(owner)),
        None => records.single(Single::Admin),
    }
}

/// The status of the project: that of its newest version.
pub(super) fn status(records: Records<'_>, now: Timestamp) -> Result<StatusView, SqlError> {
    let newest = if records.exist()? { records.newest()? } else { None };
    let Some(newest) = newest else {
        let status = ProjectStatus::NoScripts;
        return Ok(StatusView { status, code: None, newest: None, queue: None, progress: None });
    };
    let code = match newest.phase {
        Phase::Queued if now.since(newest.accepted_at) > PATIENCE => Some(StatusCode::NoRunner),
        Phase::Running if newest.claimed_at.is_some_and(|at| now.since(at) > PATIENCE) => Some(StatusCode::Stalled),
        _ => None,
    };
    let status = if code.is_some() { ProjectStatus::Timeout } else { newest.phase.project_status() };
    Ok(StatusView { status, code, newest: Some(newest), queue: None, progress: None })
}

/// Adds the newest version's place in the queue. To wait behind others while runners work is not to be over time.
pub(super) fn place(view: &mut StatusView, place: Option<QueuePlace>) {
    if view.code == Some(StatusCode::NoRunner) && place.is_some_and(|place| place.ahead > 0 && place.held > 0) {
        view.code = None;
        view.status = ProjectStatus::Processing;
    }
    view.queue = place;
}

/// Keeps the number of versions, so that nobody has to count them.
fn count(records: Records<'_>, change: i64) -> Result<(), SqlError> {
    let total = records.single_number(Single::Total)?.unwrap_or(0);
    records.set_single(Single::Total, total.saturating_add_signed(change))
}

/// A name whose only upload was withdrawn is free again.
fn release_name(records: Records<'_>) -> Result<(), SqlError> {
    let unused = records.single_number(Single::Total)?.unwrap_or(0) == 0;
    if unused && records.single(Single::Registered)?.is_none() {
        records.clear_single(Single::Owner)?;
    }
    Ok(())
}

impl From<SqlError> for Refusal {
    fn from(error: SqlError) -> Self {
        Self::Broken(error.to_string())
    }
}
