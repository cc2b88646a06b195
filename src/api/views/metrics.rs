//! Metrics by the hour.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::api::docs::endpoint::HasExample;
use crate::metrics::Summary;
use contract::Timestamp;

/// Metrics of the last hours.
#[derive(Serialize, JsonSchema)]
pub struct Metrics {
    /// Always `true`.
    pub success: bool,
    /// The start of the first hour.
    pub from: Timestamp,
    /// The time of the response.
    pub to: Timestamp,
    /// The number of hours.
    pub window_hours: i64,
    /// Whether all shards answered. If one is missing, all numbers are too small.
    pub complete: bool,
    /// The numbers of the shards that did not answer.
    pub missing_shards: Vec<usize>,
    pub totals: Summary,
    /// The hours with any count, oldest first.
    pub hours: Vec<Hour>,
}

/// Metrics of one hour.
#[derive(Serialize, JsonSchema)]
pub struct Hour {
    /// The start of the hour.
    pub hour: Timestamp,
    pub figures: Summary,
}

impl HasExample for Metrics {
    fn example() -> Value {
        let latency = json!({"count": 9, "mean_ms": 6_400, "p50_ms": 5_233, "p95_ms": 14_801});
        let ai = json!({
            "calls": 10,
            "successes": 9,
            "failures": {"rate_limited": 1},
            "input_tokens": 21_400,
            "output_tokens": 6_120,
            "latency": latency,
            "fallbacks": 0,
            "first_runs": 7,
            "first_runs_won": 6,
            "first_run_success_rate": 6.0 / 7.0,
            "repairs_tried": 1,
            "repairs_won": 1,
        });
        let figures = json!({
            "uploads": {
                "succeeded": 12,
                "by_origin": {"ai": 7, "repair": 1, "upload": 4},
                "failed": 1,
                "failed_by_code": {"empty_script": 1},
            },
            "versions": {
                "completed": 10,
                "failed": 2,
                "timed_out": 0,
                "abandoned": 0,
                "cancelled": 0,
                "errors": {"script_error": 2},
                "run": {"count": 10, "mean_ms": 210, "p50_ms": 197, "p95_ms": 332},
                "upload_to_model": {"count": 10, "mean_ms": 1_020, "p50_ms": 939, "p95_ms": 1_579},
            },
            "downloads": {"links": 5, "by_format": {"STEP": 3, "STL": 2}},
            "errors": {"client": 2, "server": 0, "by_code": {"empty_script": 1, "project_not_found": 1}},
            "ai": ai,
            "models": [{"provider": "api.openai.com", "model": "gpt-5-mini", "figures": ai}],
        });
        json!({
            "success": true,
            "from": "2026-01-30T13:00:00.000Z",
            "to": "2026-01-31T12:34:56.789Z",
            "window_hours": 24,
            "complete": true,
            "missing_shards": [],
            "totals": figures,
            "hours": [{"hour": "2026-01-31T12:00:00.000Z", "figures": figures}],
        })
    }
}
