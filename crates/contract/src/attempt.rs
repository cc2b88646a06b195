//! The attempt object: a runner's claim on a version, with its heartbeat.

use serde::{Deserialize, Serialize};

use super::{FORMAT, RequestId, RunId, Timestamp};

/// The number of dead attempts after which a version is `abandoned`. Released attempts do not count.
pub const MAX_ATTEMPTS: u32 = 5;

/// The body of `pending/{p}/{p}_v{n}/a{k}.json`. An empty body means that the attempt is released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// [`FORMAT`].
    pub format: u32,
    /// The runner's name, for people.
    pub runner: String,
    /// The random id of this attempt. The runner that reads its own id here holds the version.
    pub run: RunId,
    /// The request that brought the script, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<RequestId>,
    /// When the runner claimed the version, on the runner's clock; for people only.
    pub claimed_at: Timestamp,
    /// Counts up with each heartbeat, so that the object's ETag changes.
    pub heartbeat: u64,
}

impl Attempt {
    /// A claim before its first heartbeat.
    pub fn new(runner: &str, run: RunId, claimed_at: Timestamp) -> Self {
        Self { format: FORMAT, runner: runner.to_owned(), run, request_id: None, claimed_at, heartbeat: 0 }
    }
}
