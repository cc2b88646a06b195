//! `GET /api/monitoring/health`.

use crate::api::config::AuthMode;
use crate::api::docs::endpoint::{BodySchema, Content, EndpointDoc, ResponseDoc, Tag};
use crate::api::error::ApiError;
use crate::api::request::ApiRequest;
use crate::api::response::ApiResponse;
use crate::api::views::health::{Components, Health, OpenMode, Overall, PartState, Runners, State};
use crate::fleet::{FleetAnswer, GetHealth, StoreVerdict};

pub const HEALTH: EndpointDoc = EndpointDoc {
    id: "getHealth",
    summary: "get the health of the service; for an admin, of each part",
    tag: Tag::Monitoring,
    description: "Everybody gets the overall state, and the note that open mode is on. An admin gets the state of each \
                  part.",
    responses: &[
        ResponseDoc {
            description: "Scripts are accepted.",
            contents: &[Content::Json(BodySchema::of::<Health>())],
            ..ResponseDoc::OK
        },
        ResponseDoc {
            status: 503,
            description: "Scripts are not accepted at the moment.",
            contents: &[Content::Json(BodySchema::of::<Health>())],
            ..ResponseDoc::OK
        },
    ],
    ..EndpointDoc::NONE
};

/// The health of the service. 503 if scripts are not accepted. The body never has a secret, an endpoint or a name.
pub async fn health(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    let fleet = request.call_fleet(GetHealth).await;
    let is_healthy = fleet.as_ref().is_ok_and(|answer| matches!(answer.verdict, StoreVerdict::Fit));
    let body = Health {
        success: is_healthy,
        status: if is_healthy { Overall::Healthy } else { Overall::Unhealthy },
        timestamp: request.clock.now(),
        auth: (request.config.auth == AuthMode::Open).then_some(OpenMode::Open),
        components: request.identity.caller.admin.then(|| components(request, fleet.as_ref().ok())),
    };
    let status = if is_healthy { http::StatusCode::OK } else { http::StatusCode::SERVICE_UNAVAILABLE };
    Ok(ApiResponse::json(&body)?.status(status))
}

/// The parts' states. `fleet` is `None` if the object did not answer.
fn components(request: &ApiRequest<'_>, fleet: Option<&FleetAnswer>) -> Components {
    let state = |status| State { status };
    let bucket = match fleet.map(|answer| &answer.verdict) {
        Some(StoreVerdict::Fit) => PartState::Up,
        Some(StoreVerdict::Unfit(_)) => PartState::Unfit,
        Some(StoreVerdict::Refuses(_)) => PartState::Refuses,
        Some(StoreVerdict::Unavailable(_)) => PartState::Down,
        None => PartState::Unknown,
    };
    let auth = match request.config.auth {
        AuthMode::Closed => PartState::Configured,
        AuthMode::Open => PartState::Open,
    };
    // Runners without a WebSocket are not counted.
    let connected = fleet.map_or(0, |answer| answer.runners);
    Components {
        worker: state(PartState::Up),
        object: state(if fleet.is_some() { PartState::Up } else { PartState::Down }),
        bucket: state(bucket),
        auth: state(auth),
        ai: state(match request.config.ai {
            Ok(Some(_)) => PartState::Up,
            Ok(None) => PartState::NotConfigured,
            Err(_) => PartState::Down,
        }),
        runners: Runners { status: if connected > 0 { PartState::Up } else { PartState::Unknown }, connected },
    }
}
