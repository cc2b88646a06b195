//! `GET /api/monitoring/ai/metrics`.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::api::docs::endpoint::{BodySchema, Content, EndpointDoc, HasExample, ResponseDoc, Tag};
use crate::api::docs::parameter::HOURS;
use crate::api::error::ApiError;
use crate::api::request::Call;
use crate::api::response::Reply;
use crate::metrics::{Summary, hour_of, read_all, start_of};
use contract::Timestamp;

/// How long the objects may take to answer.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

pub const METRICS: EndpointDoc = EndpointDoc {
    id: "getMetrics",
    summary: "figures by the hour: language models, uploads, versions, links, errors",
    tag: Tag::Monitoring,
    description: "An event shows after a few seconds, or after about a minute while much is counted. Metrics are kept for a \
             week.",
    responses: &[ResponseDoc {
        description: "The metrics of all projects together, in total and by the hour.",
        contents: &[Content::Json(BodySchema::of::<Metrics>())],
        ..ResponseDoc::OK
    }],
    ..EndpointDoc::NONE
};

/// Metrics of some hours.
#[derive(Serialize, JsonSchema)]
struct Metrics {
    /// Always true.
    success: bool,
    /// When the first hour began.
    from: Timestamp,
    /// The time of the response.
    to: Timestamp,
    /// The number of hours.
    window_hours: i64,
    /// Whether all metrics objects have answered. If one is missing, all numbers are too small.
    complete: bool,
    /// The numbers of the missing objects.
    missing_shards: Vec<usize>,
    totals: Summary,
    /// The hours with any event, oldest first.
    hours: Vec<Hour>,
}

/// Metrics of one hour.
#[derive(Serialize, JsonSchema)]
struct Hour {
    /// When the hour began.
    hour: Timestamp,
    figures: Summary,
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

/// Reads all metrics objects at once and adds up their counters. A missing object is named and fails nothing.
pub async fn metrics(call: &Call<'_>) -> Result<Reply, ApiError> {
    let now = call.clock.now();
    let window_hours = call.query.number(&HOURS)?.and_then(|hours| i64::try_from(hours).ok()).unwrap_or(1);
    let since = hour_of(now) - window_hours + 1;
    let answers = read_all(call.objects, call.clock, since, READ_TIMEOUT).await;
    let missing_shards: Vec<usize> = (0..answers.len()).filter(|number| answers[*number].is_none()).collect();
    let mut counters: Vec<_> = answers.into_iter().flatten().flatten().collect();
    counters.sort_by_key(|counter| counter.hour);
    let hours = counters.chunk_by(|one, other| one.hour == other.hour);
    let hours = hours.map(|own| Hour { hour: start_of(own[0].hour), figures: Summary::of(own) });
    Reply::json(&Metrics {
        success: true,
        from: start_of(since),
        to: now,
        window_hours,
        complete: missing_shards.is_empty(),
        missing_shards,
        totals: Summary::of(&counters),
        hours: hours.collect(),
    })
}
