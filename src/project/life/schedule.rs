//! When the alarm is due.

use std::time::Duration;

use super::is_flat_due;
use super::owner::accounts_are_due;
use crate::object::SqlError;
use crate::project::records::{Records, Single};
use contract::Timestamp;

/// The pause before the first look at the bucket after a change; each quiet one makes the next longer.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause between two looks.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Something changed: the next look at the bucket comes soon.
pub(in crate::project) fn touch(records: Records<'_>, now: Timestamp) -> Result<(), SqlError> {
    records.set_single(Single::Quiet, 0)?;
    let soon = now.after(FIRST_PAUSE);
    // One that is about to come stays: else a project in which something changes all the time would never see it.
    match due_at(records)? {
        Some(due) if due <= soon && now.since(due) < FIRST_PAUSE => Ok(()),
        _ => records.set_single(Single::Due, soon.as_millis()),
    }
}

/// Nothing changed: the next look comes later than the last one did.
pub(in crate::project) fn wait_longer(records: Records<'_>, now: Timestamp) -> Result<(), SqlError> {
    let quiet = records.single_number(Single::Quiet)?.unwrap_or(0) + 1;
    let pause = FIRST_PAUSE.mul_f64(1.6_f64.powi(i32::try_from(quiet.min(20)).unwrap_or(20))).min(LONGEST_PAUSE);
    records.set_single(Single::Quiet, quiet)?;
    records.set_single(Single::Due, now.after(pause).as_millis())
}

/// When the alarm must ring; none when nothing is open.
pub(in crate::project) fn due(records: Records<'_>) -> Result<Option<Timestamp>, SqlError> {
    if !records.exist()? || !is_open(records)? {
        return Ok(None);
    }
    Ok(Some(due_at(records)?.unwrap_or(Timestamp::from_millis(0))))
}

fn due_at(records: Records<'_>) -> Result<Option<Timestamp>, SqlError> {
    let millis = records.single_number(Single::Due)?.and_then(|millis| i64::try_from(millis).ok());
    Ok(millis.map(Timestamp::from_millis))
}

/// Whether the alarm has anything left to do.
fn is_open(records: Records<'_>) -> Result<bool, SqlError> {
    Ok(records.any_open()? || is_flat_due(records)? || accounts_are_due(records)?)
}
