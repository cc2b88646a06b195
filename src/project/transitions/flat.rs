//! Whether the flat path must be written or verified.

use crate::object::SqlError;
use crate::project::records::{Records, Single};
use crate::project::view::VersionView;

/// The newest completed version, if the flat path does not hold it or was not verified yet.
pub(in crate::project) fn flat_due(records: Records<'_>) -> Result<Option<VersionView>, SqlError> {
    if is_flat_due(records)? { records.newest_completed() } else { Ok(None) }
}

pub(super) fn is_flat_due(records: Records<'_>) -> Result<bool, SqlError> {
    let Some(newest) = records.newest_completed_number()? else { return Ok(false) };
    let is_written = records.single_number(Single::FlatVersion)? == Some(newest);
    Ok(!is_written || records.single(Single::FlatVerified)?.is_none())
}
