//! `GET /api/monitoring/ai/metrics`.

use crate::api::docs::endpoint::{BodySchema, Content, EndpointDoc, ResponseDoc, Tag};
use crate::api::docs::parameter::HOURS;
use crate::api::error::ApiError;
use crate::api::request::ApiRequest;
use crate::api::response::ApiResponse;
use crate::api::views::metrics::{Hour, Metrics};
use crate::figures::{Cell, Figures, ReadSums, SHARDS, ask, hour_of, start_of};

/// How long the request waits for the shards.
const SHARD_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

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

/// Adds up the counts of all shards. A shard that does not answer is named and fails nothing.
pub async fn metrics(request: &ApiRequest<'_>) -> Result<ApiResponse, ApiError> {
    let now = request.clock.now();
    let window_hours = request.query.number(&HOURS)?.and_then(|hours| i64::try_from(hours).ok()).unwrap_or(1);
    let since = hour_of(now) - window_hours + 1;
    let texts = ask((request.objects, request.clock), 0..SHARDS, &ReadSums { since }, SHARD_TIMEOUT).await;
    let missing_shards: Vec<usize> = (0..texts.len()).filter(|shard| texts[*shard].is_none()).collect();
    let lines = texts.iter().flatten().flat_map(|text| text.lines());
    let mut cells: Vec<Cell<'_>> = lines.filter_map(Cell::parse).collect();
    cells.sort_unstable_by_key(|cell| cell.hour);
    let hours = cells.chunk_by(|one, other| one.hour == other.hour);
    let hours = hours.map(|own| Hour { hour: start_of(own[0].hour), figures: Figures::of(own) });
    ApiResponse::json(&Metrics {
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
