//! `GET /api/monitoring/ai/metrics`.

use std::time::Duration;

use crate::api::docs::endpoint::{BodySchema, Content, EndpointDoc, ResponseDoc, Tag};
use crate::api::docs::parameter::HOURS;
use crate::api::error::ApiError;
use crate::api::request::ApiRequest;
use crate::api::response::ApiResponse;
use crate::api::views::metrics::{Hour, Metrics};
use crate::metrics::{Summary, hour_of, read_all, start_of};

/// How long the metrics objects may take to answer.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

pub const METRICS: EndpointDoc = EndpointDoc {
    id: "getMetrics",
    summary: "get metrics by the hour: models, uploads, versions, links, errors",
    tag: Tag::Monitoring,
    description: "A count appears after some seconds, under load after up to about a minute. Metrics are kept for a \
                  week.",
    responses: &[ResponseDoc {
        description: "The metrics of all projects, in total and by the hour.",
        contents: &[Content::Json(BodySchema::of::<Metrics>())],
        ..ResponseDoc::OK
    }],
    ..EndpointDoc::NONE
};

/// Reads all metrics objects at once and adds up their counters. A missing object is named and fails nothing.
pub async fn metrics(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    let now = request.clock.now();
    let window_hours = request.query.number(&HOURS)?.and_then(|hours| i64::try_from(hours).ok()).unwrap_or(1);
    let since = hour_of(now) - window_hours + 1;
    let answers = read_all(request.objects, request.clock, since, READ_TIMEOUT).await;
    let missing_shards: Vec<usize> = (0..answers.len()).filter(|number| answers[*number].is_none()).collect();
    let mut counters: Vec<_> = answers.into_iter().flatten().flatten().collect();
    counters.sort_by_key(|counter| counter.hour);
    let hours = counters.chunk_by(|one, other| one.hour == other.hour);
    let hours = hours.map(|own| Hour { hour: start_of(own[0].hour), figures: Summary::of(own) });
    ApiResponse::json(&Metrics {
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
