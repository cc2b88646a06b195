//! An example of the status, which the Project object makes too.

use serde_json::{Value, json};

use crate::api::docs::endpoint::HasExample;
use crate::project::StatusBody;

impl HasExample for StatusBody<'_> {
    fn example() -> Value {
        json!({
            "success": true,
            "project_name": "bracket-2",
            "status": "processing",
            "status_info": {
                "status": "processing",
                "message": "FreeCAD processing…",
                "version": 2,
                "origin": "upload",
                "parent": null,
                "phase": "running",
                "code": null,
                "attempt": 1,
                "queue": null,
                "progress": {"phase": "script", "lines": ["half of it"]},
                "moved_from": null,
                "moved_to": null,
                "upload_time": "2026-01-31T12:00:00.000Z",
                "claimed_at": "2026-01-31T12:00:00.150Z",
                "finished_at": null,
                "error": null,
                "warnings": null,
                "geometry": null,
                "timings_ms": null,
                "available_formats": [],
                "log": null,
                "request_id": "0123456789abcdef",
                "outputs_url": "/api/projects/bracket-2/outputs?version=2",
                "repair_url": null,
            },
        })
    }
}
