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

/// Each part's state; 503 when scripts cannot be taken. Never a secret, an endpoint or a name.
pub(in crate::api) async fn health(call: &Call<'_>) -> Result<Reply, ApiError> {
    let asked: Result<FleetAnswer, ApiError> = call.ask_object(&ObjectName::Fleet, &FleetCall::Health).await;
    let object = if asked.is_ok() { "up" } else { "down" };
    let bucket = match asked.as_ref().map(|answer| &answer.verdict) {
        Ok(StoreVerdict::Fit) => "up",
        Ok(StoreVerdict::Unfit(_)) => "unfit",
        Ok(StoreVerdict::Refuses(_)) => "refuses",
        Ok(StoreVerdict::Unavailable(_)) => "down",
        Err(_) => "unknown",
    };
    let auth = match call.config.auth {
        AuthMode::Closed => "not_configured",
        AuthMode::Open => "open",
    };
    let well = bucket == "up";
    // A runner needs nothing from the Worker, so there may be more than those that hold a WebSocket.
    let connected = asked.as_ref().map_or(0, |answer| answer.runners);
    let runners = json!({"status": if connected > 0 { "up" } else { "unknown" }, "connected": connected});
    let state = |word: &str| json!({"status": word});
    let body: Value = json!({
        "success": well,
        "status": if well { "healthy" } else { "unhealthy" },
        "timestamp": call.clock.now(),
        "components": {
            "worker": state("up"),
            "object": state(object),
            "bucket": state(bucket),
            "auth": state(auth),
            "ai": state("not_configured"),
            "runners": runners,
        },
    });
    let status = if well { http::StatusCode::OK } else { http::StatusCode::SERVICE_UNAVAILABLE };
    Ok(Reply::json(&body).status(status))
}
