//! The row of a version. This is the one place that names the columns.

use super::view::VersionView;
use crate::object::{RowReader, SqlError, ToValue, Value};

macro_rules! columns {
    ($($column:ident),*) => {
        /// The columns of a [`VersionView`] except the report, each followed by a comma.
        pub(super) const COLUMNS: &str = concat!($(stringify!($column), ","),*);

        /// One placeholder per column, each followed by a comma.
        pub(super) const PLACEHOLDERS: &str = concat!($(columns!(@placeholder $column)),*);

        /// The values of [`COLUMNS`].
        pub(super) fn write(view: &VersionView) -> Vec<Value> {
            vec![$(ToValue::to_value(&view.$column)),*]
        }

        /// Reads [`COLUMNS`], then a report or NULL.
        pub(super) fn read(row: &mut RowReader) -> Result<VersionView, SqlError> {
            Ok(VersionView { $($column: row.get()?,)* report: row.get()? })
        }
    };
    (@placeholder $column:ident) => { "?," };
}

columns!(
    version,
    phase,
    origin,
    parent,
    user,
    upload_id,
    request_id,
    sha256,
    size,
    accepted_at,
    queued_at,
    attempt,
    claimed_at,
    finished_at,
    metadata,
    moved_from,
    moved_to
);
