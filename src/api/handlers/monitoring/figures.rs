//! `GET /api/monitoring/ai/metrics`.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::api::docs::endpoint::{BodySchema, Content, EndpointDoc, HasExample, ResponseDoc, Tag};
use crate::api::docs::parameter::HOURS;
use crate::api::error::ApiError;
use crate::api::request::Call;
use crate::api::response::Reply;
use crate::figures::{Cell, Figures, ReadSums, SHARDS, ask, hour_of, start_of};
use contract::Timestamp;

/// How long the shards are waited for, all at once.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

pub const METRICS: EndpointDoc = EndpointDoc {
    id: "getMetrics",
    summary: "figures by the hour: language models, uploads, versions, links, errors",
    tag: Tag::Monitoring,
    description: "What is counted shows after some seconds, up to a minute or so where much is counted. Figures are kept for a \
            week.",
    responses: &[ResponseDoc {
        description: "The figures of all projects together, in all and by the hour.",
        contents: &[Content::Json(BodySchema::of::<Metrics>())],
        ..ResponseDoc::OK
    }],
    ..EndpointDoc::NONE
};

/// Figures of some hours.
#[derive(Serialize, JsonSchema)]
struct Metrics {
    /// Always true.
    success: bool,
    /// When the first of the hours began.
    from: Timestamp,
    /// Now.
    to: Timestamp,
    /// How many hours these are.
    window_hours: i64,
    /// Whether all shards have answered. Without one of them all figures are too small.
    complete: bool,
    /// The numbers of those that have not.
    missing_shards: Vec<usize>,
    totals: Figures,
    /// The hours in which anything was counted, oldest first.
    hours: Vec<Hour>,
}

/// Figures of one hour.
#[derive(Serialize, JsonSchema)]
struct Hour {
    /// When it began.
    hour: Timestamp,
    figures: Figures,
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

/// Asks all shards at once and puts together what they say. Those that do not answer are named, and fail nothing.
pub async fn metrics(call: &Call<'_>) -> Result<Reply, ApiError> {
    let now = call.clock.now();
    let window_hours = call.query.number(&HOURS)?.and_then(|hours| i64::try_from(hours).ok()).unwrap_or(1);
    let since = hour_of(now) - window_hours + 1;
    let texts = ask((call.objects, call.clock), 0..SHARDS, &ReadSums { since }, PATIENCE).await;
    let missing_shards: Vec<usize> = (0..texts.len()).filter(|shard| texts[*shard].is_none()).collect();
    let lines = texts.iter().flatten().flat_map(|text| text.lines());
    let mut cells: Vec<Cell<'_>> = lines.filter_map(Cell::parse).collect();
    cells.sort_unstable_by_key(|cell| cell.hour);
    let hours = cells.chunk_by(|one, other| one.hour == other.hour);
    let hours = hours.map(|own| Hour { hour: start_of(own[0].hour), figures: Figures::of(own) });
    Reply::json(&Metrics {
        success: true,
        from: start_of(since),
        to: now,
        window_hours,
        complete: missing_shards.is_empty(),
        missing_shards,
        totals: Figures::of(&cells),
        hours: hours.collect(),
    })
}
