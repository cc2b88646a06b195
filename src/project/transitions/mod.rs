//! The transitions of a version. Each is one synchronous stretch of SQL, so it happens completely or not at all.

mod adoption;
mod flat;
mod ownership;
mod schedule;
mod status;

pub(super) use self::adoption::{BucketVersion, adopt, catch_up, make_way};
pub(super) use self::flat::flat_due;
pub(super) use self::ownership::{
    Ownership, account_due, former_owners, listed, listing_generation, ownership, record_first_admin, set_owner,
    unlisted,
};
pub(super) use self::schedule::{due, schedule_later, schedule_soon};
pub(super) use self::status::{add_place, status};

use self::ownership::free_name_if_unused;
use super::metrics;
use super::records::{Records, Single};
use super::request::{Caller, Idempotency, NewScript, ProjectTarget, Refusal};
use super::view::VersionView;
use crate::object::SqlError;
use contract::{Phase, Report, Sha256, Timestamp, UploadId, Version};

/// The most versions of one project that wait for the bucket.
const MAX_STORED: u64 = 1_000;

/// The most bytes of their scripts together: 64 MiB.
const MAX_STORED_BYTES: u64 = 64 << 20;

/// The result of [`accept`].
pub(super) enum Accepted {
    /// The script is a new version with this upload id.
    New(Version, UploadId),
    /// An upload with the same idempotency key is this version.
    Replayed(Version),
}

/// The circumstances of [`accept`].
#[derive(Clone, Copy)]
pub(super) struct AcceptContext {
    /// Whether the bucket's versions were adopted, so that a free name is known to be free.
    pub is_caught_up: bool,
    pub now: Timestamp,
}

/// The version that an earlier upload with this key became.
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
    match records.version_of_key(&caller.user, idempotency, now)? {
        Some((_, body)) if body != idempotency.body => Err(Refusal::KeyReused),
        found => Ok(found.map(|(version, _)| version)),
    }
}

/// Takes the next number and stores the script. The first upload to a name that is known to be free owns it. A name that
/// may or may not be free is for admins only, until the bucket answers.
pub(super) fn accept(
    records: Records<'_>,
    call: &ProjectTarget,
    script: &NewScript,
    idempotency: Option<&Idempotency>,
    AcceptContext { is_caught_up, now }: AcceptContext,
) -> Result<Accepted, Refusal> {
    let caller = &call.caller;
    if let Some(version) = replayed(records, caller, idempotency, now)? {
        return Ok(Accepted::Replayed(version));
    }
    let is_free = match ownership(records, caller)? {
        Ownership::Other => return Err(Refusal::NameTaken),
        ownership => ownership == Ownership::Free,
    };
    if is_free && !is_caught_up && !caller.admin {
        let why = "without it nobody can tell whether the name is free";
        return Err(Refusal::BucketUnavailable(why.to_owned()));
    }
    records.create()?;
    let (count, bytes) = records.stored_totals()?;
    if !has_room(count, bytes, script.code.len() as u64) {
        let why = format!("{count} scripts of this project already wait for it, {bytes} bytes in all");
        return Err(Refusal::BucketUnavailable(why));
    }
    let version = next_number(records)?;
    let upload = UploadId::random();
    if is_free && is_caught_up {
        records.set_single(Single::Owner, &caller.user)?;
    }
    let view = VersionView {
        parent: script.parent,
        user: Some(caller.user.clone()),
        upload_id: Some(upload.clone()),
        request_id: Some(call.request_id.clone()),
        sha256: Some(Sha256::of(script.code.as_bytes())),
        metadata: script.metadata.clone(),
        ..VersionView::new(version, Phase::Stored, script.origin, script.code.len() as u64, now)
    };
    records.set_single(Single::Project, &call.project)?;
    records.set_single(Single::Next, version.get() + 1)?;
    records.insert(&view, Some(&script.code))?;
    if let Some(idempotency) = idempotency {
        records.store_key(&caller.user, idempotency, version, now)?;
    }
    add_to_total(records, 1)?;
    schedule_soon(records, now)?;
    Ok(Accepted::New(version, upload))
}

/// Whether another script of `size` bytes may wait for the bucket.
fn has_room(count: u64, bytes: u64, size: u64) -> bool {
    count < MAX_STORED && bytes + size <= MAX_STORED_BYTES
}

/// The number of the next version.
pub(super) fn next_number(records: Records<'_>) -> Result<Version, Refusal> {
    let number = records.single_number(Single::Next)?.unwrap_or(1);
    Version::try_from(number).map_err(|_| Refusal::NoMoreVersions)
}

/// The bucket has the script.
pub(super) fn delivered(records: Records<'_>, version: Version, now: Timestamp) -> Result<(), SqlError> {
    if let Some(origin) = records.set_queued(version, now)? {
        metrics::delivered(records, origin, now);
    }
    schedule_soon(records, now)
}

/// The uploader learns that the version is accepted. From now on it is not withdrawn, even if the bucket does not have it.
pub(super) fn promise(records: Records<'_>, version: Version) -> Result<(), SqlError> {
    records.set_promised(version)
}

/// Removes an upload that failed, and frees its number unless later ones are in use. False if the bucket has the script, or
/// the uploader knows of the version.
pub(super) fn withdraw(records: Records<'_>, version: Version) -> Result<bool, SqlError> {
    if !records.remove(version)? {
        return Ok(false);
    }
    records.remove_keys(version)?;
    add_to_total(records, -1)?;
    // External uploads are searched under the next number only, so a skipped number would hide one. If a late put still
    // takes the freed number, the next upload makes way.
    records.set_single(Single::Next, records.highest()? + 1)?;
    free_name_if_unused(records)?;
    Ok(true)
}

/// A listing of `pending/` shows this attempt: the highest that is not released. True if this changed anything.
pub(super) fn attempt_seen(
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
    schedule_soon(records, now)?;
    Ok(true)
}

/// The report was read, so the version is final.
pub(super) fn reported(records: Records<'_>, report: &Report, now: Timestamp) -> Result<(), SqlError> {
    if let Some(accepted_at) = records.set_report(report, now)? {
        metrics::reported(records, report, accepted_at, now);
    }
    schedule_soon(records, now)
}

/// Keeps the number of versions, so that no read has to count them.
fn add_to_total(records: Records<'_>, change: i64) -> Result<(), SqlError> {
    let total = records.single_number(Single::Total)?.unwrap_or(0);
    records.set_single(Single::Total, total.saturating_add_signed(change))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_scripts_are_limited() {
        assert!(has_room(999, 0, 1));
        assert!(!has_room(1_000, 0, 1));
        assert!(has_room(63, 63 << 20, 1 << 20));
        assert!(!has_room(63, 63 << 20, (1 << 20) + 1));
    }
}
