//! Examples of the bodies that the Chat object makes.

use serde_json::{Value, json};

use crate::api::docs::endpoint::HasExample;
use crate::chat::{Forgotten, MessageList, TurnBody};

fn example_message() -> Value {
    json!({
        "number": 2,
        "role": "assistant",
        "content": "A wall bracket with a clamp for a 22 mm pipe.",
        "timestamp": "2026-01-31T12:00:04.000Z",
        "version": 1,
        "turn": "0123456789abcdef",
    })
}

impl HasExample for TurnBody<'_> {
    fn example() -> Value {
        json!({
            "success": true,
            "project_name": "bracket-2",
            "turn": "0123456789abcdef",
            "state": "processing",
            "state_message": "FreeCAD processing…",
            "message": example_message(),
            "code_generated": "import FreeCAD as App\nimport Part\n",
            "suggestions": ["Round the edges", "Make the plate 6 mm thick"],
            "version": 1,
            "key": "input/bracket-2/bracket-2_v1.py",
            "parent": null,
            "repairs": 0,
            "most_repairs": 2,
            "error": null,
            "repair_error": null,
            "usage": {"calls": 1, "input_tokens": 1450, "output_tokens": 820},
            "began_at": "2026-01-31T12:00:00.000Z",
            "ended_at": null,
            "status_url": "/api/projects/bracket-2/status",
            "turn_url": "/api/projects/bracket-2/chat/0123456789abcdef",
            "request_id": "0123456789abcdef",
        })
    }
}

impl HasExample for MessageList<'_> {
    fn example() -> Value {
        json!({
            "success": true,
            "project_name": "bracket-2",
            "messages": [example_message()],
            "total_messages": 2,
            "next_cursor": 2,
        })
    }
}

impl HasExample for Forgotten<'_> {
    fn example() -> Value {
        json!({"success": true, "project_name": "bracket-2", "removed": 2})
    }
}
