//! The health of the service.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::api::docs::endpoint::HasExample;
use contract::Timestamp;

/// The health of the service.
#[derive(Serialize, JsonSchema)]
pub struct Health {
    /// Whether scripts are accepted.
    pub success: bool,
    pub status: Overall,
    pub timestamp: Timestamp,
    /// Only in open mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<OpenMode>,
    /// Only for admins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub components: Option<Components>,
}

/// The state of the service.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Overall {
    /// Scripts are accepted.
    Healthy,
    /// Scripts are not accepted.
    Unhealthy,
}

/// The mode without authentication.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OpenMode {
    /// Everybody on this machine is the user `local`.
    Open,
}

/// The state of each part.
#[derive(Serialize, JsonSchema)]
pub struct Components {
    pub worker: State,
    /// Durable Objects.
    pub object: State,
    pub bucket: State,
    /// Authentication of users.
    pub auth: State,
    /// Whether a language model is configured. The model is not called. `down` if a setting is wrong.
    pub ai: State,
    pub runners: Runners,
}

/// The state of a part.
#[derive(Serialize, JsonSchema)]
pub struct State {
    pub status: PartState,
}

/// The state of a part, as a word.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PartState {
    /// It works.
    Up,
    /// It does not answer.
    Down,
    /// It cannot be determined.
    Unknown,
    /// The store ignores conditional writes, so nothing is written to it.
    Unfit,
    /// The bucket refuses the service.
    Refuses,
    /// Open mode: requests without a credential are accepted.
    Open,
    /// Requests need a credential.
    Configured,
    /// It is not configured.
    NotConfigured,
}

/// The runners that are connected by WebSocket. Others may poll only.
#[derive(Serialize, JsonSchema)]
pub struct Runners {
    pub status: PartState,
    pub connected: usize,
}

impl HasExample for Health {
    fn example() -> Value {
        json!({"success": true, "status": "healthy", "timestamp": "2026-01-31T12:00:00.000Z"})
    }
}
