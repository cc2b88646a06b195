//! The transitions of a version's life. Each is one synchronous stretch of SQL: it happens whole or not at all.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

mod owner;
mod schedule;

pub(super) use self::owner::{Standing, account_due, assign, former, listed, meet_admin, standing, taken_off, turn};
pub(super) use self::schedule::{due, touch, wait_longer};

use self::owner::release_name;
use super::call::{Caller, Idempotency, NewScript, ProjectTarget, Refusal, StatusView, VersionView};
use super::metrics;
use super::records::{Records, Single};
use crate::fleet::QueuePlace;
use crate::object::SqlError;
use contract::{Origin, Phase, ProjectStatus, Report, Sha256, StatusCode, Timestamp, UploadId, Version};

/// How long a version may wait for a runner, or run, before the status view says `timeout`: 10 minutes.
const PATIENCE: Duration = Duration::from_secs(600);

/// The most versions of one project that wait for the bucket.
const MOST_STORED: u64 = 1_000;

/// The most that their scripts take together: 64 MiB.
const MOST_STORED_BYTES: u64 = 64 << 20;

/// What became of an upload.
pub(super) enum Accepted {
    /// It is the next version, under this upload's id.
    New(Version, UploadId),
    /// It was a version already, under the same idempotency key.
    Before(Version),
}

/// The version that an upload with this key became before.
pub(super) fn replayed(
    records: Records<'_>,
    caller: &Caller,
    idempotency: Option<&Idempotency>,
    now: Timestamp,
) -> Result<Option<Version>, Refusal> {
    let Some(idempotency) = idempotency else { return Ok(None) };
    if !records.exist()? {
        return Ok(None);
    }
    let Some((version, body)) = records.keyed(&caller.user, idempotency, now)? else { return Ok(None) };
    if body != idempotency.body {
        return Err(Refusal::KeyReused);
    }
    Ok(Some(version))
}

/// Takes the next number and keeps the script. The first upload to a free name owns it, where `name_is_known` to be
/// free; else it is the admin's until the bucket has told.
pub(super) fn accept(
    records: Records<'_>,
    call: &ProjectTarget,
    script: &NewScript,
    idempotency: Option<&Idempotency>,
    (name_is_known, now): (bool, Timestamp),
) -> Result<Accepted, Refusal> {
    let caller = &call.caller;
    if let Some(version) = replayed(records, caller, idempotency, now)? {
        return Ok(Accepted::Before(version));
    }
    let standing = standing(records, caller)?;
    if standing == Standing::Foreign {
        return Err(Refusal::NameTaken);
    }
    if standing == Standing::Free && !name_is_known && !caller.admin {
        let why = "whether anybody has this name cannot be known without it";
        return Err(Refusal::BucketUnavailable(why.to_owned()));
    }
    records.create()?;
    let (waiting, bytes) = records.stored_sums()?;
    if !has_room(waiting, bytes, script.code.len() as u64) {
        let why = format!("{waiting} scripts of this project wait for it already, {bytes} bytes in all");
        return Err(Refusal::BucketUnavailable(why));
    }
    let version = next(records)?;
    let upload = UploadId::random();
    if standing == Standing::Free && name_is_known {
        records.set_single(Single::Owner, &caller.user)?;
    }
    let view = VersionView {
        version,
        phase: Phase::Stored,
        origin: script.origin,
        parent: script.parent,
        user: Some(caller.user.clone()),
        upload_id: Some(upload.clone()),
        request_id: Some(call.request_id.clone()),
        sha256: Some(Sha256::of(script.code.as_bytes())),
        size: script.code.len() as u64,
        accepted_at: now,
        queued_at: None,
        attempt: None,
        claimed_at: None,
        finished_at: None,
        metadata: script.metadata.clone(),
        moved_from: None,
        moved_to: None,
        report: None,
    };
    records.set_single(Single::Project, &call.project)?;
    records.set_single(Single::Next, version.get() + 1)?;
    records.insert(&view, Some(&script.code))?;
    if let Some(idempotency) = idempotency {
        records.keep_key(&caller.user, idempotency, version, now)?;
    }
    count(records, 1)?;
    touch(records, now)?;
    Ok(Accepted::New(version, upload))
}

/// Whether one more script of `size` bytes may wait for the bucket.
fn has_room(waiting: u64, bytes: u64, size: u64) -> bool {
    waiting < MOST_STORED && bytes + size <= MOST_STORED_BYTES
}

/// The next number to give.
pub(super) fn next(records: Records<'_>) -> Result<Version, Refusal> {
    let number = records.single_number(Single::Next)?.unwrap_or(1);
    Version::try_from(number).map_err(|_| Refusal::NoMoreVersions)
}

/// The bucket has the script.
pub(super) fn delivered(records: Records<'_>, version: Version, now: Timestamp) -> Result<(), SqlError> {
    if let Some(origin) = records.set_queued(version, now)? {
        metrics::delivered(records, origin, now);
    }
    touch(records, now)
}

/// Somebody is told that the version is accepted: where the bucket does not have it yet, it is no longer withdrawn.
pub(super) fn promise(records: Records<'_>, version: Version) -> Result<(), SqlError> {
    records.set_promised(version)
}

/// The number turned out to be somebody else's: the upload's version moves to the next one that is free beside `others`,
/// and the number is theirs. None if the upload does not wait under that number any more: somebody else has moved or
/// delivered it.
pub(super) fn moved(
    records: Records<'_>,
    upload: Option<&UploadId>,
    taken: &Found,
    (others, now): (&[Found], Timestamp),
) -> Result<Option<Version>, Refusal> {
    let before = next(records)?;
    adopt_all(records, others, now)?;
    let to = match next(records) {
        // The largest number there is was among them; the one from before may be free all the same.
        Err(Refusal::NoMoreVersions) if records.version(before)?.is_none() => before,
        to => to?,
    };
    let Some(promised) = records.renumber(upload, taken.version, to)? else { return Ok(None) };
    records.move_keys(taken.version, to)?;
    raise_next(records, to.get() + 1)?;
    adopt_all(records, std::slice::from_ref(taken), now)?;
    if promised {
        records.set_moved(taken.version, to)?;
    }
    Ok(Some(to))
}

/// The upload was answered with a no: the version never was. The number is given again unless later ones are taken.
/// False if the bucket has it, or somebody was promised it meanwhile.
pub(super) fn withdraw(records: Records<'_>, version: Version) -> Result<bool, SqlError> {
    if !records.remove(version)? {
        return Ok(false);
    }
    records.drop_keys(version)?;
    count(records, -1)?;
    give_back(records)?;
    release_name(records)?;
    Ok(true)
}

/// Gives numbers again that no version has. Scripts that others drop in are looked for under the next number alone, so a
/// number that is passed over without need would hide one. Should a late put still take it, the next upload moves on.
fn give_back(records: Records<'_>) -> Result<(), SqlError> {
    records.set_single(Single::Next, records.highest()? + 1)
}

/// What the bucket shows of one version: its script, its report, or both.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub version: Version,
    /// Whether the script is there.
    pub script: bool,
    /// Bytes of the script.
    pub size: u64,
    /// The store's time.
    pub at: Timestamp,
}

/// All that `bucket` holds of the project is known now. Numbers that were given before that, without the bucket, may
/// be somebody else's; `idle` are those of them that nobody is delivering.
pub(super) fn caught_up(
    records: Records<'_>,
    bucket: &str,
    found: &[Found],
    (idle, now): (&[VersionView], Timestamp),
) -> Result<(), Refusal> {
    adopt_all(records, found, now)?;
    // A script under the number shows when ours is put. A report without one does not, and ours would never be run.
    let scripts: HashSet<Version> = found.iter().filter(|found| found.script).map(|found| found.version).collect();
    let reports: HashMap<Version, &Found> = found.iter().map(|found| (found.version, found)).collect();
    for view in idle {
        if let Some(report) = reports.get(&view.version).filter(|_| !scripts.contains(&view.version)) {
            moved(records, view.upload_id.as_ref(), report, (&[], now))?;
        }
    }
    let all_are_ours = found.is_empty() && records.single_number(Single::Total)? == Some(idle.len() as u64);
    if all_are_ours
        && records.single(Single::Owner)?.is_none()
        && let Some(user) = idle.first().and_then(|view| view.user.as_ref())
    {
        // The name was free when the admin took it, and is theirs as it would be another's.
        records.set_single(Single::Owner, user)?;
    }
    Ok(records.set_single(Single::CaughtUpWith, bucket)?)
}

/// Scripts and reports that somebody put into the bucket become versions. True if any was news.
pub(super) fn adopt_all(records: Records<'_>, found: &[Found], now: Timestamp) -> Result<bool, SqlError> {
    // One statement a version; what they come to is written once, since a bucket may hold many thousands.
    let mut news = 0;
    let mut next = 0;
    for Found { version, size, at, .. } in found {
        news += i64::from(records.insert(&adopted(*version, *size, (*at, now)), None)?);
        next = next.max(version.get() + 1);
    }
    if news > 0 {
        count(records, news)?;
    }
    raise_next(records, next)?;
    Ok(news > 0)
}

fn raise_next(records: Records<'_>, least: u64) -> Result<(), SqlError> {
    if records.single_number(Single::Next)?.unwrap_or(1) < least {
        records.set_single(Single::Next, least)?;
    }
    Ok(())
}

fn adopted(version: Version, size: u64, (at, now): (Timestamp, Timestamp)) -> VersionView {
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
        // The store's clock may go wrong, and nobody here was told before.
        queued_at: Some(now),
        attempt: None,
        claimed_at: None,
        finished_at: None,
        metadata: None,
        moved_from: None,
        moved_to: None,
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
    records.set_attempt(view.version, attempt, now)?;
    touch(records, now)?;
    Ok(true)
}

/// The report was read: the version is final.
pub(super) fn reported(records: Records<'_>, report: &Report, now: Timestamp) -> Result<(), SqlError> {
    if let Some(accepted_at) = records.set_report(report, now)? {
        metrics::reported(records, report, accepted_at, now);
    }
    touch(records, now)
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

/// The status of the project: that of its newest version.
pub(super) fn status(records: Records<'_>, now: Timestamp) -> Result<StatusView, SqlError> {
    let newest = if records.exist()? { records.newest()? } else { None };
    let Some(newest) = newest else {
        let status = ProjectStatus::NoScripts;
        return Ok(StatusView { status, code: None, newest: None, queue: None, progress: None, repair: None });
    };
    let code = match newest.phase {
        Phase::Queued if newest.queued_at.is_some_and(|at| now.since(at) > PATIENCE) => Some(StatusCode::NoRunner),
        Phase::Running if newest.claimed_at.is_some_and(|at| now.since(at) > PATIENCE) => Some(StatusCode::Stalled),
        _ => None,
    };
    let status = if code.is_some() { ProjectStatus::Timeout } else { newest.phase.project_status() };
    Ok(StatusView { status, code, newest: Some(newest), queue: None, progress: None, repair: None })
}

/// Adds the newest version's place in the queue. To wait while runners work on others is not to be over time.
pub(super) fn place(view: &mut StatusView, place: Option<QueuePlace>) {
    if view.code == Some(StatusCode::NoRunner) && place.is_some_and(|place| place.held > 0) {
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

impl From<SqlError> for Refusal {
    fn from(error: SqlError) -> Self {
        Self::Broken(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_much_is_kept_and_no_more() {
        assert!(has_room(999, 0, 1) && !has_room(1_000, 0, 1));
        assert!(has_room(63, 63 << 20, 1 << 20) && !has_room(63, 63 << 20, (1 << 20) + 1));
    }
}
