//! When the alarm is due.

use std::time::Duration;

use super::flat::is_flat_due;
use super::ownership::accounts_are_due;
use crate::object::SqlError;
use crate::project::records::{Records, Single};
use contract::Timestamp;
use platform::Backoff;

/// From a change to the first refresh.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The pause after each alarm without a change.
const QUIET_PAUSE: Backoff = Backoff::new(Duration::from_millis(1_600), Duration::from_secs(30)).with_factor(1.6);

/// Something changed, so the next refresh comes soon.
pub(in crate::project) fn schedule_soon(records: Records<'_>, now: Timestamp) -> Result<(), SqlError> {
    records.set_single(Single::Quiet, 0)?;
    let soon = now.after(FIRST_PAUSE);
    // An alarm that is about to ring stays. Otherwise a project that changes all the time would never see it.
    match due_at(records)? {
        Some(due) if due <= soon && now.since(due) < FIRST_PAUSE => Ok(()),
        _ => records.set_single(Single::Due, soon.as_millis()),
    }
}

/// Nothing changed, so the next refresh comes after a longer pause.
pub(in crate::project) fn schedule_later(records: Records<'_>, now: Timestamp) -> Result<(), SqlError> {
    let quiet = records.single_number(Single::Quiet)?.unwrap_or(0) + 1;
    let pause = QUIET_PAUSE.delay_at(u32::try_from(quiet).unwrap_or(u32::MAX), 0.0);
    records.set_single(Single::Quiet, quiet)?;
    records.set_single(Single::Due, now.after(pause).as_millis())
}

/// When the alarm must ring; none if nothing is open.
pub(in crate::project) fn due(records: Records<'_>) -> Result<Option<Timestamp>, SqlError> {
    if !records.exist()? || !is_open(records)? {
        return Ok(None);
    }
    Ok(Some(due_at(records)?.unwrap_or(Timestamp::EPOCH)))
}

fn due_at(records: Records<'_>) -> Result<Option<Timestamp>, SqlError> {
    let millis = records.single_number(Single::Due)?.and_then(|millis| i64::try_from(millis).ok());
    Ok(millis.map(Timestamp::from_millis))
}

/// Whether the alarm has anything left to do.
fn is_open(records: Records<'_>) -> Result<bool, SqlError> {
    Ok(records.any_open()? || is_flat_due(records)? || accounts_are_due(records)?)
}
