//! The requests to the `Fleet` object, and its replies.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::queue::QueuePlace;
use crate::object::{ObjectCall, ObjectName, SqlError, Target, operations};
use contract::{ProjectId, Timestamp, Version, Wake};

/// The one fleet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FleetTarget;

impl Target for FleetTarget {
    type Operation = FleetOperation;
    type Refusal = SqlError;

    fn object(&self) -> ObjectName {
        ObjectName::Fleet
    }
}

/// A call to the fleet.
pub type FleetCall = ObjectCall<FleetTarget>;

operations! {
    /// The operations of the fleet.
    FleetOperation of FleetTarget {
        GetVerdict -> FleetAnswer,
        GetHealth -> FleetAnswer,
        GetQueuePlace -> Option<QueuePlace>,
        WakeRunners -> (),
        Join -> (),
    }
}

/// Whether the store may be written to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetVerdict;

/// The same, and whether the bucket answers now. The bucket is asked at most once in five seconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetHealth;

/// A version's place in the queue; none if it does not wait, or nothing is known.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetQueuePlace {
    pub project: ProjectId,
    pub version: Version,
}

/// Sends this to every runner that holds a WebSocket.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WakeRunners(pub Wake);

/// A runner's WebSocket. Only with a handshake: see [`FleetObject::greeting`](super::FleetObject::greeting).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Join;

/// The state of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetAnswer {
    /// Whether the store may be written to.
    pub verdict: StoreVerdict,
    /// When the probe ran, if it did.
    pub probed_at: Option<Timestamp>,
    /// The duration of a listing, in milliseconds; only for [`GetHealth`], and if the bucket answered.
    pub latency_ms: Option<u64>,
    /// The number of runners that hold a WebSocket.
    #[serde(default)]
    pub runners: usize,
}

/// The verdict on the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "state", content = "reason")]
pub enum StoreVerdict {
    /// The store honours conditional writes.
    Fit,
    /// The store does not honour conditional writes, and must not be written to.
    Unfit(String),
    /// The store refuses the credentials, or the bucket does not exist.
    Refuses(String),
    /// The store cannot be reached.
    Unavailable(String),
}
