//! Reads a request's body, always with a limit, and the JSON in it.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::error::ApiError;
use contract::MAX_SCRIPT_BYTES;
use platform::{Body, BodyError};

/// The media types of a script.
pub(super) const SCRIPT_TYPES: &str = "application/json ({\"code\": \"…\"}) or text/x-python (the script itself)";

const JSON: &str = "application/json";

/// The media type of a body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum MediaType {
    Json,
    Python,
}

impl MediaType {
    /// Reads `Content-Type`, which may name UTF-8 as its character set. `accepted` goes into the error.
    pub fn of(headers: &http::HeaderMap, accepted: &str) -> Result<Self, ApiError> {
        let given = content_type(headers);
        let wrong = || ApiError::media_type(given, accepted);
        let mut parts = given.ok_or_else(wrong)?.split(';').map(str::trim);
        let media_type = match parts.next().map(str::to_ascii_lowercase).as_deref() {
            Some(JSON) => Self::Json,
            Some("text/x-python") => Self::Python,
            _ => return Err(wrong()),
        };
        let is_utf8 = |part: &str| {
            part.to_ascii_lowercase().strip_prefix("charset=").is_none_or(|set| set.trim_matches('"') == "utf-8")
        };
        if parts.all(is_utf8) { Ok(media_type) } else { Err(ApiError::media_type(given, "UTF-8 only")) }
    }
}

/// Reads a script, raw or in JSON of at most `json_limit` bytes.
pub(super) async fn read_script(headers: &http::HeaderMap, body: Body, json_limit: usize) -> Result<Bytes, ApiError> {
    let limit = match MediaType::of(headers, SCRIPT_TYPES)? {
        MediaType::Json => json_limit,
        MediaType::Python => MAX_SCRIPT_BYTES,
    };
    // JSON beyond its limit holds a script beyond its own.
    read(body, limit, ("script", MAX_SCRIPT_BYTES)).await
}

/// Reads many scripts in JSON.
pub(super) async fn read_batch(headers: &http::HeaderMap, body: Body, limit: usize) -> Result<Bytes, ApiError> {
    match MediaType::of(headers, JSON)? {
        MediaType::Json => read(body, limit, ("batch", limit)).await,
        MediaType::Python => Err(ApiError::media_type(Some("text/x-python"), JSON)),
    }
}

/// Reads JSON. Parameters of the media type do not matter.
pub(super) async fn read_json(headers: &http::HeaderMap, body: Body, limit: usize) -> Result<Bytes, ApiError> {
    let given = content_type(headers);
    let media_type = given.and_then(|given| given.split(';').next()).unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case(JSON) {
        return Err(ApiError::media_type(given, JSON));
    }
    read(body, limit, ("body", limit)).await
}

/// Parses a JSON object. serde alone would also take an array, as the fields in their order.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let text = text(body)?;
    if !text.trim_start().starts_with('{') {
        serde_json::from_str::<Map<String, Value>>(text).map_err(|error| ApiError::json(text, &error))?;
    }
    serde_json::from_str(text).map_err(|error| ApiError::json(text, &error))
}

/// The body as text.
pub(super) fn text(body: &[u8]) -> Result<&str, ApiError> {
    std::str::from_utf8(body).map_err(|error| ApiError::not_utf8(error.valid_up_to()))
}

/// Reads at most `limit` bytes. `named` is what the error calls a longer body, and the limit that it names.
async fn read(body: Body, limit: usize, named: (&str, usize)) -> Result<Bytes, ApiError> {
    body.bytes(limit).await.map_err(|error| match error {
        BodyError::TooLong { .. } => ApiError::too_large(named.0, named.1),
        BodyError::Broken(cause) => ApiError::broken_body(&cause.to_string()),
    })
}

fn content_type(headers: &http::HeaderMap) -> Option<&str> {
    headers.get("content-type").and_then(|value| value.to_str().ok())
}
