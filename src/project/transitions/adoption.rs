//! Versions that another writer put into the bucket.

use std::collections::{HashMap, HashSet};

use super::{add_to_total, next_number};
use crate::object::SqlError;
use crate::project::records::{Records, Renumbered, Single};
use crate::project::request::Refusal;
use crate::project::view::VersionView;
use contract::{Origin, Phase, Timestamp, UploadId, Version};

/// One version in the bucket: its script or its report.
#[derive(Debug, Clone, Copy)]
pub(in crate::project) struct BucketVersion {
    pub version: Version,
    /// Whether this is the script.
    pub script: bool,
    /// Bytes of the script.
    pub size: u64,
    /// The store's time.
    pub at: Timestamp,
}

/// Adds versions that the records do not have. True if there was any.
pub(in crate::project) fn adopt(
    records: Records<'_>,
    found: &[BucketVersion],
    now: Timestamp,
) -> Result<bool, SqlError> {
    // One statement per version, and one for the totals: a bucket can hold many thousands of versions.
    let (mut added, mut next) = (0, 0);
    for BucketVersion { version, size, at, .. } in found {
        // The store's clock may be wrong, and the wait counts from when the object learns of the version.
        let queued_at = Some(now);
        let view = VersionView { queued_at, ..VersionView::new(*version, Phase::Queued, Origin::Hand, *size, *at) };
        added += i64::from(records.insert(&view, None)?);
        next = next.max(version.get() + 1);
    }
    if added > 0 {
        add_to_total(records, added)?;
    }
    raise_next(records, next)?;
    Ok(added > 0)
}

/// Another writer has taken the upload's number in the bucket: the upload gets the next free number after `others`, and
/// the number goes to the other writer's script. None if the upload no longer waits under that number, because another
/// request has moved or delivered it.
pub(in crate::project) fn make_way(
    records: Records<'_>,
    upload: Option<&UploadId>,
    taken: &BucketVersion,
    others: &[BucketVersion],
    now: Timestamp,
) -> Result<Option<Version>, Refusal> {
    let before = next_number(records)?;
    adopt(records, others, now)?;
    let to = match next_number(records) {
        // `others` contains the largest number. The next number from before may still be free.
        Err(Refusal::NoMoreVersions) if records.version(before)?.is_none() => before,
        to => to?,
    };
    let Some(Renumbered { was_promised }) = records.renumber(upload, taken.version, to)? else { return Ok(None) };
    records.move_keys(taken.version, to)?;
    raise_next(records, to.get() + 1)?;
    adopt(records, std::slice::from_ref(taken), now)?;
    if was_promised {
        records.set_moved(taken.version, to)?;
    }
    Ok(Some(to))
}

/// Adopts everything that `bucket` holds of the project. Numbers that were given earlier, without the bucket, may belong
/// to another writer; `idle` are the uploads among them that no request is delivering.
pub(in crate::project) fn catch_up(
    records: Records<'_>,
    bucket: &str,
    found: &[BucketVersion],
    idle: &[VersionView],
    now: Timestamp,
) -> Result<(), Refusal> {
    adopt(records, found, now)?;
    // Delivery notices a foreign script under its number. It does not notice a report without a script, and no runner
    // would ever run the upload.
    let scripts: HashSet<Version> = found.iter().filter(|found| found.script).map(|found| found.version).collect();
    let reports: HashMap<Version, &BucketVersion> = found.iter().map(|found| (found.version, found)).collect();
    for view in idle {
        if let Some(report) = reports.get(&view.version).filter(|_| !scripts.contains(&view.version)) {
            make_way(records, view.upload_id.as_ref(), report, &[], now)?;
        }
    }
    let all_are_ours = found.is_empty() && records.single_number(Single::Total)? == Some(idle.len() as u64);
    if all_are_ours
        && records.single(Single::Owner)?.is_none()
        && let Some(user) = idle.first().and_then(|view| view.user.as_ref())
    {
        // The name was free when the admin took it, so it belongs to that admin.
        records.set_single(Single::Owner, user)?;
    }
    Ok(records.set_single(Single::CaughtUpWith, bucket)?)
}

fn raise_next(records: Records<'_>, least: u64) -> Result<(), SqlError> {
    if records.single_number(Single::Next)?.unwrap_or(1) < least {
        records.set_single(Single::Next, least)?;
    }
    Ok(())
}
