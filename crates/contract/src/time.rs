//! Points in time.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::IdError;

/// Milliseconds since 1970-01-01T00:00:00Z. As text: RFC 3339 in UTC.
///
/// Times in documents are for people and for views ("queued ten minutes ago"). No decision compares the clocks of two
/// machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(description = "A time: RFC 3339, in UTC, with milliseconds.", extend("format" = "date-time"))]
pub struct Timestamp(i64);

const PROBLEM: &str = "a time has the form 2026-01-31T12:00:00Z (RFC 3339)";

/// The last millisecond of the year 9999, the latest time of RFC 3339.
const MAX_MILLIS: i64 = 253_402_300_799_999;

impl Timestamp {
    /// The earliest time: 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// From milliseconds since the Unix epoch, clamped to the years 1970 to 9999.
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.clamp(0, MAX_MILLIS))
    }

    /// Milliseconds since the Unix epoch.
    pub fn as_millis(self) -> i64 {
        self.0
    }

    /// The time `duration` later.
    pub fn after(self, duration: Duration) -> Self {
        Self::from_millis(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// The time since `earlier`; zero if `earlier` is later than this time.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }

    /// The form in the names of logs: `YYYYmmdd_HHMMSS` in UTC.
    pub fn compact(self) -> String {
        self.to_calendar().format(format_description!("[year][month][day]_[hour][minute][second]")).unwrap_or_default()
    }

    fn to_calendar(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// Reads an HTTP date, such as `Last-Modified`, in the preferred form of RFC 9110, section 5.6.7.
    pub fn from_http_date(text: &str) -> Option<Self> {
        let form =
            format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
        let date = PrimitiveDateTime::parse(text, form).ok()?;
        Some(Self::from_millis(date.assume_utc().unix_timestamp() * 1000))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
        f.write_str(&self.to_calendar().format(form).unwrap_or_default())
    }
}

impl FromStr for Timestamp {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let date = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| IdError::new(PROBLEM))?;
        i64::try_from(date.unix_timestamp_nanos() / 1_000_000).map(Self::from_millis).map_err(|_| IdError::new(PROBLEM))
    }
}

impl TryFrom<String> for Timestamp {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(time: Timestamp) -> Self {
        time.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_forms() {
        let time = Timestamp::from_millis(1_700_000_000_123);
        assert_eq!(time.to_string(), "2023-11-14T22:13:20.123Z");
        assert_eq!("2023-11-14T22:13:20.123Z".parse::<Timestamp>().unwrap(), time);
        assert_eq!("2023-11-14T23:13:20.123+01:00".parse::<Timestamp>().unwrap(), time);
        assert_eq!(time.compact(), "20231114_221320");
        assert_eq!(
            Timestamp::from_http_date("Tue, 14 Nov 2023 22:13:20 GMT"),
            Some(Timestamp::from_millis(1_700_000_000_000))
        );
        assert!("yesterday".parse::<Timestamp>().is_err());
    }

    #[test]
    fn arithmetic_stays_in_range() {
        let time = Timestamp::from_millis(5_000);
        assert_eq!(time.after(Duration::from_secs(2)).since(time), Duration::from_secs(2));
        assert_eq!(time.since(time.after(Duration::from_secs(2))), Duration::ZERO);
        assert_eq!(Timestamp::from_millis(i64::MAX).to_string(), "9999-12-31T23:59:59.999Z");
    }
}
