//! `GET /` and `GET /api/monitoring/health`.

use serde_json::{Value, json};

use crate::api::AuthMode;
use crate::api::error::ApiError;
use crate::api::reply::Reply;
use crate::api::request::Call;
use crate::fleet::{FleetAnswer, FleetCall, StoreVerdict};
use crate::object::ObjectName;

/// Says what this is and where to go on.
pub(in crate::api) async fn welcome(call: &Call<'_>) -> Result<Reply, ApiError> {
    let open = call.config.auth == AuthMode::Open;
    let mode = if open { "Open mode: everybody on this machine is the user \"local\".\n" } else { "" };
    let text = format!(
        "Partwright turns FreeCAD Python scripts into CAD files.\n{mode}\n\
         POST /api/projects/NAME/upload-script   send a script (Content-Type: text/x-python)\n\
         GET  /api/projects/NAME/status          see where it stands\n\
         GET  /api/projects/NAME/download/STEP   get a link to the model\n\
         GET  /api/monitoring/health             each part's state\n\n\
         README.md lists every call.\n"
    );
    Ok(Reply::text("text/plain; charset=utf-8", text))
}

/// Whether the service works: 503 when scripts cannot be taken. Everybody is told so much, and that open mode is on; an
/// admin each part's state. Never a secret, an endpoint or a name.
pub(in crate::api) async fn health(call: &Call<'_>) -> Result<Reply, ApiError> {
    let asked: Result<FleetAnswer, ApiError> = call.ask_object(&ObjectName::Fleet, &FleetCall::Health).await;
    let well = asked.as_ref().is_ok_and(|answer| matches!(answer.verdict, StoreVerdict::Fit));
    let mut body = json!({
        "success": well,
        "status": if well { "healthy" } else { "unhealthy" },
        "timestamp": call.clock.now(),
    });
    if call.config.auth == AuthMode::Open {
        body["auth"] = json!("open");
    }
    if call.identity.caller.admin {
        body["components"] = components(call, asked.as_ref().ok());
    }
    let status = if well { http::StatusCode::OK } else { http::StatusCode::SERVICE_UNAVAILABLE };
    Ok(Reply::json(&body).status(status))
}

/// Each part's state; `fleet` is none where the object did not answer.
fn components(call: &Call<'_>, fleet: Option<&FleetAnswer>) -> Value {
    let bucket = match fleet.map(|answer| &answer.verdict) {
        Some(StoreVerdict::Fit) => "up",
        Some(StoreVerdict::Unfit(_)) => "unfit",
        Some(StoreVerdict::Refuses(_)) => "refuses",
        Some(StoreVerdict::Unavailable(_)) => "down",
        None => "unknown",
    };
    let auth = match call.config.auth {
        AuthMode::Closed => "configured",
        AuthMode::Open => "open",
    };
    // A runner needs nothing from the Worker, so there may be more than those that hold a WebSocket.
    let connected = fleet.map_or(0, |answer| answer.runners);
    let state = |word: &str| json!({"status": word});
    json!({
        "worker": state("up"),
        "object": state(if fleet.is_some() { "up" } else { "down" }),
        "bucket": state(bucket),
        "auth": state(auth),
        "ai": state("not_configured"),
        "runners": {"status": if connected > 0 { "up" } else { "unknown" }, "connected": connected},
    })
}
