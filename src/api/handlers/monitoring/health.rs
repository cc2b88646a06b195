//! `GET /api/monitoring/health`.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::api::config::AuthMode;
use crate::api::docs::endpoint::{BodySchema, Content, EndpointDoc, HasExample, ResponseDoc, Tag};
use crate::api::error::ApiError;
use crate::api::request::Call;
use crate::api::response::Reply;
use crate::fleet::{FleetAnswer, GetHealth, StoreVerdict};
use contract::Timestamp;

pub const HEALTH: EndpointDoc = EndpointDoc {
    id: "getHealth",
    summary: "whether the service works; for an admin, each part's state",
    tag: Tag::Monitoring,
    description: "Everybody is told up or down, and that open mode is on; an admin each part's state.",
    responses: &[
        ResponseDoc {
            description: "Scripts are taken.",
            contents: &[Content::Json(BodySchema::of::<Health>())],
            ..ResponseDoc::OK
        },
        ResponseDoc {
            status: 503,
            description: "Scripts cannot be taken now.",
            contents: &[Content::Json(BodySchema::of::<Health>())],
            ..ResponseDoc::OK
        },
    ],
    ..EndpointDoc::NONE
};

/// Whether the service works.
#[derive(Serialize, JsonSchema)]
struct Health {
    /// Whether scripts are taken.
    success: bool,
    status: Overall,
    /// Now.
    timestamp: Timestamp,
    /// Told where everybody on this machine is let in.
    #[serde(skip_serializing_if = "Option::is_none")]
    auth: Option<OpenMode>,
    /// Told to admins.
    #[serde(skip_serializing_if = "Option::is_none")]
    components: Option<Components>,
}

/// Up or down.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Overall {
    /// Scripts are taken.
    Healthy,
    /// They are not.
    Unhealthy,
}

/// The mode that has to be known of.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum OpenMode {
    /// Everybody on this machine is one user.
    Open,
}

/// Each part's state.
#[derive(Serialize, JsonSchema)]
struct Components {
    worker: State,
    /// Whether an object answers.
    object: State,
    bucket: State,
    /// How callers are known.
    auth: State,
    /// Whether a language model is configured; it is not asked for this. `down` where a setting is wrong.
    ai: State,
    runners: Runners,
}

/// A part's state.
#[derive(Serialize, JsonSchema)]
struct State {
    status: PartState,
}

/// A word for a part's state.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum PartState {
    /// It works.
    Up,
    /// It does not answer.
    Down,
    /// Nobody can say.
    Unknown,
    /// The bucket ignores conditions, so nothing is written to it.
    Unfit,
    /// The bucket refuses the service.
    Refuses,
    /// Everybody on this machine is let in.
    Open,
    /// Callers are known by what they show.
    Configured,
    /// There is no setting for it.
    NotConfigured,
}

/// The runners that hold a WebSocket. There may be more: they need none.
#[derive(Serialize, JsonSchema)]
struct Runners {
    status: PartState,
    /// How many.
    connected: usize,
}

impl HasExample for Health {
    fn example() -> Value {
        json!({"success": true, "status": "healthy", "timestamp": "2026-01-31T12:00:00.000Z"})
    }
}

/// Whether the service works: 503 when scripts cannot be taken. Everybody is told so much, and that open mode is on; an
/// admin each part's state. Never a secret, an endpoint or a name.
pub async fn health(call: &Call<'_>) -> Result<Reply, ApiError> {
    let asked = call.ask_fleet(GetHealth).await;
    let well = asked.as_ref().is_ok_and(|answer| matches!(answer.verdict, StoreVerdict::Fit));
    let body = Health {
        success: well,
        status: if well { Overall::Healthy } else { Overall::Unhealthy },
        timestamp: call.clock.now(),
        auth: (call.config.auth == AuthMode::Open).then_some(OpenMode::Open),
        components: call.identity.caller.admin.then(|| Components::of(call, asked.as_ref().ok())),
    };
    let status = if well { http::StatusCode::OK } else { http::StatusCode::SERVICE_UNAVAILABLE };
    Ok(Reply::json(&body)?.status(status))
}

impl Components {
    /// `fleet` is none where the object did not answer.
    fn of(call: &Call<'_>, fleet: Option<&FleetAnswer>) -> Self {
        let state = |status| State { status };
        let bucket = match fleet.map(|answer| &answer.verdict) {
            Some(StoreVerdict::Fit) => PartState::Up,
            Some(StoreVerdict::Unfit(_)) => PartState::Unfit,
            Some(StoreVerdict::Refuses(_)) => PartState::Refuses,
            Some(StoreVerdict::Unavailable(_)) => PartState::Down,
            None => PartState::Unknown,
        };
        let auth = match call.config.auth {
            AuthMode::Closed => PartState::Configured,
            AuthMode::Open => PartState::Open,
        };
        // A runner needs nothing from the Worker, so there may be more than those that hold a WebSocket.
        let connected = fleet.map_or(0, |answer| answer.runners);
        Self {
            worker: state(PartState::Up),
            object: state(if fleet.is_some() { PartState::Up } else { PartState::Down }),
            bucket: state(bucket),
            auth: state(auth),
            ai: state(match call.config.ai {
                Ok(Some(_)) => PartState::Up,
                Ok(None) => PartState::NotConfigured,
                Err(_) => PartState::Down,
            }),
            runners: Runners { status: if connected > 0 { PartState::Up } else { PartState::Unknown }, connected },
        }
    }
}
